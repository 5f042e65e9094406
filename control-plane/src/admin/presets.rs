//! Presets for administrators: shown, put to use in issuers and bindings, and what they advise.

use axum::{Json, extract::Path};
use cambist_core::wire::snapshot::{Binding, Issuer};
use serde::Deserialize as _;
use serde_json::{Map, json, value::Value};

use crate::{
    app::App,
    auth::Admin,
    documents::{ClientDocument, GrantType},
    fault::Faults,
    permission,
    presets::{self, Advice, Preset},
    problem::Problem,
    store::{
        StoreError,
        records::{Kind, Object, Page},
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
            permission::spell_out(members, faults);
            let Some(issuer) = members.get("issuer").and_then(Value::as_str) else { return Ok(()) };
            if let Some(preset) = of_issuer(app, admin, issuer).await? {
                presets::fill_binding(members, preset, client);
            }
        }
        Kind::Client
        | Kind::ExternalEndpoint
        | Kind::Route
        | Kind::Gateway
        | Kind::Identity
        | Kind::Key
        | Kind::Tenant => {}
    }
    Ok(())
}

/// Adds to a binding or client that is shown what its author should consider.
pub(super) async fn advise(
    app: &App,
    admin: &Admin,
    object: &Object,
    shown: &mut Value,
) -> Result<(), Problem> {
    let advice = match object.kind {
        Kind::Binding => {
            let binding = Binding::deserialize(&object.doc).map_err(StoreError::new)?;
            let Some(preset) = of_issuer(app, admin, &binding.issuer).await? else { return Ok(()) };
            presets::advice(preset, &binding)
        }
        Kind::Client => {
            let client = ClientDocument::deserialize(&object.doc).map_err(StoreError::new)?;
            let page = Page { after: None, limit: 1 };
            let bindings = app.store.objects(&admin.tenant, Kind::Binding, &object.id, page).await?;
            let secrets = app.store.client_secrets(&admin.tenant, &object.id).await?;
            client_advice(&client, bindings.is_empty(), secrets.is_empty())
        }
        Kind::Issuer
        | Kind::Route
        | Kind::ExternalEndpoint
        | Kind::Gateway
        | Kind::Identity
        | Kind::Key
        | Kind::Tenant => {
            return Ok(());
        }
    };
    if let Some(members) = shown.as_object_mut().filter(|_| !advice.is_empty()) {
        members.insert(String::from("advice"), json!(advice));
    }
    Ok(())
}

/// Grants that a client may use, as it stands, to no end.
fn client_advice(client: &ClientDocument, unbound: bool, without_secret: bool) -> Vec<Advice> {
    let pointer = |index| format!("/grant_types/{index}");
    let advice = client.grant_types.iter().enumerate().filter_map(|(index, grant)| {
        let by_token = matches!(grant, GrantType::JwtBearer | GrantType::TokenExchange);
        let text = if by_token && unbound {
            "the client has no binding yet, so no token is granted anything by it"
        } else if *grant == GrantType::ClientCredentials && without_secret {
            "the client has no secret yet; make one with POST /v1/clients/{id}/secrets"
        } else {
            return None;
        };
        Some(Advice { pointer: pointer(index), text: String::from(text) })
    });
    advice.collect()
}

async fn of_issuer(app: &App, admin: &Admin, id: &str) -> Result<Option<&'static Preset>, Problem> {
    let Some(object) = app.store.object(&admin.tenant, Kind::Issuer, id).await? else { return Ok(None) };
    let issuer = Issuer::deserialize(&object.doc).map_err(StoreError::new)?;
    Ok(issuer.preset.as_deref().and_then(presets::find))
}
