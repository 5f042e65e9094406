//! Presets for administrators: shown, put to use in issuers and bindings, and what they advise.

use axum::{Json, extract::Path};
use cambist_core::wire::snapshot::{Binding, Issuer};
use serde::Deserialize as _;
use serde_json::{Map, json, value::Value};

use crate::{
    app::App,
    auth::Admin,
    fault::Faults,
    presets::{self, Preset},
    problem::Problem,
    store::{
        StoreError,
        records::{Kind, Object},
    },
};

/// `GET /v1/presets`.
pub(super) async fn list(_: Admin) -> Json<Value> {
    let items: Vec<&Value> = presets::all().iter().map(|preset| &preset.document).collect();
    Json(json!({ "items": items, "next": null }))
}

/// `GET /v1/presets/{name}`.
pub(super) async fn read(_: Admin, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    let preset = presets::find(&name).ok_or_else(|| {
        Problem::not_found(format!("There is no preset with this name; there are {}.", presets::names()))
    })?;
    Ok(Json(preset.document.clone()))
}

/// Fills in what the author of a document left out and a preset knows.
pub(super) async fn fill(
    app: &App,
    admin: &Admin,
    kind: Kind,
    client: &str,
    members: &mut Map<String, Value>,
    faults: &mut Faults,
) -> Result<(), Problem> {
    match kind {
        Kind::Issuer => presets::fill_issuer(members, faults),
        Kind::Binding => {
            let Some(issuer) = members.get("issuer").and_then(Value::as_str) else { return Ok(()) };
            if let Some(preset) = of_issuer(app, admin, issuer).await? {
                presets::fill_binding(members, preset, client);
            }
        }
        Kind::Client | Kind::Route | Kind::Gateway | Kind::Identity | Kind::Key | Kind::Tenant => {}
    }
    Ok(())
}

/// Adds to a binding that is shown what its author should consider.
pub(super) async fn advise(
    app: &App,
    admin: &Admin,
    object: &Object,
    shown: &mut Value,
) -> Result<(), Problem> {
    if object.kind != Kind::Binding {
        return Ok(());
    }
    let binding = Binding::deserialize(&object.doc).map_err(StoreError::new)?;
    let Some(preset) = of_issuer(app, admin, &binding.issuer).await? else { return Ok(()) };
    let advice = presets::advice(preset, &binding);
    if let Some(members) = shown.as_object_mut().filter(|_| !advice.is_empty()) {
        members.insert(String::from("advice"), json!(advice));
    }
    Ok(())
}

async fn of_issuer(app: &App, admin: &Admin, id: &str) -> Result<Option<&'static Preset>, Problem> {
    let Some(object) = app.store.object(&admin.tenant, Kind::Issuer, id).await? else { return Ok(None) };
    let issuer = Issuer::deserialize(&object.doc).map_err(StoreError::new)?;
    Ok(issuer.preset.as_deref().and_then(presets::find))
}
