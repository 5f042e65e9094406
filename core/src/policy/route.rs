//! A compiled route. Deliberately absent: choosing one, which is the route table's work.

use alloc::{string::String, sync::Arc, vec::Vec};

use hashbrown::HashSet;

use super::{ExternalEndpoint, TokenSources};
use crate::{
    claims_out::ClaimsOut,
    condition::Condition,
    wire::snapshot::{AuditMode, Enforcement, Exchange, ForeignToken, Mode},
};

/// What happens to the requests it matches.
#[derive(Debug)]
pub struct Route {
    /// Its id, for operators.
    pub id: String,
    /// What a request needs.
    pub mode: Mode,
    /// Clients whose bindings may serve it.
    pub clients: HashSet<String>,
    /// Scopes that the binding must be able to grant.
    pub scopes: Vec<String>,
    /// `scopes`, space-separated, as the access token's `scope`.
    pub scope: String,
    /// Whether and where the token is exchanged.
    pub exchange: Exchange,
    /// Where, with [`Exchange::External`].
    pub external: Option<Arc<ExternalEndpoint>>,
    /// Audience of the access token; `None`: the binding's first target, and no token of ours is taken.
    pub target: Option<String>,
    /// Verify only: forward the subject token.
    pub forward: bool,
    /// Admit CORS preflight requests.
    pub cors_preflight: bool,
    /// What to do with foreign tokens.
    pub foreign_token: ForeignToken,
    /// Where the subject token may stand.
    pub sources: TokenSources,
    /// What those behind the gateway are told of a verified token.
    pub claims_out: Option<ClaimsOut>,
    /// What must be true of a token.
    pub condition: Option<Condition>,
    /// Whether that decides.
    pub condition_enforcement: Enforcement,
    /// When the record of a mint is written.
    pub audit: AuditMode,
    /// URL of the metadata of the protected resource behind it; challenges point there.
    pub resource_metadata: Option<Arc<str>>,
}

// === impl Route ===

impl Route {
    /// What must be true of a token, unless that is only tried out.
    pub fn condition_in_force(&self) -> Option<&Condition> {
        self.condition.as_ref().filter(|_| self.condition_enforcement == Enforcement::Enforce)
    }

    /// The condition that is only tried out.
    pub fn condition_on_trial(&self) -> Option<&Condition> {
        self.condition.as_ref().filter(|_| self.condition_enforcement == Enforcement::Audit)
    }
}
