//! Verifiers of access tokens that are not ours: npm's `jose`, and go-spiffe for JWT-SVIDs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::artifact;

/// A token and how a verifier is configured that sees it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The token.
    pub token: String,
    /// The issuer that it must be of.
    pub authority: String,
    /// Whom it must be for.
    pub audience: String,
    /// Unix seconds at which it is looked at; `None`: now.
    pub now: Option<i64>,
}

/// What a verifier says: the subject, or why it refuses.
pub type Verdict = Result<String, String>;

// === impl Case ===

impl Case {
    /// A token of `authority` for `audience`, looked at now.
    pub fn new(token: &str, authority: &str, audience: &str) -> Self {
        Self {
            token: token.to_owned(),
            authority: authority.to_owned(),
            audience: audience.to_owned(),
            now: None,
        }
    }

    fn json(&self) -> Value {
        let Self { token, authority, audience, now } = self;
        json!({ "token": token, "authority": authority, "audience": audience, "now": now })
    }
}

/// What `jose` says with the keys of `jwks`.
pub fn jose(jwks: &Value, cases: &[Case]) -> Vec<Verdict> {
    let mut command = Command::new("node");
    command.arg(artifact::root().join("tests/peers/verifiers/verify.mjs")).arg(artifact::verifiers());
    ask(command, &json!({ "jwks": jwks, "cases": list(cases) }))
}

/// What go-spiffe says with a SPIFFE bundle of `trust_domain`, which must hold the same keys as `jwks`.
pub fn go_spiffe(trust_domain: &str, bundle: &Value, jwks: &Value, cases: &[Case]) -> Vec<Verdict> {
    let asked = json!({ "trust_domain": trust_domain, "bundle": bundle, "jwks": jwks, "cases": list(cases) });
    ask(Command::new(artifact::spiffe()), &asked)
}

fn list(cases: &[Case]) -> Vec<Value> {
    cases.iter().map(Case::json).collect()
}

fn ask(mut command: Command, asked: &Value) -> Vec<Verdict> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the verifier starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(asked.to_string().as_bytes()).expect("the verifier reads");
    drop(input);
    let output = child.wait_with_output().expect("the verifier ends");
    assert!(output.status.success(), "the verifier failed: {}", String::from_utf8_lossy(&output.stderr));
    let said: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of verdicts");
    said.iter()
        .map(|verdict| match verdict["sub"].as_str() {
            Some(sub) => Ok(sub.to_owned()),
            None => Err(verdict["error"].as_str().expect("a reason").to_owned()),
        })
        .collect()
}
