//! What anyone may ask: discovery, keys, health, and the token endpoint.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use cambist_core::exchange::{
    Venue,
    metadata::{self, CACHE_CONTROL, EXCHANGE, KEYS, OAUTH, OPENID, REVOKE, TOKEN},
};
use serde_json::{json, value::Value};

use crate::{app::App, keys::signing, problem::Problem, store::records::Tenant};

mod revoke;
pub(crate) mod token;

const BUNDLE: &str = "/.well-known/spiffe-bundle";

/// Seconds after which those who federate by the SPIFFE bundle should look again; as the keys' own age.
const REFRESH_HINT: u32 = 300;

/// The public endpoints.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route(OPENID, get(metadata))
        .route(OAUTH, get(metadata))
        .route(KEYS, get(keys))
        .route(BUNDLE, get(bundle))
        .route(TOKEN, any(token::answer))
        .route(EXCHANGE, any(token::answer))
        .route(REVOKE, any(revoke::answer))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
}

/// `OpenID` Connect Discovery and RFC 8414: the same document satisfies both.
async fn metadata(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { tenant, authority, .. } = tenant(&app).await?;
    let jwks = signing::jwks(&app.store.keys(&tenant).await?);
    Ok(cached(metadata::document(&authority, Venue::ControlPlane, Some(&jwks)), "application/json"))
}

/// The public halves of all keys, oldest first.
async fn keys(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { tenant, .. } = tenant(&app).await?;
    let keys = app.store.keys(&tenant).await?;
    Ok(cached(signing::jwks(&keys).to_string(), "application/jwk-set+json"))
}

/// The same keys as a SPIFFE bundle (SPIFFE Trust Domain and Bundle §4), whose readers pass over every key that is not for
/// JWT-SVIDs. It serves whatever trust domain the bindings' templates name.
async fn bundle(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let Tenant { tenant, .. } = tenant(&app).await?;
    let mut bundle = signing::jwks(&app.store.keys(&tenant).await?);
    for key in bundle.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = key.as_object_mut() {
            members.insert("use".into(), "jwt-svid".into());
        }
    }
    if let Some(members) = bundle.as_object_mut() {
        members.insert("spiffe_refresh_hint".into(), REFRESH_HINT.into());
    }
    Ok(cached(bundle.to_string(), "application/json"))
}

/// The same where the authority has a path: discovery puts its well-known part behind it, RFC 8414 §3.1 before it.
pub async fn below_authority(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("See the documentation for the resources there are.");
    let Tenant { authority, .. } = tenant(&app).await?;
    let prefix = metadata::path_of(&authority);
    let path = request.uri().path();
    if token::is_endpoint(path, &authority) {
        return Ok(token::answer(State(app), request).await);
    }
    if revoke::is_endpoint(path, &authority) {
        return Ok(revoke::answer(State(app), request).await);
    }
    if request.method() != Method::GET {
        return Err(unknown());
    }
    match path.strip_prefix(prefix) {
        Some(OPENID) => metadata(State(app)).await,
        Some(KEYS) => keys(State(app)).await,
        Some(BUNDLE) => bundle(State(app)).await,
        _ if path.strip_prefix(OAUTH) == Some(prefix) => metadata(State(app)).await,
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

fn cached(body: String, content_type: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL)),
        ],
        body,
    )
        .into_response()
}
