//! What is logged on the way of a request says which request it was.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::world::{Fault, World};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_logged_with_the_request_and_the_intent() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let log = Log::default();
    let writer = log.clone();
    // Where only errors are logged, too.
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _until_the_end = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    world.store.line().fail(Fault::Down);
    let reply = world.get(&format!("/payment-intents/{intent}")).await;
    assert_eq!(reply.status, 503);
    let lines = log.lines();
    let is_it = |line: &&Value| line["fields"]["message"] == "the store is not available";
    let line = lines.iter().find(is_it).unwrap_or_else(|| panic!("it is not logged: {lines:?}"));
    assert_eq!(line["span"]["request_id"], reply.header("request-id"));
    assert_eq!(line["span"]["intent"], intent);
}
