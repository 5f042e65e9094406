//! `POST /gateway/v1/admit`: whether an identity may act that its binding does not let in by itself.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State};
use cambist_core::{
    identity::identity_id,
    time::Timestamp,
    wire::{
        admission::{Admission, AdmissionRequest},
        event::IdentityTuple,
    },
};

use crate::{
    app::App,
    auth::Gateway,
    fault::{Fault, Faults},
    problem::Problem,
    request,
    store::records::{PendingIdentity, Tuple},
    strict, validate,
};

/// Most fields that are kept of who waits, and most bytes of them.
const MAX_FIELDS: usize = 64;
const MAX_FIELD_BYTES: usize = 16_384;

/// Answers with a verdict. Asking is what makes an identity wait for approval.
pub(super) async fn admit(
    State(app): State<Arc<App>>,
    gateway: Gateway,
    body: Body,
) -> Result<Json<Admission>, Problem> {
    let bytes = request::body(body).await?;
    let request: AdmissionRequest = strict::read_message(&bytes).map_err(Problem::invalid_message)?;
    let tenant = gateway.token.tenant.as_str();
    let asking = asking(tenant, request, app.clock.now()).map_err(Problem::invalid_message)?;
    Ok(Json(Admission { verdict: app.store.admit(tenant, asking).await? }))
}

/// Who asks, if its id is that of its tuple.
pub(crate) fn asking(
    tenant: &str,
    request: AdmissionRequest,
    now: Timestamp,
) -> Result<PendingIdentity, Fault> {
    let AdmissionRequest { binding, identity, mut fields } = request;
    let IdentityTuple { id, client_id, issuer, audience, subject } = identity;
    if id != identity_id(tenant, &client_id, &issuer, &audience, &subject) {
        return Err(Fault::new("/identity/id", "is not the id of the rest"));
    }
    let mut faults = Faults::default();
    validate::bounded(&mut faults, "/identity/audience", &audience);
    validate::bounded(&mut faults, "/identity/subject", &subject);
    if let Some(fault) = faults.into_vec().into_iter().next() {
        return Err(fault);
    }
    let bytes = fields.iter().map(|(name, value)| name.len().saturating_add(value.len()));
    if fields.len() > MAX_FIELDS || bytes.fold(0, usize::saturating_add) > MAX_FIELD_BYTES {
        // They only help whoever decides; who asks is decided on by its tuple.
        fields.clear();
    }
    let tuple = Tuple { client_id, issuer, audience, subject };
    Ok(PendingIdentity { id, tuple, binding, fields, first_asked: now, last_asked: now })
}
