//! Secrets of clients: made here, shown once, kept as their SHA-256. A client has two at most, so that one can replace the
//! other while both are good.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{json, value::Value};

use crate::{
    app::App,
    auth::{self, Admin},
    clock::rfc3339,
    problem::Problem,
    store::{
        ChangeError,
        records::{ClientSecret, Kind},
    },
    text,
};

/// `GET /v1/clients/{client}/secrets`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(client): Path<String>,
) -> Result<Json<Value>, Problem> {
    if app.store.object(&admin.tenant, Kind::Client, &client).await?.is_none() {
        return Err(Problem::not_found("There is no client with this id; list `/v1/clients`."));
    }
    let secrets = app.store.client_secrets(&admin.tenant, &client).await?;
    Ok(Json(json!({ "items": secrets.iter().map(show).collect::<Vec<_>>(), "next": null })))
}

/// `POST /v1/clients/{client}/secrets`: the one answer that holds the secret.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(client): Path<String>,
) -> Result<Response, Problem> {
    let secret = auth::client_secret()?;
    let author = admin.author(&app);
    let kept = ClientSecret {
        client_id: client.clone(),
        id: format!("sec_{}", text::base32(&text::random::<10>()?)),
        secret_sha256: auth::digest(&secret),
        created: author.at,
    };
    let mut shown = show(&kept);
    if let Some(members) = shown.as_object_mut() {
        members.insert(String::from("secret"), json!(secret.expose()));
    }
    let location = format!("/v1/clients/{client}/secrets/{}", kept.id);
    match app.store.add_client_secret(&admin.tenant, kept, author).await {
        Ok(()) => {}
        Err(ChangeError::Exists) => return Err(Problem::enough_secrets()),
        Err(error) => return Err(error.into()),
    }
    let location = HeaderValue::from_str(&location).map_err(|_| Problem::internal())?;
    let headers =
        [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, Json(shown)).into_response())
}

/// `DELETE /v1/clients/{client}/secrets/{secret}`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path((client, secret)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.store.remove_client_secret(&admin.tenant, &client, &secret, admin.author(&app)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(secret: &ClientSecret) -> Value {
    let ClientSecret { client_id, id, secret_sha256: _, created } = secret;
    json!({ "id": id, "client_id": client_id, "created_at": rfc3339(*created) })
}
