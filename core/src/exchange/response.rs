//! The body of a token endpoint's answer. Deliberately absent: HTTP around it.

use alloc::{format, string::String};

use super::request::AnswerForm;

/// What is granted. It holds a credential, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Granted<'a> {
    /// The access token, which needs no escapes in JSON.
    pub access_token: &'a str,
    /// Seconds until it ends.
    pub expires_in: i64,
    /// Granted scopes, space-separated, each an RFC 6749 scope token.
    pub scope: &'a str,
    /// How the answer is written.
    pub form: AnswerForm,
}

// === impl Granted ===

impl Granted<'_> {
    /// The body: JSON on one line. `scope` is left out where nothing is granted.
    pub fn body(&self) -> String {
        let Self { access_token, expires_in, scope, form } = *self;
        let first = match form {
            AnswerForm::OAuth => String::new(),
            AnswerForm::Exchange(issued) => format!("\"issued_token_type\":\"{issued}\","),
            AnswerForm::Json => format!("\"token\":\"{access_token}\","),
        };
        let scope = if scope.is_empty() { String::new() } else { format!(",\"scope\":\"{scope}\"") };
        format!(
            "{{{first}\"access_token\":\"{access_token}\",\"token_type\":\"Bearer\",\"expires_in\":{expires_in}{scope}}}\n"
        )
    }
}
