//! `POST /gateway/v1/events`: mints and denials, acknowledged when they are on disk.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, body::Body, extract::State};
use cambist_core::{
    identity::identity_id,
    time::Timestamp,
    wire::{
        event::{Acknowledgement, Batch, Outcome, Shadow},
        keys::IssuerKeys,
        snapshot::GrantType,
    },
};
use serde::Serialize;

use super::{
    short,
    told::{self, Text, Told},
};
use crate::{
    app::App,
    auth::Gateway,
    fault::Fault,
    metrics::{Reported, Stopwatch},
    problem::Problem,
    request,
    store::records::{Author, Delivery, GatewayToken, IdentityKind, Instance, StoredEvent, Tuple},
    strict,
};

const MAX_INSTANCE: usize = 256;

/// What an audit row keeps of an event beside its columns.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_sha256: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a told::Tuple<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minted: Option<&'a told::Fresh<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a told::Tuple<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: &'a BTreeMap<Text<'a>, Text<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_fields: &'a BTreeMap<Text<'a>, Text<'a>>,
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
    let author = gateway.author(&app);
    let tenant = gateway.token.tenant.as_str();
    let (delivery, counted) = if let Ok(batch) = serde_json::from_slice::<told::Batch<'_>>(&bytes) {
        let told::Batch { instance, epoch, last_error, dropped, events } = batch;
        let instance = (instance.as_str(), epoch, last_error.as_ref().map(Text::as_str), dropped);
        delivery(&app, &gateway, instance, &events, Vec::new(), author)?
    } else {
        let batch: Batch = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
        let Batch { instance, epoch, last_error, dropped, events, keys } = batch;
        let events: Vec<Told<'_>> = events.iter().map(Told::from).collect();
        let instance = (instance.as_str(), epoch, last_error.as_deref(), dropped);
        delivery(&app, &gateway, instance, &events, keys, author)?
    };
    let sequence = counted.iter().map(Reported::sequence).max().unwrap_or_default();
    tracing::trace!(tenant, sequence, "a batch is delivered");
    let (name, id) = (delivery.gateway.clone(), delivery.instance.instance.clone());
    let watch = Stopwatch::start();
    app.intake.deliver(delivery).await?;
    app.metrics.written("events", watch.elapsed());
    let highest = app.standings.arrive(tenant, &name, &id, sequence);
    app.metrics.reported(&name, &counted, highest);
    Ok(Json(Acknowledgement { sequence }))
}

/// What is to be stored of a batch, and what is counted of each event in it.
fn delivery(
    app: &App,
    gateway: &Gateway,
    (instance, running_epoch, last_error, dropped): (&str, u64, Option<&str>, u64),
    events: &[Told<'_>],
    keys: Vec<IssuerKeys>,
    author: Author,
) -> Result<(Delivery, Vec<Reported>), Problem> {
    if instance.is_empty() || instance.len() > MAX_INSTANCE {
        let detail = format!("must have 1 to {MAX_INSTANCE} bytes");
        return Err(Problem::invalid_message(Fault::new("/instance", detail)));
    }
    let counted = events.iter().map(Told::reported).collect();
    let GatewayToken { tenant, gateway, .. } = &gateway.token;
    let events = events.iter().map(|event| stored(tenant, event, author.at)).collect::<Result<_, _>>()?;
    app.reports.note(tenant, gateway, instance, keys, author.at);
    let instance = Instance {
        instance: instance.to_owned(),
        running_epoch,
        last_error: last_error.map(short),
        last_seen: author.at,
        dropped,
    };
    Ok((Delivery { tenant: tenant.clone(), gateway: gateway.clone(), instance, events, author }, counted))
}

/// An event as it is kept, whoever tells of it.
pub(crate) fn stored(tenant: &str, event: &Told<'_>, now: Timestamp) -> Result<StoredEvent, Problem> {
    let fits = |told: &told::Tuple<'_>| {
        let told::Tuple { id, client_id, issuer, audience, subject } = told;
        let [client_id, issuer, audience, subject] = [client_id, issuer, audience, subject].map(Text::as_str);
        id.as_str() == identity_id(tenant, client_id, issuer, audience, subject)
    };
    let mismatch = event.identity.as_ref().is_some_and(|told| !fits(told));
    if mismatch {
        // Kept for the record, counted for nobody: refusing the batch would hold up everything behind it.
        tracing::warn!(event.sequence, "an event names an identity whose id does not fit its tuple");
    }
    let detail = Detail {
        reason: event.reason.as_ref(),
        route: event.route.as_ref(),
        token_sha256: event.token_sha256.as_ref(),
        identity: event.identity.as_ref(),
        minted: event.minted.as_ref(),
        grant: event.grant,
        actor: event.actor.as_ref(),
        fields: &event.fields,
        audit_fields: &event.audit_fields,
        shadow: event.shadow.as_deref(),
        count: Some(event.count).filter(|count| *count != 1),
        strict: event.strict,
        fault: mismatch.then_some("identity_mismatch"),
    };
    let detail = serde_json::to_string(&detail).map_err(|_| Problem::internal())?;
    let fields = if event.fields.is_empty() {
        String::from("{}")
    } else {
        serde_json::to_string(&event.fields).map_err(|_| Problem::internal())?
    };
    let identity = event.identity.as_ref().filter(|_| !mismatch).map(|told| {
        let told::Tuple { id, client_id, issuer, audience, subject } = told;
        let [id, client_id, issuer, audience, subject] =
            [id, client_id, issuer, audience, subject].map(|text| text.as_str().to_owned());
        (id, Tuple { client_id, issuer, audience, subject })
    });
    Ok(StoredEvent {
        sequence: event.sequence,
        // A gateway whose clock runs ahead must not make an identity look seen in days to come.
        at: Timestamp::from_millis(event.at_ms).min(now),
        epoch: event.epoch,
        action: match event.outcome {
            Outcome::Mint => "mint",
            Outcome::Denial => "denial",
            Outcome::Shadow => "shadow",
        },
        identity,
        kind: match event.grant {
            Some(GrantType::ClientCredentials) => IdentityKind::Client,
            Some(GrantType::JwtBearer | GrantType::TokenExchange) | None => IdentityKind::Workload,
        },
        fields,
        detail,
    })
}
