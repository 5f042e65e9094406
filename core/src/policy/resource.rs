//! Protected resources and what is said of them (RFC 9728). Deliberately absent: answering.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use crate::{
    endpoint::{Endpoint, InvalidEndpoint},
    json,
};

/// Where metadata of protected resources is, before the resource's own path (RFC 9728 §3.1).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The resources of a policy.
#[derive(Debug, Default)]
pub struct Resources(Vec<Resource>);

/// A protected resource.
#[derive(Debug)]
struct Resource {
    identifier: String,
    /// Host in lower case, without port.
    host: String,
    /// Where its metadata is.
    path: String,
    /// All that a route of it asks for.
    scopes: Vec<String>,
}

// === impl Resources ===

impl Resources {
    /// Notes a resource and the scopes that a route of it asks for; gives back the URL of its metadata.
    pub(super) fn add(&mut self, identifier: &str, scopes: &[String]) -> Result<Arc<str>, &'static str> {
        let endpoint = Endpoint::parse(identifier, false).map_err(InvalidEndpoint::message)?;
        if endpoint.path().contains(['?', '"', '\\']) {
            return Err("must have no query, quote or backslash");
        }
        let own = if endpoint.path() == "/" { "" } else { endpoint.path() };
        let path = format!("{WELL_KNOWN}{own}");
        let url = format!("https://{}{path}", endpoint.authority());
        let index = self.0.iter().position(|known| known.identifier == identifier);
        match index.and_then(|index| self.0.get_mut(index)) {
            Some(known) => known.scopes.extend_from_slice(scopes),
            None => self.0.push(Resource {
                identifier: identifier.into(),
                host: endpoint.host().into(),
                path,
                scopes: scopes.to_vec(),
            }),
        }
        Ok(url.into())
    }

    /// The metadata document at `path`, without query, on `host`, in lower case and without port.
    ///
    /// Who wants a token for it goes to `authority`.
    pub fn document(&self, host: &str, path: &[u8], authority: &str) -> Option<String> {
        let is_it = |known: &&Resource| known.host == host && known.path.as_bytes() == path;
        let Resource { identifier, scopes, .. } = self.0.iter().find(is_it)?;
        let mut listed: Vec<String> = Vec::new();
        for scope in scopes {
            let scope = json::quoted(scope);
            if !listed.contains(&scope) {
                listed.push(scope);
            }
        }
        Some(format!(
            "{{\"resource\":{},\"authorization_servers\":[{}],\"scopes_supported\":[{}],\"bearer_methods_supported\":[\"header\"]}}",
            json::quoted(identifier),
            json::quoted(authority),
            listed.join(","),
        ))
    }
}
