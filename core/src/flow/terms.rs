//! What a token is judged for: a route, a grant at the token endpoint, or to act for another.

use super::{Head, order::Actor};
use crate::{
    condition::Condition,
    denial::Denial,
    exchange::request::TokenRequest,
    policy::{Policy, Route},
    wire::snapshot::{Client, GrantType, Mode},
};

/// What a token is judged for.
#[derive(Clone, Copy)]
pub(super) enum Terms<'p> {
    /// To go on along a route.
    Route(&'p Route),
    /// To be exchanged at the token endpoint.
    Grant(&'p Application<'p>),
    /// To act for the subject of another token.
    Actor,
}

/// What is asked for at the token endpoint, as far as it was checked.
pub(super) struct Application<'p> {
    pub(super) request: &'p TokenRequest,
    /// The head it came with.
    pub(super) head: &'p Head<'p>,
    pub(super) kind: GrantType,
    /// The client that was named, if its secret is right; `None`: the token says which.
    pub(super) client: Option<&'p Client>,
    /// Whether the client has proved who it is.
    pub(super) is_proved: bool,
    /// Who acts for the subject.
    pub(super) actor: Option<Actor>,
}

// === impl Terms ===

impl<'p> Terms<'p> {
    /// The route, if it is for one.
    pub(super) const fn route(self) -> Option<&'p Route> {
        match self {
            Self::Route(route) => Some(route),
            Self::Grant(_) | Self::Actor => None,
        }
    }

    /// Whether nothing is to be asked or made: the request goes on as it came.
    pub(super) fn observes(self) -> bool {
        self.route().is_some_and(|route| route.mode == Mode::Observe)
    }

    /// Whether an enabled client of this id may be acted for.
    pub(super) fn admits(self, policy: &Policy, client: &str) -> bool {
        let is_meant = match self {
            Self::Route(route) => route.clients.contains(client),
            Self::Grant(Application { client: named, .. }) => {
                named.is_none_or(|named| named.client_id == client)
            }
            Self::Actor => true,
        };
        is_meant && policy.client_enabled(client)
    }

    /// Why no binding fits, as it is told here: a token of another client than the one that was named is simply unknown,
    /// since the client itself is not.
    pub(super) const fn unfit(self, denial: Denial) -> Denial {
        match (self, denial) {
            (Self::Grant(_) | Self::Actor, Denial::ClientUnknown) => Denial::IdentityNotFound,
            (_, denial) => denial,
        }
    }

    /// What must be true of the token beside its binding.
    pub(super) fn condition(self) -> Option<&'p Condition> {
        self.route().and_then(Route::condition_in_force)
    }
}
