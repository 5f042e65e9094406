//! Signing keys: which there are, where each stands, and a successor on demand.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cambist_core::{jose::alg::Alg, time::Timestamp};
use serde::Deserialize;
use serde_json::{Map, json, value::Value};

use crate::{
    app::App,
    auth::Admin,
    clock::rfc3339,
    fault::Fault,
    keys::{
        signing::ALGS,
        upkeep::{self, UpkeepError},
    },
    problem::Problem,
    request,
    store::records::StoredKey,
    strict,
};

/// What is rotated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    alg: String,
}

/// `GET /v1/keys`.
pub(super) async fn list(State(app): State<Arc<App>>, admin: Admin) -> Result<Json<Value>, Problem> {
    let keys = app.store.keys(&admin.tenant).await?;
    let now = app.clock.now();
    let items: Vec<Value> = keys.iter().map(|key| show(&keys, key, now)).collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `POST /v1/keys/rotate`: 201 with the successor, 200 with one that waits for its time already.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    admin: Admin,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = request::body(body).await?;
    let members: Map<String, Value> =
        strict::members(&bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let reading = strict::read::<Rotation>(members, &json!({ "alg": "ES256" }));
    let (Some(Rotation { alg }), true) = (reading.value, reading.faults.is_empty()) else {
        return Err(Problem::invalid_document(reading.faults));
    };
    let Some(alg) = ALGS.into_iter().find(|known| known.name() == alg) else {
        let names = ALGS.map(Alg::name).join(" or ");
        return Err(Problem::invalid_document(vec![Fault::new("/alg", format!("must be {names}"))]));
    };
    let before = app.store.keys(&admin.tenant).await?;
    let key = app.rotate_key(&admin.tenant, alg, admin.author(&app)).await?;
    let known = before.iter().any(|one| one.kid == key.kid);
    let status = if known { StatusCode::OK } else { StatusCode::CREATED };
    let keys = app.store.keys(&admin.tenant).await?;
    Ok((status, Json(show(&keys, &key, app.clock.now()))).into_response())
}

fn show(keys: &[StoredKey], key: &StoredKey, now: Timestamp) -> Value {
    let StoredKey { kid, role, alg, created, not_before, not_after, .. } = key;
    json!({
        "kid": kid,
        "alg": alg,
        "role": role.name(),
        "state": upkeep::stage(keys, key, now).name(),
        "created_at": rfc3339(*created),
        "signs_from": rfc3339(*not_before),
        // No token that it signed outlives it.
        "not_after": not_after.map(rfc3339),
    })
}

impl From<UpkeepError> for Problem {
    /// Logs the cause once, here.
    fn from(error: UpkeepError) -> Self {
        match error {
            UpkeepError::Store(error) => error.into(),
            UpkeepError::Key(error) => {
                tracing::error!(%error, "a signing key could not be made");
                Self::internal()
            }
        }
    }
}
