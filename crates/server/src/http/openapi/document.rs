//! The description as one JSON object.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use store::Area;

use super::examples::{self, Example};
use super::field::Field;
use super::operation::{Answer, Operation};
use crate::http::error::{self, Code};
use crate::http::idempotency::MAX_KEY_CHARS;
use crate::http::routes::{Access, Route};
use crate::http::{BASE_PATHS, is_probe};
use crate::http::{path, rate_limit};
use crate::rate_limit::Pace;

const INTRODUCTION: &str = "\
A self-hosted gateway for milestone payments: a payer's money is locked once, and released share by share as the work is done.

Everything is served below `/v1` and, identically, below `/api/v1`. Bodies are JSON; `application/x-www-form-urlencoded` with \
brackets for what lies deeper (`metadata[orderId]=7`) is taken as well. Unknown fields are ignored, and `null` is the same as \
nothing. Money is a decimal string, never a number. Every answer carries `Request-Id`.

`Idempotency-Key` makes a POST safe to send again: for 24 hours, the same request under the same key gets the first answer and \
does nothing.";

/// The part of the API in which the gateway speaks of itself.
pub(super) const GATEWAY: &str = "Gateway";

/// A route, and what is said about it.
pub(super) type Described = (Route, Operation);

/// The whole description.
pub(super) fn document(routes: &[Described]) -> Value {
    // Lists of what is serialised: what is always written is required.
    let examples = examples::recorded();
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut seen = BTreeSet::new();
    let mut paths = Map::new();
    for (route, operation) in routes {
        let is_alias = !seen.insert(operation.id);
        let at = paths.entry(route.path.clone()).or_insert_with(|| path_item(route));
        at[route.method.as_str().to_ascii_lowercase()] =
            described(&Said { route, operation, is_alias, example: examples.get(operation.id) }, &mut generator);
    }
    let error = generator.subschema_for::<error::Body<'static>>();
    let mut schemas = Value::Object(generator.take_definitions(true));
    close(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Milepost",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": servers(&BASE_PATHS),
        "tags": tags(routes),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "examples": examples_of_errors(),
            "headers": headers(),
            "responses": responses(&error.to_value()),
            "securitySchemes": security_schemes(),
        },
    })
}

fn servers(bases: &[&str]) -> Value {
    bases.iter().map(|base| json!({ "url": base })).collect()
}

/// What is the same for all methods of a path.
fn path_item(route: &Route) -> Value {
    let params: Vec<Value> = path::params(&route.path).map(path_param).collect();
    let mut item = json!({});
    if is_probe(route) {
        item["servers"] = servers(&[BASE_PATHS[0], BASE_PATHS[1], "/"]);
    }
    if !params.is_empty() {
        item["parameters"] = json!(params);
    }
    item
}

fn path_param(param: path::Param) -> Value {
    json!({
        "name": param.name,
        "in": "path",
        "required": true,
        "description": format!("The id of the {}.", param.noun),
        "schema": { "type": "string", "pattern": param.pattern() },
    })
}

/// What there is to say about one method of a path.
struct Said<'d> {
    route: &'d Route,
    operation: &'d Operation,
    is_alias: bool,
    example: Option<&'d Example>,
}

/// One method of a path.
fn described(said: &Said<'_>, generator: &mut SchemaGenerator) -> Value {
    let Said { route, operation, is_alias, example } = *said;
    let id = if is_alias { format!("{}Alias", operation.id) } else { operation.id.to_owned() };
    let mut about = vec![operation.about.to_owned(), access(route)];
    if is_alias {
        about.insert(0, format!("The same as `{}`, at its other address.", operation.id));
    }
    about.retain(|text| !text.is_empty());
    let mut described = json!({
        "operationId": id,
        "tags": [tag(route)],
        "summary": operation.summary,
        "description": about.join("\n\n"),
        "security": security(route, operation),
    });
    let params: Vec<Value> = operation.query.iter().map(query_param).chain(request_headers(route)).collect();
    if !params.is_empty() {
        described["parameters"] = json!(params);
    }
    if let Some(schema) = operation.takes.schema() {
        let mut content = json!({ "schema": schema });
        let body = example.map_or(&operation.example, |example| &example.body);
        if !body.is_null() {
            content["examples"] = json!({ "example": { "value": body } });
        }
        described["requestBody"] =
            json!({ "required": operation.takes.is_required(), "content": { "application/json": content } });
    }
    if let Some(example) = example {
        described["x-example-path"] = json!(example.path);
    }
    described["responses"] = answers(said, generator);
    described
}

fn query_param(field: &Field) -> Value {
    let mut param = json!({
        "name": field.name,
        "in": "query",
        "required": field.is_required,
        "description": field.about,
        "schema": field.schema(),
    });
    if param["schema"]["type"] == "object" {
        param["style"] = json!("deepObject");
        param["explode"] = json!(true);
    }
    param
}

fn request_headers(route: &Route) -> Option<Value> {
    (route.method == Method::POST).then(|| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes the request safe to send again: 1 to 255 visible ASCII characters.",
            "schema": { "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_KEY_CHARS },
        })
    })
}

/// Who may call a route, in words.
fn access(route: &Route) -> String {
    let who = match route.access {
        Access::Anyone => "Anyone may call it; keys are not looked at.",
        Access::Payer => "Whoever pays or has paid may call it; keys are not looked at.",
        Access::Merchant => "Takes a merchant's key of either mode.",
        Access::Sandbox => "Takes a merchant's key of the sandbox.",
        Access::OperatorOrSandbox => "Takes an admin key, or a merchant's key of the sandbox.",
        Access::MerchantOrOperator => "Takes a merchant's key of either mode, or an admin key.",
        Access::Operator => "Takes an admin key.",
    };
    match route.scope() {
        Some(scope) => format!("{who} A key that is limited needs the scope `{scope}`."),
        None => who.to_owned(),
    }
}

fn security(route: &Route, operation: &Operation) -> Value {
    if route.access.takes_key() {
        let scopes: Vec<String> = route.scope().iter().map(ToString::to_string).collect();
        json!([{ "ApiKey": scopes }, { "Bearer": scopes }, { "Basic": scopes }])
    } else if operation.is_payers {
        json!([{ "PayerToken": [] }, {}])
    } else {
        json!([])
    }
}

fn security_schemes() -> Value {
    let key = "An API key: sk_test_…, sk_hackathon_… or sk_live_… of a merchant, sk_admin_… of the operator";
    json!({
        "ApiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": format!("{key}.") },
        "Bearer": { "type": "http", "scheme": "bearer", "description": format!("{key}.") },
        "Basic": { "type": "http", "scheme": "basic", "description": format!("{key}, as the user name.") },
        "PayerToken": {
            "type": "apiKey",
            "in": "header",
            "name": "Payer-Token",
            "description": "The token that paying by card returned. Without it, a signature in the body says who the payer is.",
        },
    })
}

/// The part of the API that a route stands under.
fn tag(route: &Route) -> String {
    let tag = match (route.area, route.access) {
        (Some(Area::ApiKeys), _) => "API keys".to_owned(),
        (Some(area), _) => area.name().replace('_', " "),
        (None, _) if is_probe(route) => GATEWAY.to_owned(),
        (None, Access::Anyone | Access::Payer) => "payers".to_owned(),
        (
            None,
            Access::Merchant
            | Access::Sandbox
            | Access::OperatorOrSandbox
            | Access::MerchantOrOperator
            | Access::Operator,
        ) => "operator".to_owned(),
    };
    let mut letters = tag.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn tags(routes: &[Described]) -> Value {
    let mut names: Vec<String> = Vec::new();
    for name in routes.iter().map(|(route, _)| tag(route)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

/// Whether requests to a route are counted.
fn is_limited(route: &Route) -> bool {
    rate_limit::pace(route) != Pace::Free
}

/// The codes that a route can be refused with, by status.
fn refusals(route: &Route, operation: &Operation) -> BTreeMap<u16, Vec<Code>> {
    let mut codes = vec![Code::ApiError, Code::ServiceUnavailable];
    if is_limited(route) {
        codes.push(Code::RateLimitExceeded);
    }
    let is_about_object = path::params(&route.path).next().is_some();
    if route.access.takes_key() {
        codes.extend([Code::AuthenticationRequired, Code::Forbidden]);
    }
    if is_about_object {
        codes.push(Code::ResourceMissing);
    }
    if operation.is_payers {
        codes.extend([Code::AuthenticationRequired, Code::Forbidden]);
    }
    if operation.takes.schema().is_some() {
        codes.extend([Code::InvalidRequest, Code::RequestTooLarge, Code::RequestTimeout]);
    }
    if !operation.query.is_empty() {
        codes.push(Code::InvalidRequest);
    }
    if route.method == Method::POST {
        codes.extend([Code::InvalidRequest, Code::IdempotencyMismatch, Code::IdempotencyInProgress]);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes.into_iter().chain(operation.refusals.iter().copied()) {
        let of_status = by_status.entry(code.status().as_u16()).or_default();
        if !of_status.contains(&code) {
            of_status.push(code);
        }
    }
    by_status
}

fn answers(said: &Said<'_>, generator: &mut SchemaGenerator) -> Value {
    let Said { route, operation, is_alias: _, example } = *said;
    let (status, content) = match &operation.answer {
        Answer::Json(status, make) => {
            let mut json = json!({ "schema": make(generator) });
            if let Some(example) = example {
                json["examples"] = json!({ "example": { "value": example.answer } });
            }
            (*status, json!({ "application/json": json }))
        }
        Answer::Text(media_type, about) => {
            let mut content = json!({});
            content[*media_type] = json!({ "schema": { "type": "string", "description": about } });
            (200, content)
        }
    };
    let mut answers = Map::new();
    let done = json!({ "description": "Done.", "headers": answer_headers(route, status), "content": content });
    answers.insert(status.to_string(), done);
    for (status, codes) in refusals(route, operation) {
        answers.insert(status.to_string(), refusal(route, status, &codes));
    }
    Value::Object(answers)
}

/// The answer to a refused request: one that is shared, where its codes and its headers are those of every route.
fn refusal(route: &Route, status: u16, codes: &[Code]) -> Value {
    match codes {
        [only] if !may_be_replayed(route, status) => {
            json!({ "$ref": format!("#/components/responses/{}", only.name()) })
        }
        several => {
            let schema = json!({ "$ref": "#/components/schemas/Error" });
            refusal_of(&schema, several, &answer_headers(route, status))
        }
    }
}

fn examples_of_errors() -> Value {
    let examples = Code::ALL.iter().map(|code| (code.name().to_owned(), json!({ "value": error::example(*code) })));
    Value::Object(examples.collect())
}

/// An error with one of these codes.
fn refusal_of(error: &Value, codes: &[Code], headers: &Value) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let told: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.name(), error::about(*code))).collect();
    let examples =
        names.iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/examples/{name}") })));
    json!({
        "description": told.join("\n\n"),
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {
                    "allOf": [error, { "type": "object", "properties": { "code": { "enum": names } } }],
                },
                "examples": Value::Object(examples.collect()),
            },
        },
    })
}

/// The answers that many routes share.
fn responses(error: &Value) -> Value {
    let named = Code::ALL.iter().map(|code| {
        let shared = refusal_of(error, &[*code], &shared_headers(code.status()));
        (code.name().to_owned(), shared)
    });
    Value::Object(named.collect())
}

const REQUEST_ID: &str = "Request-Id";
const REPLAYED: &str = "Idempotent-Replayed";
const RETRY_AFTER: &str = "Retry-After";
const LIMITS: [(&str, &str); 3] = [
    ("X-RateLimit-Limit", "How many requests the window allows."),
    ("X-RateLimit-Remaining", "How many of them are left."),
    ("X-RateLimit-Reset", "When the next window begins, in Unix seconds."),
];

fn named_headers(names: impl IntoIterator<Item = &'static str>) -> Value {
    let refs =
        names.into_iter().map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })));
    Value::Object(refs.collect())
}

/// Whether an answer with this status may be one that was decided before: the domain refuses with 400, and with 404 where it lacks what
/// was meant.
fn may_be_replayed(route: &Route, status: u16) -> bool {
    route.method == Method::POST && ((200..300).contains(&status) || [400, 404].contains(&status))
}

/// The headers of an answer with this status.
fn answer_headers(route: &Route, status: u16) -> Value {
    let replayed = may_be_replayed(route, status).then_some(REPLAYED);
    let limits = LIMITS.iter().map(|(name, _)| *name).filter(|_| is_limited(route));
    let again = [409, 429, 503].contains(&status).then_some(RETRY_AFTER);
    named_headers([REQUEST_ID].into_iter().chain(replayed).chain(limits).chain(again))
}

/// The headers of an answer that many routes share.
fn shared_headers(status: StatusCode) -> Value {
    let is_soon =
        [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    let limits = LIMITS.iter().map(|(name, _)| *name);
    named_headers([REQUEST_ID].into_iter().chain(limits).chain(is_soon.then_some(RETRY_AFTER)))
}

fn headers() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let mut headers = json!({
        REQUEST_ID: {
            "description": "The id of the request, which errors repeat.",
            "required": true,
            "schema": { "type": "string", "pattern": crate::wire::schema::id_pattern("req_") },
        },
        REPLAYED: {
            "description": "Stands on an answer that was given before under the same idempotency key.",
            "required": false,
            "schema": { "const": "true" },
        },
        RETRY_AFTER: { "description": "When to try again, in seconds.", "required": false, "schema": number },
    });
    for (name, about) in LIMITS {
        headers[name] = json!({ "description": about, "required": false, "schema": number });
    }
    headers
}

/// Says of every object with known fields that it has no others: nothing is written that is not described.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
