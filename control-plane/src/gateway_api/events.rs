//! `POST /gateway/v1/events`: mints and denials, acknowledged when they are on disk.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State};
use cambist_core::{
    identity::identity_id,
    time::Timestamp,
    wire::event::{Acknowledgement, Batch, Event, IdentityTuple, Outcome},
};
use serde_json::json;

use super::short;
use crate::{
    app::App,
    auth::Gateway,
    fault::Fault,
    problem::Problem,
    request,
    store::records::{Instance, StoredEvent, Tuple},
    strict,
};

const MAX_INSTANCE: usize = 256;

/// Stores a batch.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    body: Body,
) -> Result<Json<Acknowledgement>, Problem> {
    let bytes = request::body(body).await?;
    let batch: Batch = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
    let Batch { instance, epoch, last_error, dropped, events } = batch;
    if instance.is_empty() || instance.len() > MAX_INSTANCE {
        let detail = format!("must have 1 to {MAX_INSTANCE} bytes");
        return Err(Problem::invalid_message(Fault::new("/instance", detail)));
    }
    let sequence = events.iter().map(|event| event.sequence).max().unwrap_or_default();
    let tenant = gateway.token.tenant.as_str();
    let author = gateway.author(&app);
    let events = events.into_iter().map(|event| stored(tenant, event, author.at)).collect();
    let instance = Instance {
        instance,
        running_epoch: epoch,
        last_error: last_error.as_deref().map(short),
        last_seen: author.at,
        dropped,
    };
    app.store.record(tenant, &gateway.token.gateway, instance, events, author).await?;
    Ok(Json(Acknowledgement { sequence }))
}

fn stored(tenant: &str, event: Event, now: Timestamp) -> StoredEvent {
    let Event { sequence, at_ms, outcome, reason, epoch, route, token_sha256, identity, minted } = event;
    let mut detail = json!({
        "reason": reason,
        "route": route,
        "token_sha256": token_sha256,
        "identity": identity,
        "minted": minted,
    });
    let identity = identity.and_then(|IdentityTuple { id, client_id, issuer, audience, subject }| {
        let computed = identity_id(tenant, &client_id, &issuer, &audience, &subject);
        (computed == id).then_some((id, Tuple { client_id, issuer, audience, subject }))
    });
    let told = detail.get("identity").is_some_and(|told| !told.is_null());
    if let (true, None, Some(members)) = (told, &identity, detail.as_object_mut()) {
        // Kept for the record, counted for nobody: refusing the batch would hold up everything behind it.
        tracing::warn!(sequence, "an event names an identity whose id does not fit its tuple");
        members.insert(String::from("fault"), json!("identity_mismatch"));
    }
    StoredEvent {
        sequence,
        // A gateway whose clock runs ahead must not make an identity look seen in days to come.
        at: Timestamp::from_millis(at_ms).min(now),
        epoch,
        action: match outcome {
            Outcome::Mint => "mint",
            Outcome::Denial => "denial",
        },
        identity,
        detail,
    }
}
