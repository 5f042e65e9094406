//! `GET /gateway/v1/snapshot`: everything a gateway needs, held until there is something new.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::time::Instant;

use super::{chunks::Chunks, epoch_header, short, wait};
use crate::{
    app::App,
    auth::Gateway,
    documents::GatewayKind,
    problem::Problem,
    publish::{Audience, Snapshot},
    store::records::{Head, Instance},
};

const INSTANCE: &str = "cambist-instance";
const RUNNING_EPOCH: &str = "cambist-running-epoch";
const LAST_ERROR: &str = "cambist-last-error";
const MAX_INSTANCE: usize = 256;

/// The query of the request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotQuery {
    wait: Option<String>,
}

/// Whether a secret may travel over the connection that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// It does not leave the machine.
    Private,
    /// It may cross a network in the clear.
    Open,
}

/// Answers with the snapshot, or 304 while the gateway's is current.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    mut gateway: Gateway,
    channel: Channel,
    headers: HeaderMap,
    query: Result<Query<SnapshotQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(SnapshotQuery { wait: longest }) =
        query.map_err(|rejection| Problem::invalid_request(format!("{}.", rejection.body_text())))?;
    let until = Instant::now().checked_add(wait(longest.as_deref())?).unwrap_or_else(Instant::now);
    let tenant = gateway.token.tenant.clone();
    let instance = instance(&app, &headers)?;
    let id = instance.as_ref().map(|instance| instance.instance.clone());
    if let Some(instance) = instance {
        app.sightings.note(&tenant, &gateway.token.gateway, instance);
    }
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut head = app.head(&tenant);
    loop {
        let snapshot = compile(&app, &gateway, channel, head).await?;
        if known != Some(snapshot.etag.as_str()) {
            return Ok(full(snapshot, head));
        }
        if let Some(id) = &id {
            app.standings.confirm(&tenant, &gateway.token.gateway, id, head.snapshot_epoch);
        }
        let left = until.saturating_duration_since(Instant::now());
        let newer = |next: Head| (next.snapshot_epoch > head.snapshot_epoch).then_some(next);
        let Some(next) = app.wait(&tenant, left, newer).await else {
            return Ok(unchanged(&snapshot, app.head(&tenant)));
        };
        head = next;
        // The gateway may have been changed or deleted while its request was held.
        gateway.renew(&app).await?;
    }
}

async fn compile(app: &App, gateway: &Gateway, channel: Channel, head: Head) -> Result<Snapshot, Problem> {
    let document = gateway.document()?;
    let audience = match (document.may_mint, channel) {
        _ if document.kind == GatewayKind::Sidecar => Audience::Sidecar,
        (true, Channel::Private) => Audience::Minting,
        (true, Channel::Open) => {
            let gateway = gateway.token.gateway.as_str();
            tracing::warn!(
                gateway,
                "withheld the fleet key: the request came neither over loopback nor over TLS"
            );
            Audience::Open
        }
        (false, Channel::Open) => Audience::Open,
        (false, Channel::Private) => Audience::Verifying,
    };
    Ok(app.publisher.snapshot(&gateway.token.tenant, &gateway.token.gateway, audience, head).await?)
}

fn full(snapshot: Snapshot, head: Head) -> Response {
    let Snapshot { etag, header: first, body } = snapshot;
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            validator(&etag),
            epoch_header(head.epoch),
        ],
        Body::new(Chunks::new(first, body)),
    )
        .into_response()
}

fn unchanged(snapshot: &Snapshot, head: Head) -> Response {
    (StatusCode::NOT_MODIFIED, [validator(&snapshot.etag), epoch_header(head.epoch)]).into_response()
}

fn validator(etag: &str) -> (header::HeaderName, HeaderValue) {
    (header::ETAG, HeaderValue::from_str(etag).unwrap_or_else(|_| HeaderValue::from_static("\"\"")))
}

/// What the instance says of itself, if it does.
fn instance(app: &App, headers: &HeaderMap) -> Result<Option<Instance>, Problem> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let Some(instance) = text(INSTANCE) else { return Ok(None) };
    if instance.is_empty() || instance.len() > MAX_INSTANCE {
        return Err(Problem::invalid_request(format!("`{INSTANCE}` must have 1 to {MAX_INSTANCE} bytes.")));
    }
    let running_epoch = match text(RUNNING_EPOCH) {
        None => 0,
        Some(digits) => digits
            .parse()
            .map_err(|_| Problem::invalid_request(format!("`{RUNNING_EPOCH}` must be a number.")))?,
    };
    Ok(Some(Instance {
        instance: instance.into_owned(),
        running_epoch,
        last_error: text(LAST_ERROR).map(|error| short(&error)),
        last_seen: app.clock.now(),
        dropped: 0,
    }))
}

// === impl Channel ===

impl<S: Send + Sync> FromRequestParts<S> for Channel {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, state).await;
        let local = peer.is_ok_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
        Ok(if local { Self::Private } else { Self::Open })
    }
}
