//! `POST /gateway/v1/events`: mints and denials, acknowledged when they are on disk.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, body::Body, extract::State};
use cambist_core::{
    identity::identity_id,
    time::Timestamp,
    wire::{
        event::{Acknowledgement, Batch, Event, IdentityTuple, Minted, Outcome, Shadow},
        snapshot::GrantType,
    },
};
use serde::Serialize;

use super::short;
use crate::{
    app::App,
    auth::Gateway,
    fault::Fault,
    metrics::{Stopwatch, Told},
    problem::Problem,
    request,
    store::records::{Delivery, IdentityKind, Instance, StoredEvent, Tuple},
    strict,
};

const MAX_INSTANCE: usize = 256;

/// What an audit row keeps of an event beside its columns.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a IdentityTuple>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minted: Option<&'a Minted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a IdentityTuple>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_fields: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<&'a Shadow>,
    /// Absent where it stands for itself alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
}

/// Stores a batch.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    body: Body,
) -> Result<Json<Acknowledgement>, Problem> {
    let bytes = request::body(body).await?;
    let batch: Batch = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
    let Batch { instance, epoch, last_error, dropped, events, keys } = batch;
    if instance.is_empty() || instance.len() > MAX_INSTANCE {
        let detail = format!("must have 1 to {MAX_INSTANCE} bytes");
        return Err(Problem::invalid_message(Fault::new("/instance", detail)));
    }
    let sequence = events.iter().map(|event| event.sequence).max().unwrap_or_default();
    let tenant = gateway.token.tenant.as_str();
    let author = gateway.author(&app);
    let told: Vec<Told> = events.iter().map(Told::of).collect();
    let events =
        events.into_iter().map(|event| stored(tenant, event, author.at)).collect::<Result<_, _>>()?;
    app.reports.note(tenant, &gateway.token.gateway, &instance, keys, author.at);
    let instance = Instance {
        instance,
        running_epoch: epoch,
        last_error: last_error.as_deref().map(short),
        last_seen: author.at,
        dropped,
    };
    let gateway = gateway.token.gateway.clone();
    let id = instance.instance.clone();
    let watch = Stopwatch::start();
    let delivery = Delivery { tenant: tenant.to_owned(), gateway: gateway.clone(), instance, events, author };
    app.intake.deliver(delivery).await?;
    app.metrics.written("events", watch.elapsed());
    let highest = app.standings.arrive(tenant, &gateway, &id, sequence);
    app.metrics.reported(&gateway, &told, highest);
    Ok(Json(Acknowledgement { sequence }))
}

/// An event as it is kept, whoever tells of it.
pub(crate) fn stored(tenant: &str, event: Event, now: Timestamp) -> Result<StoredEvent, Problem> {
    let Event {
        sequence,
        at_ms,
        outcome,
        reason,
        epoch,
        route,
        token_sha256,
        identity,
        minted,
        grant,
        actor,
        fields,
        audit_fields,
        shadow,
        count,
        strict,
    } = event;
    let fits = |told: &IdentityTuple| {
        let IdentityTuple { id, client_id, issuer, audience, subject } = told;
        *id == identity_id(tenant, client_id, issuer, audience, subject)
    };
    let mismatch = identity.as_ref().is_some_and(|told| !fits(told));
    if mismatch {
        // Kept for the record, counted for nobody: refusing the batch would hold up everything behind it.
        tracing::warn!(sequence, "an event names an identity whose id does not fit its tuple");
    }
    let fault = mismatch.then_some("identity_mismatch");
    let detail = Detail {
        reason: reason.as_deref(),
        route: route.as_deref(),
        token_sha256: token_sha256.as_deref(),
        identity: identity.as_ref(),
        minted: minted.as_ref(),
        grant,
        actor: actor.as_ref(),
        fields: &fields,
        audit_fields: &audit_fields,
        shadow: shadow.as_ref(),
        count: Some(count).filter(|count| *count != 1),
        strict,
        fault,
    };
    let detail = serde_json::to_string(&detail).map_err(|_| Problem::internal())?;
    let fields = serde_json::to_string(&fields).map_err(|_| Problem::internal())?;
    let identity = identity.filter(|_| !mismatch).map(|told| {
        let IdentityTuple { id, client_id, issuer, audience, subject } = told;
        (id, Tuple { client_id, issuer, audience, subject })
    });
    Ok(StoredEvent {
        sequence,
        // A gateway whose clock runs ahead must not make an identity look seen in days to come.
        at: Timestamp::from_millis(at_ms).min(now),
        epoch,
        action: match outcome {
            Outcome::Mint => "mint",
            Outcome::Denial => "denial",
            Outcome::Shadow => "shadow",
        },
        identity,
        kind: match grant {
            Some(GrantType::ClientCredentials) => IdentityKind::Client,
            Some(GrantType::JwtBearer | GrantType::TokenExchange) | None => IdentityKind::Workload,
        },
        fields,
        detail,
    })
}
