//! The one place that says what an attribute is worth. Deliberately absent: where the values come from.

use alloc::{borrow::Cow, string::String};

use serde_json::{Map, Value};

use super::Attribute;

/// What is known of a request whose token was verified. It holds claims, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// All claims of the subject token.
    pub claims: &'a Map<String, Value>,
    /// The issuer's UserInfo answer, if there is one.
    pub userinfo: Option<&'a Map<String, Value>>,
    /// The identity the request acts as.
    pub identity_id: Option<&'a str>,
    /// The login id that UserInfo gave.
    pub identity_login: Option<&'a str>,
    /// The client it acts for.
    pub client_id: &'a str,
    /// Our name for the issuer.
    pub issuer_id: &'a str,
    /// The issuer's cluster name.
    pub issuer_cluster: Option<&'a str>,
}

// === impl Attribute ===

impl Attribute {
    /// Its value; `None` where it is missing. A JSON `null` is a value.
    pub fn resolve<'a>(&self, facts: &Facts<'a>) -> Option<Cow<'a, Value>> {
        let Facts { claims, userinfo, identity_id, identity_login, client_id, issuer_id, issuer_cluster } =
            *facts;
        let text = match self {
            Self::Claim(path) => return path.find(claims).map(Cow::Borrowed),
            Self::UserInfo(path) => return path.find(userinfo?).map(Cow::Borrowed),
            Self::IdentityId => identity_id,
            Self::IdentityLogin => identity_login,
            Self::ClientId => Some(client_id),
            Self::IssuerId => Some(issuer_id),
            Self::IssuerCluster => issuer_cluster,
        };
        text.map(|text| Cow::Owned(Value::from(text)))
    }
}
