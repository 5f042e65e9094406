//! What gateways need beyond the other kinds: a token that is shown once, and the instances that were heard of.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::Response,
};
use cambist_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    collection::{self, Accepted, Parts, accept, answer, apply, created, find, show},
    page::{self, PageQuery},
};
use crate::{
    app::App,
    auth::{self, Admin},
    clock::rfc3339,
    documents::GatewayDocument,
    problem::Problem,
    request,
    status::{self, Status},
    store::records::{Action, Instance, Kind, Object},
};

/// `POST /v1/gateways`: the answer holds the token, which is shown this once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = request::body(body).await?;
    let Accepted { id, document } = accept::<GatewayDocument>(&app, &admin, &parts, &bytes, None).await?;
    let token = auth::gateway_token()?;
    let digest = Some(auth::digest(&token));
    let object = collection::insert(&app, &admin, String::new(), id, &document, digest).await?;
    let mut shown = show(&object);
    if let Some(members) = shown.as_object_mut() {
        members.insert(String::from("token"), json!(token.expose()));
    }
    Ok(created::<GatewayDocument>(&object, shown))
}

/// `GET /v1/gateways`: each with where it stands.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|rejection| page::rejection(&rejection))?;
    let page = query.page()?;
    let objects = app.store.objects(&admin.tenant, Kind::Gateway, "", page.clone()).await?;
    let all = status::all(&app, &admin.tenant).await?;
    let now = app.clock.now();
    let shown = |object: &Object| {
        let mut shown = show(object);
        if let (Some(members), Some(status)) = (shown.as_object_mut(), all.get(&object.id)) {
            members.insert(String::from("status"), standing(status, now));
        }
        shown
    };
    Ok(page::body(&page, objects, |object| &object.id, shown))
}

/// `GET /v1/gateways/{name}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Response, Problem> {
    let object = find::<GatewayDocument>(&app, &admin, &parts).await?;
    app.sightings.flush(&*app.store).await?;
    let instances = app.store.instances(&admin.tenant, &object.id).await?;
    let mut shown = show(&object);
    if let Some(members) = shown.as_object_mut() {
        members.insert(String::from("instances"), instances.iter().map(instance).collect());
    }
    Ok(answer(&object, shown))
}

/// `POST /v1/gateways/{name}/token`: a new token; the old one stops working at once.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Json<Value>, Problem> {
    let object = find::<GatewayDocument>(&app, &admin, &parts).await?;
    let token = auth::gateway_token()?;
    let action = Action::RotateToken { token: auth::digest(&token) };
    apply(&app, &admin, Kind::Gateway, String::new(), object.id.clone(), action).await?;
    Ok(Json(json!({ "name": object.id, "token": token.expose() })))
}

fn standing(status: &Status, now: Timestamp) -> Value {
    let Status { instances, failing, behind, epoch, last_seen, last_error, dropped, missing } = status;
    // An epoch is about the milliseconds at which it began.
    let age = epoch.filter(|epoch| *epoch > 0).and_then(|epoch| i64::try_from(epoch).ok());
    let age = age.map(|epoch| now.millis_since(Timestamp::from_millis(epoch)).max(0).div_euclid(1000));
    json!({
        "instances": instances,
        "failing": failing,
        "behind": behind,
        "running_epoch": epoch,
        "epoch_age_seconds": age,
        "last_seen": last_seen.map(rfc3339),
        "last_error": last_error,
        "dropped": dropped,
        "missing": missing,
    })
}

fn instance(instance: &Instance) -> Value {
    let Instance { instance, running_epoch, last_error, last_seen, dropped } = instance;
    json!({
        "instance": instance,
        "running_epoch": running_epoch,
        "last_error": last_error,
        "last_seen": rfc3339(*last_seen),
        "dropped": dropped,
    })
}
