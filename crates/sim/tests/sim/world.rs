//! A gateway in this process with one merchant of the sandbox, and a payer with a wallet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use engine::testing::{new_key, new_merchant};
use engine::{Config, Engine, Keyring, NewKey, Parts, SimulatedPayments, verify};
use escrow::{Escrow, IntentId, Mode, Owner, Timestamp};
use evm::{Act, Address, B256, Consent, Domain};
use http_body_util::BodyExt;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use server::{Gateway, Settings, WireEvents, WireWitness};
use store::{Audited, Page, PageRequest, Position, Store, StoredTransfer, TransferFilter};
use tower::ServiceExt;

use crate::clock::Clock;
use crate::steps::Stopped;

/// When every scenario begins: 2027-01-15T08:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_ms(1_800_000_000_000);

/// The merchant's key.
const KEY: &str = "sk_test_merchant-of-a-scenario";

/// The payer's private key.
const WALLET: [u8; 32] = [0x42; 32];

/// How long, in real time, what is due may take before something must be wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// More transfers than a scenario has.
const ALL: PageRequest = PageRequest { limit: 1000, position: Position::Offset(0) };

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The merchant, with the key.
    Merchant,
    /// The payer or anybody else, without one.
    Anyone,
    /// The payer, with the token that a card payment returned.
    Bearer,
}

/// Everything that a scenario is played with.
pub(crate) struct World {
    host: Arc<Clock>,
    engine: Arc<Engine>,
    router: Router,
    owner: Owner,
    /// What was created so far.
    intents: Vec<IntentId>,
    /// Which of them the steps are about: the last one, until a step goes back to another.
    current: usize,
    wallet: SigningKey,
    /// What the payer signed last.
    pub(crate) signature: Option<String>,
    /// What the last card payment returned, to act as the payer with.
    pub(crate) token: Option<String>,
}

impl World {
    pub(crate) async fn new(store: Arc<dyn Store>) -> World {
        let clock = Arc::new(Clock::at(START));
        let engine = Engine::start(Parts {
            store,
            host: clock.clone(),
            present: Arc::new(WireEvents),
            payments: Arc::new(SimulatedPayments),
            config: Config::default(),
        });
        clock.one_at_a_time();
        let registry = engine.registry(keyring());
        let owner = Owner { merchant: new_merchant(&registry, "merchant").await, mode: Mode::Sandbox };
        new_key(&registry, KEY, NewKey::first(owner.merchant)).await;
        let router = router(&engine, Settings::default());
        let wallet = SigningKey::from_slice(&WALLET).expect("a private key");
        World {
            host: clock,
            engine,
            router,
            owner,
            intents: Vec::new(),
            current: 0,
            wallet,
            signature: None,
            token: None,
        }
    }

    pub(crate) async fn end(self) {
        self.engine.shut_down().await;
    }

    /// Starts the API anew with this fee.
    pub(crate) fn set_fee(&mut self, fee_basis_points: u16) {
        self.router = router(&self.engine, Settings { fee_basis_points, ..Settings::default() });
    }

    // What the steps are about.

    /// From now on, the steps are about this intent, which nobody has paid yet: a token is good for the intent that it paid only.
    pub(crate) fn add(&mut self, intent: &Value) {
        self.intents.push(text(&intent["id"]).parse().expect("an id"));
        self.current = self.intents.len() - 1;
        self.token = None;
    }

    /// From now on, the steps are about the intent that was created as this one, counted from 1.
    pub(crate) fn go_back(&mut self, number: usize) -> Result<(), Stopped> {
        let place = number.checked_sub(1).filter(|place| *place < self.intents.len());
        self.current = place.ok_or_else(|| Stopped::Unclear(format!("there is no intent {number}")))?;
        Ok(())
    }

    /// The intent that the steps are about.
    pub(crate) fn intent(&self) -> Result<IntentId, Stopped> {
        let intent = self.intents.get(self.current).copied();
        intent.ok_or_else(|| Stopped::Unclear("nothing was created yet".to_owned()))
    }

    // What happens.

    /// Sends a request, and gives what a 2xx answered.
    pub(crate) async fn call(&self, by: By, method: &str, path: &str, body: Value) -> Result<Value, Stopped> {
        let request = Request::builder().method(method).uri(format!("/v1{path}"));
        let request = match by {
            By::Merchant => request.header("X-API-Key", KEY),
            By::Anyone => request,
            By::Bearer => request.header("Payer-Token", self.token.as_deref().expect("a card was paid with")),
        };
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        let response = self.router.clone().oneshot(request.expect("a request")).await.expect("infallible");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        if status.is_success() {
            return Ok(body);
        }
        let (code, message) = (text(&body["code"]), without_addresses(text(&body["message"])));
        Err(Stopped::Refused(format!("refused: {} {code}: {message}", status.as_u16())))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Stopped> {
        self.call(By::Merchant, "GET", path, Value::Null).await
    }

    /// Waits until nothing is due and the engine waits for the clock.
    pub(crate) async fn rest(&self) {
        let resting = async {
            loop {
                let (next, now) = (self.next_due().await, self.clock().await);
                if next.is_none_or(|due| now < due) && self.host.is_waited_for() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let rested = tokio::time::timeout(PATIENCE, resting).await;
        rested.expect("what is due is done, and the engine waits for the clock");
    }

    async fn next_due(&self) -> Option<Timestamp> {
        let jobs = self.everything().await.into_iter().flat_map(|row| match row {
            Audited::Escrow { jobs, .. } => jobs,
            Audited::Journal { .. } | Audited::Stray { .. } | Audited::Account(..) | Audited::Balance(..) => Vec::new(),
        });
        jobs.map(|(_, due)| due).min()
    }

    /// Checks what `milepost verify` checks, and that the merchant's ledger adds up to zero.
    pub(crate) async fn verify(&self) -> Result<(), String> {
        let report = verify::verify(self.store(), Box::<WireWitness>::default()).await.expect("readable");
        if !report.is_clean() {
            return Err(format!("what must always hold does not: {:#?}", report.broken));
        }
        let mut sums = BTreeMap::new();
        for balance in self.store().balances(self.owner).await.expect("readable") {
            *sums.entry(balance.currency).or_insert(0_i128) += i128::from(balance.minor);
        }
        let is_zero = sums.values().all(|sum| *sum == 0);
        if is_zero { Ok(()) } else { Err(format!("the ledger does not add up to zero: {sums:?}")) }
    }

    // The payer.

    pub(crate) fn payer(&self) -> String {
        let point = self.wallet.verifying_key().to_sec1_point(false);
        // The first byte of the encoding says that both coordinates follow.
        Address::from_raw_public_key(&point.as_bytes()[1..]).to_string()
    }

    /// The payer's signature under the terms as they are, which are those that the API shows.
    pub(crate) async fn sign(&self) -> Result<String, Stopped> {
        let escrow = self.escrow().await?;
        let domain = Domain::sandbox(Settings::default().chain_id);
        let consent = Consent::new(domain, &escrow, u64::from(escrow.revision), escrow.consent_deadline());
        let shown =
            self.call(By::Anyone, "GET", &format!("/payment-intents/public/{}", escrow.id), Value::Null).await?;
        assert_eq!(shown["data"]["typedData"], json!(consent.typed_data()), "a wallet is shown what is checked");
        Ok(self.signature_of(consent.signing_hash()))
    }

    /// The payer's signature under an act.
    pub(crate) fn sign_act(&self, act: Act<'_>) -> String {
        self.signature_of(act.signing_hash(Domain::sandbox(Settings::default().chain_id)))
    }

    fn signature_of(&self, digest: B256) -> String {
        let (signature, recovery) = self.wallet.sign_prehash_recoverable(digest.as_slice());
        let bytes = signature.to_bytes().into_iter().chain([27 + recovery.to_byte()]);
        bytes.fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    // What is stored.

    /// The time on the merchant's clock of the sandbox.
    pub(crate) async fn clock(&self) -> Timestamp {
        let clock = self.get("/test-helpers/clock").await;
        let seconds = clock.ok().and_then(|clock| clock["data"]["now"].as_i64()).expect("a clock");
        Timestamp::from_ms(seconds * 1000)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.engine.store().as_ref()
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    pub(crate) async fn escrow(&self) -> Result<Escrow, Stopped> {
        Ok(self.store().escrow(self.intent()?).await.expect("readable").expect("it was created"))
    }

    /// The transfers of the intent, oldest first.
    pub(crate) async fn transfers(&self) -> Result<Vec<StoredTransfer>, Stopped> {
        let filter = TransferFilter { intent: Some(self.intent()?), ..TransferFilter::default() };
        let Page { mut items, has_more } = self.store().transfers(self.owner, filter, ALL).await.expect("readable");
        assert!(!has_more, "more transfers than a scenario may have");
        items.reverse();
        Ok(items)
    }

    /// The events of the intent as they are served, in their order.
    pub(crate) async fn events(&self) -> Result<Vec<Value>, Stopped> {
        let intent = self.intent()?;
        let of_intent = |row| match row {
            Audited::Escrow { stored, events, .. } if stored.escrow.id == intent => Some(events),
            Audited::Escrow { .. }
            | Audited::Journal { .. }
            | Audited::Stray { .. }
            | Audited::Account(..)
            | Audited::Balance(..) => None,
        };
        let rows = self.everything().await.into_iter().find_map(of_intent).expect("it was created");
        Ok(rows.iter().map(|(_, _, row)| serde_json::from_slice(&row.body).expect("JSON")).collect())
    }

    /// Everything that is stored about money.
    pub(crate) async fn everything(&self) -> Vec<Audited> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let visit = Box::new(move |row| sink.lock().expect("not poisoned").push(row));
        self.store().audit(visit).await.expect("readable");
        std::mem::take(&mut *seen.lock().expect("not poisoned"))
    }
}

fn keyring() -> Keyring {
    Keyring::new(&[7; 32])
}

fn router(engine: &Arc<Engine>, settings: Settings) -> Router {
    server::router(Gateway::new(engine.clone(), keyring(), settings))
}

/// A text of an answer.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Addresses follow from ids, and are others as soon as anything else draws an id.
fn without_addresses(message: &str) -> String {
    const ADDRESS: usize = "0x".len() + 40;
    let hidden = |word: &str| word.get(ADDRESS..).filter(|_| word.starts_with("0x")).map(|rest| format!("0x…{rest}"));
    let words = message.split(' ').map(|word| hidden(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}
