//! The audit trail: who changed what, and what gateways minted and refused, oldest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde_json::{json, value::Value};

use super::page::{self, PageQuery};
use crate::{
    app::App,
    auth::Admin,
    clock::rfc3339,
    problem::Problem,
    store::records::{AuditRow, Page},
};

/// `GET /v1/audit`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| page::rejection(&rejection))?;
    let page = query.page()?;
    let rows = app.store.audit(&admin.tenant, after(&page)?, page.limit).await?;
    // A page is continued by the text of an id.
    let rows: Vec<(String, AuditRow)> = rows.into_iter().map(|row| (row.id.to_string(), row)).collect();
    Ok(page::body(&page, rows, |(id, _)| id, |(_, row)| show(row)))
}

fn after(page: &Page) -> Result<i64, Problem> {
    let Some(id) = &page.after else { return Ok(0) };
    id.parse().map_err(|_| Problem::invalid_request("`cursor` must be the `next` of the page before."))
}

fn show(row: &AuditRow) -> Value {
    let AuditRow { id, at, epoch, actor, action, kind, object, sequence, detail } = row;
    json!({
        "id": id,
        "at": rfc3339(*at),
        "epoch": epoch,
        "actor": actor,
        "action": action,
        "kind": kind,
        "object": object,
        "sequence": sequence,
        "detail": detail,
    })
}
