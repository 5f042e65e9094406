//! Who acts for a subject (RFC 8693 §4): verified as a subject is, and let in by the binding, the subject's `may_act` and
//! the length of the chain.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde_json::{Map, Value};

use crate::{
    denial::Denial,
    flow::{
        exchange::unexpired,
        grant::{Desk, Granted},
        halt::Halt,
        order::Actor,
        visit::Visit,
    },
    policy::Binding,
    time::Timestamp,
    token_cache::Verified,
    wire::snapshot::ActorRule,
};

/// Most actors that an access token names, one in the other.
const MAX_ACTORS: usize = 4;

impl Desk<'_> {
    /// Who a verified actor token, which fits a binding of its own, says that acts.
    #[cold]
    pub(in super::super) fn actor(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        visit: &Visit<'_>,
        now: Timestamp,
    ) -> Result<Box<Actor>, Halt> {
        unexpired(verified, now)?;
        self.admit(verified, granted, visit, now)?;
        Ok(Box::new(Actor {
            token: self.sha256(verified),
            identity: self.tuple(granted, verified),
            iss: granted.issuer.iss.as_str().into(),
            exp: verified.times.exp,
            before: act(self.claims())?,
            used: self.use_of(verified, granted),
        }))
    }

    /// Who acts under `binding` for the subject of this token, all that acted before included.
    pub(super) fn acting(self, binding: &Binding, actor: Option<&Actor>) -> Result<Option<Actor>, Denial> {
        let actor = match (binding.actor, actor) {
            (ActorRule::Refuse | ActorRule::Allow, None) => return Ok(None),
            (ActorRule::Refuse, Some(_)) | (ActorRule::Require, None) => {
                return Err(Denial::ActorNotAllowed);
            }
            (ActorRule::Allow | ActorRule::Require, Some(actor)) => actor,
        };
        let claims = self.claims();
        if claims.get("may_act").is_some_and(|named| !names(named, actor)) {
            return Err(Denial::ActorNotAllowed);
        }
        let before = joined(actor.before.clone(), act(claims)?, MAX_ACTORS)?;
        Ok(Some(Actor { before, ..actor.clone() }))
    }
}

/// Whether a `may_act` names the actor: by `sub`, and by `iss` if it has one (RFC 8693 §4.4).
fn names(may_act: &Value, actor: &Actor) -> bool {
    let is = |name: &str, own: &str| may_act.get(name).is_some_and(|named| named.as_str() == Some(own));
    is("sub", &actor.identity.subject) && (may_act.get("iss").is_none() || is("iss", &actor.iss))
}

/// The `act` of a token, which must be an object.
fn act(claims: &Map<String, Value>) -> Result<Option<Map<String, Value>>, Denial> {
    match claims.get("act") {
        None => Ok(None),
        Some(Value::Object(act)) => Ok(Some(act.clone())),
        Some(_) => Err(Denial::ActorNotAllowed),
    }
}

/// The actors of `chain` with those of `earlier` behind the last of them. With one more they may be no more than `most`.
fn joined(
    chain: Option<Map<String, Value>>,
    earlier: Option<Map<String, Value>>,
    most: usize,
) -> Result<Option<Map<String, Value>>, Denial> {
    let mut actors = Vec::new();
    for chain in [chain, earlier] {
        let mut next = chain;
        while let Some(actor) = next {
            next = act(&actor)?;
            actors.push(actor.into_iter().filter(|(name, _)| name != "act").collect::<Map<_, _>>());
            if actors.len() >= most {
                return Err(Denial::ActorNotAllowed);
            }
        }
    }
    Ok(actors.into_iter().rev().fold(None, |before, mut actor| {
        if let Some(before) = before {
            actor.insert("act".into(), Value::Object(before));
        }
        Some(actor)
    }))
}

#[cfg(test)]
mod tests;
