//! `POST /gateway/v1/mint`: a gateway without a key asks the control plane, which verifies the tokens itself.

use alloc::{collections::BTreeMap, string::String};

use serde::{Deserialize, Serialize};

/// What a gateway asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MintRequest {
    /// An access token for a route, as the control plane's own copy of the route says.
    Route(RouteMint),
    /// The answer to a request at the gateway's token endpoint.
    Endpoint(EndpointRequest),
}

/// A request that came in on a route. It holds a credential, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMint {
    /// The route's id.
    pub route: String,
    /// The subject token.
    pub subject_token: String,
}

/// A request at the gateway's token endpoint. It holds credentials, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRequest {
    /// `:path`.
    pub path: String,
    /// `content-type` and `authorization`, those that were sent.
    pub headers: BTreeMap<String, String>,
    /// The body, which is text in every form that is accepted.
    pub body: String,
}

/// The answer to a [`RouteMint`] that is granted. It holds a credential, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMinted {
    /// The access token.
    pub access_token: String,
    /// Its `jti`.
    pub jti: String,
    /// Its `exp` in Unix seconds.
    pub exp: i64,
}

/// The answer to a [`RouteMint`] that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRefused {
    /// The reason code of the denial.
    pub reason: String,
    /// Seconds after which asking again makes sense, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}
