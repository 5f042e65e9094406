//! Workload identities: registered beforehand, seen at gateways, revoked.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use cambist_core::identity::identity_id;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, json, value::Value};

use super::{
    audit,
    page::{self, PageQuery},
};
use crate::{
    app::App,
    auth::Admin,
    clock::rfc3339,
    fault::{Fault, Faults},
    problem::Problem,
    request,
    store::records::{Identity, IdentityFilter, Kind, PendingIdentity, Tuple},
    strict, validate,
};

/// What an identity is registered by.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    client_id: String,
    issuer: String,
    audience: String,
    subject: String,
}

/// What a query parameter begins with that names a field.
const FIELD: &str = "field.";
/// What a query parameter begins with that names a label.
const LABEL: &str = "label.";
/// Longest name of a label.
const MAX_LABEL_NAME: usize = 128;
/// Longest value of a label.
const MAX_LABEL_VALUE: usize = 256;
/// Most fields of one query.
const MAX_FIELDS: usize = 16;

/// The query of the list, without the fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    client_id: Option<String>,
    issuer: Option<String>,
    status: Option<Status>,
    cluster: Option<String>,
    last_seen_before: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Revoked,
    /// Waits for approval; these are not among the others.
    Pending,
}

/// `GET /v1/identities`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let (fields, rest): (Vec<&str>, Vec<&str>) =
        uri.query().unwrap_or_default().split('&').partition(|part| part.starts_with(FIELD));
    let (labels, rest): (Vec<&str>, Vec<&str>) = rest.into_iter().partition(|part| part.starts_with(LABEL));
    let ListQuery { limit, cursor, client_id, issuer, status, cluster, last_seen_before } =
        parameters(&rest)?;
    let fields = parameters::<Vec<(String, String)>>(&fields)?.into_iter().map(field);
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let labels = parameters::<Vec<(String, String)>>(&labels)?.into_iter().map(label_asked);
    let labels = labels.collect::<Result<Vec<_>, _>>()?;
    if fields.len() > MAX_FIELDS || labels.len() > MAX_FIELDS {
        return Err(Problem::invalid_request(format!(
            "at most {MAX_FIELDS} fields and as many labels can be asked for."
        )));
    }
    let last_seen_before = audit::time("last_seen_before", last_seen_before)?;
    let page = PageQuery::new(limit, cursor).page()?;
    if status == Some(Status::Pending) {
        if client_id.is_some() || issuer.is_some() || !fields.is_empty() {
            return Err(Problem::invalid_request("`status=pending` takes no other filter."));
        }
        let waiting = app.store.pending(&admin.tenant, page.clone(), app.clock.now()).await?;
        return Ok(page::body(&page, waiting, |identity| &identity.id, show_pending));
    }
    let revoked = status.map(|status| status == Status::Revoked);
    let filter = IdentityFilter { client_id, issuer, revoked, fields, labels, cluster, last_seen_before };
    let identities = app.store.identities(&admin.tenant, filter, page.clone()).await?;
    Ok(page::body(&page, identities, |identity| &identity.id, show))
}

/// `GET /v1/identities/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(show(&find(&app, &admin, &id).await?)))
}

/// `POST /v1/identities`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = request::body(body).await?;
    let members: Map<String, Value> =
        strict::members(&bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let sample = json!({ "client_id": "cl_a", "issuer": "a", "audience": "a", "subject": "a" });
    let reading = strict::read::<Registration>(members, &sample);
    let (Some(registration), true) = (reading.value, reading.faults.is_empty()) else {
        return Err(Problem::invalid_document(reading.faults));
    };
    let Registration { client_id, issuer, audience, subject } = registration;
    let mut faults = Faults::default();
    validate::bounded(&mut faults, "/audience", &audience);
    validate::bounded(&mut faults, "/subject", &subject);
    let faults = faults.into_vec();
    if !faults.is_empty() {
        return Err(Problem::invalid_document(faults));
    }
    let id = identity_id(&admin.tenant, &client_id, &issuer, &audience, &subject);
    let tuple = Tuple { client_id, issuer, audience, subject };
    let identity = app.store.register(&admin.tenant, &id, tuple, admin.author(&app)).await?;
    let location = HeaderValue::from_str(&format!("/v1/identities/{id}")).map_err(|_| Problem::internal())?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(show(&identity))).into_response())
}

/// What a `PATCH` may say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// A label of this name, or none any more.
    labels: BTreeMap<String, Option<String>>,
}

/// `PATCH /v1/identities/{id}`: a JSON merge patch (RFC 7396) of its labels.
pub(super) async fn patch(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let bytes = request::body(body).await?;
    let members: Map<String, Value> =
        strict::members(&bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let reading = strict::read::<Patch>(members, &json!({ "labels": {} }));
    let (Some(Patch { labels }), true) = (reading.value, reading.faults.is_empty()) else {
        return Err(Problem::invalid_document(reading.faults));
    };
    let mut faults = Faults::default();
    for (name, value) in &labels {
        let place = format!("/labels/{}", name.replace('~', "~0").replace('/', "~1"));
        let rule =
            "must begin and end with a letter or digit and hold nothing else but `-`, `_`, `.` and `/`";
        faults.demand(is_label(name), &place, rule);
        let fits = |value: &String| value.len() <= MAX_LABEL_VALUE && !value.chars().any(char::is_control);
        let rule = format!("must have at most {MAX_LABEL_VALUE} bytes and no control characters");
        faults.demand(value.as_ref().is_none_or(fits), &place, rule);
    }
    let faults = faults.into_vec();
    if !faults.is_empty() {
        return Err(Problem::invalid_document(faults));
    }
    Ok(Json(show(&app.store.label(&admin.tenant, &id, labels, admin.author(&app)).await?)))
}

/// `DELETE /v1/identities/{id}`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.store.forget(&admin.tenant, &id, admin.author(&app)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/identities/{id}/approve`: for one that waits, or that was seen.
pub(super) async fn approve(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let identity = app.store.approve(&admin.tenant, &id, admin.author(&app)).await?;
    Ok(Json(show(&identity)))
}

/// `POST /v1/identities/{id}/revoke`: also for an identity that was never seen.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    set(&app, &admin, &id, true).await
}

/// `POST /v1/identities/{id}/reinstate`.
pub(super) async fn reinstate(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    set(&app, &admin, &id, false).await
}

async fn set(app: &App, admin: &Admin, id: &str, revoked: bool) -> Result<Json<Value>, Problem> {
    if !is_id(id) {
        let detail = "must be `idn_` and 52 characters of lower-case base32";
        return Err(Problem::invalid_document(vec![Fault::new("", detail)]));
    }
    app.store.revoke(&admin.tenant, Kind::Identity, id, revoked, admin.author(app)).await?;
    Ok(Json(show(&find(app, admin, id).await?)))
}

async fn find(app: &App, admin: &Admin, id: &str) -> Result<Identity, Problem> {
    let found = app.store.identity(&admin.tenant, id).await?;
    found.ok_or_else(|| Problem::not_found("There is no identity with this id; list `/v1/identities`."))
}

/// Some parameters of a query, decoded.
fn parameters<T: DeserializeOwned>(parts: &[&str]) -> Result<T, Problem> {
    let uri = format!("/?{}", parts.join("&")).parse::<Uri>();
    let uri = uri.map_err(|_| Problem::invalid_request("The query cannot be read."))?;
    let Query(query) = Query::try_from_uri(&uri).map_err(|rejection| page::rejection(&rejection))?;
    Ok(query)
}

/// A field that is asked for: `field.namespace=shop`.
fn field((name, value): (String, String)) -> Result<(String, String), Problem> {
    let name = name.strip_prefix(FIELD).unwrap_or_default();
    if !is_field(name) {
        let detail = format!("`{FIELD}` must be followed by the name of a field: a-z, 0-9 and `_`.");
        return Err(Problem::invalid_request(detail));
    }
    Ok((name.to_owned(), value))
}

/// A label that is asked for: `label.team=pay`.
fn label_asked((name, value): (String, String)) -> Result<(String, String), Problem> {
    let name = name.strip_prefix(LABEL).unwrap_or_default();
    if !is_label(name) {
        let detail = format!("`{LABEL}` must be followed by the name of a label.");
        return Err(Problem::invalid_request(detail));
    }
    Ok((name.to_owned(), value))
}

/// The form of a field's name.
pub(super) fn is_field(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain)
}

/// The form of a label's name: as Kubernetes has it, so that its labels can be taken over.
pub(super) fn is_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= MAX_LABEL_NAME
        && name.bytes().all(plain)
        && edge(name.bytes().next())
        && edge(name.bytes().next_back())
}

/// The form of an identity's id. A mistyped one would be revoked without anyone noticing.
fn is_id(text: &str) -> bool {
    text.strip_prefix("idn_").is_some_and(|rest| {
        rest.len() == 52
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte))
    })
}

fn show_pending(identity: &PendingIdentity) -> Value {
    let PendingIdentity { id, tuple, binding, fields, first_asked, last_asked } = identity;
    json!({
        "id": id,
        "client_id": tuple.client_id,
        "issuer": tuple.issuer,
        "audience": tuple.audience,
        "subject": tuple.subject,
        "binding": binding,
        "fields": fields,
        "status": "pending",
        "first_asked": rfc3339(*first_asked),
        "last_asked": rfc3339(*last_asked),
    })
}

fn show(identity: &Identity) -> Value {
    let Identity { id, kind, tuple, fields, cluster, revoked, first_seen, last_seen, count, created, labels } =
        identity;
    json!({
        "id": id,
        "kind": kind.name(),
        "client_id": tuple.as_ref().map(|tuple| &tuple.client_id),
        "issuer": tuple.as_ref().map(|tuple| &tuple.issuer),
        "audience": tuple.as_ref().map(|tuple| &tuple.audience),
        "subject": tuple.as_ref().map(|tuple| &tuple.subject),
        "cluster": cluster,
        "fields": fields,
        "labels": labels,
        "status": if *revoked { "revoked" } else { "active" },
        "first_seen": first_seen.map(rfc3339),
        "last_seen": last_seen.map(rfc3339),
        "count": count,
        "created_at": rfc3339(*created),
    })
}
