//! The keys that are in use: what the instances of a gateway say, and what the control plane holds for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State},
};
use cambist_core::{
    time::Timestamp,
    wire::{
        keys::{IssuerKeys, KeyRule, UnusedKey, UsedKey},
        snapshot::{Carrier, Issuer, KeySource},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use super::collection::{Parts, find};
use crate::{
    app::App, auth::Admin, carried, clock::rfc3339, configuration, documents::GatewayDocument, judgement,
    problem::Problem, store::StoreError,
};

/// The keys of one issuer, in one view of them.
#[derive(Debug, Serialize)]
struct KeySetView {
    issuer: String,
    source: KeyRule,
    url: Option<String>,
    keys: Vec<UsedKey>,
    skipped: Vec<UnusedKey>,
    /// When they were fetched or pushed; of several instances the first.
    fetched_at: Option<String>,
    age_seconds: Option<i64>,
    next_fetch_at: Option<String>,
    usable_until: Option<String>,
    last_error: Option<String>,
    /// Who says so; absent of what the control plane holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<String>,
    /// Whether every instance that uses the issuer says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreed: Option<bool>,
}

/// `GET /v1/gateways/{name}/keys`.
pub(super) async fn of_gateway(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Json<Value>, Problem> {
    let gateway = find::<GatewayDocument>(&app, &admin, &parts).await?;
    let mut issuers = BTreeSet::new();
    let mut held = Vec::new();
    for object in app.issuers(&admin.tenant).await? {
        let issuer = configuration::issuer(&object)?;
        held.extend(view(&app, &admin.tenant, &issuer).await?);
        issuers.insert(object.id);
    }
    let mut reports = app.reports.of(&admin.tenant, &gateway.id);
    // An instance tells nothing of an issuer that is gone.
    reports.retain(|(_, keys)| issuers.contains(&keys.issuer));
    let instances = reports.iter().map(|(instance, _)| instance).collect::<BTreeSet<_>>().len();
    let items = group(reports, app.clock.now());
    Ok(Json(json!({ "gateway": gateway.id, "instances": instances, "items": items, "held": held })))
}

/// `GET /v1/issuers/{id}/keys`.
pub(super) async fn of_issuer(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Json<Value>, Problem> {
    let issuer = configuration::issuer(&find::<Issuer>(&app, &admin, &parts).await?)?;
    let view = view(&app, &admin.tenant, &issuer).await?;
    let view = view.ok_or_else(|| {
        Problem::not_found("Gateways have the keys of this issuer; see `/v1/gateways/{name}/keys`.")
    })?;
    Ok(Json(json!(view)))
}

/// What the control plane holds for an issuer, if it is the one to do so.
async fn view(app: &App, tenant: &str, issuer: &Issuer) -> Result<Option<KeySetView>, StoreError> {
    let Some(carrier) = carried::carrier(issuer) else { return Ok(None) };
    let now = app.clock.now();
    let held = app.store.held(tenant, &issuer.id).await?;
    let held = held.filter(|keys| carried::is_usable(issuer, keys, now));
    let until = held.as_ref().and_then(|keys| carried::usable_until(issuer, keys)).flatten();
    let attempt = app.attempts.of(tenant, &issuer.id).filter(|_| carrier == Carrier::ControlPlane);
    let at = held.as_ref().map(|keys| keys.at);
    Ok(Some(KeySetView {
        issuer: issuer.id.clone(),
        source: match carrier {
            Carrier::Pushed => KeyRule::Pushed,
            Carrier::ControlPlane => KeyRule::ControlPlane,
        },
        url: url(issuer),
        keys: held
            .as_ref()
            .map(|keys| judgement::used(&keys.set.jwks, &issuer.algorithms))
            .unwrap_or_default(),
        skipped: held.map(|keys| keys.set.skipped).unwrap_or_default(),
        fetched_at: at.map(rfc3339),
        age_seconds: at.map(|at| age(at, now)),
        next_fetch_at: attempt.as_ref().and_then(|attempt| attempt.next).map(rfc3339),
        usable_until: until.map(rfc3339),
        last_error: attempt.and_then(|attempt| attempt.error),
        instances: Vec::new(),
        agreed: None,
    }))
}

fn url(issuer: &Issuer) -> Option<String> {
    let KeySource::ControlPlane { uri, .. } = &issuer.keys else { return None };
    let base = issuer.iss.trim_end_matches('/');
    Some(uri.clone().unwrap_or_else(|| format!("{base}/.well-known/openid-configuration")))
}

/// One view for all instances that say the same of an issuer; times differ between instances that agree.
fn group(reports: Vec<(String, IssuerKeys)>, now: Timestamp) -> Vec<KeySetView> {
    let mut groups: BTreeMap<(String, String), Vec<(String, IssuerKeys)>> = BTreeMap::new();
    for (instance, keys) in reports {
        let IssuerKeys { issuer, source, url, keys: used, skipped, last_error, .. } = &keys;
        let said = json!([source, url, used, skipped, last_error]).to_string();
        groups.entry((issuer.clone(), said)).or_default().push((instance, keys));
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (issuer, _) in groups.keys() {
        let count = counts.entry(issuer.clone()).or_default();
        *count = count.saturating_add(1);
    }
    groups
        .into_values()
        .filter_map(|group| {
            let first =
                |time: fn(&IssuerKeys) -> Option<i64>| group.iter().filter_map(|(_, keys)| time(keys)).min();
            let fetched = first(|keys| keys.fetched_at).map(Timestamp::from_millis);
            let next = first(|keys| keys.next_fetch_at).map(Timestamp::from_millis);
            let until = first(|keys| keys.usable_until).map(Timestamp::from_millis);
            let instances = group.iter().map(|(instance, _)| instance.clone()).collect();
            let (_, keys) = group.into_iter().next()?;
            Some(KeySetView {
                agreed: Some(counts.get(&keys.issuer) == Some(&1)),
                issuer: keys.issuer,
                source: keys.source,
                url: keys.url,
                keys: keys.keys,
                skipped: keys.skipped,
                fetched_at: fetched.map(rfc3339),
                age_seconds: fetched.map(|at| age(at, now)),
                next_fetch_at: next.map(rfc3339),
                usable_until: until.map(rfc3339),
                last_error: keys.last_error,
                instances,
            })
        })
        .collect()
}

/// Whole seconds; none for what comes from a clock that is ahead.
fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.millis_since(at).max(0).checked_div(1000).unwrap_or(0)
}
