//! The audit trail: who changed what, and what gateways minted and refused; and whether all of it is still there.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use cambist_core::time::Timestamp;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::{json, value::Value};

use super::page::{self, PageQuery};
use crate::{
    app::App,
    auth::Admin,
    clock::{from_rfc3339, rfc3339},
    problem::Problem,
    store::{
        chain::{Broken, Link, Verification},
        records::{AuditFilter, AuditRow, Digest, Gap, Order},
    },
    text,
};

/// Rows that one verification looks at; whoever wants more goes on where it ended.
const MOST_VERIFIED: u32 = 50_000;

/// The query of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    order: Option<Direction>,
    identity: Option<String>,
    client_id: Option<String>,
    issuer: Option<String>,
    action: Option<String>,
    reason: Option<String>,
    gateway: Option<String>,
    instance: Option<String>,
    jti: Option<String>,
    request: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    #[default]
    Oldest,
    Newest,
}

/// The query of the gaps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GapsQuery {
    gateway: Option<String>,
}

/// Where a verification begins: behind this row, whose hash was seen before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyQuery {
    after: Option<i64>,
    hash: Option<String>,
}

/// `GET /v1/audit`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| page::rejection(&rejection))?;
    let page = PageQuery::new(query.limit, query.cursor.clone()).page()?;
    let from = page.after.as_deref().map(row_of).transpose()?;
    let limit = page.limit.saturating_sub(1);
    let trail = app.store.trail(&admin.tenant, &filter(query)?, from, limit).await?;
    let items: Vec<Value> = trail.rows.iter().map(show).collect();
    let next = trail.next.map(|id| page::cursor(&id.to_string()));
    // Behind the newest of them, for whoever follows the trail in the order in which it is written.
    let position = trail.rows.iter().map(|row| row.id).max().map(|id| page::cursor(&id.to_string()));
    Ok(Json(json!({ "items": items, "next": next, "position": position })))
}

/// `GET /v1/audit/gaps`: events that instances numbered and that never came.
pub(super) async fn gaps(
    State(app): State<Arc<App>>,
    admin: Admin,
    query: Result<Query<GapsQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(GapsQuery { gateway }) = query.map_err(|rejection| page::rejection(&rejection))?;
    let gaps = app.store.gaps(&admin.tenant, gateway.as_deref(), MOST_GAPS.saturating_add(1)).await?;
    let most = usize::try_from(MOST_GAPS).unwrap_or(usize::MAX);
    let show = |Gap { gateway, instance, first, last }: &Gap| {
        let count = last.saturating_sub(*first).saturating_add(1);
        json!({ "gateway": gateway, "instance": instance, "first": first, "last": last, "count": count })
    };
    let items: Vec<Value> = gaps.iter().take(most).map(show).collect();
    Ok(Json(json!({ "items": items, "complete": gaps.len() <= most })))
}

/// Gaps that are told at once.
const MOST_GAPS: u32 = 1_000;

/// `GET /v1/audit/verify`.
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    admin: Admin,
    query: Result<Query<VerifyQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| page::rejection(&rejection))?;
    let from = match query {
        VerifyQuery { after: None, hash: None } => Link::default(),
        VerifyQuery { after: Some(id), hash: Some(hash) } => {
            let hash = HEXLOWER.decode(hash.as_bytes()).ok().and_then(|hash| Digest::try_from(hash).ok());
            Link { id, hash: hash.ok_or_else(half_a_link)? }
        }
        VerifyQuery { .. } => return Err(half_a_link()),
    };
    Ok(Json(verified(&app.store.verify(&admin.tenant, from, MOST_VERIFIED).await?)))
}

fn half_a_link() -> Problem {
    Problem::invalid_request("`after` and `hash` belong together: the id and the hash of one row.")
}

/// What is told of a verification.
pub(crate) fn verified(found: &Verification) -> Value {
    let Verification { rows, last, is_end, broken } = found;
    let broken = broken
        .as_ref()
        .map(|Broken { id, after, reason }| json!({ "id": id, "after": after, "reason": reason }));
    json!({
        "rows": rows,
        "last": { "id": last.id, "hash": text::hex(&last.hash) },
        "complete": is_end,
        "broken": broken,
    })
}

fn filter(query: ListQuery) -> Result<AuditFilter, Problem> {
    let ListQuery {
        limit: _,
        cursor: _,
        order,
        identity,
        client_id,
        issuer,
        action,
        reason,
        gateway,
        instance,
        jti,
        request,
        since,
        until,
    } = query;
    Ok(AuditFilter {
        order: match order.unwrap_or_default() {
            Direction::Oldest => Order::Oldest,
            Direction::Newest => Order::Newest,
        },
        identity,
        client_id,
        issuer,
        action,
        reason,
        gateway,
        instance,
        jti,
        request,
        since: time("since", since)?,
        until: time("until", until)?,
    })
}

/// A parameter that is a time.
pub(super) fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let refusal = || {
        Problem::invalid_request(format!(
            "`{name}` must be a time as RFC 3339 has it, such as 2027-01-15T08:00:00Z."
        ))
    };
    from_rfc3339(&text).map(Some).ok_or_else(refusal)
}

fn row_of(cursor: &str) -> Result<i64, Problem> {
    cursor.parse().map_err(|_| Problem::invalid_request("`cursor` must be the `next` of the page before."))
}

/// A row with what most ask for at its top; `detail` has all of it.
fn show(row: &AuditRow) -> Value {
    let AuditRow { id, at, epoch, actor, action, kind, object, request, instance, sequence, detail, hash } =
        row;
    let of = |pointer: &str| detail.pointer(pointer);
    json!({
        "id": id,
        "at": rfc3339(*at),
        "epoch": epoch,
        "actor": actor,
        "action": action,
        "kind": kind,
        "object": object,
        "request": request,
        "gateway": actor.strip_prefix("gateway:"),
        "instance": instance,
        "sequence": sequence,
        "reason": of("/reason"),
        "identity": of("/identity/id"),
        "client_id": of("/identity/client_id"),
        "issuer": of("/identity/issuer"),
        "subject": of("/identity/subject"),
        "target": of("/minted/target"),
        "scope": of("/minted/scope"),
        "jti": of("/minted/jti"),
        "kid": of("/minted/kid"),
        "token_sha256": of("/token_sha256"),
        "hash": hash.as_deref().map(text::hex),
        "detail": detail,
    })
}
