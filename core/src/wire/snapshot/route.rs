//! A route as a snapshot carries it.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{
    Condition, Enforcement,
    claim_out::ClaimOut,
    token_source::{TokenSource, are_default, default_token_sources},
};
use crate::{
    readable_choice, readable_object,
    wire::reading::{self, Readable, Unreadable},
};
use serde_json::value::Value;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique in the tenant.
    pub id: String,
    /// Where it is in force.
    #[serde(default, skip_serializing_if = "Place::is_default")]
    pub place: Place,
    /// Exact host, `*.suffix`, or `*`. Compared without port, lower case.
    pub host: String,
    /// Which paths.
    pub path: PathMatch,
    /// Methods; absent means all, an empty list is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// What a request needs.
    #[serde(default)]
    pub mode: Mode,
    /// Clients whose bindings may serve this route. Empty denies on a `require` route.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Scopes that the binding must be able to grant; they are the access token's scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether and where the token is exchanged.
    #[serde(default)]
    pub exchange: Exchange,
    /// The [`super::ExternalEndpoint`] of `exchange: external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// Identifier of the protected resource behind it (RFC 9728 §1.2), an https URL. Its metadata is served, and
    /// challenges point there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Audience of the access token; absent: the binding's first target. A token of our own that names it is not
    /// exchanged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Verify only: forward the subject token instead of dropping it.
    #[serde(default)]
    pub forward: bool,
    /// Admit CORS preflight requests without a token.
    #[serde(default)]
    pub cors_preflight: bool,
    /// What to do with a bearer that is no JWT or is of an unlisted issuer.
    #[serde(default)]
    pub foreign_token: ForeignToken,
    /// Where the subject token may stand; all places are looked at. Absent: `authorization`. Empty is a fault.
    #[serde(default = "default_token_sources", skip_serializing_if = "are_default")]
    pub token_sources: Vec<TokenSource>,
    /// What those behind the gateway are told of a verified token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims_out: Vec<ClaimOut>,
    /// What must be true of a token that is presented here, beside what its binding demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Whether the condition decides; with `audit` a request is decided as if there were none.
    #[serde(default, skip_serializing_if = "Enforcement::is_default")]
    pub condition_enforcement: Enforcement,
    /// Whether a request waits until what was minted for it is on record.
    #[serde(default, skip_serializing_if = "AuditMode::is_default")]
    pub audit: AuditMode,
}

/// When the record of a mint is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditMode {
    /// Within a second or so, in batches; a gateway that dies takes what it has not sent along.
    #[default]
    Batched,
    /// Before the request is forwarded.
    Strict,
}

/// Where a route is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At gateways.
    #[default]
    Gateway,
    /// At sidecars, which trust our authority alone.
    Sidecar,
}

/// Which paths a route covers, compared with the canonical path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// Exactly this path.
    Exact(String),
    /// This path and everything below it, by whole segments.
    Prefix(String),
    /// A path whose `{name}` segments match any one segment.
    Template(String),
}

/// What a request needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A verified token.
    #[default]
    Require,
    /// None; but a presented token must be good.
    Optional,
    /// Always forwarded untouched; the decision is only counted and recorded.
    Observe,
}

/// Whether and where the token is exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// Verify only.
    #[default]
    None,
    /// Mint in the gateway with its fleet key.
    Gateway,
    /// Mint in the control plane.
    ControlPlane,
    /// Exchange at an external token endpoint.
    External,
}

/// What to do with a bearer that is no JWT or is of an unlisted issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignToken {
    /// Refuse it.
    #[default]
    Reject,
    /// Leave it alone. A compile fault on a `require` route.
    Pass,
}

readable_object!(Route { id, [place], host, path, [methods], [mode], [clients], [scopes], [exchange], [external], [resource], [target], [forward], [cors_preflight], [foreign_token], [token_sources = default_token_sources()], [claims_out], [condition], [condition_enforcement], [audit] });
impl Readable for PathMatch {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let (name, value) = reading::single(value, &["exact", "prefix", "template"])?;
        let path = String::read(value).map_err(|fault| fault.within(name))?;
        Ok(match name {
            "exact" => Self::Exact(path),
            "prefix" => Self::Prefix(path),
            _ => Self::Template(path),
        })
    }
}

readable_choice!(AuditMode { Batched: "batched", Strict: "strict" });
readable_choice!(Place { Gateway: "gateway", Sidecar: "sidecar" });
readable_choice!(Mode { Require: "require", Optional: "optional", Observe: "observe" });
readable_choice!(Exchange {
    None: "none",
    Gateway: "gateway",
    ControlPlane: "control-plane",
    External: "external"
});
readable_choice!(ForeignToken { Reject: "reject", Pass: "pass" });

// === impl Place ===

impl Place {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

// === impl AuditMode ===

impl AuditMode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
