//! What is done about webhook endpoints.

use escrow::{DeliveryId, EndpointId, EventId, Mode, Owner, Span, Timestamp};
use store::{
    Delivery, DeliveryAsk, DeliveryFilter, DeliveryState, Disabled, Endpoint, EndpointChange, EndpointState, Journal,
    JournalChange, KeyHolder, PageRequest, Position, Progress, StoreError, StoredEvent, Wanted,
};

use super::{By, Decision, Done, Refused, Registry};
use crate::present::News;

/// How many webhook endpoints a merchant may have in one mode.
pub const MAX_ENDPOINTS: usize = 100;

/// What a new webhook endpoint is to be.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Whose.
    pub owner: Owner,
    /// Where calls go, which must have been checked.
    pub url: String,
    /// What its owner says about it.
    pub description: Option<String>,
    /// Which events: see [`store::EventType::is_chosen_by`].
    pub events: Vec<String>,
}

/// What is to change about a webhook endpoint; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointEdit {
    /// Where calls go, which must have been checked.
    pub url: Option<String>,
    /// What its owner says about it, or nothing any more.
    pub description: Option<Option<String>>,
    /// Which events.
    pub events: Option<Vec<String>>,
    /// Whether it is told anything.
    pub is_enabled: Option<bool>,
}

impl Registry {
    pub(super) async fn create_endpoint(
        &self,
        base: Option<Journal>,
        new: &NewEndpoint,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let all = PageRequest { limit: MAX_ENDPOINTS, position: Position::Offset(0) };
        if self.parts.store.endpoints(new.owner, all).await?.items.len() >= MAX_ENDPOINTS {
            return Ok(Err(Refused::TooManyEndpoints));
        }
        let now = self.parts.host.now();
        let endpoint = Endpoint {
            id: EndpointId::fresh(self.ids.as_ref()),
            owner: new.owner,
            url: new.url.clone(),
            description: new.description.clone(),
            events: new.events.clone(),
            state: EndpointState::Enabled,
            secret: 1,
            previous_until: None,
            created: now,
            updated: now,
            progress: Progress::default(),
        };
        let secret = self.keyring.webhook_secret(endpoint.id, endpoint.secret);
        let told = self.about(base, &endpoint, &[News::EndpointCreated(&endpoint)]);
        let journals = vec![JournalChange { endpoint: Some(EndpointChange::Added(endpoint.clone())), ..told }];
        Ok(Ok(Decision { done: Done::Endpoint(endpoint, Some(secret)), journals, deliveries: Vec::new() }))
    }

    pub(super) async fn change_endpoint(
        &self,
        base: Option<Journal>,
        by: &By,
        id: EndpointId,
        edit: &EndpointEdit,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let old = match self.endpoint_for(by, id).await? {
            Ok(old) => old,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut endpoint = old.clone();
        if let Some(url) = &edit.url {
            endpoint.url.clone_from(url);
        }
        if let Some(description) = &edit.description {
            endpoint.description.clone_from(description);
        }
        if let Some(events) = &edit.events {
            endpoint.events.clone_from(events);
        }
        let is_edited = endpoint != old;
        match edit.is_enabled {
            Some(true) => endpoint.state = EndpointState::Enabled,
            Some(false) if old.state == EndpointState::Enabled => {
                endpoint.state = EndpointState::Disabled(Disabled::Requested);
            }
            Some(false) | None => {}
        }
        if endpoint == old {
            return Ok(Ok(unchanged(old)));
        }
        endpoint.updated = self.parts.host.now();
        let is_resumed = endpoint.state == EndpointState::Enabled && old.state != endpoint.state;
        if is_resumed {
            endpoint.progress.failing_since = None;
        }
        let edited = is_edited.then_some(News::EndpointUpdated(&endpoint));
        let switched = match (is_resumed, old.state == endpoint.state) {
            (true, _) => Some(News::EndpointEnabled(&endpoint)),
            (false, false) => Some(News::EndpointDisabled(&endpoint)),
            (false, true) => None,
        };
        let news: Vec<News<'_>> = edited.into_iter().chain(switched).collect();
        let told = self.about(base, &endpoint, &news);
        let change = if is_resumed { EndpointChange::Resumed } else { EndpointChange::Changed };
        let change = change(endpoint.clone());
        let journals = vec![JournalChange { endpoint: Some(change), ..told }];
        Ok(Ok(Decision { done: Done::Endpoint(endpoint, None), journals, deliveries: Vec::new() }))
    }

    /// Disables an endpoint that must not be called any more.
    pub(super) async fn disable_endpoint(
        &self,
        base: Option<Journal>,
        id: EndpointId,
        why: Disabled,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let Some(mut endpoint) = self.parts.store.endpoint(id).await? else { return Ok(Err(Refused::NoSuchEndpoint)) };
        if endpoint.state != EndpointState::Enabled {
            return Ok(Ok(unchanged(endpoint)));
        }
        (endpoint.state, endpoint.updated) = (EndpointState::Disabled(why), self.parts.host.now());
        let told = self.about(base, &endpoint, &[News::EndpointDisabled(&endpoint)]);
        let journals = vec![JournalChange { endpoint: Some(EndpointChange::Changed(endpoint.clone())), ..told }];
        Ok(Ok(Decision { done: Done::Endpoint(endpoint, None), journals, deliveries: Vec::new() }))
    }

    pub(super) async fn rotate_secret(
        &self,
        base: Option<Journal>,
        by: &By,
        id: EndpointId,
        grace: Span,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let mut endpoint = match self.endpoint_for(by, id).await? {
            Ok(endpoint) => endpoint,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.parts.host.now();
        endpoint.secret = endpoint.secret.saturating_add(1);
        endpoint.previous_until = (grace > Span::from_ms(0)).then(|| now.after(grace));
        endpoint.updated = now;
        let secret = self.keyring.webhook_secret(endpoint.id, endpoint.secret);
        let told = self.about(base, &endpoint, &[News::SecretRotated(&endpoint)]);
        let journals = vec![JournalChange { endpoint: Some(EndpointChange::Changed(endpoint.clone())), ..told }];
        Ok(Ok(Decision { done: Done::Endpoint(endpoint, Some(secret)), journals, deliveries: Vec::new() }))
    }

    pub(super) async fn delete_endpoint(
        &self,
        base: Option<Journal>,
        by: &By,
        id: EndpointId,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let mut endpoint = match self.endpoint_for(by, id).await? {
            Ok(endpoint) => endpoint,
            Err(refused) => return Ok(Err(refused)),
        };
        (endpoint.state, endpoint.updated) = (EndpointState::Deleted, self.parts.host.now());
        let told = self.about(base, &endpoint, &[News::EndpointDeleted(&endpoint)]);
        let journals = vec![JournalChange { endpoint: Some(EndpointChange::Changed(endpoint.clone())), ..told }];
        Ok(Ok(Decision { done: Done::Endpoint(endpoint, None), journals, deliveries: Vec::new() }))
    }

    /// Tells an endpoint an event that is about nothing but itself.
    pub(super) async fn test_endpoint(
        &self,
        base: Option<Journal>,
        by: &By,
        id: EndpointId,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let endpoint = match self.endpoint_for(by, id).await? {
            Ok(endpoint) if endpoint.state == EndpointState::Enabled => endpoint,
            Ok(_) => return Ok(Err(Refused::EndpointDisabled)),
            Err(refused) => return Ok(Err(refused)),
        };
        let told = self.about(base, &endpoint, &[News::EndpointTested(&endpoint)]);
        let Some(event) = told.events.last().cloned() else { return Ok(Err(Refused::NoSuchEvent)) };
        let previous = base.map_or(escrow::Hash::ZERO, |journal| journal.chain.head);
        // Its place is known when it is stored, and nobody is told it here.
        let event = StoredEvent { owner: endpoint.owner, position: 0, intent: None, previous, event };
        let (ask, delivery) = self.ask(&endpoint, event, None).await?;
        let done = Done::Delivery(Box::new(delivery));
        Ok(Ok(Decision { done, journals: vec![told], deliveries: vec![ask] }))
    }

    /// Has a delivery made once more.
    pub(super) async fn redeliver(&self, by: &By, id: DeliveryId) -> Result<Result<Decision, Refused>, StoreError> {
        let Some(delivery) = self.parts.store.delivery(id).await? else { return Ok(Err(Refused::NoSuchDelivery)) };
        let endpoint = match self.endpoint_for(by, delivery.endpoint).await? {
            Ok(endpoint) if endpoint.state == EndpointState::Enabled => endpoint,
            Ok(_) => return Ok(Err(Refused::EndpointDisabled)),
            Err(_) => return Ok(Err(Refused::NoSuchDelivery)),
        };
        let (ask, delivery) = self.ask(&endpoint, delivery.event.clone(), Some(delivery)).await?;
        let done = Done::Delivery(Box::new(delivery));
        Ok(Ok(Decision { done, journals: Vec::new(), deliveries: vec![ask] }))
    }

    /// Tells an event to one endpoint, or to every one that is enabled and has chosen it.
    pub(super) async fn resend(
        &self,
        by: &By,
        event: EventId,
        to: Option<EndpointId>,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let Some(event) = self.parts.store.event(event).await? else { return Ok(Err(Refused::NoSuchEvent)) };
        let endpoints = match to {
            Some(id) => match self.endpoint_for(by, id).await? {
                Ok(endpoint) if endpoint.owner != event.owner => return Ok(Err(Refused::NoSuchEndpoint)),
                Ok(endpoint) if endpoint.state != EndpointState::Enabled => return Ok(Err(Refused::EndpointDisabled)),
                Ok(endpoint) => vec![endpoint],
                Err(refused) => return Ok(Err(refused)),
            },
            None => {
                let all = PageRequest { limit: MAX_ENDPOINTS, position: Position::Offset(0) };
                let all = self.parts.store.endpoints(event.owner, all).await?.items;
                let is_told = |endpoint: &Endpoint| {
                    let is_chosen = endpoint.events.iter().any(|text| event.event.kind.is_chosen_by(text));
                    is_chosen && endpoint.state == EndpointState::Enabled
                };
                all.into_iter().filter(is_told).collect()
            }
        };
        let (mut deliveries, mut asks) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            let filter = DeliveryFilter { state: None, event: Some(event.event.id) };
            let one = PageRequest { limit: 1, position: Position::Offset(0) };
            let found = self.parts.store.deliveries(endpoint.id, filter, one).await?.items.pop();
            let (ask, delivery) = self.ask(&endpoint, event.clone(), found).await?;
            asks.push(ask);
            deliveries.push(delivery);
        }
        Ok(Ok(Decision { done: Done::Deliveries(deliveries), journals: Vec::new(), deliveries: asks }))
    }

    /// Asks for a call, with the delivery as it will stand then.
    async fn ask(
        &self,
        endpoint: &Endpoint,
        event: StoredEvent,
        base: Option<Delivery>,
    ) -> Result<(DeliveryAsk, Delivery), StoreError> {
        let owner = endpoint.owner;
        let now = self.parts.host.now();
        let due = self.own_time(owner, now).await?;
        let id = base.as_ref().map_or_else(|| DeliveryId::fresh(self.ids.as_ref()), |delivery| delivery.id);
        let ask = DeliveryAsk {
            endpoint: endpoint.id,
            owner,
            event: event.event.id,
            base: base.as_ref().map(|delivery| delivery.id),
            id,
            due,
            now,
        };
        let state = DeliveryState::Pending(due);
        let delivery = match base {
            Some(delivery) => Delivery { state, asked: delivery.asked.saturating_add(1), updated: now, ..delivery },
            None => Delivery {
                id,
                endpoint: endpoint.id,
                event,
                state,
                tries: 0,
                asked: 1,
                heard: 0,
                attempts: Vec::new(),
                created: now,
                updated: now,
            },
        };
        Ok((ask, delivery))
    }

    /// A time by the clock of an owner.
    async fn own_time(&self, owner: Owner, now: Timestamp) -> Result<Timestamp, StoreError> {
        if owner.mode == Mode::Live {
            return Ok(now);
        }
        let loaded = self.parts.store.load(Wanted { clocks: vec![owner], ..Wanted::default() }).await?;
        Ok(loaded.clocks.get(&owner).map_or(now, |ahead| now.after(*ahead)))
    }

    /// An endpoint that somebody wants something of.
    async fn endpoint_for(&self, by: &By, id: EndpointId) -> Result<Result<Endpoint, Refused>, StoreError> {
        let found = self.parts.store.endpoint(id).await?.filter(|endpoint| endpoint.state != EndpointState::Deleted);
        Ok(match (found, by) {
            (None, _) => Err(Refused::NoSuchEndpoint),
            (Some(endpoint), By::Operator) => Ok(endpoint),
            (Some(endpoint), By::Key(own)) if own.holder == KeyHolder::Owner(endpoint.owner) => Ok(endpoint),
            (Some(_), By::Key(_)) => Err(Refused::NoSuchEndpoint),
        })
    }

    fn about(&self, base: Option<Journal>, endpoint: &Endpoint, news: &[News<'_>]) -> JournalChange {
        self.told(KeyHolder::Owner(endpoint.owner), base, news)
    }
}

fn unchanged(endpoint: Endpoint) -> Decision {
    Decision { done: Done::Endpoint(endpoint, None), journals: Vec::new(), deliveries: Vec::new() }
}
