//! The documented fields of bodies are the ones that are read, and are read as documented.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use escrow::Mode;
use serde_json::{Value, json};
use server::{Access, ExampleRequest, Route};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::access::Objects;
use crate::askers::ONE;
use crate::described::DESCRIPTION;
use crate::world::{ADMIN, Reply, TEST, World};

/// The target under which the gateway tells which fields it reads.
const READ: &str = "server::fields";

/// Fields that count only where others are absent, with those.
const INSTEAD_OF: [(&str, &str); 3] =
    [("card.expiryMonth", "card.expiry"), ("card.expiryYear", "card.expiry"), ("successUrl", "returnUrl")];

/// Remembers which fields were read.
#[derive(Clone, Default)]
struct Readings(Arc<Mutex<BTreeSet<String>>>);

impl Subscriber for Readings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == READ
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Param(&self.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Param<'r>(&'r Mutex<BTreeSet<String>>);

impl Visit for Param<'_> {
    fn record_str(&mut self, _: &Field, value: &str) {
        let whole =
            value.split('.').map(|part| part.split_once('[').map_or(part.to_owned(), |(list, _)| format!("{list}[]")));
        self.0.lock().expect("not poisoned").insert(whole.collect::<Vec<_>>().join("."));
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A field as it is documented: its name with those around it, and its schema.
type Documented = (String, Value);

/// The fields of a schema and those inside them.
fn documented(schema: &Value, at: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let whole = format!("{at}{name}");
        found.push((whole.clone(), property.clone()));
        found.extend(documented(property, &format!("{whole}.")));
        found.extend(documented(&property["items"], &format!("{whole}[].")));
    }
    found
}

fn body_schema(route: &Route) -> &'static Value {
    let method = route.method.as_str().to_lowercase();
    &DESCRIPTION["paths"][&route.path][&method]["requestBody"]["content"]["application/json"]["schema"]
}

/// Values that a field must not have.
fn wrong_values(schema: &Value) -> Vec<Value> {
    let ways = schema["anyOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
    let has_type = |name: &str| {
        ways.iter()
            .any(|way| way["type"] == name || way["type"].as_array().is_some_and(|all| all.contains(&json!(name))))
    };
    let mut wrong = vec![if has_type("array") { json!(true) } else { json!([true]) }];
    for way in &ways {
        if let Some(most) = way["maxLength"].as_u64() {
            wrong.push(json!("7".repeat(usize::try_from(most).expect("a length") + 1)));
        }
        if let Some(most) = way["maximum"].as_i64() {
            wrong.push(json!(most + 1));
        }
        if let Some(least) = way["minimum"].as_i64() {
            wrong.push(json!(least - 1));
        }
        if let Some(most) = way["maxItems"].as_u64() {
            wrong.push(json!(vec![json!({}); usize::try_from(most).expect("a number") + 1]));
        }
        if way["enum"].is_array() {
            wrong.push(json!("NONE_OF_THEM"));
        }
    }
    // What is no id is answered like an id that nobody has.
    let is_id = schema["title"].as_str().is_some_and(|title| title.starts_with("an id"));
    if has_type("string") && !is_id {
        wrong.push(json!("\u{1}"));
    }
    wrong
}

/// Puts a value where a field is; lists get a first item.
fn put(body: &mut Value, name: &str, value: Value) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let slot = match first.strip_suffix("[]") {
        Some(list) => {
            if !body[list][0].is_object() {
                body[list] = json!([{}]);
            }
            &mut body[list][0]
        }
        None => &mut body[first],
    };
    match rest {
        None => *slot = value,
        Some(rest) => put(slot, rest, value),
    }
}

/// A body that is read to its end, with this field absent or to be filled.
fn base(request: &ExampleRequest, name: &str, is_payers: bool) -> Value {
    let mut body = if request.body.is_null() { json!({}) } else { request.body.clone() };
    if is_payers || !body["signature"].is_null() {
        put(&mut body, "signature", json!("0x00"));
        put(&mut body, "payerAddress", json!("0x1111111111111111111111111111111111111111"));
    }
    // The top wins over metadata.
    if let Some(inner) = name.strip_prefix("metadata.") {
        put(&mut body, inner, Value::Null);
    }
    for (instead, of) in INSTEAD_OF {
        if name == instead {
            put(&mut body, of, Value::Null);
        }
    }
    if name.starts_with("card.expiry") && name != "card.expiry" {
        put(&mut body, "card.expiryMonth", json!(12));
        put(&mut body, "card.expiryYear", json!(2049));
    }
    body
}

async fn send(world: &World, objects: &Objects, route: &Route, body: &Value) -> Reply {
    let filled = |text: &str| {
        objects.params.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    };
    let key = if route.access == Access::Operator { ADMIN } else { TEST };
    let request = Request::builder()
        .method(&route.method)
        .uri(format!("/v1{}", filled(&route.path)))
        .header("X-API-Key", key)
        .header("content-type", "application/json");
    world.send(request.body(Body::from(filled(&body.to_string()))).expect("a request")).await
}

#[tokio::test(start_paused = true)]
async fn documented_fields_are_what_is_read() {
    let world = World::new().await;
    let objects = Objects::new(&world, world.owner(ONE, Mode::Sandbox).await).await;
    let readings = Readings::default();
    let _guard = tracing::subscriber::set_default(readings.clone());
    let mut checked = 0;
    for request in server::example_requests() {
        let route = &request.route;
        let fields = documented(body_schema(route), "");
        let method = route.method.as_str().to_lowercase();
        let is_payers = DESCRIPTION["paths"][&route.path][&method]["security"][0].get("PayerToken").is_some();
        readings.0.lock().expect("not poisoned").clear();
        for (name, schema) in &fields {
            for wrong in wrong_values(schema) {
                let mut body = base(&request, name, is_payers);
                put(&mut body, name, wrong.clone());
                let reply = send(&world, &objects, route, &body).await;
                let told = reply.ok(400);
                let param = name.replace("[]", "[0]");
                assert_eq!(
                    told["param"],
                    param.as_str(),
                    "{} {} with {name} = {wrong}: {told}",
                    route.method,
                    route.path
                );
                checked += 1;
            }
        }
        if !body_schema(route).is_null() {
            // Whatever becomes of it, all of it is read.
            send(&world, &objects, route, &base(&request, "", is_payers)).await;
        }
        let read = readings.0.lock().expect("not poisoned").clone();
        let names: BTreeSet<String> = fields.into_iter().map(|(name, _)| name).collect();
        assert_eq!(read, names, "{} {}: what is read, and what is documented", route.method, route.path);
    }
    assert!(checked > 300, "{checked}");
}
