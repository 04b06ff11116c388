//! The same long, random history on every store: every answer on the way is the same, and so is all that is left.

use std::collections::BTreeSet;

use escrow::settlement::SettlementStatus;
use escrow::{
    CardOutcome, Command, Currency, Duty, IntentId, Owner, PurposeKind, Rail, Rejection, ReleaseType, Shipping, Span,
    Timestamp,
};
use store::{
    ClockMove, EscrowFilter, Job, MemoryStore, Outcome, PageRequest, Position, SqliteStore, Store, TransferFilter,
    Unit, Versioned, Wanted,
};

use crate::world::{
    World, at, audit, complete, confirm, intent, milestone, owner, pay_by_card, prove, receive, refund, reply, terms,
    transaction, with_lease, with_reply,
};

const STEPS: usize = 250;

/// What the histories must lead to.
const RARES: [&str; 15] = [
    "Lost",
    "TransactionTaken",
    "AwaitPayment",
    "Confirming",
    "Failed",
    "Unapplied {",
    "SendBack",
    "RefundPayable",
    "Unreserve",
    "Restore(",
    "RestorePayable",
    "Unsettle",
    "retries: 1",
    "OpenTimeLock",
    "Shipped",
];

/// The variable of the environment that says how many histories are told. A thousand take a while.
const COUNT: &str = "MILEPOST_HISTORIES";

#[tokio::test]
async fn every_store_tells_the_same_history() {
    let count = std::env::var(COUNT).map_or(6, |count| count.parse().expect("a number"));
    let mut all = BTreeSet::new();
    for seed in 1..=count {
        let expected = History::of(&MemoryStore::new(), seed).await;
        let dir = tempfile::tempdir().expect("a folder");
        let sqlite = SqliteStore::open(dir.path()).expect("a store");
        assert_same(seed, "SQLite", &History::of(&sqlite, seed).await, &expected);
        sqlite.close().await;
        if let Some(database) = cluster::Database::fresh() {
            let postgres = crate::postgres::made(&database).await;
            assert_same(seed, "PostgreSQL", &History::of(&postgres, seed).await, &expected);
            postgres.close().await;
        }
        all.extend(RARES.into_iter().filter(|rare| expected.iter().any(|told| told.contains(rare))));
    }
    // The histories are worth telling.
    for rare in RARES {
        assert!(all.contains(rare), "no history has {rare}");
    }
    println!("{count} histories of {STEPS} steps");
}

/// Has a store live through a history.
pub(crate) async fn lived(store: &dyn Store) {
    History::of(store, 1).await;
}

fn assert_same(seed: u64, store: &str, told: &[String], expected: &[String]) {
    for (step, (told, expected)) in told.iter().zip(expected).enumerate() {
        assert_eq!(told, expected, "{store}, seed {seed}, answer {step}");
    }
    assert_eq!(told.len(), expected.len(), "{store}, seed {seed}");
}

/// A history under way: whatever it does next depends on the seed, and on what the store answered so far.
struct History<'s> {
    store: &'s dyn Store,
    world: World,
    random: u64,
    now_ms: i64,
    intents: Vec<IntentId>,
    /// What was read some time ago, and may be outdated.
    outdated: Vec<Versioned>,
    told: Vec<String>,
}

impl History<'_> {
    async fn of(store: &dyn Store, seed: u64) -> Vec<String> {
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (world, intents, outdated) = (World::default(), Vec::new(), Vec::new());
        let mut history = History { store, world, random, now_ms: 1000, intents, outdated, told: Vec::new() };
        for _ in 0..STEPS {
            history.step().await;
        }
        for audited in audit(store).await {
            history.told.push(format!("{audited:?}"));
        }
        history.told
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % bound as u64).expect("small")
    }

    fn owner(&mut self) -> Owner {
        owner(self.below(2) as u128 + 1)
    }

    fn any_intent(&mut self) -> Option<IntentId> {
        let place = self.below(self.intents.len().max(1));
        self.intents.get(place).copied()
    }

    fn now(&self) -> Timestamp {
        at(self.now_ms)
    }

    fn tell(&mut self, what: &dyn std::fmt::Debug) {
        self.told.push(format!("{what:?}"));
    }

    async fn step(&mut self) {
        self.now_ms += 700;
        match self.below(10) {
            0..=5 => self.commit().await,
            6 | 7 => self.work().await,
            8 => self.look().await,
            _ => self.forget().await,
        }
    }

    async fn forget(&mut self) {
        if self.below(2) == 0 {
            return self.advance().await;
        }
        let before = at(self.now_ms - 20_000);
        self.store.forget_replies(before).await.expect("a write");
    }

    /// A clock moves.
    async fn advance(&mut self) {
        let merchant = self.owner().merchant;
        let by = Span::from_ms(i64::try_from(self.below(3000)).expect("small"));
        let unit = Unit { clock: Some(ClockMove { merchant, by, token: 0 }), ..Unit::default() };
        let outcomes = self.store.commit(vec![unit]).await.expect("a commit");
        let jobs = self.store.sandbox_jobs(merchant, at(self.now_ms + 5000), 4).await.expect("a read");
        self.tell(&(outcomes, jobs));
    }

    async fn commit(&mut self) {
        let mut units = Vec::new();
        for _ in 0..=self.below(4) {
            let unit = match self.below(4) {
                0 => Some(self.opening()),
                _ => self.changing().await,
            };
            units.extend(unit);
        }
        for unit in &mut units {
            if self.below(2) == 0 {
                let (whose, key) = (self.owner(), format!("key {}", self.below(20)));
                *unit = with_reply(std::mem::take(unit), reply(whose, &key, self.now()));
            }
        }
        let opened: Vec<IntentId> = units.iter().map(intent).collect();
        let outcomes = self.store.commit(units).await.expect("a commit");
        let stored = opened.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Committed);
        self.intents.extend(stored.map(|(id, _)| *id));
        self.tell(&outcomes);
    }

    fn opening(&mut self) -> Unit {
        let whose = self.owner();
        if self.below(3) > 0 {
            return self.world.open(whose, self.now());
        }
        let mut terms = terms(1_000_000_000, Currency::Usdc);
        terms.release_type = ReleaseType::ALL[self.below(ReleaseType::ALL.len())];
        terms.time_lock_until = Some(at(self.now_ms + 5000));
        (terms.auto_release, terms.require_delivery) = (self.below(2) == 0, self.below(2) == 0);
        self.world.open_with(whose, terms, Vec::new(), self.now())
    }

    async fn changing(&mut self) -> Option<Unit> {
        let id = self.any_intent()?;
        let wanted = Wanted {
            escrows: vec![id],
            replies: vec![(owner(1), format!("key {}", self.below(20)))],
            ..Wanted::default()
        };
        let loaded = self.store.load(wanted).await.expect("a read");
        self.tell(&loaded);
        let base = loaded.escrows.into_iter().flatten().next()?;
        let outdated = self.below(8) == 0;
        let base = if outdated { self.outdated.last().cloned()? } else { base };
        self.outdated.push(base.clone());
        let command = self.command(&base)?;
        self.sound(self.world.try_after(&base, command, self.now())).ok()
    }

    /// A decision, which must not have been refused for what it would have broken.
    fn sound(&self, decided: Result<Unit, Rejection>) -> Result<Unit, Rejection> {
        assert!(!matches!(decided, Err(Rejection::Broken(_))), "{decided:?}");
        decided
    }

    fn command(&mut self, base: &Versioned) -> Option<Command> {
        match self.below(9) {
            0..=2 => return Some(self.payment(base)),
            3 => return Some(self.money_back(base)),
            4 => return Some(self.delivery()),
            _ => {}
        }
        let milestones = base.escrow.milestones();
        let Some(any) = milestones.get(self.below(milestones.len().max(1))).map(|milestone| milestone.id) else {
            return (self.below(2) == 0).then_some(Command::Cancel);
        };
        Some(match self.below(8) {
            0 if self.below(2) == 0 => Command::Cancel,
            1 => Command::DeleteMilestone(any),
            2 | 3 => {
                let index = u32::try_from(self.below(4)).expect("small");
                Command::AddMilestone(milestone(&self.world, index, "120"))
            }
            _ => complete(any),
        })
    }

    /// A payment, or part of one. The transactions are few, so that some are named twice.
    fn payment(&mut self, base: &Versioned) -> Command {
        let named = transaction(u8::try_from(self.below(12)).expect("small"));
        match self.below(9) {
            0 => Command::AnnounceTransaction(named),
            1 | 2 => confirm(base, Some(named)),
            3 => confirm(base, None),
            4 => pay_by_card(CardOutcome::Authorized),
            5 => pay_by_card(CardOutcome::Declined("declined".to_owned())),
            6 => Command::FailPayment(None, "reverted".to_owned()),
            7 => receive(Rail::Card, None),
            _ => receive(Rail::Sandbox, ["900", "1000", "1100.5"].get(self.below(3)).copied()),
        }
    }

    fn delivery(&mut self) -> Command {
        match self.below(3) {
            0 => Command::Ship(Shipping::default()),
            1 => prove(&self.world),
            _ => Command::ReleaseOrder(None),
        }
    }

    /// A refund, or a payout that did not arrive and is tried again.
    fn money_back(&mut self, base: &Versioned) -> Command {
        let settlements = &base.escrow.settlements;
        let lost = settlements.iter().find(|settlement| settlement.needs_retry());
        let paid = settlements.iter().find(|settlement| settlement.status() == SettlementStatus::Confirmed);
        match (self.below(3), lost, paid) {
            (0, Some(settlement), _) => Command::RetrySettlement(settlement.id),
            (1, _, Some(settlement)) => Command::ReturnSettlement(settlement.id, "no such account".to_owned()),
            _ => refund(["1", "130"].get(self.below(3)).copied()),
        }
    }

    /// Claims jobs and carries them out: sometimes too late, sometimes not at all.
    async fn work(&mut self) {
        let lease = 3000;
        let limit = self.below(4) + 1;
        let jobs = self.store.claim_jobs(self.now(), at(self.now_ms + lease), limit).await.expect("a claim");
        self.tell(&jobs);
        for job in jobs {
            match self.below(6) {
                0 => self.store.postpone_job(job.lease, at(self.now_ms + 1500)).await.expect("a write"),
                1 => {
                    let late = self.now_ms + lease;
                    let again = self.store.claim_jobs(at(late), at(late + lease), 1).await.expect("a claim");
                    self.tell(&again);
                }
                2 => self.store.return_job(job.lease).await.expect("a write"),
                _ => {}
            }
            if self.below(4) > 0
                && let Ok(unit) = self.carry_out(job).await
            {
                let outcomes = self.store.commit(vec![with_lease(unit, job.lease)]).await.expect("a commit");
                self.tell(&outcomes);
            }
        }
        let next = self.store.next_job().await.expect("a read");
        self.tell(&next);
    }

    async fn carry_out(&mut self, job: Job) -> Result<Unit, Rejection> {
        let base = crate::world::load(self.store, job.lease.intent).await.expect("an escrow with jobs");
        let command = match job.lease.duty {
            Duty::StartSettlement(id) => Command::StartSettlement(id),
            Duty::PayOut(id) if self.below(3) == 0 => Command::FailSettlement(id, "closed".to_owned()),
            Duty::PayOut(id) => Command::ConfirmSettlement(id, "paid".to_owned()),
            Duty::PayBack(id) if self.below(3) == 0 => Command::FailRefund(id, "closed".to_owned()),
            Duty::PayBack(id) => Command::ConfirmRefund(id, "back".to_owned()),
            Duty::Finalize => Command::Finalize,
            Duty::OpenTimeLock => Command::OpenTimeLock,
            Duty::EndSilence(subject) => Command::EndSilence(subject),
            Duty::EndDispute(id) => Command::EndDispute(id),
            Duty::DisputeRejection(id) => Command::DisputeRejection(id),
            Duty::AwaitPayment(id) => match self.below(3) {
                0 => Command::FailPayment(Some(id), "dropped".to_owned()),
                _ => Command::SettlePayment(id),
            },
        };
        self.sound(self.world.try_after(&base, command, self.now()))
    }

    async fn look(&mut self) {
        let (whose, limit) = (self.owner(), self.below(6));
        let cursor = self.any_intent().map(IntentId::raw);
        let position = match (self.below(3), cursor) {
            (0, Some(cursor)) => Position::After(cursor),
            (1, Some(cursor)) => Position::Before(cursor),
            _ => Position::Offset(self.below(4) as u64),
        };
        let filter = EscrowFilter { created_from: Some(at(self.now_ms / 3)), ..EscrowFilter::default() };
        let escrows = self.store.escrows(whose, filter, PageRequest { limit, position }).await;
        let newest = PageRequest { limit, position: Position::Offset(0) };
        let filter =
            TransferFilter { kinds: Some(vec![PurposeKind::Release, PurposeKind::Settle]), ..Default::default() };
        let transfers = self.store.transfers(whose, filter, newest).await.expect("a page");
        let settlements = self.store.settlements(whose, newest).await.expect("a page");
        let intent = self.any_intent().filter(|_| limit % 2 == 0);
        let refunds = self.store.refunds(whose, intent, newest).await.expect("a page");
        let balances = self.store.balances(whose).await.expect("a read");
        self.tell(&(escrows, transfers, settlements, refunds, balances));
    }
}
