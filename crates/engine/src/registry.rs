//! Merchants, API keys and webhook endpoints: added, changed and ended. Every act is told in the journal of whoever holds the keys, in
//! the same commit.

use std::sync::Arc;

use escrow::{Chain, DeliveryId, EndpointId, EventId, Ids, KeyId, MerchantId, Mode, Owner, Span, Timestamp};
use store::{
    ApiKey, Delivery, DeliveryAsk, Disabled, Endpoint, EventRow, EventType, Journal, JournalChange, KeyHolder, KeyKind,
    Merchant, Outcome, Scopes, StoreError, Unit, Wanted,
};
use tokio::sync::Mutex;

use crate::batch;
use crate::bells::Bells;
use crate::engine::Parts;
use crate::ids::FreshIds;
use crate::keyring::{Keyring, NotAKey};
use crate::present::{JournalEvent, News};
use crate::request::{Answer, Idempotency, Rendered, Unavailable};
use crate::webhooks::Secret;

mod endpoints;

pub use endpoints::{EndpointEdit, MAX_ENDPOINTS, NewEndpoint};

/// How often an act is decided again after another one came first.
const MAX_TRIES: u32 = 16;

/// The longest name of a merchant, in characters.
pub const MAX_MERCHANT_NAME_CHARS: usize = 200;

/// Whether a text can be the name of a merchant: short enough, and readable in a table.
#[must_use]
pub fn is_merchant_name(text: &str) -> bool {
    is_one_line(text) && !text.is_empty() && text.chars().count() <= MAX_MERCHANT_NAME_CHARS
}

/// Whether a text shows in a table as nothing but itself: without blanks around it, control characters, and marks that turn the
/// direction of what follows (Unicode Standard Annex 9).
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.trim() == text && !text.chars().any(|c| c.is_control() || turns(c))
}

/// Something that is done about merchants and keys.
#[derive(Clone, Debug)]
pub enum Act {
    /// A new merchant.
    AddMerchant {
        /// Its name, for people; no two merchants share one.
        name: String,
        /// Whether it gets a first key of its sandbox along.
        with_key: bool,
    },
    /// A new key.
    CreateKey(NewKey),
    /// A new key in the place of another, which goes on working for a while.
    RollKey {
        /// The key to be replaced.
        id: KeyId,
        /// How long it goes on working.
        grace: Span,
    },
    /// A key is made useless, at once and for good. One that is so already stays as it is.
    RevokeKey {
        /// The key.
        id: KeyId,
    },
    /// A new webhook endpoint.
    CreateEndpoint(NewEndpoint),
    /// A webhook endpoint changes.
    ChangeEndpoint {
        /// The endpoint.
        id: EndpointId,
        /// What changes.
        edit: EndpointEdit,
    },
    /// A webhook endpoint must not be called any more. One that is not enabled stays as it is.
    DisableEndpoint {
        /// The endpoint.
        id: EndpointId,
        /// Why not.
        why: Disabled,
    },
    /// A webhook endpoint gets another secret.
    RotateSecret {
        /// The endpoint.
        id: EndpointId,
        /// How long the one it had signs as well.
        grace: Span,
    },
    /// A webhook endpoint is deleted.
    DeleteEndpoint {
        /// The endpoint.
        id: EndpointId,
    },
    /// A webhook endpoint is told an event of its own, to see whether it works.
    TestEndpoint {
        /// The endpoint.
        id: EndpointId,
    },
    /// A delivery is made once more.
    Redeliver {
        /// The delivery.
        id: DeliveryId,
    },
    /// An event is told once more, or for the first time.
    Resend {
        /// The event.
        event: EventId,
        /// To this webhook endpoint, or to all that have chosen it.
        to: Option<EndpointId>,
    },
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Who is to hold it.
    pub holder: KeyHolder,
    /// Its kind, which is one of its holder's mode.
    pub kind: KeyKind,
    /// What its holder calls it.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working, if it does.
    pub expires: Option<Timestamp>,
}

impl NewKey {
    /// The first key of a merchant: of its sandbox, for everything and for ever.
    #[must_use]
    pub const fn first(merchant: MerchantId) -> NewKey {
        NewKey::full(KeyHolder::Owner(Owner { merchant, mode: Mode::Sandbox }), KeyKind::Test)
    }

    /// A key without a name for everything and for ever.
    #[must_use]
    pub const fn full(holder: KeyHolder, kind: KeyKind) -> NewKey {
        NewKey { holder, kind, name: None, scopes: Scopes::Full, expires: None }
    }
}

/// Who acts.
#[derive(Clone, Debug)]
pub enum By {
    /// Whoever runs the gateway, at its command line.
    Operator,
    /// The holder of this key.
    Key(Arc<ApiKey>),
}

/// A key with its text, which is nowhere else.
#[derive(Clone, Debug)]
pub struct Made {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub token: String,
}

/// What was done.
#[derive(Clone, Debug)]
pub enum Done {
    /// A merchant was added, with its first key where one was wanted.
    Merchant(Merchant, Option<Made>),
    /// A key was made.
    Key(Made),
    /// A key was made in the place of another, which is as it says.
    Rolled(Made, ApiKey),
    /// A key is useless.
    Revoked(ApiKey),
    /// A webhook endpoint is as it says; with its secret, where it has a new one.
    Endpoint(Endpoint, Option<Secret>),
    /// This call will be made.
    Delivery(Box<Delivery>),
    /// These calls will be made.
    Deliveries(Vec<Delivery>),
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another merchant has the name.
    #[error("Another merchant has this name")]
    NameTaken,
    /// There is no such merchant.
    #[error("there is no such merchant")]
    NoSuchMerchant,
    /// There is no such key.
    #[error("there is no such API key")]
    NoSuchKey,
    /// The key no longer works, so that nothing can take its place.
    #[error("This API key is {0}; create another one")]
    KeyOver(KeyState),
    /// The key of whoever acts has stopped working since they were let in.
    #[error("Invalid API key")]
    OwnKeyOver,
    /// Whoever acts may do less than the key.
    #[error("An API key can neither create nor change one that may do more, or works longer, than itself")]
    WiderThanOwn,
    /// The key of whoever acts stops working before the new one would.
    #[error("An API key that expires cannot create one that works longer than itself")]
    OutlivesOwn,
    /// There is no such webhook endpoint.
    #[error("there is no such webhook endpoint")]
    NoSuchEndpoint,
    /// There is no such delivery.
    #[error("there is no such webhook delivery")]
    NoSuchDelivery,
    /// There is no such event.
    #[error("there is no such event")]
    NoSuchEvent,
    /// There are as many webhook endpoints as there may be.
    #[error("There can be at most {MAX_ENDPOINTS} webhook endpoints; delete one first")]
    TooManyEndpoints,
    /// The webhook endpoint is told nothing.
    #[error("This webhook endpoint is disabled; enable it first")]
    EndpointDisabled,
}

impl Refused {
    /// Whether it is remembered under an idempotency key: what depends on who asks, or on whether there is such an object, is not.
    const fn is_memorable(self) -> bool {
        match self {
            Refused::NameTaken | Refused::KeyOver(_) | Refused::TooManyEndpoints | Refused::EndpointDisabled => true,
            Refused::NoSuchMerchant
            | Refused::NoSuchEndpoint
            | Refused::NoSuchDelivery
            | Refused::NoSuchEvent
            | Refused::NoSuchKey
            | Refused::OwnKeyOver
            | Refused::WiderThanOwn
            | Refused::OutlivesOwn => false,
        }
    }
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was made useless.
    Revoked,
}

impl KeyState {
    /// The state of a key at this time.
    #[must_use]
    pub fn of(key: &ApiKey, now: Timestamp) -> KeyState {
        match (key.revoked, key.is_valid(now)) {
            (Some(_), _) => KeyState::Revoked,
            (None, true) => KeyState::Active,
            (None, false) => KeyState::Expired,
        }
    }

    /// The state in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::Expired => "expired",
            KeyState::Revoked => "revoked",
        }
    }
}

impl std::fmt::Display for KeyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Turns what became of an act into the answer that the caller gets and an idempotency key remembers.
pub type RenderAct = Arc<dyn Fn(Result<&Done, &Refused>) -> Rendered + Send + Sync>;

/// An act and who wants it.
#[derive(Clone)]
pub struct ActRequest {
    /// Who acts.
    pub by: By,
    /// What is done.
    pub act: Act,
    /// The idempotency key, where one was sent.
    pub idempotency: Option<Idempotency>,
    /// How to answer.
    pub render: RenderAct,
}

/// What an act comes to, not stored yet.
struct Decision {
    done: Done,
    journals: Vec<JournalChange>,
    deliveries: Vec<DeliveryAsk>,
}

/// Adds and changes merchants, keys and webhook endpoints.
pub struct Registry {
    parts: Parts,
    ids: Arc<FreshIds>,
    keyring: Keyring,
    /// Held by whoever acts, so that those of one process do not get in each other's way. Those of others are found out at the commit.
    turn: Mutex<()>,
    bells: Bells,
}

impl Registry {
    /// A registry on these parts, which need not be those of a running engine.
    #[must_use]
    pub fn new(parts: Parts, ids: Arc<FreshIds>, keyring: Keyring) -> Registry {
        Registry { parts, ids, keyring, turn: Mutex::new(()), bells: Bells::default() }
    }

    /// The same, heard by those who follow streams of events.
    pub(crate) fn ringing(self, bells: Bells) -> Registry {
        Registry { bells, ..self }
    }

    /// Does something at most once per idempotency key, and answers when it is durable.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn perform(&self, request: ActRequest) -> Result<Answer, Unavailable> {
        let failed = |error: StoreError| {
            tracing::error!(%error, "merchants and keys cannot be changed");
            Unavailable::Store(error.to_string())
        };
        let uncommitted = |error: StoreError| {
            tracing::error!(%error, "merchants and keys were not changed, as far as is known");
            Unavailable::uncommitted(&error)
        };
        let _turn = self.turn.lock().await;
        for _ in 0..MAX_TRIES {
            if let Some(answer) = self.known(request.idempotency.as_ref()).await.map_err(failed)? {
                return Ok(answer);
            }
            let decided = self.decide(&request.by, &request.act).await.map_err(failed)?;
            let rendered = (request.render)(decided.as_ref().map(|decision| &decision.done));
            let is_memorable = decided.as_ref().err().is_none_or(|refused| refused.is_memorable());
            let reply = request.idempotency.as_ref().filter(|_| is_memorable);
            let reply = reply.map(|sent| sent.reply(&rendered, self.parts.host.now()));
            let (journals, deliveries) =
                decided.map(|decision| (decision.journals, decision.deliveries)).unwrap_or_default();
            let unit = Unit { journals, deliveries, replies: reply.into_iter().collect(), ..Unit::default() };
            if self.commit(unit).await.map_err(uncommitted)? {
                return Ok(Answer::Decided(Rendered { kept: None, ..rendered }));
            }
        }
        Err(Unavailable::Store(TOO_MANY.to_owned()))
    }

    /// Does something, for whoever runs the gateway and is no client of it.
    ///
    /// # Errors
    /// When the store fails. What is refused is in the answer.
    pub async fn act(&self, act: &Act) -> Result<Result<Done, Refused>, StoreError> {
        let _turn = self.turn.lock().await;
        for _ in 0..MAX_TRIES {
            let Decision { done, journals, deliveries } = match self.decide(&By::Operator, act).await? {
                Ok(decision) => decision,
                Err(refused) => return Ok(Err(refused)),
            };
            if self.commit(Unit { journals, deliveries, ..Unit::default() }).await? {
                return Ok(Ok(done));
            }
        }
        Err(StoreError::Unavailable(TOO_MANY.to_owned()))
    }

    /// Makes sure that there is a key with this text, which somebody brought along: what it is to be counts where there is none.
    /// One that is there is left as it is and returned.
    ///
    /// # Errors
    /// When the store fails, or the text is no key.
    pub async fn adopt(&self, token: &str, new: NewKey) -> Result<Result<ApiKey, NotAKey>, StoreError> {
        let hash = self.keyring.hash_key(token);
        let _turn = self.turn.lock().await;
        for _ in 0..MAX_TRIES {
            let base = self.journal(new.holder).await?;
            if let Some(known) = self.parts.store.key_of_hash(hash).await? {
                return Ok(Ok(known));
            }
            let id = KeyId::fresh(self.ids.as_ref());
            let key = match self.keyring.adopt(token, id, new.holder, self.parts.host.now()) {
                Ok(key) => ApiKey { name: new.name.clone(), scopes: new.scopes.clone(), expires: new.expires, ..key },
                Err(error) => return Ok(Err(error)),
            };
            let told = self.created(base, &Made { key: key.clone(), token: token.to_owned() }, &[]);
            if self.commit(Unit { journals: vec![told], ..Unit::default() }).await? {
                return Ok(Ok(key));
            }
        }
        Err(StoreError::Unavailable(TOO_MANY.to_owned()))
    }

    /// The answer that was given under an idempotency key before.
    async fn known(&self, sent: Option<&Idempotency>) -> Result<Option<Answer>, StoreError> {
        let Some(sent) = sent else { return Ok(None) };
        let wanted = Wanted { replies: vec![(sent.owner, sent.key.clone())], ..Wanted::default() };
        let loaded = batch::load(&self.parts, &wanted).await?;
        Ok(loaded.replies.into_iter().flatten().next().map(|reply| batch::answer_again(&reply, sent)))
    }

    /// Whether it is stored; otherwise somebody else came first.
    async fn commit(&self, unit: Unit) -> Result<bool, StoreError> {
        if unit.journals.is_empty() && unit.deliveries.is_empty() && unit.replies.is_empty() {
            return Ok(true);
        }
        let told = unit.journals.iter().map(|change| change.holder.stream());
        let streams: Vec<Owner> = told.chain(unit.deliveries.iter().map(|ask| ask.owner)).collect();
        let is_about_endpoints = unit.journals.iter().any(|change| change.endpoint.is_some());
        let committed = self.parts.store.commit(vec![unit]).await;
        // Whatever came of it: bells only say that there may be more.
        streams.into_iter().for_each(|owner| self.bells.ring(owner));
        if is_about_endpoints {
            self.bells.ring_for_endpoints();
        }
        Ok(committed? == [Outcome::Committed])
    }

    async fn decide(&self, by: &By, act: &Act) -> Result<Result<Decision, Refused>, StoreError> {
        // The journal is read before anything that the decision is made on: whatever changes after that is told in it, and then the
        // decision is made again.
        let holder = match act {
            Act::AddMerchant { .. } => KeyHolder::Operator,
            Act::CreateKey(new) => new.holder,
            Act::RollKey { id, .. } | Act::RevokeKey { id } => match self.parts.store.key(*id).await? {
                Some(key) => key.holder,
                None => return Ok(Err(Refused::NoSuchKey)),
            },
            Act::CreateEndpoint(new) => KeyHolder::Owner(new.owner),
            Act::ChangeEndpoint { id, .. }
            | Act::DisableEndpoint { id, .. }
            | Act::RotateSecret { id, .. }
            | Act::DeleteEndpoint { id }
            | Act::TestEndpoint { id } => match self.parts.store.endpoint(*id).await? {
                Some(endpoint) => KeyHolder::Owner(endpoint.owner),
                None => return Ok(Err(Refused::NoSuchEndpoint)),
            },
            // What is delivered is told in no journal.
            Act::Redeliver { .. } | Act::Resend { .. } => match by {
                By::Operator => KeyHolder::Operator,
                By::Key(own) => own.holder,
            },
        };
        let base = self.journal(holder).await?;
        if let By::Key(own) = by {
            // Whoever sends slowly may be let in with a key that works, and be done with one that no longer does.
            let now = self.parts.host.now();
            if !self.parts.store.key(own.id).await?.is_some_and(|own| own.is_valid(now)) {
                return Ok(Err(Refused::OwnKeyOver));
            }
        }
        match act {
            Act::AddMerchant { name, with_key } => self.add_merchant(base, name, *with_key).await,
            Act::CreateKey(new) => self.create_key(base, by, new).await,
            Act::RollKey { id, grace } => self.roll_key(base, by, *id, *grace).await,
            Act::RevokeKey { id } => self.revoke_key(base, by, *id).await,
            Act::CreateEndpoint(new) => self.create_endpoint(base, new).await,
            Act::ChangeEndpoint { id, edit } => self.change_endpoint(base, by, *id, edit).await,
            Act::DisableEndpoint { id, why } => self.disable_endpoint(base, *id, *why).await,
            Act::RotateSecret { id, grace } => self.rotate_secret(base, by, *id, *grace).await,
            Act::DeleteEndpoint { id } => self.delete_endpoint(base, by, *id).await,
            Act::TestEndpoint { id } => self.test_endpoint(base, by, *id).await,
            Act::Redeliver { id } => self.redeliver(by, *id).await,
            Act::Resend { event, to } => self.resend(by, *event, *to).await,
        }
    }

    async fn add_merchant(
        &self,
        base: Option<Journal>,
        name: &str,
        with_key: bool,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        if self.parts.store.merchant_named(name).await?.is_some() {
            return Ok(Err(Refused::NameTaken));
        }
        let created = self.parts.host.now();
        let merchant = Merchant { id: MerchantId::fresh(self.ids.as_ref()), name: name.to_owned(), created };
        let told = self.told(KeyHolder::Operator, base, &[News::MerchantCreated(&merchant)]);
        let mut journals = vec![JournalChange { merchant: Some(merchant.clone()), ..told }];
        let made = with_key.then(|| self.mint(&NewKey::first(merchant.id)));
        if let Some(made) = &made {
            // A merchant who is new has no journal yet.
            journals.push(self.created(None, made, &[]));
        }
        Ok(Ok(Decision { done: Done::Merchant(merchant, made), journals, deliveries: Vec::new() }))
    }

    async fn create_key(
        &self,
        base: Option<Journal>,
        by: &By,
        new: &NewKey,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        if let KeyHolder::Owner(owner) = new.holder
            && self.parts.store.merchant(owner.merchant).await?.is_none()
        {
            return Ok(Err(Refused::NoSuchMerchant));
        }
        if let By::Key(own) = by {
            if !own.scopes.allow_all_of(&new.scopes) {
                return Ok(Err(Refused::WiderThanOwn));
            }
            if outlives(new.expires, own.expires) {
                return Ok(Err(Refused::OutlivesOwn));
            }
        }
        let made = self.mint(new);
        let journals = vec![self.created(base, &made, &[])];
        Ok(Ok(Decision { done: Done::Key(made), journals, deliveries: Vec::new() }))
    }

    /// A key that was made for so many days is replaced by one for as many; but no key makes one that works longer than itself, and one
    /// that is put in its own place ends when it would have ended.
    async fn roll_key(
        &self,
        base: Option<Journal>,
        by: &By,
        id: KeyId,
        grace: Span,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let mut old = match self.key_for(by, id).await? {
            Ok(old) => old,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.parts.host.now();
        match KeyState::of(&old, now) {
            KeyState::Active => {}
            over @ (KeyState::Expired | KeyState::Revoked) => return Ok(Err(Refused::KeyOver(over))),
        }
        let lifetime = old.expires.map(|expires| Span::from_ms(expires.ms().saturating_sub(old.created.ms())));
        let mut expires = lifetime.map(|lifetime| now.after(lifetime));
        if let By::Key(own) = by
            && outlives(expires, own.expires)
        {
            if own.id != old.id {
                return Ok(Err(Refused::WiderThanOwn));
            }
            expires = own.expires;
        }
        let made = self.mint(&NewKey {
            holder: old.holder,
            kind: old.kind,
            name: old.name.clone(),
            scopes: old.scopes.clone(),
            expires,
        });
        let graced = now.after(grace);
        old.expires = Some(old.expires.map_or(graced, |expires| expires.min(graced)));
        let told = self.created(base, &made, &[News::KeyRolled(&old, made.key.id)]);
        let journals = vec![JournalChange { changed: Some(old.clone()), ..told }];
        Ok(Ok(Decision { done: Done::Rolled(made, old), journals, deliveries: Vec::new() }))
    }

    async fn revoke_key(
        &self,
        base: Option<Journal>,
        by: &By,
        id: KeyId,
    ) -> Result<Result<Decision, Refused>, StoreError> {
        let mut key = match self.key_for(by, id).await? {
            Ok(key) => key,
            Err(refused) => return Ok(Err(refused)),
        };
        if key.revoked.is_some() {
            return Ok(Ok(Decision { done: Done::Revoked(key), journals: Vec::new(), deliveries: Vec::new() }));
        }
        key.revoked = Some(self.parts.host.now());
        let told = self.told(key.holder, base, &[News::KeyRevoked(&key)]);
        let journals = vec![JournalChange { changed: Some(key.clone()), ..told }];
        Ok(Ok(Decision { done: Done::Revoked(key), journals, deliveries: Vec::new() }))
    }

    /// A key that somebody wants to change.
    async fn key_for(&self, by: &By, id: KeyId) -> Result<Result<ApiKey, Refused>, StoreError> {
        let Some(key) = self.parts.store.key(id).await? else { return Ok(Err(Refused::NoSuchKey)) };
        Ok(match by {
            By::Operator => Ok(key),
            By::Key(own) if own.holder == KeyHolder::Operator => Ok(key),
            By::Key(own) if own.holder != key.holder => Err(Refused::NoSuchKey),
            By::Key(own) if !own.scopes.allow_all_of(&key.scopes) => Err(Refused::WiderThanOwn),
            By::Key(_) => Ok(key),
        })
    }

    fn mint(&self, new: &NewKey) -> Made {
        let id = KeyId::fresh(self.ids.as_ref());
        let (key, token) = self.keyring.mint(self.parts.host.as_ref(), id, new.kind, new.holder);
        let key = ApiKey { name: new.name.clone(), scopes: new.scopes.clone(), expires: new.expires, ..key };
        Made { key, token }
    }

    /// What is stored of a new key, told after other news of the same holder's.
    fn created(&self, base: Option<Journal>, made: &Made, before: &[News<'_>]) -> JournalChange {
        let news = [before, &[News::KeyCreated(&made.key)]].concat();
        let hash = self.keyring.hash_key(&made.token);
        JournalChange { key: Some((made.key.clone(), hash)), ..self.told(made.key.holder, base, &news) }
    }

    async fn journal(&self, holder: KeyHolder) -> Result<Option<Journal>, StoreError> {
        let wanted = Wanted { journals: vec![holder], ..Wanted::default() };
        Ok(self.parts.store.load(wanted).await?.journals.into_iter().next().flatten())
    }

    /// A holder's journal with more in it.
    fn told(&self, holder: KeyHolder, base: Option<Journal>, news: &[News<'_>]) -> JournalChange {
        let mut next = base.unwrap_or_else(|| Journal { id: self.ids.next(), chain: Chain::EMPTY });
        let created = self.parts.host.now();
        let mut events = Vec::new();
        for news in news {
            let (id, sequence) = (EventId::fresh(self.ids.as_ref()), next.chain.count + 1);
            let event = JournalEvent { id, sequence, created, holder, news: *news };
            let body = self.parts.present.journal_event(event);
            next.chain = next.chain.followed_by(&body);
            let kind = EventType::Account(news.event());
            events.push(EventRow { id, kind, sequence, created, hash: next.chain.head, body });
        }
        JournalChange { holder, base, next, events, merchant: None, key: None, changed: None, endpoint: None }
    }
}

/// Whether something that ends at the first time, or never, outlives what ends at the second.
fn outlives(expires: Option<Timestamp>, own: Option<Timestamp>) -> bool {
    own.is_some_and(|own| expires.is_none_or(|expires| expires > own))
}

/// What is said when others always come first.
const TOO_MANY: &str = "too many others change merchants and keys";
