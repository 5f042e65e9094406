//! The compiled snapshot: what the request path looks things up in.
//!
//! Deliberately absent: parsing of requests and tokens, keys of issuers, caches.

mod binding;
mod compile;
mod external;
mod fault;
mod fields;
mod header_name;
mod issuer;
mod path;
mod resource;
mod route;
mod route_table;
mod token_sources;
mod userinfo;

use alloc::{string::String, sync::Arc, vec::Vec};

use hashbrown::HashMap;
use serde_json::Value;

pub(crate) use self::compile::{is_host, is_scope};
pub use self::{
    binding::{Binding, BindingMatch, Unfit},
    compile::{Compiler, Secrets, compile_document, compile_records, document_records, is_variable},
    external::{ExternalEndpoint, Login},
    fault::{Fault, Faults},
    fields::{FieldValues, Fields, MAX_FIELD_BYTES},
    header_name::{IdentityHeaders, MAX_HEADER_NAME_BYTES, is_reserved},
    issuer::{Issuer, Keys},
    path::canonical_path,
    resource::{Resources, WELL_KNOWN},
    route::Route,
    route_table::RouteTable,
    token_sources::{TokenHeaders, TokenSources},
    userinfo::UserInfoRules,
};
use crate::{
    crypto::SigningKey,
    denial::Denial,
    digest::Digest,
    jose::{alg::Alg, key_set::KeySet},
    time::Timestamp,
    wire::snapshot,
};

/// Everything a gateway decides by, compiled from one snapshot.
#[derive(Debug)]
pub struct Policy {
    /// The first record of the snapshot.
    pub header: snapshot::Header,
    /// Issuers by their exact `iss` text, then by the audiences their bindings accept.
    pub(crate) issuers_by_iss: HashMap<String, HashMap<Arc<str>, Arc<Issuer>>>,
    /// Issuers of what is only tried out, by `iss` text and audience.
    pub(crate) on_trial: HashMap<String, HashMap<Arc<str>, Arc<Issuer>>>,
    /// Issuers by id.
    pub(crate) issuers: HashMap<String, Arc<Issuer>>,
    /// Clients by id.
    pub(crate) clients: HashMap<String, snapshot::Client>,
    pub(crate) routes: RouteTable,
    pub(crate) routes_by_id: HashMap<String, Arc<Route>>,
    pub(crate) signing_keys: Vec<MintingKey>,
    pub(crate) authority_jwks: Option<Value>,
    pub(crate) authority_keys: Option<AuthorityKeys>,
    pub(crate) resources: Resources,
    pub(crate) token_headers: TokenHeaders,
    pub(crate) identity_headers: IdentityHeaders,
}

/// A signing key and when it may be used.
#[derive(Debug)]
pub struct MintingKey {
    /// The key.
    pub key: SigningKey,
    /// Unix seconds before which it must not sign.
    pub not_before: i64,
    /// Unix seconds at which it stops.
    pub not_after: i64,
    /// Digest of `kid`, key and `not_after`, for the caches: a `kid` alone may name another key later.
    pub digest: Digest,
}

/// What verifies our own tokens.
#[derive(Debug)]
pub struct AuthorityKeys {
    /// The authority's published keys.
    pub set: KeySet,
    /// Digest of authority and tenant, for the caches. Of no keys: a hit asks for its own.
    pub digest: Digest,
}

// === impl Policy ===

impl Policy {
    /// The issuer that a token with this `iss` and these audiences belongs to.
    ///
    /// Where several issuers share the text, exactly one may accept one of the audiences.
    pub fn issuer_of(&self, iss: &str, audiences: &[String]) -> Result<&Arc<Issuer>, Denial> {
        let same_text = self.issuers_by_iss.get(iss).ok_or(Denial::IssuerNotAllowed)?;
        let mut fitting = audiences.iter().filter_map(|audience| same_text.get(audience.as_str()));
        let issuer = fitting.next().ok_or(Denial::AudienceMismatch)?;
        let unique = fitting.all(|other| Arc::ptr_eq(other, issuer));
        if unique { Ok(issuer) } else { Err(Denial::IssuerAmbiguous) }
    }

    /// The issuer with something on trial that a token with this `iss` and these audiences would belong to.
    pub fn issuer_on_trial(&self, iss: &str, audiences: &[String]) -> Option<&Arc<Issuer>> {
        let same_text = self.on_trial.get(iss)?;
        audiences.iter().find_map(|audience| same_text.get(audience.as_str()))
    }

    /// Whether [`Self::issuer_on_trial`] can find any.
    pub fn has_trials(&self) -> bool {
        !self.on_trial.is_empty()
    }

    /// Whether some issuer in force has this `iss` text.
    pub fn lists_iss(&self, iss: &str) -> bool {
        self.issuers_by_iss.contains_key(iss)
    }

    /// The issuer with this id.
    pub fn issuer(&self, id: &str) -> Option<&Arc<Issuer>> {
        self.issuers.get(id)
    }

    /// All issuers, in no order.
    pub fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.issuers.values()
    }

    /// Whether an enabled client has this id.
    pub fn client_enabled(&self, client_id: &str) -> bool {
        self.client(client_id).is_some()
    }

    /// The enabled client with this id.
    pub fn client(&self, client_id: &str) -> Option<&snapshot::Client> {
        self.clients.get(client_id).filter(|client| client.enabled)
    }

    /// The route of a request.
    pub const fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The route with this id.
    pub fn route(&self, id: &str) -> Option<&Arc<Route>> {
        self.routes_by_id.get(id)
    }

    /// The key that mints now with `alg`: of those in their time, the one that lasts longest.
    pub fn minting_key(&self, now: Timestamp, alg: Alg) -> Option<&MintingKey> {
        let now = now.secs();
        self.signing_keys
            .iter()
            .filter(|key| key.key.alg() == alg && key.not_before <= now && now < key.not_after)
            .max_by_key(|key| key.not_after)
    }

    /// The protected resources behind its routes.
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The headers beside `authorization` that a route may read a token from.
    pub const fn token_headers(&self) -> &TokenHeaders {
        &self.token_headers
    }

    /// The headers that clients may not send.
    pub const fn identity_headers(&self) -> &IdentityHeaders {
        &self.identity_headers
    }

    /// Whether the authority publishes a key of this name, as far as the snapshot says.
    pub fn publishes(&self, kid: &str) -> bool {
        let Some(keys) = self.authority_jwks.as_ref().and_then(|set| set.get("keys")?.as_array()) else {
            return true;
        };
        keys.iter().any(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
    }

    /// What verifies a token whose `iss` is this, if that is the authority's and no issuer has it.
    pub fn own_keys(&self, iss: &str) -> Option<&AuthorityKeys> {
        self.authority_keys.as_ref().filter(|_| iss == self.header.authority && !self.lists_iss(iss))
    }

    /// The authority's published JWK set, if the snapshot carries one.
    pub const fn authority_jwks(&self) -> Option<&Value> {
        self.authority_jwks.as_ref()
    }
}
