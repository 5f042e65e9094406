//! A binding as a snapshot carries it.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::Value;

use super::{Condition, Enforcement, Rate, enabled};
use crate::{readable_choice, readable_object};

/// Which tokens of which issuer act for a client, and what they get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Unique in the tenant.
    pub id: String,
    /// The client it belongs to.
    pub client_id: String,
    /// The issuer's `id`.
    pub issuer: String,
    /// Accepted audiences, matched exactly, any of. An empty list denies.
    pub audiences: Vec<String>,
    /// Accepted `sub` values, matched exactly, any of. Empty denies unless `allow_any_subject`
    /// or a `condition` says which tokens fit.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Accept any `sub` of this issuer and these audiences.
    #[serde(default)]
    pub allow_any_subject: bool,
    /// What else must be true of a token for the binding to fit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Whether the condition decides; with `audit` a token fits the binding whatever the condition says of it.
    #[serde(default, skip_serializing_if = "Enforcement::is_default")]
    pub condition_enforcement: Enforcement,
    /// Scopes that may be granted.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Audiences that an access token may name. The first is the default. Empty: no exchange.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Access token lifetime in seconds, 60 to 3600.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
    /// Shape of the access token.
    #[serde(default)]
    pub profile: Profile,
    /// What signs the access token. RS256 needs a gateway whose host signs, or the control plane.
    #[serde(default, skip_serializing_if = "SigningAlg::is_default")]
    pub alg: SigningAlg,
    /// Template of the access token's `sub`, such as `spiffe://td.example/ns/${jwt.claim.kubernetes\\.io.namespace}`.
    /// A SPIFFE ID and required for `jwt-svid`; absent for `at+jwt`: the identity's `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_template: Option<String>,
    /// More claims of the access token: name → constant or, in texts, template over `${jwt.claim.…}`. Registered
    /// claims and those that we set are a fault.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
    /// Whether somebody may act for the subject (RFC 8693 §1.1).
    #[serde(default, skip_serializing_if = "ActorRule::is_default")]
    pub actor: ActorRule,
    /// Whom it lets in of those that fit it.
    #[serde(default, skip_serializing_if = "Enrolment::is_default")]
    pub enrolment: Enrolment,
    /// How often each of its identities may exchange.
    #[serde(default, skip_serializing_if = "Rate::is_default")]
    pub rate: Rate,
    /// Whether it gives anything; with `audit` a request is decided as if the binding were absent.
    #[serde(default, skip_serializing_if = "Enforcement::is_default")]
    pub enforcement: Enforcement,
    /// The binding ends at this Unix time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// A disabled binding matches nothing.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// Shape of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// RFC 9068.
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// SPIFFE JWT-SVID.
    #[serde(rename = "jwt-svid")]
    JwtSvid,
}

/// What signs an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA over P-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5, for verifiers that know nothing else.
    #[serde(rename = "RS256")]
    Rs256,
}

/// Whether somebody may act for the subject, as an `actor_token` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorRule {
    /// Nobody: an `actor_token` is refused.
    #[default]
    Refuse,
    /// Delegation with an `actor_token`, impersonation without.
    Allow,
    /// Delegation only.
    Require,
}

/// How a workload becomes an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// By presenting a token that fits.
    #[default]
    Auto,
    /// An administrator registers it before it comes.
    Preregistered,
    /// It comes, and waits until an administrator approves.
    Approve,
}

readable_object!(Binding { id, client_id, issuer, audiences, [subjects], [allow_any_subject], [condition], [condition_enforcement], [scopes], [targets], [ttl = default_ttl()], [profile], [alg], [subject_template], [claims], [actor], [enrolment], [rate], [enforcement], [until], [enabled = enabled()] });
readable_choice!(Profile { AtJwt: "at+jwt", JwtSvid: "jwt-svid" });
readable_choice!(SigningAlg { Es256: "ES256", Rs256: "RS256" });
readable_choice!(ActorRule { Refuse: "refuse", Allow: "allow", Require: "require" });
readable_choice!(Enrolment { Auto: "auto", Preregistered: "preregistered", Approve: "approve" });

// === impl Enrolment ===

impl Enrolment {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl SigningAlg ===

impl SigningAlg {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl ActorRule ===

impl ActorRule {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) const fn default_ttl() -> u32 {
    900
}
