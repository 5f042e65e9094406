//! Create, list, read, replace and delete, once for every kind of configuration object.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, json, value::Value};

use super::{
    page::{self, PageQuery},
    precondition::{self, Expected},
    presets,
    resource::{Naming, Resource},
};
use crate::{
    app::App,
    auth::Admin,
    clock::rfc3339,
    configuration, external,
    fault::{Fault, Faults},
    presets::spell_out,
    problem::Problem,
    request,
    store::records::{Action, Change, Digest, HeldKeys, Kind, Object},
    strict,
};

/// Members that answers carry and documents do not; they are dropped so that what was read can be sent back.
const READ_ONLY: [&str; 6] = ["created_at", "updated_at", "version", "instances", "status", "advice"];

/// The variable parts of a path.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parts {
    #[serde(default)]
    client: String,
    #[serde(default)]
    id: String,
}

/// A document that passed, with its id.
pub(super) struct Accepted<R> {
    pub(super) id: String,
    pub(super) document: R,
}

/// `POST` on a collection.
pub(super) async fn create<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    body: Body,
) -> Result<Response, Problem> {
    demand_parent(&app, &admin, &parts).await?;
    let Accepted { id, document } =
        accept::<R>(&app, &admin, &parts, &request::body(body).await?, None).await?;
    let object = insert(&app, &admin, parts.client, id, &document, None).await?;
    Ok(created::<R>(&object, show_one(&app, &admin, &object).await?))
}

/// `GET` on a collection.
pub(super) async fn list<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| page::rejection(&rejection))?;
    let page = query.page()?;
    demand_parent(&app, &admin, &parts).await?;
    let objects = app.store.objects(&admin.tenant, R::KIND, &parts.client, page.clone()).await?;
    Ok(page::body(&page, objects, |object| &object.id, show))
}

/// `GET` on one object.
pub(super) async fn read<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Response, Problem> {
    let object = find::<R>(&app, &admin, &parts).await?;
    Ok(answer(&object, show_one(&app, &admin, &object).await?))
}

/// `PUT` on one object.
pub(super) async fn replace<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let expected = precondition::if_match(&headers)?.ok_or_else(Problem::precondition_required)?;
    let known = find::<R>(&app, &admin, &parts).await?;
    let expected = match expected {
        Expected::Version(version) => version,
        Expected::Any => known.version,
        Expected::Never => 0,
    };
    let bytes = request::body(body).await?;
    let Accepted { id, document } = accept::<R>(&app, &admin, &parts, &bytes, Some(&parts.id)).await?;
    let doc = to_store(&app, &admin, &id, &document)?;
    let action = Action::Replace { doc, references: document.references(), expected };
    let object =
        apply(&app, &admin, R::KIND, parts.client, id, action).await?.ok_or_else(Problem::internal)?;
    Ok(answer(&object, show_one(&app, &admin, &object).await?))
}

/// `DELETE` on one object.
pub(super) async fn remove<R: Resource>(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let expected = precondition::if_match(&headers)?.and_then(|expected| match expected {
        Expected::Version(version) => Some(version),
        Expected::Any => None,
        Expected::Never => Some(0),
    });
    apply(&app, &admin, R::KIND, parts.client, parts.id, Action::Delete { expected }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads and checks a document: its form, its rules and whether what it names exists, all at once.
pub(super) async fn accept<R: Resource>(
    app: &App,
    admin: &Admin,
    parts: &Parts,
    bytes: &Bytes,
    id: Option<&str>,
) -> Result<Accepted<R>, Problem> {
    let mut members: Map<String, Value> =
        strict::members(bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let mut faults = Faults::default();
    let id = match id {
        Some(id) => {
            members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
            fix(&mut members, R::ID, id, &mut faults);
            id.to_owned()
        }
        None => name::<R>(&mut members, &mut faults)?,
    };
    if R::KIND == Kind::Binding {
        fix(&mut members, "client_id", &parts.client, &mut faults);
    }
    if R::KIND == Kind::ExternalEndpoint {
        let stored = app.store.object(&admin.tenant, R::KIND, &id).await?;
        external::keep(app.kek(), &admin.tenant, stored.as_ref(), &mut members, &mut faults)?;
    }
    presets::fill(app, admin, R::KIND, &parts.client, &mut members, &mut faults).await?;
    let mut reading = strict::read::<R>(members, &R::sample());
    if R::KIND == Kind::ExternalEndpoint {
        // What stands in the place of a secret is not quoted.
        for fault in reading.faults.iter_mut().filter(|fault| fault.pointer.starts_with("/login")) {
            fault.detail = String::from("is no login of the form that the documentation shows");
        }
    }
    faults.extend(reading.faults);
    let Some(document) = reading.value else { return Err(Problem::invalid_document(faults.into_vec())) };
    let mut rules = Faults::default();
    document.check(&mut rules);
    if let Some(record) = document.record() {
        rules.extend(configuration::faults_alone(record, (R::KIND, &id)));
    }
    for reference in document.references() {
        if app.store.object(&admin.tenant, reference.kind, &reference.id).await?.is_none() {
            let kind = reference.kind.name();
            rules.push(
                reference.pointer,
                format!("there is no {kind} with the id `{}`; create it first", reference.id),
            );
        }
    }
    // What was put in the place of a bad member says nothing about the document.
    let mended = |fault: &Fault| reading.mended.contains(&strict::member(&fault.pointer));
    faults.extend(rules.into_vec().into_iter().filter(|fault| !mended(fault)));
    let faults = faults.into_vec();
    if faults.is_empty() { Ok(Accepted { id, document }) } else { Err(Problem::invalid_document(faults)) }
}

/// Stores a new object.
pub(super) async fn insert<R: Resource>(
    app: &App,
    admin: &Admin,
    parent: String,
    id: String,
    document: &R,
    token: Option<Digest>,
) -> Result<Object, Problem> {
    let doc = to_store(app, admin, &id, document)?;
    let action = Action::Create { doc, references: document.references(), token };
    apply(app, admin, R::KIND, parent, id, action).await?.ok_or_else(Problem::internal)
}

/// Makes a change, unless the whole configuration would be wrong after it.
pub(super) async fn apply(
    app: &App,
    admin: &Admin,
    kind: Kind,
    parent: String,
    id: String,
    action: Action,
) -> Result<Option<Object>, Problem> {
    let subject = id.clone();
    let tenant = admin.tenant.clone();
    let author = admin.author(app);
    let now = author.at;
    let change = Change { tenant, kind, id, parent, action, author };
    let check =
        |objects: &[Object], held: &[HeldKeys]| configuration::faults(objects, held, now, (kind, &subject));
    let object = app.store.change(change, &check).await?;
    if object.as_ref().is_some_and(|object| kind == Kind::Binding && object.doc.get("alg").is_some()) {
        // A key of another algorithm than the default may be needed from now on.
        app.keep_keys().await?;
    }
    Ok(object)
}

/// The object that a path names.
pub(super) async fn find<R: Resource>(app: &App, admin: &Admin, parts: &Parts) -> Result<Object, Problem> {
    let object = app.store.object(&admin.tenant, R::KIND, &parts.id).await?;
    object.filter(|object| object.parent == parts.client).ok_or_else(|| {
        Problem::not_found(format!("There is no {} with this id; list the collection.", R::KIND.name()))
    })
}

/// The document with what the store adds to it.
pub(super) fn show(object: &Object) -> Value {
    let mut shown = object.doc.clone();
    external::mask(object.kind, &mut shown);
    if let Some(members) = shown.as_object_mut() {
        members.insert(String::from("created_at"), json!(rfc3339(object.created)));
        members.insert(String::from("updated_at"), json!(rfc3339(object.updated)));
        members.insert(String::from("version"), json!(object.version));
    }
    shown
}

/// The same with advice, where there is any.
async fn show_one(app: &App, admin: &Admin, object: &Object) -> Result<Value, Problem> {
    let mut shown = show(object);
    presets::advise(app, admin, object, &mut shown).await?;
    Ok(shown)
}

/// The document as it is kept.
fn to_store<R: Resource>(app: &App, admin: &Admin, id: &str, document: &R) -> Result<Value, Problem> {
    let mut document = json!(document);
    spell_out(&mut document);
    if R::KIND == Kind::ExternalEndpoint {
        external::seal(app.kek(), &admin.tenant, id, &mut document).map_err(|error| {
            tracing::error!(%error, "a secret could not be sealed");
            Problem::internal()
        })?;
    }
    Ok(document)
}

/// 200 with the object's `ETag`.
pub(super) fn answer(object: &Object, body: Value) -> Response {
    tagged(object.version, body)
}

/// 200 with the `ETag` of a version.
pub(super) fn tagged(version: u64, body: Value) -> Response {
    ([(header::ETAG, precondition::etag(version))], Json(body)).into_response()
}

/// 201 with `Location` and `ETag`.
pub(super) fn created<R: Resource>(object: &Object, body: Value) -> Response {
    let location = format!("{}/{}", R::PATH.replace("{client}", &object.parent), object.id);
    let location = HeaderValue::from_str(&location).unwrap_or_else(|_| HeaderValue::from_static(R::PATH));
    (StatusCode::CREATED, [(header::LOCATION, location)], answer(object, body)).into_response()
}

async fn demand_parent(app: &App, admin: &Admin, parts: &Parts) -> Result<(), Problem> {
    if parts.client.is_empty()
        || app.store.object(&admin.tenant, Kind::Client, &parts.client).await?.is_some()
    {
        return Ok(());
    }
    Err(Problem::not_found("There is no client with this id; list `/v1/clients`."))
}

/// Gives a new object its id.
fn name<R: Resource>(members: &mut Map<String, Value>, faults: &mut Faults) -> Result<String, Problem> {
    let given = members.get(R::ID).and_then(Value::as_str).map(str::to_owned);
    let id = match (R::NAMING, given) {
        (Naming::Optional(_) | Naming::Required, Some(id)) => return Ok(id),
        (Naming::Optional(generate), None) if !members.contains_key(R::ID) => generate()?,
        // The reader says what is wrong with it.
        (Naming::Optional(_) | Naming::Required, None) => return Ok(String::new()),
        (Naming::Generated(generate), _) => {
            let absent = !members.contains_key(R::ID);
            faults.demand(absent, format!("/{}", R::ID), "is generated; leave it out");
            generate()?
        }
    };
    members.insert(R::ID.to_owned(), json!(id));
    Ok(id)
}

/// Puts in a member that the URL decides, and objects to another value.
fn fix(members: &mut Map<String, Value>, member: &str, value: &str, faults: &mut Faults) {
    let given = members.insert(member.to_owned(), json!(value));
    let same = given.is_none_or(|given| given == *value);
    faults.demand(same, format!("/{member}"), format!("must be `{value}`, as in the URL, or be left out"));
}
