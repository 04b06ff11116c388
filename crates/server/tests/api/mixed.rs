//! What is one's own opens nothing of anybody else's: paths that name objects of two owners, and filters and cursors that name
//! what is in no list of whoever asks.

use axum::body::Body;
use axum::http::{Method, Request};
use escrow::Mode;
use serde_json::Value;
use server::Route;

use crate::access::Objects;
use crate::askers::{ONE, TWO, Who, refusal};
use crate::described::{DESCRIPTION, resolve};
use crate::world::{LIVE, OTHER, Reply, World};

/// Those who own objects of their own, and who they are.
const OTHERS: [(&str, &str, Mode); 2] = [(OTHER, TWO, Mode::Sandbox), (LIVE, ONE, Mode::Live)];

/// The parameters of a route's path.
fn params(route: &Route) -> Vec<&str> {
    route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

async fn ask(world: &World, key: &str, method: &Method, path: &str, event: Option<&str>) -> Reply {
    let request = Request::builder().method(method).uri(format!("/v1{path}")).header("X-API-Key", key);
    let request = event.into_iter().fold(request, |request, event| request.header("Last-Event-ID", event));
    let body = if *method == Method::GET { "" } else { r#"{"amount": "1", "completedBy": "me", "reason": "late"}"# };
    let request = request.header("content-type", "application/json").body(Body::from(body));
    world.send(request.expect("a request")).await
}

/// Whose objects a path names matters one by one: a milestone of another's in an intent of one's own is not there, and one's own
/// in another's intent is out of reach.
#[tokio::test(start_paused = true)]
async fn paths_that_name_objects_of_two_owners() {
    let world = World::new().await;
    let theirs = Objects::new(&world, world.owner(ONE, Mode::Sandbox).await).await;
    let mut asked = 0;
    for (key, name, mode) in OTHERS {
        let own = Objects::new(&world, world.owner(name, mode).await).await;
        let before = world.everything().await;
        for route in server::routes() {
            let params = params(&route);
            for (place, param) in params.iter().enumerate().filter(|_| params.len() > 1) {
                let mut mixed = own.params.clone();
                mixed.insert(param, theirs.params[param].clone());
                let path =
                    mixed.iter().fold(route.path.clone(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
                let reply = ask(&world, key, &route.method, &path, None).await;
                let shown = String::from_utf8_lossy(&reply.body);
                // Whoever pays is asked for a proof first, and has none here.
                let is_refused = [401, 403, 404].contains(&reply.status);
                assert!(is_refused, "{} {path} ({param} at {place}): {} {shown}", route.method, reply.status);
                assert!(world.everything().await == before, "{} {path} changed what is stored", route.method);
                asked += 1;
            }
        }
    }
    println!("{asked} paths");
    assert!(asked > 20, "{asked}");
}

/// What stands for nothing in a list: like an id, and nobody's.
fn nobodys(id: &str) -> String {
    let (prefix, _) = id.split_once('_').expect("an id has a prefix");
    format!("{prefix}_0000000000000000000001")
}

/// An answer, but for what differs from one request to another.
fn told(reply: &Reply, id: &str) -> (u16, String) {
    let text = String::from_utf8_lossy(&reply.body);
    let text = text.replace(reply.header("request-id"), "").replace(id, "ID");
    (reply.status, text.replace("\"lastUsedAt\":null", "\"lastUsedAt\":\"2027-01-15T08:00:00.000Z\""))
}

/// The parameters of the query of a route.
fn queries(route: &Route) -> Vec<&'static str> {
    let described = DESCRIPTION["paths"][&route.path]["get"]["parameters"].as_array();
    let described = described.into_iter().flatten().map(resolve).filter(|param| param["in"] == "query");
    described.map(|param| param["name"].as_str().expect("a name")).collect()
}

#[tokio::test(start_paused = true)]
async fn filters_and_cursors_do_not_tell_anothers_objects_from_those_that_are_nowhere() {
    let world = World::new().await;
    let theirs = Objects::new(&world, world.owner(ONE, Mode::Sandbox).await).await;
    let mut asked = 0;
    for (key, name, mode) in OTHERS {
        let own = Objects::new(&world, world.owner(name, mode).await).await;
        let lets_in =
            |route: &&Route| route.method == Method::GET && refusal(route.access, Who::Merchant(name, mode)).is_none();
        for route in server::routes().iter().filter(lets_in) {
            let path = own.path(route);
            for id in theirs.params.values() {
                let nobodys = nobodys(id);
                for query in queries(route) {
                    let [known, unknown] = [id, &nobodys].map(|id| (id, format!("{path}?{query}={id}")));
                    let known_told = told(&ask(&world, key, &Method::GET, &known.1, None).await, known.0);
                    let unknown_told = told(&ask(&world, key, &Method::GET, &unknown.1, None).await, unknown.0);
                    assert_eq!(known_told, unknown_told, "{} and {}", known.1, unknown.1);
                    asked += 1;
                }
                if path == "/events/stream" {
                    let known = told(&ask(&world, key, &Method::GET, &path, Some(id)).await, id);
                    let unknown = told(&ask(&world, key, &Method::GET, &path, Some(&nobodys)).await, &nobodys);
                    assert_eq!(known, unknown, "{path} after {id}");
                    asked += 1;
                }
            }
        }
    }
    println!("{asked} pairs");
    assert!(asked > 100, "{asked}");
}

/// Under the same idempotency key everybody has answers of their own.
#[tokio::test(start_paused = true)]
async fn an_idempotency_key_brings_nobody_anothers_answer() {
    let world = World::new().await;
    let mut made = Vec::new();
    for key in [crate::world::TEST, OTHER, LIVE, crate::world::OTHER_LIVE] {
        let request = Request::builder().method("POST").uri("/v1/api-keys").header("X-API-Key", key);
        let request = request.header("Idempotency-Key", "the-same").header("content-type", "application/json");
        let reply = world.send(request.body(Body::from(r#"{"name": "shop"}"#)).expect("a request")).await;
        assert_eq!(reply.header("idempotent-replayed"), "");
        let answer: Value = reply.ok(201);
        made.push(answer["id"].as_str().expect("an id").to_owned());
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 4);
}
