//! Lists: which part of one is asked for, and how it is answered.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use escrow::{RawId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{PageRequest, Position, StoreError};

use super::access::ok;
use super::error::ApiError;
use super::fields::{LATEST_S, Read, digits, with_article};
use super::form;
use super::idempotency::unversioned;
use crate::wire::List;

/// The most items of a page.
pub(super) const MAX_LIMIT: i64 = 100;

/// The items of a page that says nothing.
pub(super) const DEFAULT_LIMIT: i64 = 10;

/// The largest offset: what clients in other languages keep in a signed 32-bit integer.
pub(super) const MAX_OFFSET: i64 = 2_147_483_647;

/// The base path that lists name in `url`.
const URL_BASE: &str = "/v1";

/// The query of a request.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    url: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Query, ApiError> {
        let pairs = form::pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
        Ok(Query { pairs, url: format!("{URL_BASE}{}", unversioned(parts.uri.path())) })
    }
}

impl Query {
    /// The last value of a parameter; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rfind(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter, empty ones left out; each may hold several with commas between them.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.pairs.iter().filter(|(key, _)| key == name);
        values.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// The names of the parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(key, _)| key.as_str())
    }

    /// One of a closed set of names.
    pub(super) fn choice<T: Copy>(&self, name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Read<Option<T>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = all.iter().copied().find(|value| name_of(*value) == text);
        found.map(Some).ok_or_else(|| {
            let mut names = Vec::new();
            for name in all.iter().map(|value| name_of(*value)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            ApiError::field(name, format!("{name} must be one of {}", names.join(", ")))
        })
    }

    /// An id.
    pub(super) fn id<T: FromStr>(&self, name: &str, what: &str) -> Read<Option<T>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| ApiError::field(name, format!("{name} must be the id of {}", with_article(what))))
        };
        self.get(name).map(parse).transpose()
    }

    /// Unix seconds.
    pub(super) fn seconds(&self, name: &str) -> Read<Option<i64>> {
        self.number(name, 0, LATEST_S)
    }

    fn number(&self, name: &str, least: i64, most: i64) -> Read<Option<i64>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = digits(text).filter(|number| (least..=most).contains(number));
        number
            .map(Some)
            .ok_or_else(|| ApiError::field(name, format!("{name} must be an integer from {least} to {most}")))
    }

    fn limit(&self) -> Read<usize> {
        let limit = self.number("limit", 1, MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Which page is asked for. `raw` reads the ids of the list.
    pub(super) fn page(&self, raw: fn(&str) -> Option<RawId>) -> Read<PageRequest> {
        let limit = self.limit()?;
        let given = ["starting_after", "ending_before", "offset"].into_iter().filter(|name| self.get(name).is_some());
        if let [_, second, ..] = given.collect::<Vec<_>>().as_slice() {
            return Err(ApiError::field(*second, "Only one of starting_after, ending_before and offset can be given"));
        }
        let cursor =
            |name: &str| self.get(name).map(|text| raw(text).ok_or_else(|| unknown_cursor(name, text))).transpose();
        let position = if let Some(id) = cursor("starting_after")? {
            Position::After(id)
        } else if let Some(id) = cursor("ending_before")? {
            Position::Before(id)
        } else {
            Position::Offset(self.offset()?)
        };
        Ok(PageRequest { limit, position })
    }

    /// Which part is asked for of a list without cursors: how many items, behind how many.
    pub(super) fn window(&self) -> Read<(usize, u64)> {
        if let Some(name) = ["starting_after", "ending_before"].into_iter().find(|name| self.get(name).is_some()) {
            return Err(ApiError::field(name, format!("{name} is not available in this list; use limit and offset")));
        }
        Ok((self.limit()?, self.offset()?))
    }

    fn offset(&self) -> Read<u64> {
        Ok(self.number("offset", 0, MAX_OFFSET)?.unwrap_or(0).unsigned_abs())
    }

    /// What a failed read of a page is answered with.
    pub(super) fn failed(&self, error: StoreError) -> ApiError {
        let cursor = ["starting_after", "ending_before"].into_iter().find_map(|name| Some((name, self.get(name)?)));
        match (error, cursor) {
            (StoreError::UnknownCursor, Some((name, text))) => unknown_cursor(name, text),
            (error, _) => error.into(),
        }
    }

    /// The answer with a page of JSON texts.
    pub(super) fn answer_texts(&self, items: Vec<String>, has_more: bool) -> Result<Response, ApiError> {
        let raw = items.into_iter().map(RawValue::from_string).collect::<Result<Vec<_>, _>>();
        let raw = raw.map_err(|error| {
            tracing::error!(%error, "what is stored is no JSON");
            ApiError::Internal
        })?;
        Ok(self.answer(raw, has_more))
    }

    /// The answer with a page.
    pub(super) fn answer<T: Serialize>(&self, items: Vec<T>, has_more: bool) -> Response {
        ok(&List::new(items, has_more, self.url.clone()))
    }

    /// The part of a whole list that is asked for, and whether there is more in that direction.
    pub(super) fn part<'l, T>(
        &self,
        all: &'l [T],
        page: PageRequest,
        id: impl Fn(&T) -> RawId,
    ) -> Read<(&'l [T], bool)> {
        let place = |wanted: RawId| {
            all.iter().position(|item| id(item) == wanted).ok_or_else(|| self.failed(StoreError::UnknownCursor))
        };
        let (from, to) = match page.position {
            Position::Offset(offset) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(all.len());
                (from, from.saturating_add(page.limit).min(all.len()))
            }
            Position::After(cursor) => {
                let from = place(cursor)? + 1;
                (from, from.saturating_add(page.limit).min(all.len()))
            }
            Position::Before(cursor) => {
                let to = place(cursor)?;
                (to.saturating_sub(page.limit), to)
            }
        };
        let has_more = if matches!(page.position, Position::Before(_)) { from > 0 } else { to < all.len() };
        Ok((all.get(from..to).unwrap_or_default(), has_more))
    }
}

fn unknown_cursor(name: &str, text: &str) -> ApiError {
    let shown: String = text.chars().take(64).collect();
    ApiError::field(name, format!("{name} names nothing in this list: {shown}"))
}

/// The first moment of a second.
pub(super) const fn from_second(seconds: i64) -> Timestamp {
    Timestamp::from_ms(seconds.saturating_mul(1000))
}

/// The last moment of a second: `created` is shown in whole ones, so that `created[lte]` must take in what it shows.
pub(super) const fn to_second(seconds: i64) -> Timestamp {
    Timestamp::from_ms(seconds.saturating_mul(1000).saturating_add(999))
}
