//! What documents must hold beyond what gateways check. Every rule is checked and every fault reported.
//!
//! Deliberately absent: the rules of core's compiler, which `configuration` asks, and whether objects exist, which the
//! store checks in the transaction that needs them.

use std::collections::BTreeSet;

use axum::http::{Uri, uri::Authority};
use cambist_core::wire::snapshot::{Binding, ClientAuthentication, ClientCredentials, Issuer, KeySource};

use crate::{
    documents::{ClientDocument, GatewayDocument, GatewayKind, GrantType},
    fault::Faults,
    fetching::{proxy::Proxy, tls::Roots},
};

const MAX_TEXT: usize = 2048;

/// An operator's name for something: `[a-z0-9][a-z0-9._-]{0,62}`.
pub fn slug(faults: &mut Faults, pointer: &str, text: &str) {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = text.bytes().next().is_some_and(plain)
        && text.len() <= 63
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
    faults.demand(
        good,
        pointer,
        "must be 1 to 63 of a-z, 0-9, `.`, `_` and `-`, and start with a letter or digit",
    );
}

/// The authority's URL: https, a host, no user, query, fragment or final slash.
pub fn authority(text: &str) -> Result<(), &'static str> {
    if !is_https_url(text) {
        return Err("must be an https URL with a host, such as https://auth.example.com");
    }
    if text.ends_with('/') {
        return Err("must not end in a slash: verifiers compare it byte for byte");
    }
    Ok(())
}

/// What core leaves open of an issuer.
pub fn issuer(issuer: &Issuer, faults: &mut Faults) {
    if matches!(issuer.keys, KeySource::Carried { .. }) {
        let detail = "`carried` is what snapshots hold; write `pushed` or `control_plane`";
        faults.push("/keys/source", detail);
    }
    if let KeySource::ControlPlane { uri: _, ca, proxy, allow_private: _ } = &issuer.keys {
        if let Some(Err(invalid)) = ca.as_deref().map(Roots::private) {
            faults.push("/keys/ca", invalid.to_string());
        }
        if let Some(Err(invalid)) = proxy.as_deref().map(Proxy::parse) {
            faults.push("/keys/proxy", invalid);
        }
    }
}

/// A client.
pub fn client(client: &ClientDocument, faults: &mut Faults) {
    let ClientDocument {
        client_id: _,
        name,
        description,
        tags,
        grant_types,
        enabled: _,
        authentication,
        credentials,
    } = client;
    let by_secret = grant_types.contains(&GrantType::ClientCredentials);
    match (by_secret, credentials) {
        (true, None) => faults.push("/credentials", "must say what the grant `client_credentials` gets"),
        (false, Some(_)) => {
            faults.push(
                "/credentials",
                "has no meaning without the grant `client_credentials` in `grant_types`",
            );
        }
        (true, Some(credentials)) => granted(credentials, faults),
        (false, None) => {}
    }
    let asked = grant_types.iter().any(|grant| grant.wire().is_some());
    faults.demand(
        asked || *authentication == ClientAuthentication::None,
        "/authentication",
        "has no meaning without a grant that is asked for at a token endpoint",
    );
    let mut known = BTreeSet::new();
    for (index, grant) in grant_types.iter().enumerate() {
        faults.demand(known.insert(grant), format!("/grant_types/{index}"), "is there twice; drop one");
    }
    faults.demand((1..=128).contains(&name.chars().count()), "/name", "must have 1 to 128 characters");
    faults.demand(description.chars().count() <= 1024, "/description", "must have at most 1024 characters");
    faults.demand(tags.len() <= 64, "/tags", "must be at most 64");
    let mut seen = BTreeSet::new();
    for (index, tag) in tags.iter().enumerate() {
        faults.demand(seen.insert(tag), format!("/tags/{index}"), "is there twice; drop one");
        let good = (1..=64).contains(&tag.chars().count()) && tag.trim() == tag;
        faults.demand(
            good,
            format!("/tags/{index}"),
            "must have 1 to 64 characters without space around them",
        );
    }
}

/// What core leaves open of the grant `client_credentials`.
fn granted(credentials: &ClientCredentials, faults: &mut Faults) {
    let ClientCredentials { scopes: _, targets, ttl: _, audience_tenants, rate: _ } = credentials;
    faults.demand(!targets.is_empty(), "/credentials/targets", "must name at least one audience");
    for (index, target) in targets.iter().enumerate().filter(|(_, target)| !target.is_empty()) {
        bounded(faults, &format!("/credentials/targets/{index}"), target);
    }
    for (index, tenant) in audience_tenants.iter().flatten().enumerate() {
        bounded(faults, &format!("/credentials/audience_tenants/{index}"), tenant);
    }
}

/// What core leaves open of a binding: names that end up in logs, tokens and URLs are bounded.
pub fn binding(binding: &Binding, faults: &mut Faults) {
    let Binding { id, audiences, subjects, targets, until, .. } = binding;
    slug(faults, "/id", id);
    for (pointer, list) in [("/audiences", audiences), ("/subjects", subjects), ("/targets", targets)] {
        for (index, text) in list.iter().enumerate() {
            bounded(faults, &format!("{pointer}/{index}"), text);
        }
    }
    faults.demand(until.is_none_or(|until| until >= 0), "/until", "must be Unix seconds, 0 or later");
}

/// A gateway.
pub fn gateway(gateway: &GatewayDocument, faults: &mut Faults) {
    let GatewayDocument { name, kind, may_mint, description } = gateway;
    slug(faults, "/name", name);
    let mints = *kind == GatewayKind::Sidecar && *may_mint;
    faults.demand(!mints, "/may_mint", "must be false for a sidecar, which exchanges nothing");
    faults.demand(description.chars().count() <= 1024, "/description", "must have at most 1024 characters");
}

/// A text that is compared exactly: not empty, at most 2048 bytes, no control characters.
pub fn bounded(faults: &mut Faults, pointer: &str, text: &str) {
    let good = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    faults.demand(good, pointer, "must have 1 to 2048 bytes without control characters");
}

fn is_https_url(text: &str) -> bool {
    // `Uri` drops fragments silently.
    if text.len() > MAX_TEXT || text.contains('#') {
        return false;
    }
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let named = |part: &Authority| !part.host().is_empty() && !part.as_str().contains('@');
    uri.scheme_str() == Some("https") && uri.authority().is_some_and(named) && uri.query().is_none()
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn takes_https_authorities_only() {
        for good in ["https://auth.example", "https://auth.example:8443", "https://auth.example/tenants/a"] {
            assert_eq!(authority(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "auth.example",
            "http://auth.example",
            "https://",
            "https://auth.example/",
            "https://u@auth.example",
            "https://auth.example/a?b",
            "https://auth.example/a#b",
        ] {
            assert!(authority(bad).is_err(), "{bad}");
        }
    }
}
