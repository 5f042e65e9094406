//! The token endpoint, in both its forms. What it answers is decided in core, exactly as in a gateway.
//!
//! Deliberately absent: `x-forwarded-*`, which nothing here believes, and the name of the host: a control plane has one
//! authority.

use core::time::Duration;
use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use cambist_core::{
    denial::Denial,
    exchange::{
        form::MAX_BODY_BYTES,
        metadata::{EXCHANGE, TOKEN, path_of},
    },
    flow::{self, Head},
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::{
    app::App,
    engine::{Caller, Decided},
    problem::Problem,
    request::RequestId,
};

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// What stands for the host of a request.
const HOST: &[u8] = b"control-plane";

/// `POST` at [`TOKEN`] and [`EXCHANGE`]; core answers other methods, too.
pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(tenant) = app.engine.sole_tenant() else {
        return Problem::not_found("There is no tenant.").into_response();
    };
    // Whatever is sent with another method is of no interest.
    let body = if parts.method == Method::POST { read_in_time(body).await } else { Some(Vec::new()) };
    let authorization = values(&parts, &header::AUTHORIZATION);
    let Some(body) = body else {
        return refused(Denial::RequestMalformed, !authorization.is_empty());
    };
    let content_type = values(&parts, &header::CONTENT_TYPE);
    let head = head_of(&parts, &authorization, &content_type);
    let caller = Caller { actor: String::from("control-plane"), request: RequestId::of(&parts) };
    decide(&app, &tenant, head, body, caller).await
}

/// What core sees of a request.
pub(super) fn head_of<'a>(
    parts: &'a Parts,
    authorization: &'a [&'a [u8]],
    content_type: &[&'a [u8]],
) -> Head<'a> {
    Head {
        method: parts.method.as_str().as_bytes(),
        path: parts.uri.path().as_bytes(),
        authorization,
        content_type: match content_type {
            [] => None,
            [one] => Some(*one),
            [_, _, ..] => Some(b""),
        },
        ..Head::default()
    }
}

/// Whether the token endpoint is at `path`, which may stand below that of the authority.
pub(crate) fn is_endpoint(path: &str, authority: &str) -> bool {
    let is = |path: &str| path == TOKEN || path == EXCHANGE;
    is(path) || path.strip_prefix(path_of(authority)).is_some_and(is)
}

/// The answer to a request at a path of the token endpoint, on whatever host it came in.
pub(crate) async fn decide(
    app: &App,
    tenant: &str,
    head: Head<'_>,
    body: Vec<u8>,
    caller: Caller,
) -> Response {
    let head = Head { authority: HOST, ..head };
    let uses_authorization = !head.authorization.is_empty();
    match app.engine.answer(&app.publisher, tenant, &head, body, caller).await {
        Decided::Reply(response) => write(response),
        Decided::Denied(denial, _) => refused(denial, uses_authorization),
        // Nothing is forwarded here.
        Decided::Forward(..) => refused(Denial::Internal, uses_authorization),
    }
}

/// A refusal that core was not asked for.
pub(super) fn refused(denial: Denial, uses_authorization: bool) -> Response {
    write(flow::Response::grant_denial(denial.token_endpoint_row(None), uses_authorization))
}

fn write(response: flow::Response) -> Response {
    let flow::Response { status, headers, body } = response;
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    answer
}

/// The same, unless it takes too long.
pub(super) async fn read_in_time(body: Body) -> Option<Vec<u8>> {
    timeout(PATIENCE, read(body)).await.ok().flatten()
}

/// The body, or one byte more of it than the endpoint takes; `None` where it was cut short.
async fn read(mut body: Body) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() <= MAX_BODY_BYTES {
        let Some(frame) = body.frame().await else { break };
        let data: Bytes = frame.ok()?.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data);
    }
    bytes.truncate(MAX_BODY_BYTES.saturating_add(1));
    Some(bytes)
}

pub(super) fn values<'a>(parts: &'a Parts, name: &HeaderName) -> Vec<&'a [u8]> {
    parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}
