//! What anyone may read: discovery, keys and health.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{json, value::Value};

use crate::{app::App, keys::signing, problem::Problem, store::records::Tenant};

/// Seconds that verifiers may keep keys; shorter than a new key is published before its first use.
const MAX_AGE: &str = "public, max-age=300";

/// The public endpoints.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/oauth2/v1/keys", get(keys))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
}

/// `OpenID` Connect Discovery and RFC 8414: the same document satisfies both.
async fn metadata(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { authority, .. } = tenant(&app).await?;
    let body = json!({
        "issuer": authority,
        "jwks_uri": format!("{authority}/oauth2/v1/keys"),
        "token_endpoint": format!("{authority}/oauth2/v1/token"),
        "grant_types_supported": [
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "token_endpoint_auth_methods_supported": ["none"],
        "id_token_signing_alg_values_supported": [signing::ALG],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    });
    Ok(cached(&body, "application/json"))
}

/// The public halves of all keys, oldest first.
async fn keys(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { tenant, .. } = tenant(&app).await?;
    let keys = app.store.keys(&tenant).await?;
    Ok(cached(&signing::jwks(&keys), "application/jwk-set+json"))
}

async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    app.store.ready().await?;
    Ok(Json(json!({ "status": "ready" })))
}

/// The tenant of the deployment. There is one; more come with a path of their own.
async fn tenant(app: &App) -> Result<Tenant, Problem> {
    app.store.tenants().await?.into_iter().next().ok_or_else(|| Problem::not_found("There is no tenant."))
}

fn cached(body: &Value, content_type: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static(MAX_AGE)),
        ],
        body.to_string(),
    )
        .into_response()
}
