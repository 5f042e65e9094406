//! A snapshot that stands inline in the plugin configuration.

use alloc::{format, string::String, vec::Vec};

use super::{Faults, Policy, Secrets, compile_records};
use crate::wire::snapshot::{
    ClientLogin, Document, Exchange, Header, KeySource, PrivateKey, Record, SCHEMA, SecretText,
};

/// The records of `document`, as if a control plane had sent them to `gateway`.
pub fn document_records(document: Document, gateway: &str) -> Vec<Record> {
    let Document {
        authority,
        tenant,
        issuers,
        clients,
        bindings,
        external_endpoints,
        routes,
        signing_keys,
        authority_keys,
    } = document;
    let header = Header {
        schema: String::from(SCHEMA),
        gateway: String::from(gateway),
        tenant,
        authority: authority.unwrap_or_default(),
        epoch: 0,
        // An inline snapshot has nobody to hear from: it never goes stale.
        max_staleness: u32::MAX,
    };
    core::iter::once(Record::Header(header))
        .chain(issuers.into_iter().map(Record::Issuer))
        .chain(clients.into_iter().map(Record::Client))
        .chain(bindings.into_iter().map(Record::Binding))
        .chain(external_endpoints.into_iter().map(Record::ExternalEndpoint))
        .chain(routes.into_iter().map(Record::Route))
        .chain(signing_keys.into_iter().map(Record::SigningKey))
        .chain(authority_keys.map(Record::AuthorityKeys))
        .collect()
}

/// Compiles an inline snapshot, which may hold no private key and must hold all that its routes need.
pub fn compile_document(
    mut document: Document,
    gateway: &str,
    secrets: &dyn Secrets,
) -> Result<Policy, Faults> {
    let mut faults = Faults::default();
    let mints = document.routes.iter().any(|route| route.exchange == Exchange::Gateway);
    if mints && document.signing_keys.is_empty() {
        faults.add("signing_keys", "a route exchanges in the gateway, which needs a signing key");
    }
    if mints && document.authority.as_deref().is_none_or(|authority| !authority.starts_with("https://")) {
        faults.add("authority", "a route exchanges in the gateway, which needs an https authority as iss");
    }
    for route in document.routes.iter().filter(|route| route.exchange == Exchange::ControlPlane) {
        let detail = "`control-plane` needs a control plane in the plugin configuration";
        faults.add(format!("route/{}/exchange", route.id), detail);
    }
    for endpoint in &document.external_endpoints {
        if has_inline_secret(&endpoint.login) {
            faults.add(
                format!("external_endpoint/{}/login", endpoint.id),
                "an inline secret would show in /config_dump; write {\"env\": \"NAME\"} and pass the variable by host_env_keys",
            );
        }
    }
    for issuer in &document.issuers {
        let (member, detail) = match (&issuer.keys, &issuer.preset) {
            (KeySource::Pushed | KeySource::ControlPlane { .. } | KeySource::Carried { .. }, _) => {
                ("keys/source", "needs a control plane; use discovery, jwks_uri, derived or inline")
            }
            (_, Some(_)) => {
                ("preset", "is filled in by the control plane; write out what `cambist preset` shows")
            }
            _ => continue,
        };
        faults.add(format!("issuer/{}/{member}", issuer.id), detail);
    }
    document.signing_keys.retain(|key| match check_private_key(&key.private_key) {
        Ok(()) => true,
        Err(detail) => {
            faults.add("signing_keys/private_key", detail);
            false
        }
    });
    match compile_records(document_records(document, gateway), secrets) {
        Ok(policy) if faults.is_empty() => Ok(policy),
        Ok(_) => Err(faults),
        Err(more) => {
            faults.append(more);
            Err(faults)
        }
    }
}

fn has_inline_secret(login: &ClientLogin) -> bool {
    match login {
        ClientLogin::None => false,
        ClientLogin::ClientSecretBasic { secret, .. } | ClientLogin::ClientSecretPost { secret, .. } => {
            matches!(secret, SecretText::Value(_))
        }
        ClientLogin::PrivateKeyJwt { private_key, .. } => matches!(private_key, PrivateKey::Pkcs8(_)),
    }
}

fn check_private_key(key: &PrivateKey) -> Result<(), &'static str> {
    match key {
        PrivateKey::Pkcs8(_) => Err(
            "an inline key would show in /config_dump; write {\"env\": \"NAME\"} and pass the variable by host_env_keys",
        ),
        PrivateKey::Env(name) if is_variable(name) => Ok(()),
        // Not quoted: whoever put the key itself here would find it in the log.
        PrivateKey::Env(_) => {
            Err("env must name an environment variable of A-Z, 0-9 and _, not hold the key itself")
        }
    }
}

/// Whether `name` looks like an environment variable's, and so not like a secret: `[A-Z_][A-Z0-9_]{0,127}`.
pub fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
