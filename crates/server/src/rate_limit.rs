//! How often somebody may ask: requests counted in fixed windows of a minute and of an hour, aligned to the Unix epoch. Time is an
//! argument; what is counted is kept in memory and forgotten with the process. What several gateways count of a key they tell each
//! other now and then (`tally`); what comes from an address each counts for itself.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use escrow::{KeyId, Mode, Timestamp};
use store::{KeyHolder, Tally};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3600;

/// How many networks of clients are told apart; all others are counted as one, so that whoever has many addresses can neither
/// fill the memory nor be forgotten. Addresses are limited by the minute unless set otherwise, and forgotten as soon.
const MOST_NETWORKS: usize = 65_536;

/// How many requests may be sent in a minute and in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In a minute; any number where there is none.
    pub per_minute: Option<NonZeroU32>,
    /// In an hour; any number where there is none.
    pub per_hour: Option<NonZeroU32>,
}

impl Limit {
    /// No limit.
    pub const NONE: Limit = Limit::of(0, 0);

    /// So many in a minute and so many in an hour; 0 stands for any number.
    #[must_use]
    pub const fn of(per_minute: u32, per_hour: u32) -> Limit {
        Limit { per_minute: NonZeroU32::new(per_minute), per_hour: NonZeroU32::new(per_hour) }
    }
}

/// What everybody's requests are limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// With each key of the sandbox, test and hackathon.
    pub test: Limit,
    /// With each live key.
    pub live: Limit,
    /// With each admin key.
    pub admin: Limit,
    /// From each client address, on routes that take no key.
    pub public: Limit,
    /// From each client address, on routes that take a key, without a valid one.
    pub keyless: Limit,
}

impl RateLimits {
    /// Those of the documentation. Pages of payers look again and again, and many payers share an address.
    pub const DOCUMENTED: RateLimits = RateLimits {
        test: Limit::of(100, 1_000),
        live: Limit::of(1_000, 10_000),
        admin: Limit::of(1_000, 10_000),
        public: Limit::of(600, 0),
        keyless: Limit::of(60, 0),
    };

    /// None at all.
    pub const OFF: RateLimits = RateLimits {
        test: Limit::NONE,
        live: Limit::NONE,
        admin: Limit::NONE,
        public: Limit::NONE,
        keyless: Limit::NONE,
    };

    const fn of_holder(&self, holder: KeyHolder) -> Limit {
        match holder {
            KeyHolder::Owner(owner) => match owner.mode {
                Mode::Sandbox => self.test,
                Mode::Live => self.live,
            },
            KeyHolder::Operator => self.admin,
        }
    }
}

/// How closely a route is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Not at all.
    Free,
    /// As all others together.
    Plain,
    /// To half of a key's minute as well: making intents.
    Creation,
    /// To three tenths of a key's minute as well: confirming them.
    Confirmation,
}

/// Where a client stands in the window that it is closest to the end of, after the request that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many requests the window has.
    pub(crate) limit: u32,
    /// How many of them are left.
    pub(crate) remaining: u32,
    /// When the next window begins, in Unix seconds.
    pub(crate) reset_s: i64,
}

/// What is to be done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is limited.
    Unlimited,
    /// It has been counted.
    Passed(Standing),
    /// It comes too soon, and has not been counted; whole seconds until it may come again.
    Refused(Standing, u32),
}

/// The client addresses that are counted as one: an IPv4 address, or the 64 bits of IPv6 that one customer gets at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V4(address) => Network::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Network::V6([a, b, c, d])
            }
        }
    }
}

/// What the requests of a client address are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Visit {
    Public,
    Keyless,
}

/// Counts the requests of everybody, exactly: however many ask at once, no more than the limit pass.
pub(crate) struct RateLimiter {
    limits: RateLimits,
    keys: Counters<KeyId>,
    /// Without a network: those for whom there is no room.
    addresses: Counters<(Visit, Option<Network>)>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> RateLimiter {
        RateLimiter { limits, keys: Counters::new(usize::MAX), addresses: Counters::new(MOST_NETWORKS) }
    }

    /// Counts a request with a valid key.
    pub(crate) fn key(&self, id: KeyId, holder: KeyHolder, pace: Pace, now: Timestamp) -> Verdict {
        self.keys.count(id, id, Rule { limit: self.limits.of_holder(holder), pace }, now)
    }

    /// Counts a request for a route that takes no key.
    pub(crate) fn public(&self, address: IpAddr, pace: Pace, now: Timestamp) -> Verdict {
        self.address(Visit::Public, address, Rule { limit: self.limits.public, pace }, now)
    }

    /// Counts a request for a route that takes a key, without a valid one.
    pub(crate) fn keyless(&self, address: IpAddr, now: Timestamp) -> Verdict {
        self.address(Visit::Keyless, address, Rule { limit: self.limits.keyless, pace: Pace::Plain }, now)
    }

    /// What was counted of keys since this was last asked, to be told to the other gateways.
    pub(crate) fn untold(&self) -> Vec<Tally> {
        let mut counted = self.keys.lock();
        let untold = counted.of.iter_mut().flat_map(|(key, windows)| windows.untold(*key));
        untold.collect()
    }

    /// Whether something was counted of keys that the other gateways do not know yet.
    pub(crate) fn has_untold(&self) -> bool {
        self.keys.lock().of.values().any(Windows::has_untold)
    }

    /// Learns what all gateways together have counted, this one's tallies included.
    pub(crate) fn learn(&self, tallies: &[Tally], totals: &[u64]) {
        let mut counted = self.keys.lock();
        for (tally, total) in tallies.iter().zip(totals) {
            if let Some(window) = counted.of.get_mut(&tally.key).and_then(|windows| windows.of(tally)) {
                window.used = u32::try_from(*total).unwrap_or(u32::MAX).saturating_add(window.untold);
            }
        }
    }

    /// Takes back tallies that could not be told.
    pub(crate) fn take_back(&self, tallies: &[Tally]) {
        let mut counted = self.keys.lock();
        for tally in tallies {
            if let Some(window) = counted.of.get_mut(&tally.key).and_then(|windows| windows.of(tally)) {
                window.untold = window.untold.saturating_add(tally.count);
            }
        }
    }

    fn address(&self, visit: Visit, address: IpAddr, rule: Rule, now: Timestamp) -> Verdict {
        self.addresses.count((visit, Some(address.into())), (visit, None), rule, now)
    }
}

/// What a request is held against.
#[derive(Clone, Copy)]
struct Rule {
    limit: Limit,
    pace: Pace,
}

/// Counts by subject.
struct Counters<S> {
    counted: Mutex<Counted<S>>,
    most: usize,
}

struct Counted<S> {
    of: HashMap<S, Windows>,
    /// The minute, by its beginning, in which those who had not come for long were last forgotten.
    swept_s: i64,
}

impl<S: Copy + Eq + Hash> Counters<S> {
    fn new(most: usize) -> Counters<S> {
        Counters { counted: Mutex::new(Counted { of: HashMap::new(), swept_s: 0 }), most }
    }

    /// Counts a request of a subject; as one of `others`, where there is no room for another subject.
    fn count(&self, subject: S, others: S, rule: Rule, now: Timestamp) -> Verdict {
        if rule.pace == Pace::Free || rule.limit == Limit::NONE {
            return Verdict::Unlimited;
        }
        let now_s = now.seconds();
        let mut counted = self.lock();
        let minute_s = beginning_s(MINUTE_S, now_s);
        if counted.swept_s != minute_s {
            counted.of.retain(|_, windows| !windows.are_over(now_s));
            counted.swept_s = minute_s;
        }
        let has_room = counted.of.len() < self.most || counted.of.contains_key(&subject);
        counted.of.entry(if has_room { subject } else { others }).or_default().count(rule, now_s)
    }

    fn lock(&self) -> MutexGuard<'_, Counted<S>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The windows of one subject.
#[derive(Clone, Copy, Debug, Default)]
struct Windows {
    minute: Window,
    hour: Window,
    creations: Window,
    confirmations: Window,
}

impl Windows {
    /// Counts a request in every window that it belongs to, or in none, when one of them is full.
    fn count(&mut self, rule: Rule, now_s: i64) -> Verdict {
        let Windows { minute, hour, creations, confirmations } = self;
        let Limit { per_minute, per_hour } = rule.limit;
        let narrower = match rule.pace {
            Pace::Free | Pace::Plain => None,
            Pace::Creation => per_minute.map(|most| creations.at(MINUTE_S, tenths(5, most), now_s)),
            Pace::Confirmation => per_minute.map(|most| confirmations.at(MINUTE_S, tenths(3, most), now_s)),
        };
        let minute = per_minute.map(|most| minute.at(MINUTE_S, most.get(), now_s));
        let hour = per_hour.map(|most| hour.at(HOUR_S, most.get(), now_s));
        let mut open = [narrower, minute, hour];
        let is_full = open.iter().flatten().any(|window| window.remaining() == 0);
        if !is_full {
            for Open { window, .. } in open.iter_mut().flatten() {
                window.used = window.used.saturating_add(1);
                window.untold = window.untold.saturating_add(1);
            }
        }
        let tightest = open.iter().flatten().map(Open::standing);
        match tightest.min_by_key(|standing| (standing.remaining, Reverse(standing.reset_s))) {
            None => Verdict::Unlimited,
            Some(standing) if is_full => {
                let wait_s = standing.reset_s.saturating_sub(now_s).max(1);
                Verdict::Refused(standing, u32::try_from(wait_s).unwrap_or(u32::MAX))
            }
            Some(standing) => Verdict::Passed(standing),
        }
    }

    /// What was counted of a key and is not told yet. It counts as told from now on.
    fn untold(&mut self, key: KeyId) -> Vec<Tally> {
        let Windows { minute, hour, creations, confirmations } = self;
        let windows = (0..).zip([minute, hour, creations, confirmations]);
        let untold = windows.filter(|(_, window)| window.untold > 0);
        untold
            .map(|(place, window)| {
                let since = Timestamp::from_ms(window.beginning_s.saturating_mul(1000));
                Tally { key, window: place, since, count: std::mem::take(&mut window.untold) }
            })
            .collect()
    }

    const fn has_untold(&self) -> bool {
        let Windows { minute, hour, creations, confirmations } = self;
        minute.untold > 0 || hour.untold > 0 || creations.untold > 0 || confirmations.untold > 0
    }

    /// The window that a tally is of, unless another one has begun since.
    fn of(&mut self, tally: &Tally) -> Option<&mut Window> {
        let Windows { minute, hour, creations, confirmations } = self;
        let window = [minute, hour, creations, confirmations].into_iter().nth(tally.window.into())?;
        (window.beginning_s == tally.since.seconds()).then_some(window)
    }

    /// Whether nothing counts any more of what was counted.
    fn are_over(&self, now_s: i64) -> bool {
        let Windows { minute, hour, creations, confirmations } = self;
        [(minute, MINUTE_S), (creations, MINUTE_S), (confirmations, MINUTE_S), (hour, HOUR_S)]
            .into_iter()
            .all(|(window, length_s)| window.used == 0 || !window.holds(length_s, now_s))
    }
}

/// Tenths of a minute's requests, rounded up, so that no limit becomes none.
const fn tenths(tenths: u32, most: NonZeroU32) -> u32 {
    // Tenths are ten at most, so that the quotient fits again; and it is one at least.
    most.get() / 10 * tenths + (most.get() % 10 * tenths).div_ceil(10)
}

/// When the window began that a time lies in.
const fn beginning_s(length_s: i64, now_s: i64) -> i64 {
    now_s.saturating_sub(now_s.rem_euclid(length_s))
}

/// What was used of a window of time.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    beginning_s: i64,
    used: u32,
    /// How much of it was counted here and is not told to other gateways yet.
    untold: u32,
}

impl Window {
    /// The window of this time, which is a new one where another was counted so far.
    fn at(&mut self, length_s: i64, limit: u32, now_s: i64) -> Open<'_> {
        if !self.holds(length_s, now_s) {
            *self = Window { beginning_s: beginning_s(length_s, now_s), used: 0, untold: 0 };
        }
        Open { window: self, length_s, limit }
    }

    /// Whether requests of this time are counted here. Those of the window before are, too: they have looked at the clock and were
    /// then overtaken, or the clock was set back a little. After a longer step back, counting begins anew.
    const fn holds(&self, length_s: i64, now_s: i64) -> bool {
        let beginning_s = beginning_s(length_s, now_s);
        beginning_s == self.beginning_s || beginning_s.saturating_add(length_s) == self.beginning_s
    }
}

/// A window that a request is held against.
struct Open<'w> {
    window: &'w mut Window,
    length_s: i64,
    limit: u32,
}

impl Open<'_> {
    const fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.window.used)
    }

    const fn standing(&self) -> Standing {
        let reset_s = self.window.beginning_s.saturating_add(self.length_s);
        Standing { limit: self.limit, remaining: self.remaining(), reset_s }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use escrow::{MerchantId, Owner, RawId};
    use proptest::prelude::*;

    use super::*;

    /// A full hour, in Unix seconds.
    const START_S: i64 = 1_800_000_000;

    /// An address of its own for every number.
    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    fn limited(limit: Limit) -> RateLimiter {
        RateLimiter::new(RateLimits { test: limit, public: limit, keyless: limit, ..RateLimits::OFF })
    }

    struct Sandbox {
        limiter: RateLimiter,
        holder: KeyHolder,
    }

    impl Sandbox {
        fn new(per_minute: u32, per_hour: u32) -> Sandbox {
            let owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Sandbox };
            Sandbox { limiter: limited(Limit::of(per_minute, per_hour)), holder: KeyHolder::Owner(owner) }
        }

        fn ask(&self, key: u128, pace: Pace, after_s: i64) -> Verdict {
            let now = Timestamp::from_ms((START_S + after_s) * 1000 + 999);
            self.limiter.key(KeyId::new(RawId::from_bits(key)), self.holder, pace, now)
        }
    }

    /// What was answered in short: limit, remaining, seconds from the start to the reset, and for refusals how long to wait.
    fn short(verdict: Verdict) -> Option<(u32, u32, i64, Option<u32>)> {
        let told =
            |standing: Standing, wait_s| Some((standing.limit, standing.remaining, standing.reset_s - START_S, wait_s));
        match verdict {
            Verdict::Unlimited => None,
            Verdict::Passed(standing) => told(standing, None),
            Verdict::Refused(standing, wait_s) => told(standing, Some(wait_s)),
        }
    }

    #[test]
    fn a_minute_and_an_hour_go_by() {
        let sandbox = Sandbox::new(2, 5);
        for (after_s, told) in [
            (0, (2, 1, 60, None)),
            (59, (2, 0, 60, None)),
            (59, (2, 0, 60, Some(1))),
            (30, (2, 0, 60, Some(30))),
            (60, (2, 1, 120, None)),
            (61, (2, 0, 120, None)),
            (62, (2, 0, 120, Some(58))),
            (120, (5, 0, 3600, None)),
            (121, (5, 0, 3600, Some(3479))),
            (3599, (5, 0, 3600, Some(1))),
            (3600, (2, 1, 3660, None)),
        ] {
            assert_eq!(short(sandbox.ask(1, Pace::Plain, after_s)), Some(told), "{after_s}");
        }
    }

    #[test]
    fn making_intents_takes_half_a_minute_and_confirming_three_tenths() {
        let sandbox = Sandbox::new(10, 100);
        let fill = |pace, most| {
            for used in 1..=most {
                assert_eq!(short(sandbox.ask(1, pace, 0)), Some((most, most - used, 60, None)), "{pace:?}");
            }
            assert_eq!(short(sandbox.ask(1, pace, 0)), Some((most, 0, 60, Some(60))), "{pace:?}");
        };
        fill(Pace::Confirmation, 3);
        fill(Pace::Creation, 5);
        // Two are left for everything else: what was refused has not been counted.
        assert_eq!(short(sandbox.ask(1, Pace::Plain, 0)), Some((10, 1, 60, None)));
        assert_eq!(short(sandbox.ask(1, Pace::Plain, 0)), Some((10, 0, 60, None)));
        assert_eq!(short(sandbox.ask(1, Pace::Plain, 0)), Some((10, 0, 60, Some(60))));
        assert_eq!(short(sandbox.ask(1, Pace::Creation, 60)), Some((5, 4, 120, None)));
    }

    #[test]
    fn tenths_are_rounded_up() {
        for (most, half, three_tenths) in
            [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 2, 2), (10, 5, 3), (100, 50, 30), (1_000, 500, 300)]
        {
            let most = NonZeroU32::new(most).expect("not none");
            assert_eq!((tenths(5, most), tenths(3, most)), (half, three_tenths), "{most}");
        }
        assert_eq!(tenths(3, NonZeroU32::MAX), 1_288_490_189);
        assert_eq!(tenths(5, NonZeroU32::MAX), 2_147_483_648);
    }

    #[test]
    fn what_is_not_limited() {
        for (per_minute, per_hour, pace, told) in [
            (0, 0, Pace::Creation, None),
            (1, 1, Pace::Free, None),
            (0, 3, Pace::Creation, Some((3, 2, 3600, None))),
            (3, 0, Pace::Plain, Some((3, 2, 60, None))),
        ] {
            assert_eq!(short(Sandbox::new(per_minute, per_hour).ask(1, pace, 0)), told);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_away_and_locks_nobody_out() {
        let sandbox = Sandbox::new(1, 0);
        assert_eq!(short(sandbox.ask(1, Pace::Plain, 60)), Some((1, 0, 120, None)));
        // Somebody who looked at the clock before the minute was over, and is counted after it.
        assert_eq!(short(sandbox.ask(1, Pace::Plain, 59)), Some((1, 0, 120, Some(61))));
        assert_eq!(short(sandbox.ask(1, Pace::Plain, -1)), Some((1, 0, 0, None)));
        assert_eq!(short(sandbox.ask(1, Pace::Plain, i64::from(i32::MIN))).map(|told| told.3), Some(None));
        for ms in [i64::MIN, i64::MAX, -100_000, 0] {
            let verdict = sandbox.limiter.public(address(1), Pace::Plain, Timestamp::from_ms(ms));
            assert!(matches!(verdict, Verdict::Passed(_)), "{ms}: {verdict:?}");
        }
    }

    #[test]
    fn keys_and_addresses_do_not_use_up_what_is_others() {
        let sandbox = Sandbox::new(1, 0);
        let now = Timestamp::from_ms(START_S * 1000);
        let limiter = &sandbox.limiter;
        let passes = |verdict| matches!(verdict, Verdict::Passed(_));
        for round in [true, false] {
            for key in [1, 2] {
                assert_eq!(passes(sandbox.ask(key, Pace::Plain, 0)), round, "{key}");
            }
            for number in [1, 2] {
                assert_eq!(passes(limiter.public(address(number), Pace::Plain, now)), round, "{number}");
                assert_eq!(passes(limiter.keyless(address(number), now)), round, "{number}");
            }
        }
    }

    #[test]
    fn addresses_that_are_one() {
        for (one, other, is_one) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            let network = |text: &str| Network::from(text.parse::<IpAddr>().expect("an address"));
            assert_eq!(network(one) == network(other), is_one, "{one} {other}");
        }
    }

    #[test]
    fn many_addresses_fill_no_memory_and_make_nobody_be_forgotten() {
        let limiter = limited(Limit::of(2, 0));
        let now = Timestamp::from_ms(START_S * 1000);
        let ask = |number, now| limiter.public(address(number), Pace::Plain, now);
        let many = u32::try_from(MOST_NETWORKS).expect("few");
        for number in 0..many {
            assert!(matches!(ask(number, now), Verdict::Passed(_)));
        }
        // Two of the newcomers pass, who are counted as one; those who are known have theirs still.
        let passed = (many..many + 10).filter(|number| matches!(ask(*number, now), Verdict::Passed(_))).count();
        assert_eq!(passed, 2);
        assert_eq!([ask(0, now), ask(0, now)].map(|verdict| matches!(verdict, Verdict::Passed(_))), [true, false]);
        assert_eq!(limiter.addresses.lock().of.len(), MOST_NETWORKS + 1);
        assert!(matches!(ask(many, Timestamp::from_ms((START_S + 60) * 1000)), Verdict::Passed(_)));
        assert_eq!(limiter.addresses.lock().of.len(), 1);
    }

    proptest! {
        /// Whatever comes when, a request passes exactly when every window that it belongs to has one left, counted by hand.
        #[test]
        fn no_window_ever_lets_more_pass_and_none_less(
            (per_minute, per_hour) in (0_u32..8, 0_u32..20),
            asked in prop::collection::vec((0_i64..40, prop::sample::select(vec![Pace::Plain, Pace::Creation, Pace::Confirmation])), 1..200),
        ) {
            let sandbox = Sandbox::new(per_minute, per_hour);
            let mut used: BTreeMap<(&str, i64), u32> = BTreeMap::new();
            let mut after_s = 0;
            for (pause_s, pace) in asked {
                after_s += pause_s;
                let (minute, hour) = (after_s / 60, after_s / 3600);
                let narrower = match pace {
                    Pace::Free | Pace::Plain => None,
                    Pace::Creation => Some(("creations", (per_minute * 5).div_ceil(10))),
                    Pace::Confirmation => Some(("confirmations", (per_minute * 3).div_ceil(10))),
                };
                let windows = [Some(("minute", minute, per_minute)), Some(("hour", hour, per_hour))];
                let narrower = narrower.map(|(name, most)| (name, minute, most));
                let windows: Vec<_> = windows.into_iter().chain([narrower]).flatten().filter(|(.., most)| *most > 0).collect();
                let left = |used: &BTreeMap<(&str, i64), u32>| {
                    let left = windows.iter().map(|(name, number, most)| most - used.get(&(*name, *number)).copied().unwrap_or(0));
                    left.min()
                };
                let before = left(&used);
                if before.is_none_or(|left| left > 0) {
                    windows.iter().for_each(|(name, number, _)| *used.entry((*name, *number)).or_default() += 1);
                }
                match sandbox.ask(1, pace, after_s) {
                    Verdict::Unlimited => prop_assert_eq!(before, None),
                    Verdict::Passed(standing) => {
                        prop_assert!(before > Some(0));
                        prop_assert_eq!(left(&used), Some(standing.remaining));
                    }
                    Verdict::Refused(standing, wait_s) => {
                        prop_assert_eq!((before, standing.remaining), (Some(0), 0));
                        prop_assert_eq!(START_S + after_s + i64::from(wait_s), standing.reset_s);
                    }
                }
            }
        }
    }

    #[test]
    fn exactly_the_limit_passes_however_many_ask_at_once() {
        let sandbox = Sandbox::new(100, 0);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let one = || matches!(sandbox.ask(1, Pace::Plain, 0), Verdict::Passed(_));
                    scope.spawn(move || std::iter::repeat_with(one).take(100).filter(|passed| *passed).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(passed, 100);
    }
}
