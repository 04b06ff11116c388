//! Clients, who ask until they are answered.

use std::sync::Arc;

use engine::{AdvanceClock, Answer, Ask, Clock, Idempotency, Reach, Rendered, Request, TooFarAhead, Unavailable};
use escrow::{
    Actor, Command, Escrow, Hash, IntentId, Mode, NewIntent, OrderId, Owner, RawId, Rejection, Span, Timestamp,
};

use crate::fates::Fault;
use crate::machine::OUTSIDE;
use crate::oracle::is_remembered;
use crate::rng::Rng;
use crate::workload::{self, Agreed, What, Wish};
use crate::world::{Gateway, World, locked};

/// How long a client waits before it asks again.
const AGAIN_MS: (i64, i64) = (10, 1_500);

/// How often somebody looks at the payouts of an intent, in which intervals, before he asks that one be tried again.
const LOOK_MS: i64 = 500;
const MOST_LOOKS: usize = 60;

/// What was asked under one key, or without one, and what became of it.
#[derive(Clone)]
pub(crate) struct Asked {
    /// What it carries wherever it can, so that its effect can be told from others'.
    pub(crate) label: String,
    pub(crate) what: Content,
    pub(crate) is_keyed: bool,
    pub(crate) by: Actor,
    /// What was answered, every time.
    pub(crate) answers: Vec<(u16, Vec<u8>)>,
    /// How often somebody got no answer although it may have happened, or may yet happen.
    pub(crate) doubts: i64,
    /// What nobody may ever be told.
    pub(crate) wrongs: Vec<String>,
}

impl Asked {
    /// Whether it was answered with yes.
    pub(crate) fn is_accepted(&self) -> bool {
        self.answers.iter().any(|(status, _)| *status == 200)
    }

    /// Whether nobody was told what became of it, and it may have happened.
    pub(crate) const fn is_in_doubt(&self) -> bool {
        self.answers.is_empty() && self.doubts > 0
    }
}

/// What was asked.
#[derive(Clone)]
pub(crate) enum Content {
    Intent(Owner, Ask),
    Clock(Owner, Span),
}

impl Content {
    pub(crate) fn owner(&self) -> Owner {
        match self {
            Content::Intent(owner, _) | Content::Clock(owner, _) => *owner,
        }
    }

    pub(crate) fn intent(&self) -> Option<IntentId> {
        match self {
            Content::Intent(_, Ask::Open(new)) => Some(new.id),
            Content::Intent(_, Ask::Decide(intent, _)) => Some(*intent),
            Content::Clock(..) => None,
        }
    }

    pub(crate) fn command(&self) -> Option<&Command> {
        match self {
            Content::Intent(_, Ask::Decide(_, command)) => Some(command),
            Content::Intent(_, Ask::Open(_)) | Content::Clock(..) => None,
        }
    }
}

/// What a client hears.
enum Heard {
    Answer(u16, Vec<u8>),
    /// Nothing was done, and nothing will be.
    Nothing,
    /// Nobody knows.
    Silence,
    /// What nobody may be told.
    Wrong(String),
}

/// Wishes for these things, one after the other.
pub(crate) async fn run(world: Arc<World>, wishes: Vec<Wish>) {
    for wish in wishes {
        world.machine.sleep(wish.pause_ms).await;
        if matches!(wish.what, What::RetryPayout(_)) {
            watch_payouts(&world, &wish).await;
        }
        if let Some((what, by)) = content(&world, &wish) {
            ask(&world, &wish, what, by).await;
        }
    }
    *locked(&world.busy) -= 1;
}

/// Waits, but not for ever, until a payout of this intent did not arrive.
async fn watch_payouts(world: &World, wish: &Wish) {
    for _ in 0..MOST_LOOKS {
        let intent = locked(&world.intents).get(&wish.intent).copied();
        if intent.and_then(|intent| world.escrow(intent)).is_some_and(|state| workload::has_missed(&state)) {
            return;
        }
        world.machine.sleep(LOOK_MS).await;
    }
}

/// What a wish comes to as things are: nothing, where its intent is not there.
fn content(world: &World, wish: &Wish) -> Option<(Content, Actor)> {
    if let What::Open(agreed) = &wish.what {
        return Some((open(world, wish, agreed), Actor::Merchant));
    }
    let intent = locked(&world.intents).get(&wish.intent).copied()?;
    let state = world.escrow(intent)?;
    if let What::Advance(seconds) = wish.what {
        let owner = Owner { mode: Mode::Sandbox, ..state.owner };
        return Some((Content::Clock(owner, Span::from_seconds(seconds)), Actor::Merchant));
    }
    let command = workload::command(&wish.what, &state, &label(wish, 0), raw_id(wish, 3))?;
    Some((Content::Intent(state.owner, Ask::Decide(intent, command)), workload::asker(wish, &state)))
}

fn open(world: &World, wish: &Wish, agreed: &Agreed) -> Content {
    let merchant = world.merchants[agreed.merchant % world.merchants.len()];
    let owner = Owner { merchant, mode: agreed.mode };
    let now = Timestamp::from_ms(world.machine.now_ms()).after(world.ahead(owner));
    let milestones = (10..).zip(&agreed.shares).filter_map(|(place, (index, minor))| {
        workload::new_milestone(escrow::MilestoneId::new(raw_id(wish, place)), *index, *minor)
    });
    let id = IntentId::new(raw_id(wish, 1));
    let new = NewIntent {
        id,
        order_id: OrderId::new(raw_id(wish, 2)),
        owner,
        terms: agreed.terms_at(now),
        milestones: milestones.collect(),
    };
    locked(&world.intents).insert(wish.intent, id);
    Content::Intent(owner, Ask::Open(Box::new(new)))
}

/// An id that belongs to a wish, and to nothing else.
fn raw_id(wish: &Wish, purpose: u64) -> RawId {
    let mut rng = Rng::new(wish.number as u64, "ids");
    for _ in 0..purpose {
        rng.next();
    }
    let time = (crate::world::START_MS.unsigned_abs() as u128) << 80;
    RawId::from_bits(time | (u128::from(rng.next()) << 8) | u128::from(purpose))
}

/// The idempotency key of a wish: another one, when it is wished for anew.
fn label(wish: &Wish, anew: usize) -> String {
    format!("wish-{}-{anew}", wish.number)
}

/// Asks until there is an answer. Whoever sent a key sends it again when nobody knows what became of it; whoever is told that nothing was
/// done may as well begin anew.
async fn ask(world: &Arc<World>, wish: &Wish, what: Content, by: Actor) {
    let mut anew = 0;
    let mut place = remember(world, wish, &what, &by, anew);
    loop {
        let gateway = any_gateway(world).await;
        let is_twice = wish.is_keyed && world.fates.strike(Fault::SentTwice);
        if is_twice {
            send_beside(world, place).await;
        }
        let heard = send(world, &gateway, place).await;
        if note(world, place, &heard) {
            return;
        }
        let is_over = !wish.is_keyed && matches!(heard, Heard::Silence);
        if is_over {
            return;
        }
        let (from, to) = AGAIN_MS;
        world.machine.sleep(world.fates.span_ms(from, to)).await;
        // Under another key it is another request, which must be the only one that happens.
        let may_begin_anew = locked(&world.asked)[place].doubts == 0 && what.command().is_some();
        if matches!(heard, Heard::Nothing) && may_begin_anew && world.fates.span_ms(0, 2) == 0 {
            anew += 1;
            let Some((fresh, _)) = renewed(world, wish, anew) else { return };
            place = remember(world, wish, &fresh, &by, anew);
        }
    }
}

/// The same wish under another label.
fn renewed(world: &World, wish: &Wish, anew: usize) -> Option<(Content, Actor)> {
    let intent = locked(&world.intents).get(&wish.intent).copied()?;
    let state = world.escrow(intent)?;
    let purpose = 3 + 20 * u64::try_from(anew).unwrap_or(0);
    let command = workload::command(&wish.what, &state, &label(wish, anew), raw_id(wish, purpose))?;
    Some((Content::Intent(state.owner, Ask::Decide(intent, command)), Actor::Merchant))
}

fn remember(world: &World, wish: &Wish, what: &Content, by: &Actor, anew: usize) -> usize {
    let mut asked = locked(&world.asked);
    asked.push(Asked {
        label: label(wish, anew),
        what: what.clone(),
        is_keyed: wish.is_keyed,
        by: by.clone(),
        answers: Vec::new(),
        doubts: 0,
        wrongs: Vec::new(),
    });
    asked.len() - 1
}

/// Notes what was heard; `true` when that was an answer, or will never be one.
fn note(world: &World, place: usize, heard: &Heard) -> bool {
    let mut all = locked(&world.asked);
    let asked = &mut all[place];
    match heard {
        Heard::Answer(status, body) => asked.answers.push((*status, body.clone())),
        Heard::Nothing => return false,
        Heard::Silence => {
            asked.doubts += 1;
            return false;
        }
        Heard::Wrong(what) => asked.wrongs.push(what.clone()),
    }
    true
}

/// A gateway that is alive, whichever it is.
async fn any_gateway(world: &World) -> Gateway {
    loop {
        let count = i64::try_from(world.shape.gateways).unwrap_or(1);
        let place = usize::try_from(world.fates.span_ms(0, count)).unwrap_or(0);
        // Whatever place was drawn, one that is alive will do.
        let gateways = (0..world.shape.gateways).map(|step| (place + step) % world.shape.gateways);
        if let Some(gateway) = gateways.into_iter().find_map(|slot| world.gateway(slot)) {
            return gateway;
        }
        world.machine.sleep(100).await;
    }
}

/// Sends a request once more beside, to any gateway, at the same time.
async fn send_beside(world: &Arc<World>, place: usize) {
    let (world, gateway) = (world.clone(), any_gateway(world).await);
    *locked(&world.busy) += 1;
    // As long as nobody has heard of this one, it may happen.
    locked(&world.asked)[place].doubts += 1;
    let beside = world.clone();
    let task = async move {
        let heard = send(&beside, &gateway, place).await;
        note(&beside, place, &heard);
        *locked(&beside.busy) -= 1;
    };
    world.machine.spawn(OUTSIDE, Box::pin(task));
}

/// Sends a request to a gateway, and listens until it answers or dies.
async fn send(world: &World, gateway: &Gateway, place: usize) -> Heard {
    let asked = locked(&world.asked)[place].clone();
    let mut life = gateway.life.clone();
    let answer = tokio::select! {
        biased;
        answer = submit(world, gateway, &asked) => Some(answer),
        _ = life.changed() => None,
    };
    match answer {
        // A connection that breaks off tells nothing, whatever the tasks behind it did when they were dropped.
        None | Some(Err(_)) if gateway.is_dead() => Heard::Silence,
        None => Heard::Silence,
        Some(Ok(Answer::Decided(rendered) | Answer::Replayed(rendered))) => {
            Heard::Answer(rendered.status, rendered.body)
        }
        Some(Ok(Answer::KeyReused)) => Heard::Wrong("the key was taken for another request's".to_owned()),
        Some(Ok(Answer::Forbidden)) => Heard::Wrong("the intent was taken for somebody else's".to_owned()),
        Some(Ok(Answer::NotFound)) => Heard::Wrong("the intent was not found".to_owned()),
        Some(Err(Unavailable::Overloaded | Unavailable::Closing | Unavailable::Store(_))) => Heard::Nothing,
        Some(Err(Unavailable::KeyInUse | Unavailable::Interrupted | Unavailable::TimedOut)) => Heard::Silence,
    }
}

async fn submit(world: &World, gateway: &Gateway, asked: &Asked) -> Result<Answer, Unavailable> {
    let idempotency = asked.is_keyed.then(|| idempotency(asked));
    match &asked.what {
        Content::Clock(owner, by) => {
            let render = Arc::new(|moved: Result<Clock, TooFarAhead>| Rendered {
                status: if moved.is_ok() { 200 } else { 400 },
                body: format!("{}", moved.map_or(-1, |clock| clock.ahead.ms())).into_bytes(),
                kept: None,
            });
            let move_on = AdvanceClock { merchant: owner.merchant, by: *by, idempotency, render };
            gateway.engine.advance_clock(move_on).await
        }
        Content::Intent(owner, ask) => {
            let seen = world.seen.clone();
            let render = Arc::new(move |result: Result<&Escrow, &Rejection>| {
                if let Err(why) = result {
                    seen.refusal(why);
                }
                rendered(result)
            });
            let reach = reach(&asked.by, *owner);
            let (by, ask) = (asked.by.clone(), ask.clone());
            gateway.engine.submit(Request { reach, by, ask, idempotency, render }).await
        }
    }
}

pub(crate) fn reach(by: &Actor, owner: Owner) -> Reach {
    match by {
        Actor::Merchant => Reach::Owner(owner),
        Actor::Operator => Reach::Operator,
        Actor::Payer(_) | Actor::Unproven(_) | Actor::Anyone | Actor::Gateway => Reach::Everybody,
    }
}

fn idempotency(asked: &Asked) -> Idempotency {
    let fingerprint = Hash::ZERO.following(asked.label.as_bytes());
    Idempotency { owner: asked.what.owner(), key: asked.label.clone(), fingerprint }
}

/// Where in its history an intent is after the command: how many events it has, and what they hash to.
fn rendered(result: Result<&Escrow, &Rejection>) -> Rendered {
    let (status, body) = match result {
        Ok(escrow) => (200, format!("{} {} {}", escrow.id, escrow.chain.count, escrow.chain.head)),
        Err(why) => (400, why.to_string()),
    };
    Rendered { status, body: body.into_bytes(), kept: None }
}

/// Asks once more for everything that was answered and is remembered.
pub(crate) async fn ask_again(world: Arc<World>) {
    let count = locked(&world.asked).len();
    for place in 0..count {
        let asked = locked(&world.asked)[place].clone();
        if asked.answers.is_empty() || !is_remembered(&asked) {
            continue;
        }
        let gateway = any_gateway(&world).await;
        let heard = send(&world, &gateway, place).await;
        if !note(&world, place, &heard) {
            locked(&world.asked)[place].wrongs.push("there is no answer, while nothing goes wrong".to_owned());
        }
    }
    *locked(&world.busy) -= 1;
}

/// What is held goes back or on, once everybody has had the time for it: the payer takes back what was not delivered, and the merchant
/// gives back the rest.
pub(crate) async fn close(world: Arc<World>, round: usize) {
    let intents: Vec<IntentId> = locked(&world.intents).values().copied().collect();
    for (number, intent) in intents.into_iter().enumerate() {
        for what in [What::Reclaim, What::Refund(None)] {
            let Some(state) = world.escrow(intent).filter(|state| !state.funds.held.is_zero()) else { continue };
            let number = 10_000 + 100 * round + 10 * number + usize::from(matches!(what, What::Refund(_)));
            let wish =
                Wish { number, client: 0, pause_ms: 0, intent: 0, is_keyed: true, is_by_a_stranger: false, what };
            let by = match (&wish.what, state.owner.mode) {
                (What::Reclaim, Mode::Live) => state.payer().map_or(Actor::Merchant, Actor::Payer),
                _ => Actor::Merchant,
            };
            let Some(command) = workload::command(&wish.what, &state, &label(&wish, 0), raw_id(&wish, 3)) else {
                continue;
            };
            ask(&world, &wish, Content::Intent(state.owner, Ask::Decide(intent, command)), by).await;
        }
    }
    *locked(&world.busy) -= 1;
}
