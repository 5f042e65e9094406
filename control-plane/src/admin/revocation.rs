//! Revoking a whole client or issuer, until it is reinstated.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{json, value::Value};

use super::resource::Resource;
use crate::{app::App, auth::Admin, problem::Problem};

/// `POST …/{id}/revoke`.
pub(super) async fn revoke<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    set::<R>(&app, &admin, &id, true).await
}

/// `POST …/{id}/reinstate`.
pub(super) async fn reinstate<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    set::<R>(&app, &admin, &id, false).await
}

async fn set<R: Resource>(app: &App, admin: &Admin, id: &str, revoked: bool) -> Result<Json<Value>, Problem> {
    app.store.revoke(&admin.tenant, R::KIND, id, revoked, admin.author(app)).await?;
    let status = if revoked { "revoked" } else { "active" };
    let mut body = json!({ "status": status });
    if let Some(members) = body.as_object_mut() {
        members.insert(R::ID.to_owned(), json!(id));
    }
    Ok(Json(body))
}
