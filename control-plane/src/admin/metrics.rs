//! `GET /metrics`: Prometheus text, with an admin token, or on an address of its own.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{app::App, auth::Admin, metrics, problem::Problem};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// `GET /metrics`.
pub(super) async fn read(State(app): State<Arc<App>>, admin: Admin) -> Result<Response, Problem> {
    answer(&app, &admin.tenant).await
}

/// The same without a token, for an address that only those can reach who may see it.
pub fn open(app: Arc<App>) -> Router {
    let read = async |State(app): State<Arc<App>>| {
        let tenant = app.engine.sole_tenant().ok_or_else(|| Problem::not_found("There is no tenant."))?;
        answer(&app, &tenant).await
    };
    Router::new().route("/metrics", get(read)).with_state(app)
}

async fn answer(app: &App, tenant: &str) -> Result<Response, Problem> {
    let text = metrics::render(app, tenant).await?;
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE), cache], text).into_response())
}
