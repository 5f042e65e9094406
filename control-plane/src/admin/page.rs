//! Lists in pages: `?limit=` and `?cursor=`, the cursor being the last id in base64url, which callers need not know.

use axum::{Json, extract::rejection::QueryRejection};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{json, value::Value};

use crate::{problem::Problem, store::records::Page};

const DEFAULT: u32 = 100;
const MOST: u32 = 1000;

/// The query of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

// === impl PageQuery ===

impl PageQuery {
    /// A query of these two members.
    pub(super) const fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// The page that is asked for, with room for one more, which tells whether there is a next.
    pub(super) fn page(self) -> Result<Page, Problem> {
        let Self { limit, cursor } = self;
        let limit = limit.unwrap_or(DEFAULT);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::invalid_request(format!("`limit` must lie between 1 and {MOST}.")));
        }
        let after = cursor.map(|cursor| decode(&cursor)).transpose()?;
        Ok(Page { after, limit: limit.saturating_add(1) })
    }
}

/// The body of a list: `items`, and `next` when there are more.
pub(super) fn body<T>(
    page: &Page,
    mut found: Vec<T>,
    id: impl Fn(&T) -> &str,
    show: impl Fn(&T) -> Value,
) -> Json<Value> {
    let limit = usize::try_from(page.limit.saturating_sub(1)).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| cursor(id(last)));
    Json(json!({ "items": found.iter().map(show).collect::<Vec<_>>(), "next": next }))
}

/// A place in a list as callers are told it.
pub(super) fn cursor(after: &str) -> String {
    BASE64URL_NOPAD.encode(after.as_bytes())
}

/// A query that could not be read.
pub(super) fn rejection(rejection: &QueryRejection) -> Problem {
    Problem::invalid_request(format!("{}.", rejection.body_text()))
}

fn decode(cursor: &str) -> Result<String, Problem> {
    BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Problem::invalid_request("`cursor` must be the `next` of the page before."))
}
