//! The administrators' REST surface: everything below `/v1`, with an admin token.

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};
use cambist_core::wire::snapshot::{Binding, ExternalEndpoint, Issuer, Route};

use crate::{
    app::App,
    documents::{ClientDocument, GatewayDocument},
};

pub(crate) mod audit;
mod collection;
mod gateways;
mod identities;
mod key_sets;
mod keys;
pub mod metrics;
mod page;
mod precondition;
mod presets;
mod pushed;
mod resource;
mod resources;
mod revocation;
mod revocations;
mod secrets;
pub mod trial;

/// Everything below `/v1`.
pub fn router() -> Router<Arc<App>> {
    use collection::{create, list, read, remove, replace};
    use revocation::{reinstate, revoke};

    Router::new()
        .route("/v1/issuers", get(list::<Issuer>).post(create::<Issuer>))
        .route("/v1/issuers/{id}", get(read::<Issuer>).put(replace::<Issuer>).delete(remove::<Issuer>))
        .route("/v1/issuers/{id}/revoke", post(revoke::<Issuer>))
        .route("/v1/issuers/{id}/reinstate", post(reinstate::<Issuer>))
        .route("/v1/issuers/{id}/jwks", get(pushed::read).put(pushed::replace).delete(pushed::remove))
        .route("/v1/issuers/{id}/keys", get(key_sets::of_issuer))
        .route("/v1/issuers/{id}/test", post(trial::run))
        .route("/v1/clients", get(list::<ClientDocument>).post(create::<ClientDocument>))
        .route(
            "/v1/clients/{id}",
            get(read::<ClientDocument>).put(replace::<ClientDocument>).delete(remove::<ClientDocument>),
        )
        .route("/v1/clients/{id}/revoke", post(revoke::<ClientDocument>))
        .route("/v1/clients/{id}/reinstate", post(reinstate::<ClientDocument>))
        .route("/v1/clients/{client}/secrets", get(secrets::list).post(secrets::create))
        .route("/v1/clients/{client}/secrets/{secret}", delete(secrets::remove))
        .route("/v1/clients/{client}/bindings", get(list::<Binding>).post(create::<Binding>))
        .route(
            "/v1/clients/{client}/bindings/{id}",
            get(read::<Binding>).put(replace::<Binding>).delete(remove::<Binding>),
        )
        .route("/v1/routes", get(list::<Route>).post(create::<Route>))
        .route("/v1/routes/{id}", get(read::<Route>).put(replace::<Route>).delete(remove::<Route>))
        .route("/v1/external-endpoints", get(list::<ExternalEndpoint>).post(create::<ExternalEndpoint>))
        .route(
            "/v1/external-endpoints/{id}",
            get(read::<ExternalEndpoint>).put(replace::<ExternalEndpoint>).delete(remove::<ExternalEndpoint>),
        )
        .route("/metrics", get(metrics::read))
        .route("/v1/gateways", get(gateways::list).post(gateways::create))
        .route(
            "/v1/gateways/{id}",
            get(gateways::read).put(replace::<GatewayDocument>).delete(remove::<GatewayDocument>),
        )
        .route("/v1/gateways/{id}/keys", get(key_sets::of_gateway))
        .route("/v1/gateways/{id}/token", post(gateways::rotate))
        .route("/v1/presets", get(presets::list))
        .route("/v1/presets/{name}", get(presets::read))
        .route("/v1/keys", get(keys::list))
        .route("/v1/keys/rotate", post(keys::rotate))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/gaps", get(audit::gaps))
        .route("/v1/audit/verify", get(audit::verify))
        .route("/v1/identities", get(identities::list).post(identities::create))
        .route(
            "/v1/identities/{id}",
            get(identities::read).patch(identities::patch).delete(identities::remove),
        )
        .route("/v1/identities/{id}/approve", post(identities::approve))
        .route("/v1/identities/{id}/revoke", post(identities::revoke))
        .route("/v1/revocations", post(revocations::create))
        .route("/v1/identities/{id}/reinstate", post(identities::reinstate))
}
