//! The description of the API.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::described::{DESCRIPTION, validator};
use crate::world::{Reply, World};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every route of the table, and nothing else, is described.
#[test]
fn the_description_has_the_routes_of_the_table() {
    let described: BTreeSet<(String, String)> = DESCRIPTION["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let table = server::routes().into_iter().map(|route| (route.method.to_string(), route.path)).collect();
    assert_eq!(described, table);
}

#[test]
fn operations_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for item in DESCRIPTION["paths"].as_object().expect("paths").values() {
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(seen.insert(id), "{id} twice");
        }
    }
}

/// Every parameter of a path is described, and no other.
#[test]
fn parameters_of_paths_are_described() {
    for (path, item) in DESCRIPTION["paths"].as_object().expect("paths") {
        let wanted: Vec<&str> =
            path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
        let described = item["parameters"].as_array().into_iter().flatten();
        let described: Vec<&str> = described.map(|param| param["name"].as_str().expect("a name")).collect();
        assert_eq!(described, wanted, "{path}: add the parameter to PARAMS in http/path.rs");
    }
}

/// The examples of requests are what the schemas of requests allow; those of answers are looked at when they are answered.
#[test]
fn examples_of_requests_fit_their_schemas() {
    for (path, item) in DESCRIPTION["paths"].as_object().expect("paths") {
        for method in METHODS {
            let content = &item[method]["requestBody"]["content"]["application/json"];
            let example = &content["examples"]["example"]["value"];
            if !example.is_null() {
                let key = format!("request of {method} {path}");
                let wrong: Vec<String> =
                    validator(&key, &content["schema"]).iter_errors(example).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{key}: {wrong:?}");
            }
        }
    }
}

#[test]
fn examples_of_errors_are_errors() {
    let error = &json!({ "$ref": "#/components/schemas/Error" });
    for (code, example) in DESCRIPTION["components"]["examples"].as_object().expect("examples") {
        assert!(validator("error", error).is_valid(&example["value"]), "{code}");
        assert_eq!(example["value"]["error"]["code"], code.as_str());
    }
}

async fn get(world: &World, path: &str, tag: Option<&str>) -> Reply {
    let request = tag.into_iter().fold(Request::get(path), |request, tag| request.header("If-None-Match", tag));
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test(start_paused = true)]
async fn the_description_and_its_page_are_served_to_everybody_and_cached() {
    let world = World::new().await;
    for (path, media_type) in [("openapi.json", "application/json"), ("docs", "text/html; charset=utf-8")] {
        for base in ["/", "/v1/", "/api/v1/"] {
            let whole = get(&world, &format!("{base}{path}"), None).await;
            assert_eq!((whole.status, whole.header("content-type")), (200, media_type));
            let again = get(&world, &format!("{base}{path}"), Some(whole.header("etag"))).await;
            assert_eq!((again.status, again.body.len()), (304, 0));
        }
    }
    let served: Value = get(&world, "/openapi.json", None).await.ok(200);
    assert_eq!(served, *DESCRIPTION);
}

/// Nothing is loaded from anywhere and nothing is run, and the policy would not let it.
#[tokio::test(start_paused = true)]
async fn the_page_needs_nothing_but_itself() {
    let page = get(&World::new().await, "/docs", None).await;
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.body).expect("text");
    for loading in ["<script", "<link", "<img", "<iframe", " src=", "@import", "url(", " style=", " on"] {
        let is_in_tag = html
            .split('<')
            .skip(1)
            .any(|part| format!("<{}", part.split('>').next().unwrap_or_default()).contains(loading));
        assert!(!is_in_tag, "{loading}");
    }
    for item in DESCRIPTION["paths"].as_object().expect("paths").values() {
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(id.ends_with("Alias") || html.contains(&format!("<article id=\"{id}\">")), "{id} is not shown");
        }
    }
}
