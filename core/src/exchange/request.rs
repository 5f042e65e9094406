//! What a token endpoint is asked for: RFC 7523, RFC 8693, RFC 6749 §4.4, and the JSON form that some workloads speak.
//!
//! Deliberately absent: whether it is granted. Nothing here falls back: a parameter that cannot be used is refused.

use alloc::{borrow::ToOwned as _, string::String, vec::Vec};

use serde_json::Value;

use super::{client_login::ClaimedClient, form::Form};
use crate::{bearer::MAX_TOKEN_BYTES, denial::Denial, json, policy::is_scope, wire::snapshot::GrantType};

/// Parameters that carry somebody's identity; each belongs to one grant.
const CREDENTIALS: [&str; 5] =
    ["assertion", "subject_token", "subject_token_type", "actor_token", "actor_token_type"];

/// A request at a token endpoint. It holds credentials, so it has no `Debug`.
pub struct TokenRequest {
    /// What is to be exchanged.
    pub grant: Grant,
    /// Whom it says it comes from.
    pub client: Option<ClaimedClient>,
    /// Requested scopes, `openid` left out: nothing of ours is called so, and who asks for it is not refused.
    pub scopes: Vec<String>,
    /// Requested audiences and resources.
    pub targets: Vec<String>,
    /// How the answer is written.
    pub form: AnswerForm,
}

/// What is to be exchanged.
pub enum Grant {
    /// RFC 7523 §2.1.
    JwtBearer {
        /// The subject token.
        assertion: String,
    },
    /// RFC 8693.
    TokenExchange {
        /// The subject token.
        subject_token: String,
        /// The token of who acts for the subject.
        actor_token: Option<String>,
    },
    /// RFC 6749 §4.4.
    ClientCredentials {
        /// For which tenant of the audience.
        tenant: Option<String>,
    },
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// RFC 6749 §5.1.
    OAuth,
    /// RFC 8693 §2.2.1, with this `issued_token_type`.
    Exchange(&'static str),
    /// The JSON form's: `token` beside what RFC 6749 says.
    Json,
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

// === impl TokenRequest ===

impl TokenRequest {
    /// Reads a form.
    ///
    /// Refuses a missing or foreign parameter, a token type that is not served and what [`Form::parse`] and
    /// [`ClaimedClient::of`] refuse; an unknown grant ([`Denial::GrantUnknown`]); a token above
    /// [`MAX_TOKEN_BYTES`] ([`Denial::TokenTooLarge`]); a scope that is none ([`Denial::ScopeNotAllowed`]); a resource
    /// that is no absolute URI or has a fragment ([`Denial::TargetNotAllowed`]).
    #[cold]
    pub fn from_form(authorization: &[&[u8]], body: &[u8]) -> Result<Self, Denial> {
        let mut form = Form::parse(body)?;
        let is_asserted =
            form.take("client_assertion").is_some() | form.take("client_assertion_type").is_some();
        if is_asserted {
            // A method of authentication that is not served must not count as none.
            return Err(Denial::ClientAuthFailed);
        }
        let grant_type = form.take("grant_type").ok_or(Denial::RequestMalformed)?;
        let (grant, answer) = match GrantType::named(&grant_type).ok_or(Denial::GrantUnknown)? {
            GrantType::JwtBearer => {
                let assertion = token(form.take("assertion"))?.ok_or(Denial::RequestMalformed)?;
                (Grant::JwtBearer { assertion }, AnswerForm::OAuth)
            }
            GrantType::TokenExchange => exchange(&mut form)?,
            GrantType::ClientCredentials => {
                (Grant::ClientCredentials { tenant: form.take("tenant") }, AnswerForm::OAuth)
            }
        };
        if CREDENTIALS.iter().any(|name| form.take(name).is_some()) {
            return Err(Denial::RequestMalformed);
        }
        let client = ClaimedClient::of(authorization, form.take("client_id"), form.take("client_secret"))?;
        let scopes = scopes(form.take("scope").as_deref())?;
        let targets = targets(form.take_all("audience"), form.take_all("resource"))?;
        Ok(Self { grant, client, scopes, targets, form: answer })
    }

    /// Reads the JSON form: `token`, and optionally `client_id`, `scope`, `resource` and `audience`, the last two a
    /// text or a list of texts. Anything else is refused ([`Denial::RequestMalformed`]).
    #[cold]
    pub fn from_json(authorization: &[&[u8]], body: &[u8]) -> Result<Self, Denial> {
        let members = json::parse_object(body).map_err(|_| Denial::RequestMalformed)?;
        let (mut assertion, mut client_id, mut scope) = (None, None, None);
        let (mut audiences, mut resources) = (Vec::new(), Vec::new());
        for (name, value) in members {
            match name.as_str() {
                "token" => assertion = text(value)?,
                "client_id" => client_id = text(value)?,
                "scope" => scope = text(value)?,
                "audience" => audiences = texts(value)?,
                "resource" => resources = texts(value)?,
                _ => return Err(Denial::RequestMalformed),
            }
        }
        let assertion = token(assertion)?.ok_or(Denial::RequestMalformed)?;
        let client = ClaimedClient::of(authorization, client_id, None)?;
        let scopes = scopes(scope.as_deref())?;
        let targets = targets(audiences, resources)?;
        Ok(Self { grant: Grant::JwtBearer { assertion }, client, scopes, targets, form: AnswerForm::Json })
    }
}

fn exchange(form: &mut Form) -> Result<(Grant, AnswerForm), Denial> {
    let subject_token = token(form.take("subject_token"))?.ok_or(Denial::RequestMalformed)?;
    let subject_type = form.take("subject_token_type").ok_or(Denial::RequestMalformed)?;
    let actor_token = token(form.take("actor_token"))?;
    let actor_type = form.take("actor_token_type");
    // RFC 8693 §2.1: required with an actor token, and must not be there without one.
    if actor_token.is_some() != actor_type.is_some() {
        return Err(Denial::RequestMalformed);
    }
    if [Some(subject_type), actor_type]
        .iter()
        .flatten()
        .any(|kind| ![JWT, ID_TOKEN, ACCESS_TOKEN].contains(&&**kind))
    {
        return Err(Denial::RequestMalformed);
    }
    let issued = match form.take("requested_token_type").as_deref() {
        None | Some(ACCESS_TOKEN) => ACCESS_TOKEN,
        Some(JWT) => JWT,
        Some(_) => return Err(Denial::RequestMalformed),
    };
    Ok((Grant::TokenExchange { subject_token, actor_token }, AnswerForm::Exchange(issued)))
}

fn token(token: Option<String>) -> Result<Option<String>, Denial> {
    match token {
        Some(token) if token.len() > MAX_TOKEN_BYTES => Err(Denial::TokenTooLarge),
        token => Ok(token),
    }
}

/// RFC 6749 §3.3, each scope once.
fn scopes(text: Option<&str>) -> Result<Vec<String>, Denial> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()) {
        if !is_scope(scope) {
            return Err(Denial::ScopeNotAllowed);
        }
        if scope != "openid" && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Ok(scopes)
}

/// Audiences, then resources, each once.
fn targets(audiences: Vec<String>, resources: Vec<String>) -> Result<Vec<String>, Denial> {
    if !resources.iter().all(|resource| is_resource(resource)) {
        return Err(Denial::TargetNotAllowed);
    }
    let mut targets: Vec<String> = Vec::new();
    for target in audiences.into_iter().chain(resources) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

/// An absolute URI (RFC 3986 §4.3), which has no fragment.
fn is_resource(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn text(value: Value) -> Result<Option<String>, Denial> {
    let Value::String(text) = value else { return Err(Denial::RequestMalformed) };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn texts(value: Value) -> Result<Vec<String>, Denial> {
    let items = if let Value::Array(items) = value { items } else { Vec::from([value]) };
    let texts = items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
