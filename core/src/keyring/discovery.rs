//! Reading a discovery document (OpenID Connect Discovery §4.3): only `issuer` and `jwks_uri` matter.

use alloc::string::String;

use serde::Deserialize;

use super::FetchFailure;
use crate::endpoint::Endpoint;

#[derive(Deserialize)]
struct RawDiscovery {
    issuer: String,
    jwks_uri: String,
}

/// The key set's address, if the document is about `iss` byte for byte and the address is on the document's host.
pub(super) fn jwks_endpoint(
    body: &[u8],
    iss: &str,
    document: &Endpoint,
    allow_http: bool,
) -> Result<Endpoint, FetchFailure> {
    let RawDiscovery { issuer, jwks_uri } =
        serde_json::from_slice(body).map_err(|_| FetchFailure::InvalidDiscovery)?;
    if issuer != iss {
        return Err(FetchFailure::IssuerMismatch);
    }
    let endpoint = Endpoint::parse(&jwks_uri, allow_http).map_err(|_| FetchFailure::ForeignJwksUri)?;
    if endpoint.same_origin(document) { Ok(endpoint) } else { Err(FetchFailure::ForeignJwksUri) }
}
