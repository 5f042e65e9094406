//! Compiling what routes tell of verified tokens.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use super::Compiler;
use crate::{
    attribute::Attribute,
    claims_out::{ClaimsOut, Output},
    digest::Digest,
    policy::header_name::is_usable,
    wire::snapshot as wire,
};

/// Most values that one route tells.
const MAX_OUTPUTS: usize = 32;
/// Most headers of all routes together: each of them is looked for in every request.
const MAX_HEADERS: usize = 256;

impl Compiler {
    /// What route `id` tells; `None` for nothing.
    pub(super) fn claims_out(&mut self, id: &str, listed: &[wire::ClaimOut]) -> Option<ClaimsOut> {
        if listed.is_empty() {
            return None;
        }
        if listed.len() > MAX_OUTPUTS {
            self.fault("route", id, "claims_out", format!("must have at most {MAX_OUTPUTS} entries"));
        }
        let digest = Digest::of(&serde_json::to_vec(listed).unwrap_or_default());
        let mut outputs: Vec<Output> = Vec::new();
        for claim_out in listed {
            match output(claim_out, &outputs) {
                Ok(output) => outputs.push(output),
                Err(detail) => self.fault("route", id, "claims_out", detail),
            }
        }
        for name in outputs.iter().filter_map(|output| output.header.as_deref()) {
            self.identity_headers.add(name);
        }
        if self.identity_headers.len() > MAX_HEADERS {
            let detail = format!("brings more than {MAX_HEADERS} different headers of all routes together");
            self.fault("route", id, "claims_out", detail);
        }
        Some(ClaimsOut { digest, outputs })
    }
}

fn output(claim_out: &wire::ClaimOut, before: &[Output]) -> Result<Output, String> {
    let wire::ClaimOut { attribute: name, header, filter_state } = claim_out;
    let attribute = Attribute::parse(name).map_err(|invalid| format!("attribute {name:?} {invalid}"))?;
    if header.is_none() && filter_state.is_none() {
        return Err(format!("attribute {name:?} needs a `header` or a `filter_state` to go to"));
    }
    if let Some(header) = header {
        // A `_` would make two names of one header.
        if !is_usable(header, b"-") {
            return Err(format!(
                "header {header:?} must have 1 to 63 of a-z, 0-9 and `-`, and have no other meaning"
            ));
        }
        if before.iter().any(|known| known.header.as_deref() == Some(header)) {
            return Err(format!("header {header:?} is there twice; drop one"));
        }
    }
    if let Some(state) = filter_state {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
        if state.is_empty() || state.len() > 63 || !state.bytes().all(plain) {
            return Err(format!("filter_state {state:?} must have 1 to 63 of a-z, 0-9, `_` and `.`"));
        }
        if before.iter().any(|known| known.filter_state.as_deref() == Some(state)) {
            return Err(format!("filter_state {state:?} is there twice; drop one"));
        }
    }
    let shared = |name: &String| Arc::from(name.as_str());
    Ok(Output {
        attribute,
        header: header.as_ref().map(shared),
        filter_state: filter_state.as_ref().map(shared),
    })
}
