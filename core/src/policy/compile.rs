//! From wire records to a policy, with all faults reported at once. Resumable: feed it as many records as time allows.
//!
//! Deliberately absent: the environment; secrets named by `{env: NAME}` come through [`Secrets`].

mod access;
mod claims_out;
mod document;
mod external;
mod fields;
mod keys;
mod party;
mod token_sources;
mod userinfo;

use alloc::{
    format,
    string::{String, ToString as _},
    sync::Arc,
    vec::Vec,
};

use hashbrown::HashMap;
use serde_json::Value;

pub(crate) use self::access::{is_host, is_scope};
pub use self::document::{compile_document, document_records, is_variable};
use super::{
    AuthorityKeys as OwnKeys, ExternalEndpoint, Fault, Faults, IdentityHeaders, Issuer, MintingKey, Policy,
    Resources, Route, RouteTable,
};
use crate::{
    digest::Digest,
    jose::key_set::KeySet,
    secret::Secret,
    wire::{
        reading,
        snapshot::{AuthorityKeys, Client, End, Header, Record, SCHEMA},
    },
};

/// Where `{env: NAME}` secrets come from.
pub trait Secrets {
    /// The value of the environment variable `name`.
    fn env(&self, name: &str) -> Option<Secret<Vec<u8>>>;
}

/// Builds a [`Policy`] record by record. Header, issuers, clients, bindings, external endpoints, routes: each after what it refers to.
#[derive(Debug, Default)]
pub struct Compiler {
    faults: Faults,
    records: u64,
    header: Option<Header>,
    issuers: HashMap<String, Issuer>,
    disabled_issuers: Vec<String>,
    clients: HashMap<String, Client>,
    binding_ids: hashbrown::HashSet<String>,
    routes_by_id: HashMap<String, Arc<Route>>,
    external_endpoints: HashMap<String, Arc<ExternalEndpoint>>,
    /// Those with faults of their own.
    faulty_external: hashbrown::HashSet<String>,
    routes: RouteTable,
    resources: Resources,
    signing_keys: Vec<MintingKey>,
    authority_keys: Option<AuthorityKeys>,
    /// Headers that routes read tokens from, with the route's id.
    token_headers: Vec<(String, Arc<str>)>,
    identity_headers: IdentityHeaders,
    ended: bool,
}

/// Compiles all of `records`, which need no [`End`].
pub fn compile_records(
    records: impl IntoIterator<Item = Record>,
    secrets: &dyn Secrets,
) -> Result<Policy, Faults> {
    let mut compiler = Compiler::default();
    for record in records {
        compiler.feed(record, secrets);
    }
    compiler.ended = true;
    compiler.finish()
}

// === impl Compiler ===

impl Compiler {
    /// Takes one line of a snapshot.
    pub fn feed_line(&mut self, line: &[u8], secrets: &dyn Secrets) {
        match reading::read::<Record>(line) {
            Ok(record) => self.feed(record, secrets),
            Err(fault) => {
                self.records = self.records.saturating_add(1);
                self.faults.add(format!("line {}", self.records), fault.to_string());
            }
        }
    }

    /// Takes one record.
    pub fn feed(&mut self, record: Record, secrets: &dyn Secrets) {
        if self.ended {
            self.faults.add("end", "records follow the end record");
            return;
        }
        match record {
            Record::Header(header) => self.header(header),
            Record::Issuer(issuer) => self.issuer(issuer),
            Record::Client(client) => self.client(client),
            Record::Binding(binding) => self.binding(binding),
            Record::ExternalEndpoint(endpoint) => self.external_endpoint(endpoint, secrets),
            Record::Route(route) => self.route(route),
            Record::SigningKey(key) => self.signing_key(key, secrets),
            Record::AuthorityKeys(keys) => self.authority_keys = Some(keys),
            Record::End(End { records }) => {
                self.ended = true;
                if records != self.records {
                    self.faults.add("end", format!("counts {records} records, {} came", self.records));
                }
                return;
            }
        }
        self.records = self.records.saturating_add(1);
    }

    /// The policy, or everything that is wrong.
    pub fn finish(mut self) -> Result<Policy, Faults> {
        if !self.ended {
            self.faults.add("end", "the snapshot was cut short: it has no end record");
        }
        let issuers: HashMap<String, Arc<Issuer>> =
            self.issuers.into_iter().map(|(id, issuer)| (id, Arc::new(issuer))).collect();
        let (issuers_by_iss, on_trial) = party::index_issuers(issuers.values(), &mut self.faults);
        let token_headers =
            token_sources::index(&self.token_headers, &self.identity_headers, &mut self.faults);
        let keys = self.authority_keys.map(|keys| keys.jwks).or_else(|| published(&self.signing_keys));
        let set = keys.as_ref().map(KeySet::from_value).transpose().unwrap_or_else(|invalid| {
            self.faults.add("authority_keys/jwks", invalid);
            None
        });
        match self.header {
            Some(header) if self.faults.is_empty() => Ok(Policy {
                authority_keys: set.map(|set| OwnKeys {
                    set,
                    digest: Digest::of_parts([header.authority.as_bytes(), header.tenant.as_bytes()]),
                }),
                header,
                issuers_by_iss,
                on_trial,
                issuers,
                clients: self.clients,
                routes: self.routes,
                routes_by_id: self.routes_by_id,
                resources: self.resources,
                signing_keys: self.signing_keys,
                authority_jwks: keys,
                token_headers,
                identity_headers: self.identity_headers,
            }),
            Some(_) => Err(self.faults),
            None => {
                self.faults.add("header", "is missing");
                Err(self.faults)
            }
        }
    }

    fn header(&mut self, header: Header) {
        if header.schema != SCHEMA {
            let detail = format!("is {:?}, this version reads only {SCHEMA:?}", header.schema);
            self.faults.add("header/schema", detail);
        }
        if self.records != 0 {
            self.faults.add("header", "must be the first record");
        }
        self.header = Some(header);
    }

    fn fault(&mut self, kind: &str, id: &str, field: &str, detail: impl core::fmt::Display) {
        self.faults.add(format!("{kind}/{id}/{field}"), detail);
    }
}

/// Without a control plane, what is published are the public halves of the keys that mint.
fn published(keys: &[MintingKey]) -> Option<Value> {
    let keys: Vec<Value> = keys.iter().map(|minting| minting.key.public_jwk()).collect();
    (!keys.is_empty()).then(|| Value::from_iter([("keys", Value::from(keys))]))
}

impl From<Fault> for Faults {
    fn from(Fault { path, detail }: Fault) -> Self {
        let mut faults = Self::default();
        faults.add(path, detail);
        faults
    }
}

/// Whether `id` is an operator's slug: `[a-z0-9][a-z0-9._-]{0,62}`, or generated with a `_` prefix.
fn is_slug(id: &str) -> bool {
    let first = id.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first
        && id.len() <= 63
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests;
