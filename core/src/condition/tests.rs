//! Conditions by themselves: what they come to, and what is refused when they are compiled.

mod faults;
mod operators;
mod patterns;
mod reference;
mod truth;

use alloc::{string::String, vec::Vec};

use serde_json::{Map, Value};

use super::{Condition, Truth};
use crate::{
    attribute::Facts,
    policy::{Fault, Faults},
    wire::snapshot as wire,
};

/// Compiles `condition` where it stands at `c`.
fn compile(condition: &Value) -> Result<Condition, Vec<Fault>> {
    let wire: wire::Condition = serde_json::from_value(condition.clone()).unwrap();
    let mut faults = Faults::default();
    let compiled = Condition::compile(&wire, "c", &mut faults);
    assert_eq!(compiled.is_some(), faults.is_empty(), "{condition}");
    compiled.ok_or_else(|| faults.listed().to_vec())
}

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop",
        issuer_cluster: None,
    }
}

/// What `condition` comes to for a token with `claims`.
#[track_caller]
fn judge(condition: &Value, claims: &Value) -> Truth {
    let compiled = compile(condition).unwrap_or_else(|faults| panic!("{condition}: {faults:?}"));
    compiled.judge(&facts(claims.as_object().unwrap()))
}
