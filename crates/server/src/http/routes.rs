//! A route table: every route is declared once, with who may call it, and both the router and what is known about it follow.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{self, MethodRouter};
use store::{Area, Level, Scope};

use super::openapi::{Describe, Operation};
use super::{auth, rate_limit};
use crate::gateway::Gateway;

/// Who may call a route. What a caller may do with the object that the route names is decided after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone; keys are not looked at.
    Anyone,
    /// Whoever pays or has paid, by what the request carries (a signature, a card, a token), which the route itself checks; keys
    /// are not looked at.
    Payer,
    /// A merchant, with a key of either mode.
    Merchant,
    /// A merchant with a key of the sandbox: what the route does exists with simulated money only.
    Sandbox,
    /// The operator, with an admin key, about every merchant's objects in both modes; or a merchant with a key of the sandbox, about
    /// its own. What the route does is the operator's alone where there is real money.
    OperatorOrSandbox,
    /// A merchant, with a key of either mode, about what is its own; or the operator, with an admin key, about everybody's.
    MerchantOrOperator,
    /// The operator, with an admin key.
    Operator,
}

impl Access {
    /// Whether it takes an API key.
    #[must_use]
    pub const fn takes_key(self) -> bool {
        match self {
            Access::Anyone | Access::Payer => false,
            Access::Merchant
            | Access::Sandbox
            | Access::OperatorOrSandbox
            | Access::MerchantOrOperator
            | Access::Operator => true,
        }
    }
}

/// A route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method; a `GET` route answers `HEAD` as well.
    pub method: Method,
    /// Its path below the base path, with its parameters in braces.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// The part of the API that it belongs to, where keys can be limited to parts.
    pub area: Option<Area>,
}

impl Route {
    fn new(method: Method, path: impl Into<String>, access: Access) -> Route {
        Route { method, path: path.into(), access, area: None }
    }

    /// What a merchant's key must be allowed to do. Nothing for those who need no key, and nothing more for the operator, whose keys
    /// are not limited.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        let level = if self.method == Method::GET { Level::Read } else { Level::Write };
        self.area.map(|area| Scope { area, level })
    }
}

/// A route with what answers it and what is said about it.
struct Entry {
    route: Route,
    answers: MethodRouter<Arc<Gateway>>,
    describe: Describe,
}

/// Routes with what answers them.
#[derive(Default)]
pub(super) struct Table {
    area: Option<Area>,
    entries: Vec<Entry>,
}

impl Table {
    /// A table of routes that belong to one part of the API.
    pub(super) fn of(area: Area) -> Table {
        Table { area: Some(area), entries: Vec::new() }
    }

    pub(super) fn get<H, T>(self, path: impl Into<String>, access: Access, handler: H, describe: Describe) -> Table
    where
        H: Handler<T, Arc<Gateway>>,
        T: 'static,
    {
        self.add(Route::new(Method::GET, path, access), routing::get(handler), describe)
    }

    pub(super) fn post<H, T>(self, path: impl Into<String>, access: Access, handler: H, describe: Describe) -> Table
    where
        H: Handler<T, Arc<Gateway>>,
        T: 'static,
    {
        self.add(Route::new(Method::POST, path, access), routing::post(handler), describe)
    }

    pub(super) fn patch<H, T>(self, path: impl Into<String>, access: Access, handler: H, describe: Describe) -> Table
    where
        H: Handler<T, Arc<Gateway>>,
        T: 'static,
    {
        self.add(Route::new(Method::PATCH, path, access), routing::patch(handler), describe)
    }

    pub(super) fn delete<H, T>(self, path: impl Into<String>, access: Access, handler: H, describe: Describe) -> Table
    where
        H: Handler<T, Arc<Gateway>>,
        T: 'static,
    {
        self.add(Route::new(Method::DELETE, path, access), routing::delete(handler), describe)
    }

    fn add(mut self, mut route: Route, answers: MethodRouter<Arc<Gateway>>, describe: Describe) -> Table {
        route.area = self.area.filter(|_| route.access.takes_key());
        self.entries.push(Entry { route, answers, describe });
        self
    }

    /// These routes, then those.
    pub(super) fn merge(mut self, other: Table) -> Table {
        self.entries.extend(other.entries);
        self
    }

    /// What is known about the routes, in their order.
    pub(super) fn routes(self) -> Vec<Route> {
        self.entries.into_iter().map(|entry| entry.route).collect()
    }

    /// The same, with what is said about each.
    pub(super) fn described(self) -> Vec<(Route, Operation)> {
        self.entries.into_iter().map(|entry| (entry.route, (entry.describe)())).collect()
    }

    /// The routes in service: no request reaches a handler but by the route's access.
    pub(super) fn router(self, gateway: &Arc<Gateway>) -> Router<Arc<Gateway>> {
        self.entries.into_iter().fold(Router::new(), |router, Entry { route, answers, describe: _ }| {
            let (access, scope, pace) = (route.access, route.scope(), rate_limit::pace(&route));
            let guard = auth::Guard { gateway: gateway.clone(), access, scope, pace };
            let guard = from_fn_with_state(guard, auth::admit);
            // A layer of the route, not of the whole path, so that a method it does not have is answered as such.
            router.route(&route.path, answers.route_layer(guard))
        })
    }
}
