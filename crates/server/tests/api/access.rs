//! Every route of the table, asked by everybody: each gets what the route's access promises, and whoever is not the owner sees
//! nothing and changes nothing. A new route is walked as soon as it is in the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use engine::testing::new_key;
use engine::{Act, Answer, Ask, Done, NewEndpoint, NewKey, Reach, Rendered};
use escrow::refund::RefundStatus;
use escrow::{
    Actor, Command, CompleteMilestone, Decimal, EventId, IntentId, KeyId, Means, MilestoneId, Mode, NewDispute,
    NewIntent, NewMilestone, NewRefund, OrderId, Owner, Rail, Receipt, RequestId, Span, Terms, Timestamp,
};
use server::{Access, BASE_PATHS, Route};
use store::{EventFilter, KeyHolder, Level, LoggedRequest, Reply as Remembered, Store, Wanted};

use crate::askers::{ASKERS, Asker, ONE, Refusal, TWO, Who, not_theirs, reaches_everybodys, refusal};
use crate::world::{NO_SCOPES, READ_ONLY, Reply, START_MS, World, keyring};

/// The idempotency keys that strangers send along start so; nothing that is refused for who asks may ever be remembered under one.
const STRANGERS_KEY: &str = "the-walk";

/// Routes without parameters that look the same whatever their owner has: the walk makes no keys and no merchants.
const SHOW_NOTHING_OF_OBJECTS: [&str; 3] = ["/test-helpers/clock", "/api-keys", "/admin/merchants"];

/// What the operator may do with anybody's object, whatever the body says, so that the walk cannot try it and see nothing changed.
const OPERATORS_DEEDS: [&str; 2] = ["/api-keys/{api_key}/roll", "/api-keys/{api_key}/revoke"];

/// What its owner deletes is gone: the walk has the owner do everything but that.
const GONE_AFTERWARDS: [&str; 1] = ["/webhook-endpoints/{endpoint}"];

/// Routes without parameters whose bodies name an intent.
const NAME_INTENTS_IN_BODIES: [&str; 1] = ["/refunds"];

/// An owner, with an object of every kind that a path can name.
pub(crate) struct Objects {
    owner: Owner,
    pub(crate) params: BTreeMap<&'static str, String>,
}

impl Objects {
    /// An intent that is paid, a milestone of it that waits, a dispute over another, the settlement of one that was released, and a
    /// refund. Made through the engine, since the API makes no live ones yet.
    pub(crate) async fn new(world: &World, owner: Owner) -> Objects {
        let ids = world.engine.ids();
        let intent = IntentId::fresh(ids);
        let [done, waiting, disputed] = [(); 3].map(|()| MilestoneId::fresh(ids));
        let milestones = vec![milestone(done, 0, "400"), milestone(waiting, 1, "400"), milestone(disputed, 2, "200")];
        let new = NewIntent { id: intent, order_id: OrderId::fresh(ids), owner, terms: terms().await, milestones };
        let rail = match owner.mode {
            Mode::Sandbox => Rail::Sandbox,
            Mode::Live => Rail::Evm,
        };
        let complete = CompleteMilestone { milestone: done, by: "me".to_owned(), proof: None, proof_uri: None };
        let receipt = Receipt { rail, means: Means::Deposit(None), amount: None, transaction: None };
        let dispute = NewDispute {
            milestone: Some(disputed),
            raised_by: "me".to_owned(),
            reason: "late".to_owned(),
            window: None,
            count: None,
        };
        let refund = NewRefund { amount: Some(Decimal::parse("100").expect("an amount")), reason: None };
        let commands = [
            Command::ReceivePayment(receipt),
            Command::CompleteMilestone(complete),
            Command::RaiseDispute(dispute),
            Command::Refund(refund),
        ];
        decide(world, owner, Ask::Open(Box::new(new))).await;
        for command in commands {
            decide(world, owner, Ask::Decide(intent, command)).await;
        }
        let escrow = world.store.escrow(intent).await.expect("readable").expect("opened");
        let settlement = escrow.settlements.first().expect("released by itself").id;
        let refund = escrow.refunds.first().expect("given back").id;
        at_rest(world, owner, intent).await;
        let holder = KeyHolder::Owner(owner);
        // One that nobody asks with, since the walk has it revoked.
        let token = if owner.mode == Mode::Live { "sk_live_only-to-be-changed" } else { "sk_test_only-to-be-changed" };
        let kind = engine::key_kind(token).expect("a key");
        let key = new_key(&world.engine.registry(keyring()), token, NewKey::full(holder, kind)).await.id;
        let events = world.store.events_after(owner, EventFilter::default(), 0, 1).await.expect("readable").events;
        let event = events.first().expect("something has happened").event.id;
        let (endpoint, delivery) = webhook(world, owner, event).await;
        let request = logged(RequestId::fresh(ids), holder, key);
        world.store.log_requests(vec![request.clone()]).await.expect("writable");
        let params = [
            ("intent", intent.to_string()),
            ("milestone", waiting.to_string()),
            ("settlement", settlement.to_string()),
            ("refund", refund.to_string()),
            ("api_key", key.to_string()),
            ("event", event.to_string()),
            ("endpoint", endpoint),
            ("delivery", delivery),
            ("request", request.id.to_string()),
        ];
        Objects { owner, params: params.into() }
    }

    /// The path of a route, about these objects.
    pub(crate) fn path(&self, route: &Route) -> String {
        let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => segment.to_owned(),
            Some(name) => self.params.get(name).cloned().unwrap_or_else(|| {
                panic!("{}: the walk knows no object for {{{name}}}; make one in Objects::new", route.path)
            }),
        };
        route.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    fn belong_to(&self, asker: &Asker) -> bool {
        asker.who == Who::Merchant(ONE, self.owner.mode)
    }
}

/// A webhook endpoint that was told an event.
async fn webhook(world: &World, owner: Owner, event: EventId) -> (String, String) {
    let registry = world.engine.registry(keyring());
    let new = NewEndpoint {
        owner,
        url: "https://shop.example/hooks".to_owned(),
        description: None,
        events: vec!["*".to_owned()],
    };
    let made = registry.act(&Act::CreateEndpoint(new)).await.expect("a store");
    let Ok(Done::Endpoint(endpoint, _)) = made else { panic!("no endpoint: {made:?}") };
    let told = registry.act(&Act::Resend { event, to: Some(endpoint.id) }).await.expect("a store");
    let Ok(Done::Deliveries(deliveries)) = told else { panic!("no delivery: {told:?}") };
    (endpoint.id.to_string(), deliveries[0].id.to_string())
}

fn logged(id: RequestId, holder: KeyHolder, key: KeyId) -> LoggedRequest {
    LoggedRequest {
        id,
        holder,
        key,
        method: "GET".to_owned(),
        path: "/v1/refunds".to_owned(),
        query: None,
        status: 200,
        created: Timestamp::from_ms(START_MS),
        latency_ms: 1,
        idempotency_key: None,
        sent: None,
        answered: None,
    }
}

/// Waits for what the gateway does by itself: the sandbox's payers get their refunds at once, which must not look like a change.
async fn at_rest(world: &World, owner: Owner, intent: IntentId) {
    let is_pending = async || {
        let escrow = world.store.escrow(intent).await.expect("readable").expect("opened");
        escrow.refunds.iter().any(|refund| refund.status() == RefundStatus::Pending)
    };
    while owner.mode == Mode::Sandbox && is_pending().await {
        world.engine.host().sleep(Span::from_ms(100)).await;
    }
}

fn milestone(id: MilestoneId, index: u32, amount: &str) -> NewMilestone {
    let amount = Decimal::parse(amount).expect("an amount");
    NewMilestone { id, index, amount, description: None, percentage: None }
}

/// The terms of an intent as the API makes it.
pub(crate) async fn terms() -> Terms {
    let scratch = World::new().await;
    let intent = scratch.intent(true).await.parse().expect("an id");
    scratch.store.escrow(intent).await.expect("readable").expect("created").terms
}

pub(crate) async fn decide(world: &World, owner: Owner, ask: Ask) {
    let render = |decided: Result<&escrow::Escrow, &escrow::Rejection>| Rendered {
        status: if decided.is_ok() { 200 } else { 400 },
        body: format!("{decided:?}").into_bytes(),
        kept: None,
    };
    let by = match &ask {
        Ask::Decide(_, Command::ReceivePayment(_)) => Actor::Gateway,
        Ask::Open(_) | Ask::Decide(..) => Actor::Merchant,
    };
    let asked = engine::Request { reach: Reach::Owner(owner), by, ask, idempotency: None, render: Arc::new(render) };
    let answer = world.engine.submit(asked).await.expect("an answer");
    assert!(matches!(&answer, Answer::Decided(rendered) if rendered.status == 200), "{answer:?}");
}

/// Bodies that say nothing, and what routes want to hear: whoever is refused must be so whatever they send. `{intent}` stands for
/// the owner's.
const BODIES: [&str; 11] = [
    "",
    r#"{"amount": "1"}"#,
    r#"{"amount": "1", "milestoneIndex": 7, "completedBy": "me"}"#,
    r#"{"amount": "1", "paymentIntentId": "{intent}"}"#,
    r#"{"proofHash": "0x1111111111111111111111111111111111111111111111111111111111111111", "submittedBy": "me"}"#,
    r#"{"transactionHash": "0x1111111111111111111111111111111111111111111111111111111111111111"}"#,
    r#"{"signature": "0x00", "payerAddress": "0x1111111111111111111111111111111111111111"}"#,
    r#"{"signature": "0x00", "payerAddress": "0x1111111111111111111111111111111111111111", "reason": "late", "text": "look"}"#,
    r#"{"reason": "late", "raisedBy": "me", "submittedBy": "me", "text": "look", "approvedBy": "me"}"#,
    // More than is disputed, so that the operator, who may decide any dispute, decides none here.
    r#"{"resolution": "PARTIAL_REFUND", "refundAmount": "1000000", "resolvedBy": "me"}"#,
    r#"{"card": {"cardNumber": "4242424242424242", "expiry": "12/99", "cvv": "123"}}"#,
];

/// A body that cannot be read. Whoever is refused for their key must not hear of that.
const MALFORMED: &str = "{";

/// A `GET` route answers `HEAD` as well.
fn methods(route: &Route) -> Vec<Method> {
    if route.method == Method::GET { vec![Method::GET, Method::HEAD] } else { vec![route.method.clone()] }
}

/// Whether anybody may try to change something there.
fn is_public_write(route: &Route) -> bool {
    matches!(route.access, Access::Anyone | Access::Payer) && route.method != Method::GET
}

/// Whether the operator may try to change something there.
fn is_operators_write(route: &Route) -> bool {
    let is_operators =
        matches!(route.access, Access::OperatorOrSandbox | Access::MerchantOrOperator | Access::Operator);
    is_operators && route.method != Method::GET
}

fn has_params(route: &Route) -> bool {
    route.path.contains('{')
}

/// Whether a body of the walk makes a route be about the owner's intent.
fn names_intent(route: &Route, body: &str) -> bool {
    NAME_INTENTS_IN_BODIES.contains(&route.path.as_str()) && body.contains("{intent}")
}

/// A request on its way, for sending it and for naming it when it goes wrong.
struct Call<'a> {
    asker: &'a Asker,
    method: Method,
    path: String,
    body: String,
    /// Whether it is about an object of the owner's.
    names_object: bool,
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} with {} and body {:?}", self.method, self.path, self.asker.name, self.body)
    }
}

impl Call<'_> {
    async fn send(&self, world: &World, idempotency_key: Option<&str>) -> Reply {
        let mut request = Request::builder().method(&self.method).uri(&self.path);
        for (name, value) in [("X-API-Key", self.asker.key), ("Idempotency-Key", idempotency_key)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        let request = request.header("content-type", "application/json").body(Body::from(self.body.clone()));
        world.send(request.expect("a request")).await
    }

    fn check_refused(&self, reply: &Reply, promised: Refusal<'_>) {
        assert_eq!(reply.status, promised.status, "{self}: {}", String::from_utf8_lossy(&reply.body));
        if self.method != Method::HEAD {
            reply.refused(promised.status, promised.code, promised.message, "");
        }
    }

    /// Checks that it was not the key that mattered: the answer is neither a refusal of it nor a failure.
    fn check_let_in(&self, reply: &Reply, access: Access, mode: Mode) {
        let shown = String::from_utf8_lossy(&reply.body);
        match access {
            // The intent is paid already, nobody takes real money from cards, and nobody here proves to be the payer.
            Access::Payer => {
                let has_no_processor = mode == Mode::Live && self.path.ends_with("/payment");
                let has_no_proof = !self.body.contains("signature") && shown.contains("Only the payer may do this");
                let promised = match (has_no_processor, has_no_proof) {
                    (true, _) => 503,
                    (false, true) => 401,
                    (false, false) => 400,
                };
                assert_eq!(reply.status, promised, "{self}: {shown}");
            }
            Access::Anyone
            | Access::Merchant
            | Access::Sandbox
            | Access::OperatorOrSandbox
            | Access::MerchantOrOperator
            | Access::Operator => {
                // What the domain lets nobody but a payer do, it says in words of its own.
                let by_domain = reply.status == 403 && shown.contains("may not") && shown.contains("in this mode");
                let is_refused = [401, 403, 404].contains(&reply.status) && !by_domain;
                assert!(reply.status < 500 && !is_refused, "{self}: {shown}");
            }
        }
        if access != Access::Payer && [Method::GET, Method::HEAD].contains(&self.method) {
            assert_eq!(reply.status, 200, "{self}: {shown}");
        }
    }
}

/// Whether a public write was understood: then it was refused for what has become of the intent or for whose the
/// signature is, not for what the body lacks.
fn is_understood(reply: &Reply) -> bool {
    let shown = String::from_utf8_lossy(&reply.body);
    ["invalid_state_transition", "no card processor is connected", "signature_verification_failed"]
        .iter()
        .any(|word| shown.contains(word))
}

/// Every request of one asker to one route.
fn calls<'a>(route: &Route, objects: &Objects, asker: &'a Asker) -> Vec<Call<'a>> {
    let bodies = match (&route.method, refusal(route.access, asker.who)) {
        (&Method::GET, _) => vec![""],
        (_, None) => BODIES.to_vec(),
        (_, Some(_)) => [BODIES.as_slice(), &[MALFORMED]].concat(),
    };
    let mut calls = Vec::new();
    for base in BASE_PATHS {
        let path = format!("{base}{}", objects.path(route));
        for method in methods(route) {
            calls.extend(bodies.iter().map(|body| Call {
                asker,
                method: method.clone(),
                path: path.clone(),
                body: body.replace("{intent}", &objects.params["intent"]),
                names_object: has_params(route) || names_intent(route, body),
            }));
        }
    }
    calls
}

/// What a route shows an asker while nobody has anything. Only for routes whose path names no object.
async fn shown_when_empty(world: &World) -> BTreeMap<(String, &'static str), Vec<u8>> {
    let mut shown = BTreeMap::new();
    for route in server::routes().iter().filter(|route| route.method == Method::GET && !has_params(route)) {
        for asker in &ASKERS {
            let path = format!("{}{}", BASE_PATHS[0], route.path);
            let call = Call { asker, method: Method::GET, path, body: String::new(), names_object: false };
            shown.insert((route.path.clone(), asker.name), without_request_id(&call.send(world, None).await));
        }
    }
    shown
}

/// A body as it is, but for what differs from request to request: the request's id, and that a key was used.
fn without_request_id(reply: &Reply) -> Vec<u8> {
    let text = String::from_utf8_lossy(&reply.body).replace(reply.header("request-id"), "");
    text.replace("\"lastUsedAt\":null", "\"lastUsedAt\":\"2027-01-15T08:00:00.000Z\"").into_bytes()
}

/// What is remembered under a stranger's key: among the merchants' keys, among those of the payers of the intent, and among the
/// operator's.
async fn remembered(world: &World, objects: &Objects, key: &str) -> [Vec<Remembered>; 3] {
    let (payers_key, operators_key) = (format!("{} {key}", objects.params["intent"]), format!("operator {key}"));
    let mut remembered = [const { Vec::new() }; 3];
    for (found, key) in remembered.iter_mut().zip([key, &payers_key, &operators_key]) {
        let mut replies = Vec::new();
        for name in [ONE, TWO] {
            for mode in [Mode::Sandbox, Mode::Live] {
                replies.push((world.owner(name, mode).await, key.to_owned()));
            }
        }
        let loaded = world.store.load(Wanted { replies, ..Wanted::default() }).await.expect("readable");
        found.extend(loaded.replies.into_iter().flatten());
    }
    remembered
}

async fn nobody_else_sees_or_changes_anything(mode: Mode) {
    let world = World::new().await;
    let empty = shown_when_empty(&world).await;
    let objects = Objects::new(&world, world.owner(ONE, mode).await).await;
    let before = world.everything().await;
    let (mut sent, mut refused, mut operators_remembered) = (0, 0, 0);
    for route in server::routes() {
        for asker in ASKERS.iter().filter(|asker| !objects.belong_to(asker)) {
            let is_same_merchant = matches!(asker.who, Who::Merchant(ONE, _));
            let reaches_everybodys = reaches_everybodys(route.access, asker.who);
            if asker.who == Who::Operator && OPERATORS_DEEDS.contains(&route.path.as_str()) {
                continue;
            }
            for call in calls(&route, &objects, asker) {
                let by_object =
                    (call.names_object && !reaches_everybodys).then(|| not_theirs(is_same_merchant)).flatten();
                let promised = refusal(route.access, asker.who).or(by_object);
                // A key of its own, so that no answer is one to an earlier request.
                sent += 1;
                let key = format!("{STRANGERS_KEY}-{sent}");
                let reply = call.send(&world, Some(&key)).await;
                refused += u32::from(promised.is_some());
                match promised {
                    Some(promised) => call.check_refused(&reply, promised),
                    None => call.check_let_in(&reply, route.access, mode),
                }
                let shown_before = empty.get(&(route.path.clone(), asker.name));
                if let Some(shown) = shown_before.filter(|_| call.method == Method::GET && !reaches_everybodys) {
                    assert!(without_request_id(&reply) == *shown, "{call} shows what is not theirs: {reply:?}");
                }
                assert!(world.everything().await == before, "{call} changed what is stored");
                let [of_merchants, of_payers, of_operator] = remembered(&world, &objects, &key).await;
                let is_operators = promised.is_none() && asker.who == Who::Operator && is_operators_write(&route);
                assert!(of_merchants.is_empty(), "{call} is remembered: {of_merchants:?}");
                assert!(of_payers.is_empty(), "{call} is remembered: {of_payers:?}");
                assert!(of_operator.is_empty() || is_operators, "{call} is remembered: {of_operator:?}");
                operators_remembered += of_operator.len();
            }
        }
    }
    assert!(
        operators_remembered > 0 || !server::routes().iter().any(is_operators_write),
        "nothing that the operator asked is remembered: no body of the walk is what such a route wants to hear, add one to BODIES; or \
         the walk looks for the operator's keys where there are none"
    );
    println!("{} routes, {} askers: {sent} requests, {refused} refused", server::routes().len(), ASKERS.len());
    owners_are_let_in(&world, &objects, &empty).await;
}

/// That the requests above fail for the key alone: with the owner's they reach the object, and lists have something to hide.
async fn owners_are_let_in(world: &World, objects: &Objects, empty: &BTreeMap<(String, &'static str), Vec<u8>>) {
    let ends = |route: &Route| route.method == Method::DELETE && GONE_AFTERWARDS.contains(&route.path.as_str());
    for route in server::routes().into_iter().filter(|route| !ends(route)) {
        for asker in ASKERS.iter().filter(|asker| objects.belong_to(asker)) {
            let mut understood = 0;
            for call in calls(&route, objects, asker) {
                let reply = call.send(world, None).await;
                understood += u32::from(is_understood(&reply));
                match refusal(route.access, asker.who) {
                    Some(promised) => call.check_refused(&reply, promised),
                    None => call.check_let_in(&reply, route.access, objects.owner.mode),
                }
                let is_about_objects = !matches!(route.access, Access::Anyone | Access::Operator)
                    && !SHOW_NOTHING_OF_OBJECTS.contains(&route.path.as_str());
                if let Some(shown) = empty.get(&(route.path.clone(), asker.name)).filter(|_| is_about_objects)
                    && call.method == Method::GET
                {
                    assert!(
                        without_request_id(&reply) != *shown,
                        "{call} shows nothing of an owner's objects; if it should not, list it in SHOW_NOTHING_OF_OBJECTS"
                    );
                }
            }
            assert!(
                !is_public_write(&route) || understood > 0,
                "{}: no body of the walk is what it wants to hear; add one to BODIES",
                route.path
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sandbox_objects_are_their_owners() {
    nobody_else_sees_or_changes_anything(Mode::Sandbox).await;
}

#[tokio::test(start_paused = true)]
async fn live_objects_are_their_owners() {
    nobody_else_sees_or_changes_anything(Mode::Live).await;
}

/// A limited key is told what it lacks, whatever it sends and whether there is such an object or not, and changes nothing.
#[tokio::test(start_paused = true)]
async fn limited_keys_do_what_their_scopes_allow() {
    let world = World::new().await;
    let objects = Objects::new(&world, world.owner(ONE, Mode::Sandbox).await).await;
    let before = world.everything().await;
    let limited = |name, key| Asker { name, key: Some(key), who: Who::Merchant(ONE, Mode::Sandbox) };
    let (nothing, look) = (limited("a key without scopes", NO_SCOPES), limited("a key that may look", READ_ONLY));
    let mut refused = 0;
    for route in server::routes() {
        let Some(scope) = route.scope() else {
            assert!(matches!(route.access, Access::Anyone | Access::Payer | Access::Operator), "{}", route.path);
            continue;
        };
        let may_look = scope.level == Level::Read;
        for (asker, is_let_in) in [(&nothing, false), (&look, may_look)] {
            for call in calls(&route, &objects, asker) {
                let reply = call.send(&world, None).await;
                if is_let_in {
                    call.check_let_in(&reply, route.access, Mode::Sandbox);
                } else {
                    let message = format!("it lacks the scope {scope}");
                    call.check_refused(&reply, Refusal { status: 403, code: "forbidden", message: &message });
                    refused += 1;
                }
            }
        }
    }
    println!("{refused} requests refused for their scope");
    assert!(refused > 100, "{refused}");
    assert!(world.everything().await == before, "a limited key changed what is stored");
}
