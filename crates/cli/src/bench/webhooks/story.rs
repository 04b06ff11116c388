//! The story that every intent is led through: the main job, whose requests are known to make so many events each.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Host;
use escrow::Span;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{LOOK_EVERY, id_of};
use crate::api::{list, text};
use crate::bench::load::{Client, Load, creation};
use crate::failure::Failure;

/// The state of an intent whose payee has got everything.
const SETTLED: &str = "SETTLED";

/// When the requests of each intent were answered, in their order.
pub(super) type Answered = BTreeMap<String, Vec<i64>>;

/// What the requests of an intent come to.
pub(super) struct Story {
    /// How many events the intent has after each request.
    events_after: Vec<usize>,
    /// An event as it is served, for whoever is to be sent one without a gateway.
    pub(super) body: Bytes,
}

impl Story {
    /// Leads one intent through it, and sees what comes of each request.
    ///
    /// # Errors
    /// When a request is refused.
    pub(super) async fn learn(load: &Load) -> Result<Story, Failure> {
        let mut client = load.connect().await?;
        let id = create(&mut client).await?;
        let mut events = vec![events_of(&mut client, &id).await?];
        for milestone in milestones(&mut client, &id).await? {
            complete(&mut client, &id, &milestone).await?;
            events.push(events_of(&mut client, &id).await?);
        }
        let body = events.last().and_then(|events| events.first()).map_or_else(String::new, Value::to_string);
        Ok(Story { events_after: events.iter().map(Vec::len).collect(), body: body.into() })
    }

    /// Leads one intent through it, and waits until all of it is settled, which the gateway sees to by itself. Which request made which
    /// event is not told.
    ///
    /// # Errors
    /// When a request is refused.
    pub(super) async fn until_settled(load: &Load) -> Result<Story, Failure> {
        let mut client = load.connect().await?;
        let id = create(&mut client).await?;
        for milestone in milestones(&mut client, &id).await? {
            complete(&mut client, &id, &milestone).await?;
        }
        while text(&client.ask("GET", &format!("/v1/payment-intents/{id}"), None).await?, "/status")? != SETTLED {
            load.host().sleep(LOOK_EVERY).await;
        }
        let events = events_of(&mut client, &id).await?;
        Ok(Story { events_after: vec![events.len()], body: Bytes::new() })
    }

    /// How many events an intent has at the end.
    pub(super) fn events(&self) -> usize {
        self.events_after.last().copied().unwrap_or(0).max(1)
    }

    /// How many intents have so many events.
    pub(super) fn intents_for(&self, events: usize) -> usize {
        events.div_ceil(self.events())
    }

    /// Which of the requests has made the event in this place of an intent's chain, both counted from 0.
    pub(super) fn request_of(&self, place: usize) -> Option<usize> {
        self.events_after.iter().position(|after| place < *after)
    }

    /// Leads so many intents through it, over so many connections, each of which begins one every `pace`.
    ///
    /// # Errors
    /// When a request is refused.
    pub(super) async fn tell(
        &self,
        load: &Load,
        connections: usize,
        intents: usize,
        pace: Span,
    ) -> Result<Answered, Failure> {
        let mut running = Vec::new();
        for number in 0..connections.min(intents) {
            let teller = Teller { client: load.connect().await?, host: load.host(), pace };
            let share = (number..intents).step_by(connections).count();
            // They begin one after the other.
            let delay = Span::from_ms(pace.ms() * share_of(number, connections) / 1000);
            let (done, result) = oneshot::channel();
            load.host().spawn(Box::pin(async move { drop(done.send(teller.run(share, delay).await)) }));
            running.push(result);
        }
        let mut answered = Answered::new();
        for result in running {
            answered.extend(result.await.map_err(|_| Failure::no("a connection gave up"))??);
        }
        Ok(answered)
    }
}

/// The part of a whole, in thousandths.
fn share_of(number: usize, whole: usize) -> i64 {
    i64::try_from(number * 1000 / whole.max(1)).unwrap_or(0)
}

/// One connection that leads intents through the story.
struct Teller {
    client: Client,
    host: Arc<dyn Host>,
    pace: Span,
}

impl Teller {
    async fn run(mut self, intents: usize, delay: Span) -> Result<Answered, Failure> {
        let mut answered = Answered::new();
        let mut next_us = self.host.ticks_us() + delay.ms() * 1000;
        for _ in 0..intents {
            let wait_ms = (next_us - self.host.ticks_us()) / 1000;
            if wait_ms > 0 {
                self.host.sleep(Span::from_ms(wait_ms)).await;
            }
            next_us += self.pace.ms() * 1000;
            let id = create(&mut self.client).await?;
            let mut times = vec![self.host.ticks_us()];
            for milestone in milestones(&mut self.client, &id).await? {
                complete(&mut self.client, &id, &milestone).await?;
                times.push(self.host.ticks_us());
            }
            answered.insert(id, times);
        }
        Ok(answered)
    }
}

async fn create(client: &mut Client) -> Result<String, Failure> {
    id_of(&client.ask("POST", "/v1/payment-intents", Some(&creation())).await?, "/id")
}

async fn milestones(client: &mut Client, intent: &str) -> Result<Vec<String>, Failure> {
    let escrow = client.ask("GET", &format!("/v1/payment-intents/{intent}/escrow"), None).await?;
    list(&escrow, "/data/milestones")?.iter().map(|milestone| id_of(milestone, "/id")).collect()
}

async fn complete(client: &mut Client, intent: &str, milestone: &str) -> Result<(), Failure> {
    let path = format!("/v1/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    let body = json!({"completedBy": "bench@example.com", "completionProof": "proof"});
    client.ask("POST", &path, Some(&body)).await.map(drop)
}

/// The events of an intent, newest first.
async fn events_of(client: &mut Client, intent: &str) -> Result<Vec<Value>, Failure> {
    let events = client.ask("GET", &format!("/v1/events?limit=100&paymentIntentId={intent}"), None).await?;
    list(&events, "/data").map(<[Value]>::to_vec)
}
