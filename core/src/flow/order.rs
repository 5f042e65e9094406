//! What an access token is asked for, and what came of it: the same for a route and for the token endpoint.

use alloc::{boxed::Box, string::String, sync::Arc};

use serde_json::{Map, Value};

use super::{Counted, gate::Use};
use crate::{
    denial::Denial,
    digest::Digest,
    policy::{Binding, FieldValues, Route},
    wire::event::{IdentityTuple, Minted},
};

/// What an access token is asked for: everything beside the subject token and its binding.
///
/// Whoever makes one has checked it against the binding; nothing behind it widens or narrows it.
#[derive(Clone, Copy)]
pub(super) struct Order<'o> {
    /// The access token's audiences, at least one, each of the binding's targets.
    pub(super) targets: &'o [&'o str],
    /// Granted scopes, space-separated, each of the binding's.
    pub(super) scope: &'o str,
    /// Who acts for the subject; `None`: the subject itself.
    pub(super) actor: Option<&'o Actor>,
}

/// Who acts for the subject (RFC 8693 §4.1): verified as a subject is, with an identity of its own.
#[derive(Clone)]
pub(super) struct Actor {
    /// SHA-256 of the actor token.
    pub(super) token: Digest,
    /// Who it is.
    pub(super) identity: IdentityTuple,
    /// The actor token's `iss`.
    pub(super) iss: Box<str>,
    /// Unix seconds at which the actor token ends; what is minted ends no later.
    pub(super) exp: i64,
    /// The `act` below the actor's own: who acted before, in depth no more than may be written.
    pub(super) before: Option<Map<String, Value>>,
    /// What its issuer's replay policy makes of the use of the actor token.
    pub(super) used: Option<Use>,
}

/// An access token and what is to be recorded of it.
pub(super) struct Issued {
    /// `Bearer ` and the token.
    pub(super) authorization: Arc<str>,
    /// What was made for it just now; `None` where it was there already, or where the control plane recorded it.
    pub(super) fresh: Option<Box<(Minted, FieldValues)>>,
    /// How it came about.
    pub(super) counted: Counted,
}

/// The one audience that a route asks for.
pub(super) fn route_target<'b>(route: &Route, binding: &'b Binding) -> Result<&'b str, Denial> {
    binding.target(route.target.as_deref())
}
