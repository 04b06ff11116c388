//! The description of the API (OpenAPI 3.1) and the page that shows it.
//!
//! It is made once, from the route table and from what each endpoint's file says beside its handler. Where a route is, who may call
//! it, and what follows from both (parameters of the path, headers, refusals for keys) comes from the table alone.

mod document;
mod examples;
pub(super) mod field;
mod operation;
mod page;
mod serve;

use super::api;
use super::routes::Route;

pub(super) use field::Field;
pub(super) use operation::{Describe, Operation};
pub use serve::as_served as description_value;
pub(super) use serve::{description, description_doc, page as page_handler, page_doc};

/// What is asked as an example on a route: the operation's name, the route, and the body, with ids in braces.
#[derive(Clone, Debug)]
pub struct ExampleRequest {
    /// What generated clients call the operation. An alias has the name of what it is an alias of.
    pub operation: &'static str,
    /// Where it is asked.
    pub route: Route,
    /// The body, `null` where there is none.
    pub body: serde_json::Value,
}

/// The example requests of the whole API, in the order of the route table.
#[must_use]
pub fn example_requests() -> Vec<ExampleRequest> {
    let described = api().described().into_iter();
    described.map(|(route, said)| ExampleRequest { operation: said.id, route, body: said.example }).collect()
}
