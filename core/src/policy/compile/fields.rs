//! Compiling what is told of a workload beside its subject.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::Compiler;
use crate::{
    attribute::{Attribute, ClaimPath},
    policy::Fields,
};

/// Most fields of one list.
const MAX_FIELDS: usize = 16;
/// Longest name of a field.
const MAX_NAME_BYTES: usize = 32;
/// What an access token says of the workload anyway.
const RESERVED: [&str; 5] = ["iss", "sub", "cluster", "issuer", "login_id"];

impl Compiler {
    pub(super) fn fields(
        &mut self,
        issuer: &str,
        identity: &BTreeMap<String, String>,
        audit: &BTreeMap<String, String>,
    ) -> Fields {
        Fields {
            identity: self.field_list(issuer, "identity_fields", identity),
            audit: self.field_list(issuer, "audit_fields", audit),
        }
    }

    fn field_list(
        &mut self,
        issuer: &str,
        member: &str,
        fields: &BTreeMap<String, String>,
    ) -> Vec<(String, ClaimPath)> {
        if fields.len() > MAX_FIELDS {
            self.fault("issuer", issuer, member, format!("must have at most {MAX_FIELDS} entries"));
        }
        let mut compiled = Vec::new();
        for (name, attribute) in fields {
            let place = format!("{member}/{name}");
            if !is_name(name) {
                self.fault("issuer", issuer, &place, "must match [a-z][a-z0-9_]{0,31}");
            }
            if RESERVED.contains(&name.as_str()) {
                self.fault("issuer", issuer, &place, "is told of every workload; choose another name");
            }
            match Attribute::parse(attribute) {
                Ok(Attribute::Claim(path)) => compiled.push((name.clone(), path)),
                Ok(_) => self.fault("issuer", issuer, &place, "must be a claim, such as jwt.claim.project"),
                Err(invalid) => self.fault("issuer", issuer, &place, invalid),
            }
        }
        compiled
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
