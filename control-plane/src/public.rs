//! What anyone may read: discovery, keys and health.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{json, value::Value};

use crate::{app::App, keys::signing, problem::Problem, store::records::Tenant};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const KEYS: &str = "/oauth2/v1/keys";

/// Seconds that verifiers may keep keys; shorter than a new key is published before its first use.
const MAX_AGE: &str = "public, max-age=300";

/// The public endpoints.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route(OPENID, get(metadata))
        .route(OAUTH, get(metadata))
        .route(KEYS, get(keys))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
}

/// `OpenID` Connect Discovery and RFC 8414: the same document satisfies both.
async fn metadata(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { authority, .. } = tenant(&app).await?;
    let body = json!({
        "issuer": authority,
        "jwks_uri": format!("{authority}{KEYS}"),
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

/// The same where the authority has a path: discovery puts its well-known part behind it, RFC 8414 §3.1 before it.
pub async fn below_authority(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("See the documentation for the resources there are.");
    if method != Method::GET {
        return Err(unknown());
    }
    let Tenant { authority, .. } = tenant(&app).await?;
    let prefix = authority.parse::<Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
    let path = uri.path();
    match path.strip_prefix(prefix.as_str()) {
        Some(OPENID) => metadata(State(app)).await,
        Some(KEYS) => keys(State(app)).await,
        _ if path.strip_prefix(OAUTH) == Some(prefix.as_str()) => metadata(State(app)).await,
        _ => Err(unknown()),
    }
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
