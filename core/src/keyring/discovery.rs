//! Reading a discovery document (OpenID Connect Discovery §4.3): only `issuer` and `jwks_uri` matter.

use serde_json::Value;

use super::FetchFailure;
use crate::{endpoint::Endpoint, json};

/// The key set's address, if the document is about `iss` byte for byte and the address is on the document's host.
pub(super) fn jwks_endpoint(
    body: &[u8],
    iss: &str,
    document: &Endpoint,
    allow_http: bool,
) -> Result<Endpoint, FetchFailure> {
    let members = json::parse_object(body).map_err(|_| FetchFailure::InvalidDiscovery)?;
    let text = |name| members.get(name).and_then(Value::as_str).ok_or(FetchFailure::InvalidDiscovery);
    let (issuer, jwks_uri) = (text("issuer")?, text("jwks_uri")?);
    if issuer != iss {
        return Err(FetchFailure::IssuerMismatch);
    }
    let endpoint = Endpoint::parse(jwks_uri, allow_http).map_err(|_| FetchFailure::ForeignJwksUri)?;
    if endpoint.same_origin(document) { Ok(endpoint) } else { Err(FetchFailure::ForeignJwksUri) }
}
