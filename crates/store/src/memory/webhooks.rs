//! Webhook endpoints, and what they are told.

use escrow::{DeliveryId, EndpointId, RawId, Span, Timestamp};

use super::{Everything, in_order, in_places, page};
use crate::{
    AccountEvent, Delivery, DeliveryAsk, DeliveryFilter, DeliveryState, EndpointChange, EndpointClaim, EndpointLease,
    EndpointState, EventType, Outbox, Page, PageRequest, Progress, StoreError, StoredEvent, Told,
};

impl Everything {
    pub(super) fn change_endpoint(&mut self, change: EndpointChange, position: u64) {
        let is_told_anew = !matches!(change, EndpointChange::Changed(_));
        let (EndpointChange::Added(mut endpoint)
        | EndpointChange::Changed(mut endpoint)
        | EndpointChange::Resumed(mut endpoint)) = change;
        let stored = self.endpoints.get(&endpoint.id);
        endpoint.progress = match stored {
            Some(stored) if !is_told_anew => stored.progress,
            Some(_) | None => Progress { cursor: position, failing_since: None },
        };
        self.endpoints.insert(endpoint.id, endpoint);
    }

    pub(super) fn fits_ask(&self, ask: &DeliveryAsk) -> bool {
        let found = self.deliveries.values().find(|it| it.endpoint == ask.endpoint && it.event.event.id == ask.event);
        let is_new = ask.base.is_some() || self.deliveries.values().all(|delivery| delivery.id != ask.id);
        found.map(|delivery| delivery.id) == ask.base && is_new
    }

    pub(super) fn ask(&mut self, ask: DeliveryAsk) {
        let state = DeliveryState::Pending(ask.due);
        let found =
            self.deliveries.values_mut().find(|it| it.endpoint == ask.endpoint && it.event.event.id == ask.event);
        if let Some(delivery) = found {
            (delivery.state, delivery.asked, delivery.updated) = (state, delivery.asked + 1, ask.now);
            return;
        }
        let Some(event) = self.stream(ask.owner).into_iter().find(|stored| stored.event.id == ask.event) else {
            return;
        };
        let key = (ask.endpoint, event.position);
        let (id, endpoint) = (ask.id, ask.endpoint);
        let (created, updated) = (ask.now, ask.now);
        let attempts = Vec::new();
        let delivery =
            Delivery { id, endpoint, event, state, tries: 0, asked: 1, heard: 0, attempts, created, updated };
        self.deliveries.insert(key, delivery);
    }

    pub(super) fn claim_endpoints(&mut self, claim: EndpointClaim) -> Vec<EndpointLease> {
        let enabled = self.endpoints.values().filter(|endpoint| endpoint.state == EndpointState::Enabled);
        let enabled = enabled.map(|endpoint| (endpoint.id, endpoint.owner)).collect();
        self.leases.claim_endpoints(enabled, claim)
    }

    pub(super) fn note_told(&mut self, told: Told) {
        if !self.leases.is_newest_of_endpoint(told.endpoint, told.token) {
            return;
        }
        for mut delivery in told.deliveries {
            let key = (told.endpoint, delivery.event.position);
            let stream = self.stream(delivery.event.owner);
            let Some(event) = stream.into_iter().find(|event| event.position == key.1) else { continue };
            delivery.event = event;
            match self.deliveries.get_mut(&key) {
                None => drop(self.deliveries.insert(key, delivery)),
                Some(stored) if stored.id == delivery.id => {
                    let (asked, state) = (stored.asked, stored.state);
                    let is_asked = asked > delivery.heard;
                    let state = if is_asked { state } else { delivery.state };
                    *stored = Delivery { asked, state, created: stored.created, ..delivery };
                }
                Some(_) => {}
            }
        }
        if let Some(endpoint) = self.endpoints.get_mut(&told.endpoint) {
            let cursor = told.progress.cursor.max(endpoint.progress.cursor);
            endpoint.progress = Progress { cursor, ..told.progress };
        }
    }

    pub(super) fn outbox(&self, id: EndpointId, position: u64, now: Timestamp, limit: usize) -> Option<Outbox> {
        let endpoint = self.endpoints.get(&id).filter(|endpoint| endpoint.state == EndpointState::Enabled)?.clone();
        let ahead = self.clocks.get(&endpoint.owner).copied().unwrap_or(Span::from_ms(0));
        let from = position.max(endpoint.progress.cursor);
        let types = EventType::chosen(&endpoint.events);
        let stream = self.stream(endpoint.owner);
        let last = stream.last().map_or(0, |stored| stored.position);
        let is_chosen = |kind| types.as_ref().is_none_or(|types| types.contains(&kind));
        let behind = stream.into_iter().filter(|stored| stored.position > from && is_chosen(stored.event.kind));
        let chosen: Vec<StoredEvent> = behind.take(limit).collect();
        let has_more = limit > 0 && chosen.len() >= limit;
        let position = match chosen.last() {
            Some(last) if has_more => last.position,
            Some(_) | None if limit > 0 => last.max(from),
            Some(_) | None => from,
        };
        let is_fresh = |stored: &StoredEvent| {
            stored.event.kind != EventType::Account(AccountEvent::EndpointTested)
                && !self.deliveries.contains_key(&(id, stored.position))
        };
        let fresh = chosen.into_iter().filter(is_fresh).collect();
        let own_now = now.after(ahead);
        let pending = self.deliveries.values().filter(|delivery| delivery.endpoint == id);
        let pending = pending.filter_map(|delivery| Some((delivery.state.due()?, delivery)));
        let (mut due, to_come): (Vec<_>, Vec<_>) = pending.partition(|(due, _)| *due <= own_now);
        due.sort_by_key(|(due, _)| *due);
        let due = due.into_iter().take(limit).map(|(_, delivery)| delivery.clone()).collect();
        let next_due = to_come.into_iter().map(|(due, _)| due).min();
        Some(Outbox { endpoint, ahead, fresh, position, has_more, due, next_due })
    }

    pub(super) fn deliveries_to(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        let of_endpoint: Vec<&Delivery> = self.deliveries.values().filter(|it| it.endpoint == endpoint).collect();
        let place = |id: RawId| {
            let found = of_endpoint.iter().find(|delivery| delivery.id.raw() == id);
            found.map(|delivery| in_order(delivery.event.position)).ok_or(StoreError::UnknownCursor)
        };
        let position = in_places(request.position, place)?;
        let is_wanted = |delivery: &Delivery| {
            filter.state.is_none_or(|state| delivery.state.name() == state)
                && filter.event.is_none_or(|event| delivery.event.event.id == event)
        };
        let placed = of_endpoint.iter().map(|it| (in_order(it.event.position), (*it).clone())).collect();
        page(placed, is_wanted, PageRequest { position, ..request })
    }

    pub(super) fn delivery(&self, id: DeliveryId) -> Option<Delivery> {
        let mut found = self.deliveries.values().find(|delivery| delivery.id == id).cloned()?;
        let is_deleted = self.endpoints.get(&found.endpoint).is_some_and(|it| it.state == EndpointState::Deleted);
        if is_deleted && found.state.due().is_some() {
            found.state = DeliveryState::Failed;
        }
        Some(found)
    }

    pub(super) fn forget_deliveries(&mut self, before: Timestamp) {
        let Everything { endpoints, deliveries, .. } = self;
        let is_enabled = |id: &EndpointId| endpoints.get(id).is_some_and(|it| it.state == EndpointState::Enabled);
        let drawn_ms = |id: DeliveryId| id.raw().bits() >> 80;
        let is_old = |id| drawn_ms(id) < u128::from(before.ms().max(0).unsigned_abs());
        deliveries.retain(|(endpoint, _), delivery| {
            !is_old(delivery.id) || delivery.state.due().is_some() && is_enabled(endpoint)
        });
    }
}
