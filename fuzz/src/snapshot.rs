//! Snapshots as lines and as one document.

use cambist_core::{
    policy::{Compiler, Faults, Policy, Secrets, compile_document},
    secret::Secret,
    wire::snapshot::SCHEMA,
};

/// An environment without variables.
pub(crate) struct NoSecrets;

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Option<Secret<Vec<u8>>> {
        None
    }
}

/// The input is the lines of a snapshot, or a document.
///
/// It compiles or has faults with a place and a reason; what compiles answers questions.
pub fn snapshot(data: &[u8]) {
    check(lines(data));
    if let Ok(document) = serde_json::from_slice(data) {
        check(compile_document(document, "edge", &NoSecrets));
    }
}

fn lines(data: &[u8]) -> Result<Policy, Faults> {
    let mut compiler = Compiler::default();
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        compiler.feed_line(line, &NoSecrets);
    }
    compiler.finish()
}

fn check(compiled: Result<Policy, Faults>) {
    match compiled {
        Ok(policy) => {
            assert_eq!(policy.header.schema, SCHEMA, "another schema was read");
            for issuer in policy.issuers() {
                let _ = policy.issuer_of(&issuer.iss, &[String::new()]);
                assert!(policy.lists_iss(&issuer.iss), "an issuer is not found by its text");
            }
            for path in ["/", "/orders/1/items", "/shop", ""] {
                let _ = policy.routes().find("api.example", path, "GET");
            }
            assert!(!format!("{policy:?}").is_empty());
        }
        Err(faults) => {
            assert!(!faults.is_empty() && !faults.listed().is_empty(), "no fault was named");
            for fault in faults.listed() {
                assert!(!fault.path.is_empty() && !fault.detail.is_empty(), "a fault has no place or reason");
            }
        }
    }
}
