//! The lookout rings the bells of streams that other processes commit to, where several share a store.
//!
//! Whoever follows a stream hears at once of what this process commits. What others commit, and where they move a clock, is seen by
//! looking again and again, for all who listen here together.

use std::collections::BTreeMap;
use std::sync::Arc;

use escrow::{Owner, Span};
use store::{Head, Store};
use tokio::sync::watch;

use crate::bells::Bells;
use crate::engine::raised;
use crate::host::Host;

/// How often it looks: nobody hears later than this of what others do.
const LOOK_EVERY: Span = Span::from_ms(200);

/// The task that looks.
pub(crate) struct Lookout {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) bells: Bells,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Lookout {
    /// Looks until it is told to stop.
    pub(crate) async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = raised(&mut stop) => {}
            () = self.watch() => {}
        }
    }

    async fn watch(&mut self) {
        let (mut known, mut is_blind) = (BTreeMap::new(), false);
        loop {
            self.host.sleep(LOOK_EVERY).await;
            match self.look(&known).await {
                Ok(seen) => (known, is_blind) = (seen, false),
                Err(error) => {
                    // Once is enough for the log, however long the store is gone.
                    if !std::mem::replace(&mut is_blind, true) {
                        tracing::warn!(%error, "it cannot be seen what other gateways commit");
                    }
                }
            }
        }
    }

    /// Rings the bells of those streams whose heads are not known so, and gives the heads of all that somebody listens to. A stream
    /// that is seen for the first time may have gone on since whoever listens has read it.
    async fn look(&self, known: &BTreeMap<Owner, Head>) -> Result<BTreeMap<Owner, Head>, store::StoreError> {
        let owners = self.bells.heard();
        if owners.is_empty() {
            return Ok(BTreeMap::new());
        }
        let heads = self.store.heads(owners.clone()).await?;
        let seen: BTreeMap<Owner, Head> = owners.into_iter().zip(heads).collect();
        let has_moved = |(owner, head): &(&Owner, &Head)| known.get(owner) != Some(*head);
        seen.iter().filter(has_moved).for_each(|(owner, _)| self.bells.ring(*owner));
        Ok(seen)
    }
}
