//! A gateway's batch read in place: the texts of thousands of events a second are looked at where they came in.
//!
//! The same as `wire::event`, which is asked where this does not understand: it is only faster.

use core::fmt;
use std::{borrow::Cow, collections::BTreeMap};

use cambist_core::wire::{
    event::{Event, IdentityTuple, Minted, Outcome, Shadow},
    snapshot::GrantType,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};

use crate::metrics::Reported;

/// A text of the message, borrowed unless it holds escapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(Cow<'a, str>);

/// A batch without the keys, which few have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch<'a> {
    #[serde(borrow)]
    pub(super) instance: Text<'a>,
    pub(super) epoch: u64,
    #[serde(borrow, default)]
    pub(super) last_error: Option<Text<'a>>,
    pub(super) dropped: u64,
    #[serde(borrow)]
    pub(super) events: Vec<Told<'a>>,
}

/// An event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told<'a> {
    pub(super) sequence: u64,
    pub(super) at_ms: i64,
    pub(super) outcome: Outcome,
    #[serde(borrow, default)]
    pub(super) reason: Option<Text<'a>>,
    pub(super) epoch: u64,
    #[serde(borrow, default)]
    pub(super) route: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) token_sha256: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) identity: Option<Tuple<'a>>,
    #[serde(borrow, default)]
    pub(super) minted: Option<Fresh<'a>>,
    #[serde(default)]
    pub(super) grant: Option<GrantType>,
    #[serde(borrow, default)]
    pub(super) actor: Option<Tuple<'a>>,
    #[serde(borrow, default)]
    pub(super) fields: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    pub(super) audit_fields: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(default)]
    pub(super) shadow: Option<Cow<'a, Shadow>>,
    #[serde(default = "one")]
    pub(super) count: u64,
    #[serde(default)]
    pub(super) strict: bool,
}

/// Who it was.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tuple<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) client_id: Text<'a>,
    #[serde(borrow)]
    pub(super) issuer: Text<'a>,
    #[serde(borrow)]
    pub(super) audience: Text<'a>,
    #[serde(borrow)]
    pub(super) subject: Text<'a>,
}

/// What was minted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fresh<'a> {
    #[serde(borrow)]
    jti: Text<'a>,
    #[serde(borrow)]
    kid: Text<'a>,
    #[serde(borrow)]
    target: Text<'a>,
    #[serde(borrow)]
    scope: Text<'a>,
    exp: i64,
}

struct TextVisitor;

const fn one() -> u64 {
    1
}

// === impl Text ===

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

// === impl Told ===

impl Told<'_> {
    /// What is counted of it.
    pub(super) fn reported(&self) -> Reported {
        let reason = self.reason.as_ref().map(Text::as_str);
        Reported::new(self.sequence, self.outcome, reason, self.grant, self.count)
    }
}

impl<'a> From<&'a Event> for Told<'a> {
    fn from(event: &'a Event) -> Self {
        let Event {
            sequence,
            at_ms,
            outcome,
            reason,
            epoch,
            route,
            token_sha256,
            identity,
            minted,
            grant,
            actor,
            fields,
            audit_fields,
            shadow,
            count,
            strict,
        } = event;
        let texts = |fields: &'a BTreeMap<String, String>| {
            fields.iter().map(|(name, value)| (name.into(), value.into())).collect()
        };
        Self {
            sequence: *sequence,
            at_ms: *at_ms,
            outcome: *outcome,
            reason: reason.as_ref().map(Text::from),
            epoch: *epoch,
            route: route.as_ref().map(Text::from),
            token_sha256: token_sha256.as_ref().map(Text::from),
            identity: identity.as_ref().map(Tuple::from),
            minted: minted.as_ref().map(Fresh::from),
            grant: *grant,
            actor: actor.as_ref().map(Tuple::from),
            fields: texts(fields),
            audit_fields: texts(audit_fields),
            shadow: shadow.as_ref().map(Cow::Borrowed),
            count: *count,
            strict: *strict,
        }
    }
}

impl<'a> From<&'a IdentityTuple> for Tuple<'a> {
    fn from(tuple: &'a IdentityTuple) -> Self {
        let IdentityTuple { id, client_id, issuer, audience, subject } = tuple;
        Self {
            id: id.into(),
            client_id: client_id.into(),
            issuer: issuer.into(),
            audience: audience.into(),
            subject: subject.into(),
        }
    }
}

impl<'a> From<&'a Minted> for Fresh<'a> {
    fn from(minted: &'a Minted) -> Self {
        let Minted { jti, kid, target, scope, exp } = minted;
        Self { jti: jti.into(), kid: kid.into(), target: target.into(), scope: scope.into(), exp: *exp }
    }
}

#[cfg(test)]
mod tests {
    use cambist_core::wire::event::Event;
    use serde_json::{Value, json};

    use super::{Batch, Told};
    use crate::gateway_api::events::stored;

    fn mk_full() -> Value {
        let tuple =
            json!({ "id": "i", "client_id": "c", "issuer": "e\"s", "audience": "a", "subject": "s\u{e9}" });
        json!({
            "sequence": 1, "at_ms": 2, "outcome": "shadow", "reason": "token_expired", "epoch": 3, "route": "r",
            "token_sha256": "ab", "identity": tuple, "minted": {
                "jti": "j", "kid": "k", "target": "t", "scope": "s", "exp": 4,
            },
            "grant": "client_credentials", "actor": tuple, "fields": { "namespace": "shop" },
            "audit_fields": { "pod": "p\n" }, "shadow": { "rule": "issuer/a", "reason": "r" }, "count": 5, "strict": true,
        })
    }

    /// Every member of the wire's event is understood here, and kept alike.
    #[test]
    fn reads_what_the_wire_reads() {
        let text = mk_full().to_string();
        let wire: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&wire).unwrap(), mk_full(), "the sample has every member");
        let now = cambist_core::time::Timestamp::from_secs(9);
        let here: Told<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(stored("t", &here, now).unwrap(), stored("t", &Told::from(&wire), now).unwrap());
        let detail: Value = serde_json::from_str(&stored("t", &here, now).unwrap().detail).unwrap();
        for member in
            ["identity", "minted", "actor", "fields", "audit_fields", "shadow", "count", "strict", "route"]
        {
            assert_eq!(detail[member], mk_full()[member], "{member}");
        }
    }

    #[test]
    fn leaves_what_it_does_not_know_to_the_wire() {
        let batch = |member: &str| format!(r#"{{"instance":"i","epoch":1,"dropped":0,"events":[]{member}}}"#);
        assert!(serde_json::from_str::<Batch<'_>>(&batch("")).is_ok());
        assert!(serde_json::from_str::<Batch<'_>>(&batch(r#","keys":[]"#)).is_err());
    }
}
