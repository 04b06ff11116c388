//! Who may call which webhook endpoint and move which clock, for stores that no other process uses: nobody else needs to know, and
//! whoever held something before the process began is gone.

use std::collections::BTreeMap;

use escrow::{EndpointId, MerchantId, Owner, RawId, Timestamp};

use crate::{ClockClaim, EndpointClaim, EndpointLease};

/// All leases that this process knows of.
#[derive(Clone, Default)]
pub(crate) struct Leases {
    endpoints: BTreeMap<EndpointId, Newest>,
    clocks: BTreeMap<MerchantId, Newest>,
}

/// The newest lease of something.
#[derive(Clone, Copy, Default)]
struct Newest {
    /// 0 before the first.
    token: u64,
    /// Who has it until when; `None` once it was given back.
    held: Option<(RawId, Timestamp)>,
}

impl Newest {
    fn is_held_by(&self, by: RawId) -> bool {
        self.held.is_some_and(|(holder, _)| holder == by)
    }

    fn is_free(&self, now: Timestamp) -> bool {
        self.held.is_none_or(|(_, until)| until <= now)
    }

    /// Gives it to somebody until a time, under the token that they have or a new one.
    fn give(&mut self, by: RawId, until: Timestamp) -> u64 {
        self.token += u64::from(!self.is_held_by(by));
        self.held = Some((by, until));
        self.token
    }

    fn release(&mut self, by: RawId) {
        self.held = self.held.filter(|(holder, _)| *holder != by);
    }
}

impl Leases {
    /// Claims some of the endpoints that are enabled, given in the order of their ids.
    pub(crate) fn claim_endpoints(
        &mut self,
        enabled: Vec<(EndpointId, Owner)>,
        claim: EndpointClaim,
    ) -> Vec<EndpointLease> {
        let EndpointClaim { by, now, until, limit } = claim;
        let (mut leases, mut taken) = (Vec::new(), 0);
        for (endpoint, owner) in enabled {
            let newest = self.endpoints.entry(endpoint).or_default();
            if !newest.is_held_by(by) {
                if taken >= limit || !newest.is_free(now) {
                    continue;
                }
                taken += 1;
            }
            leases.push(EndpointLease { endpoint, owner, token: newest.give(by, until) });
        }
        leases
    }

    /// Gives back all endpoints that somebody holds.
    pub(crate) fn release_endpoints(&mut self, by: RawId) {
        self.endpoints.values_mut().for_each(|newest| newest.release(by));
    }

    /// Claims a clock, and gives the token of the lease.
    pub(crate) fn claim_clock(&mut self, claim: ClockClaim) -> Option<u64> {
        let newest = self.clocks.entry(claim.merchant).or_default();
        let is_theirs = newest.is_held_by(claim.by) || newest.is_free(claim.now);
        is_theirs.then(|| newest.give(claim.by, claim.until))
    }

    /// Gives back a clock, if somebody holds it.
    pub(crate) fn release_clock(&mut self, merchant: MerchantId, by: RawId) {
        self.clocks.entry(merchant).or_default().release(by);
    }

    /// Whether nobody was given the endpoint since.
    pub(crate) fn is_newest_of_endpoint(&self, endpoint: EndpointId, token: u64) -> bool {
        self.endpoints.get(&endpoint).map_or(0, |newest| newest.token) == token
    }

    /// Whether nobody was given the clock since.
    pub(crate) fn is_newest_of_clock(&self, merchant: MerchantId, token: u64) -> bool {
        self.clocks.get(&merchant).map_or(0, |newest| newest.token) == token
    }
}
