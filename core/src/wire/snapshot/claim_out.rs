//! What a route tells those behind the gateway of a verified token, as a snapshot carries it.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::readable_object;

/// One value, and where it goes: a header, filter state, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimOut {
    /// What is told, such as `jwt.claim.sub`; see [`crate::attribute::Attribute`].
    pub attribute: String,
    /// A header, lower case. No client can send it, on no route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Envoy filter state; Envoy knows it as `wasm.` and this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_state: Option<String>,
}

readable_object!(ClaimOut { attribute, [header], [filter_state] });
