//! Holds every answer that any test gets against the description of the API: its status, its headers and its body must be as
//! described, so that neither can change without the other.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};
use server::BASE_PATHS;

use crate::world::Reply;

/// The description, as the gateway serves it.
pub(crate) static DESCRIPTION: LazyLock<Value> = LazyLock::new(server::description);

/// Validators, by the pointer to what they check.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks an answer to a request, where its path and method are described.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, reply: &Reply) {
    let Some(path) = template(path) else { return };
    // A `GET` route answers `HEAD` as well, without a body.
    let is_head = *method == Method::HEAD;
    let verb = if is_head { "get".to_owned() } else { method.as_str().to_lowercase() };
    let Some(operation) = DESCRIPTION["paths"][&path].get(&verb) else {
        assert!([405, 200].contains(&reply.status), "{method} {path} is not described: {reply:?}");
        return;
    };
    if reply.status == 304 {
        return;
    }
    let answer = resolve(operation["responses"].get(reply.status.to_string()).unwrap_or_else(|| {
        panic!("{method} {path} answers with a status that is not described: {} {}", reply.status, text(reply))
    }));
    for (name, header) in answer["headers"].as_object().expect("headers") {
        let header = resolve(header);
        assert!(header["required"] == false || reply.headers.contains_key(name), "{method} {path} lacks {name}");
    }
    for name in ["idempotent-replayed", "retry-after", "x-ratelimit-limit"] {
        let is_described =
            answer["headers"].as_object().expect("headers").keys().any(|key| key.eq_ignore_ascii_case(name));
        assert!(
            is_described || !reply.headers.contains_key(name),
            "{method} {path} {}: {name} is not described",
            reply.status
        );
    }
    let media_type = reply.header("content-type").split(';').next().unwrap_or_default();
    let Some(content) = answer["content"].get(media_type) else {
        panic!("{method} {path} {} answers as {media_type:?}, which is not described", reply.status)
    };
    // The reader of these tests gives a meaning to this name of a member, which the gateway does not.
    let is_readable = !text(reply).contains("$serde_json::private");
    if media_type == "application/json" && !is_head && is_readable {
        let key = format!("{verb} {path} {}", reply.status);
        let body = serde_json::from_slice(&reply.body).expect("JSON");
        let wrong: Vec<String> = validator(&key, &content["schema"])
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{method} {path} {} is not as described: {wrong:#?}\n{}", reply.status, text(reply));
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// What a reference stands for.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
        }
        None => value,
    }
}

/// What checks that a value is as a schema of the description says.
pub(crate) fn validator(key: &str, schema: &Value) -> Arc<Validator> {
    let mut made = VALIDATORS.lock().expect("not poisoned");
    made.entry(key.to_owned())
        .or_insert_with(|| {
            let whole = json!({ "components": DESCRIPTION["components"], "allOf": [schema] });
            Arc::new(jsonschema::draft202012::new(&whole).expect("a schema"))
        })
        .clone()
}

/// The described path that a path of a request is one of, its fixed segments first.
pub(crate) fn template(path: &str) -> Option<String> {
    let below = BASE_PATHS.iter().find_map(|base| path.strip_prefix(base));
    let paths = DESCRIPTION["paths"].as_object().expect("paths");
    // What answers without a base path says so.
    let path =
        below.or_else(|| Some(path).filter(|path| paths.get(*path).is_some_and(|item| item["servers"].is_array())))?;
    let fits = |template: &&String| {
        let (mut sent, mut wanted) = (path.split('/'), template.split('/'));
        loop {
            match (sent.next(), wanted.next()) {
                (None, None) => return true,
                (Some(sent), Some(wanted)) if sent == wanted || (wanted.starts_with('{') && !sent.is_empty()) => {}
                _ => return false,
            }
        }
    };
    paths.keys().filter(fits).min_by_key(|template| template.matches('{').count()).cloned()
}
