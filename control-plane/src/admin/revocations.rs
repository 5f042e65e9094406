//! `POST /v1/revocations`: all identities that a selector names, such as those of a cluster, at once.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, body::Body, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json, value::Value};

use super::identities::{is_field, is_label};
use crate::{
    app::App,
    auth::Admin,
    fault::{Fault, Faults},
    problem::Problem,
    request,
    store::records::{IdentityFilter, MOST_SELECTED},
    strict,
};

/// Identities that are shown of those that are named.
const SAMPLE: usize = 10;

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    selector: Selector,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// Which identities: all that is said must be so of them, and something must be said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selector {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

/// Counts or revokes.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let bytes = request::body(body).await?;
    let members: Map<String, Value> =
        strict::members(&bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let sample = json!({ "selector": { "cluster": "a" } });
    let reading = strict::read::<Order>(members, &sample);
    let (Some(Order { selector, dry_run }), true) = (reading.value, reading.faults.is_empty()) else {
        return Err(Problem::invalid_document(reading.faults));
    };
    let shown = serde_json::to_value(&selector).map_err(|_| Problem::internal())?;
    let filter = filter(selector)?;
    let found = app.store.selected(&admin.tenant, &filter).await?;
    if found.len() > MOST_SELECTED {
        let detail =
            format!("names more than {MOST_SELECTED} identities; revoke their issuer or client instead");
        return Err(Problem::invalid_document(vec![Fault::new("/selector", detail)]));
    }
    let sample: Vec<&String> = found.iter().take(SAMPLE).collect();
    let count = if dry_run {
        found.len()
    } else {
        app.store.revoke_selected(&admin.tenant, &filter, &shown, admin.author(&app)).await?
    };
    Ok(Json(json!({ "selector": shown, "dry_run": dry_run, "count": count, "sample": sample })))
}

/// An empty selector would be everybody: whoever means that says it otherwise.
fn filter(selector: Selector) -> Result<IdentityFilter, Problem> {
    let Selector { cluster, issuer, client_id, fields, labels } = selector;
    let mut faults = Faults::default();
    let is_empty = cluster.is_none()
        && issuer.is_none()
        && client_id.is_none()
        && fields.is_empty()
        && labels.is_empty();
    faults.demand(
        !is_empty,
        "/selector",
        "must name something: cluster, issuer, client_id, fields or labels",
    );
    for name in fields.keys() {
        faults.demand(is_field(name), format!("/selector/fields/{name}"), "is no name of a field");
    }
    for name in labels.keys() {
        faults.demand(is_label(name), format!("/selector/labels/{name}"), "is no name of a label");
    }
    let faults = faults.into_vec();
    if !faults.is_empty() {
        return Err(Problem::invalid_document(faults));
    }
    Ok(IdentityFilter {
        cluster,
        issuer,
        client_id,
        fields: fields.into_iter().collect(),
        labels: labels.into_iter().collect(),
        // Those that are revoked already are no change.
        revoked: Some(false),
        ..IdentityFilter::default()
    })
}
