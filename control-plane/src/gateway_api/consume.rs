//! `POST /gateway/v1/consume`: one use of a token under a replay policy, answered when it is on disk.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use cambist_core::wire::consumption::{Consumption, ConsumptionRequest};

use crate::{
    app::App, auth::Gateway, engine::consumptions::Unwritten, fault::Fault, problem::Problem, request, strict,
};

/// Says whether the use is the first.
pub(super) async fn consume(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = request::body(body).await?;
    let request: ConsumptionRequest = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
    let ConsumptionRequest { issuer, key, exp } = request;
    let first = app.engine.consume(&gateway.token.tenant, &issuer, &key, exp).await.map_err(|unwritten| {
        match unwritten {
            Unwritten::Invalid => {
                let detail =
                    "`issuer` must be an id, `key` 64 hex digits and `exp` of a token that has not ended";
                Problem::invalid_message(Fault::new("", detail))
            }
            Unwritten::Crowded | Unwritten::Failed => Problem::unavailable(),
        }
    })?;
    let uncached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((uncached, Json(Consumption { first })).into_response())
}
