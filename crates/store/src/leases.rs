//! Who may call which webhook endpoint, for stores that no other process uses: nobody else needs to know, and whoever held something
//! before the process began is gone.

use std::collections::BTreeMap;

use escrow::{EndpointId, Owner, RawId, Timestamp};

use crate::{EndpointClaim, EndpointLease};

/// The newest lease of every endpoint that had one.
#[derive(Clone, Default)]
pub(crate) struct EndpointLeases(BTreeMap<EndpointId, Newest>);

#[derive(Clone, Copy)]
struct Newest {
    token: u64,
    /// Who has it until when; `None` once it was given back.
    held: Option<(RawId, Timestamp)>,
}

impl EndpointLeases {
    /// Claims some of the endpoints that are enabled, given in the order of their ids.
    pub(crate) fn claim(&mut self, enabled: Vec<(EndpointId, Owner)>, claim: EndpointClaim) -> Vec<EndpointLease> {
        let (mut leases, mut free) = (Vec::new(), claim.limit);
        for (endpoint, owner) in enabled {
            let newest = self.0.get(&endpoint).copied().unwrap_or(Newest { token: 0, held: None });
            let is_free = newest.held.is_none_or(|(_, until)| until <= claim.now);
            let token = match newest.held {
                Some((by, _)) if by == claim.by => newest.token,
                Some(_) | None if is_free && free > 0 => {
                    free -= 1;
                    newest.token + 1
                }
                Some(_) | None => continue,
            };
            self.0.insert(endpoint, Newest { token, held: Some((claim.by, claim.until)) });
            leases.push(EndpointLease { endpoint, owner, token });
        }
        leases
    }

    /// Gives back all that somebody holds.
    pub(crate) fn release(&mut self, by: RawId) {
        for newest in self.0.values_mut() {
            newest.held = newest.held.filter(|(holder, _)| *holder != by);
        }
    }

    /// Whether nobody was given the endpoint since.
    pub(crate) fn is_newest(&self, endpoint: EndpointId, token: u64) -> bool {
        self.0.get(&endpoint).map_or(0, |newest| newest.token) == token
    }
}
