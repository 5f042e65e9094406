//! Keys that somebody gives to the control plane, for issuers that nobody can reach.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use cambist_core::wire::snapshot::{Carrier, Issuer, KeySource};
use serde_json::{Map, json, value::Value};

use super::{
    collection::{Parts, find},
    precondition::{self, Expected},
};
use crate::{
    app::App,
    auth::Admin,
    carried,
    clock::rfc3339,
    configuration,
    fault::{Fault, Faults},
    judgement::{self, Judgement},
    problem::Problem,
    request,
    store::records::{Expectation, HeldKeys, HeldSet, Kind, Object},
    strict,
};

/// `PUT /v1/issuers/{id}/jwks`.
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let issuer = pushed(&find::<Issuer>(&app, &admin, &parts).await?)?;
    let known = app.store.held(&admin.tenant, &issuer.id).await?;
    let expected = match (precondition::if_match(&headers)?, &known) {
        (Some(expected), _) => expectation(expected),
        // The first set replaces nothing but what was fetched before the issuer was changed.
        (None, None) => Expectation::Nothing,
        (None, Some(keys)) if keys.set.carrier != Carrier::Pushed => Expectation::Version(keys.version),
        (None, Some(_)) => return Err(Problem::precondition_required()),
    };
    let bytes = request::body(body).await?;
    let Judgement { jwks, skipped, .. } = accept(&issuer, &bytes)?;
    let set = HeldSet {
        carrier: Carrier::Pushed,
        origin: carried::origin(&issuer),
        jwks,
        skipped,
        fresh_until: None,
    };
    let author = admin.author(&app);
    let now = author.at;
    let check = |objects: &[Object], held: &[HeldKeys]| {
        configuration::faults(objects, held, now, (Kind::Issuer, &issuer.id))
    };
    let keys = app.store.hold(&admin.tenant, &issuer.id, set, expected, author, &check).await?;
    let status = if keys.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, answer(&issuer, &keys)).into_response())
}

/// `GET /v1/issuers/{id}/jwks`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Response, Problem> {
    let issuer = pushed(&find::<Issuer>(&app, &admin, &parts).await?)?;
    let keys = app.store.held(&admin.tenant, &issuer.id).await?;
    let keys = keys.filter(|keys| keys.set.carrier == Carrier::Pushed).ok_or_else(none)?;
    Ok(answer(&issuer, &keys))
}

/// `DELETE /v1/issuers/{id}/jwks`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let issuer = pushed(&find::<Issuer>(&app, &admin, &parts).await?)?;
    let expected = precondition::if_match(&headers)?.map_or(Expectation::Anything, expectation);
    if app.store.held(&admin.tenant, &issuer.id).await?.is_none() {
        return Err(none());
    }
    app.store.release(&admin.tenant, &issuer.id, expected, admin.author(&app)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The issuer, if its keys are pushed.
fn pushed(object: &Object) -> Result<Issuer, Problem> {
    let issuer = configuration::issuer(object)?;
    if issuer.keys == KeySource::Pushed { Ok(issuer) } else { Err(Problem::not_pushed()) }
}

/// A set of which at least one key can be used and none gives a secret away.
fn accept(issuer: &Issuer, bytes: &[u8]) -> Result<Judgement, Problem> {
    let members: Map<String, Value> =
        strict::members(bytes).map_err(|error| Problem::invalid_json(format!("{error}.")))?;
    let empty = members.get("keys").and_then(Value::as_array).is_some_and(Vec::is_empty);
    let refuse = |fault| Err(Problem::invalid_document(vec![fault]));
    let judged = match judgement::judge(bytes) {
        Ok(judged) => judged,
        Err(invalid) => return refuse(Fault::new("/keys", invalid.to_string())),
    };
    let used = judgement::used(&judged.jwks, &issuer.algorithms);
    let mut faults = Faults::default();
    for key in &judged.skipped {
        faults.push(format!("/keys/{}", key.index), key.reason.clone());
    }
    if used.is_empty() || judged.gives_secrets_away {
        faults.demand(!empty, "/keys", "holds no key; withdraw keys with DELETE");
        return Err(Problem::invalid_document(faults.into_vec()));
    }
    if used.iter().all(|key| key.algorithms.is_empty()) {
        let detail = format!(
            "no key goes with the issuer's `algorithms` ({}); name others there or push other keys",
            issuer.algorithms.join(", ")
        );
        faults.push("/keys", detail);
        return Err(Problem::invalid_document(faults.into_vec()));
    }
    Ok(judged)
}

const fn expectation(expected: Expected) -> Expectation {
    match expected {
        Expected::Version(version) => Expectation::Version(version),
        Expected::Any => Expectation::Anything,
        Expected::Never => Expectation::Version(0),
    }
}

fn none() -> Problem {
    Problem::not_found("There are no keys; push a JWK set with PUT.")
}

fn answer(issuer: &Issuer, keys: &HeldKeys) -> Response {
    let HeldKeys { issuer: id, set, version, actor, at } = keys;
    let body = json!({
        "issuer": id,
        "jwks": set.jwks,
        "keys": judgement::used(&set.jwks, &issuer.algorithms),
        "skipped": set.skipped,
        // Keys that were pushed for another `iss` are kept until they are replaced, and not used.
        "in_use": carried::usable_until(issuer, keys).is_some(),
        "pushed_at": rfc3339(*at),
        "pushed_by": actor,
        "version": version,
    });
    super::collection::tagged(*version, body)
}
