//! What every request gets: an id, one log line, and a body of bounded size. No header or body is ever logged.

use std::{sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, header::HeaderName, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument as _;

use crate::{metrics::Metrics, problem::Problem, text};

/// The largest body in bytes.
pub const BODY_LIMIT: usize = 1 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, in its answer, its log lines and its audit rows.
#[derive(Clone, Debug)]
pub struct RequestId(String);

/// Gives the request an id and logs its end.
pub async fn observe(State(metrics): State<Arc<Metrics>>, mut request: Request, next: Next) -> Response {
    let id = text::hex(&text::random::<8>().unwrap_or_default());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The path alone: a query may hold what its writer should have kept out of it.
    let path: String = request.uri().path().chars().take(256).collect();
    let span = tracing::info_span!("request", request.id = id, request.method = %method, request.path = path);
    let started = started();
    let mut response = detached(method, next.run(request).instrument(span.clone())).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let _entered = span.entered();
    metrics.answered(&path, started.elapsed());
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    if ["/healthz", "/readyz", "/metrics"].contains(&path.as_str()) {
        tracing::debug!(
            response.status = response.status().as_u16(),
            response.duration_us = duration_us,
            "answered"
        );
    } else {
        tracing::info!(
            response.status = response.status().as_u16(),
            response.duration_us = duration_us,
            "answered"
        );
    }
    response
}

/// Reads a body of at most [`BODY_LIMIT`] bytes.
pub async fn body(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, BODY_LIMIT).await.map_err(|_| Problem::too_large())
}

/// Carries a change to its end even when the caller hangs up: what is on disk must also be told to those who wait.
async fn detached(method: Method, answer: impl Future<Output = Response> + Send + 'static) -> Response {
    if method == Method::GET || method == Method::HEAD {
        return answer.await;
    }
    match tokio::spawn(answer).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request panicked");
            Problem::internal().into_response()
        }
    }
}

fn started() -> Instant {
    Instant::now()
}

// === impl RequestId ===

impl RequestId {
    /// The id of the request that `parts` belong to.
    pub fn of(parts: &Parts) -> String {
        parts.extensions.get::<Self>().map(|id| id.0.clone()).unwrap_or_default()
    }
}
