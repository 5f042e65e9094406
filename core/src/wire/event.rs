//! What a gateway reports: mints and denials, in numbered batches.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{keys::IssuerKeys, snapshot::GrantType};
use crate::readable_object;

/// The body of `POST /gateway/v1/events`. Delivered at least once; de-duplicated by (instance, sequence).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Envoy node id + random boot id of one VM.
    pub instance: String,
    /// The running epoch; 0 before the first snapshot.
    pub epoch: u64,
    /// Why the last snapshot was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Events lost because the queue was full, since boot.
    pub dropped: u64,
    /// In order of their sequence.
    pub events: Vec<Event>,
    /// Issuers whose keys changed since the last batch that was acknowledged; everything again now and then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IssuerKeys>,
}

/// The answer to a [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The highest sequence that is on disk.
    pub sequence: u64,
}

readable_object!(Acknowledgement { sequence });

/// One mint or denial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Position in the instance's stream, from 1.
    pub sequence: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub outcome: Outcome,
    /// Reason code of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Epoch of the snapshot that decided.
    pub epoch: u64,
    /// The route's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Hex SHA-256 of the subject token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<String>,
    /// Who it was; absent while unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityTuple>,
    /// What was minted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minted: Option<Minted>,
    /// The grant, at a token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantType>,
    /// Who acts for the identity (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<IdentityTuple>,
    /// The issuer's `identity_fields` of a verified token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The issuer's `audit_fields` of a verified token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub audit_fields: BTreeMap<String, String>,
    /// What a rule that is not in force would have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// How many equal denials this one stands for; time and token are those of the first.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// Whether a mint is on disk before any request carries what was minted.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub strict: bool,
}

/// What a rule that is not in force would have decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The rule: `issuer/ID`, `issuer/ID/replay`, `binding/ID`, `binding/ID/condition` or `route/ID/condition`.
    pub rule: String,
    /// Reason code of the denial; absent: it would have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An access token was minted.
    Mint,
    /// A request was refused.
    Denial,
    /// Nothing was minted or refused; `shadow` says what would have been.
    Shadow,
}

/// The tuple that makes an identity, with its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityTuple {
    /// `idn_…`, which the receiver computes again and compares.
    pub id: String,
    /// The client's id.
    pub client_id: String,
    /// The issuer's id.
    pub issuer: String,
    /// First in byte order of the token's `aud` among the binding's audiences.
    pub audience: String,
    /// The token's `sub`.
    pub subject: String,
}

/// What was minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minted {
    /// The access token's `jti`.
    pub jti: String,
    /// The key that signed it.
    pub kid: String,
    /// The access token's audience.
    pub target: String,
    /// Granted scopes, space-separated.
    pub scope: String,
    /// The access token's `exp` in Unix seconds.
    pub exp: i64,
}

const fn one() -> u64 {
    1
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")
)]
const fn is_one(count: &u64) -> bool {
    *count == 1
}
