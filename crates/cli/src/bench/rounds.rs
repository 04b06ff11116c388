//! A round: every workload once, right after the handler that it is compared with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::load::Target;
use super::measure::{self, Measured};
use super::pgbench::{Merchants, Pgbench};
use super::raw::{self, Raw};
use super::stage::Bench;
use super::stages::{Means, Stages};
use super::{BenchArgs, MILESTONES_AN_INTENT};
use crate::failure::Failure;

/// What every workload is compared with.
pub(super) const CONSTANT: &str = "constant handler";
/// Completions of one merchant's.
pub(super) const COMPLETE: &str = "complete";
/// Completions of many merchants'.
pub(super) const COMPLETE_SPREAD: &str = "complete spread";

/// The part of the load that reads where others write.
const READING_PART: usize = 2;

/// The part of the reached rate that the load has which is sent steadily.
const STEADY_PART: f64 = 2.0;

/// What was measured in a round.
pub(super) struct Round {
    /// Each workload by its name, in the order of the table; the constant handler first.
    pub(super) workloads: Vec<(&'static str, Measured)>,
    /// What pgbench completes a second, of one merchant and of many.
    pub(super) pgbench: Option<(f64, f64)>,
    /// What the disk of the temporary folder does.
    pub(super) raw: Raw,
    /// Where the time of the completions of many merchants' went.
    pub(super) means: Means,
}

impl Round {
    /// What was measured of this workload.
    pub(super) fn of(&self, name: &str) -> Option<&Measured> {
        self.workloads.iter().find(|(known, _)| *known == name).map(|(_, measured)| measured)
    }

    /// The rate of a workload, in answers a second.
    pub(super) fn rate(&self, name: &str) -> f64 {
        self.of(name).map_or(f64::NAN, Measured::rate)
    }
}

/// How large a round is, and what it has besides the gateway.
pub(super) struct Plan<'p> {
    pub(super) operations: usize,
    pub(super) connections: usize,
    pub(super) merchants: usize,
    pub(super) pgbench: Option<&'p Pgbench>,
    pub(super) pgbench_s: u16,
    /// The folder whose disk is measured.
    pub(super) folder: &'p std::path::Path,
}

impl<'p> Plan<'p> {
    pub(super) fn of(args: &BenchArgs, pgbench: Option<&'p Pgbench>, folder: &'p std::path::Path) -> Plan<'p> {
        Plan {
            operations: args.operations as usize,
            connections: usize::from(args.connections),
            merchants: usize::from(args.merchants),
            pgbench,
            pgbench_s: args.pgbench,
            folder,
        }
    }

    /// The same with so many times fewer operations, and without pgbench.
    pub(super) fn smaller(&self, times: usize) -> Plan<'p> {
        Plan { operations: self.operations.div_ceil(times), pgbench: None, ..*self }
    }

    fn intents(&self) -> usize {
        self.operations.div_ceil(MILESTONES_AN_INTENT)
    }
}

impl Bench {
    /// Every workload once.
    ///
    /// # Errors
    /// When an answer is not what it should be.
    pub(super) async fn round(&self, plan: &Plan<'_>) -> Result<Round, Failure> {
        let (connections, operations) = (plan.connections, plan.operations);
        let raw = raw::append(self.host.as_ref(), plan.folder, connections)?;
        let constant = self.load.at(self.constant).run(connections, &Target::constants(operations)).await?;
        let create = self.load.run(connections, &Target::creations(plan.intents(), 1, &self.unique())).await?;
        let complete = self.load.run(connections, &self.load.completions(&create).await?).await?;
        let (spread, target) = self.completions(plan).await?;
        let before = Stages::of(&self.metrics());
        let complete_spread = self.load.run(connections, &target).await?;
        let means = Stages::of(&self.metrics()).means_since(&before);
        let reads = Target::reads(&spread, operations)?;
        let read = self.load.run(connections, &reads).await?;
        let (beside_reads, beside_writes) = self.beside(connections, &self.completions(plan).await?.1, &reads).await?;
        let half = measure::ratio(complete_spread.measured.rate(), STEADY_PART);
        let steady = self.load.pace(half, connections, &self.completions(plan).await?.1).await?;
        let inside = self.inside().await?;
        let opened = inside.open(connections, plan.intents()).await?;
        let inside = inside.complete(connections, opened).await?;
        let completed = |of| plan.pgbench.map(|pgbench| pgbench.completions(of, connections, plan.pgbench_s));
        let hot = completed(Merchants::One).transpose()?;
        let pgbench = hot.zip(completed(Merchants::Many).transpose()?);
        let workloads = vec![
            (CONSTANT, constant.measured),
            ("create", create.measured),
            (COMPLETE, complete.measured),
            (COMPLETE_SPREAD, complete_spread.measured),
            ("complete steadily", steady.measured),
            ("complete beside reads", beside_reads),
            ("complete without HTTP", inside),
            ("read", read.measured),
            ("read beside writes", beside_writes),
        ];
        Ok(Round { workloads, pgbench, raw, means })
    }

    /// New intents of many merchants, and the completions of all their milestones.
    ///
    /// # Errors
    /// When an answer is not what it should be.
    pub(super) async fn completions(&self, plan: &Plan<'_>) -> Result<(super::load::Volley, Target), Failure> {
        let creations = Target::creations(plan.intents(), plan.merchants, &self.unique());
        let created = self.load.run(plan.connections, &creations).await?;
        let target = self.load.completions(&created).await?;
        Ok((created, target))
    }

    /// Some connections write while the others read.
    async fn beside(
        &self,
        connections: usize,
        writes: &Target,
        reads: &Target,
    ) -> Result<(Measured, Measured), Failure> {
        let (over, reading) = (Arc::new(AtomicBool::new(false)), (connections / READING_PART).max(1));
        let writing = async {
            let written = self.load.run(connections.saturating_sub(reading).max(1), writes).await;
            over.store(true, Ordering::Relaxed);
            written
        };
        let (written, read) = tokio::join!(writing, self.load.until(over.clone(), reading, reads));
        Ok((written?.measured, read?.measured))
    }
}
