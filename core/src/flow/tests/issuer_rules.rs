//! What an issuer may ask of its tokens beyond the defaults.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::{Value, json};

use crate::{
    denial::Denial,
    fixture::{AUDIENCE, Ask, Gateway, Token, Wire},
    wire::snapshot::AudienceRule,
};

#[test]
fn refuses_a_token_for_several_audiences_where_the_issuer_wants_exactly_one() {
    let one_only = |audience: Value| {
        let mut gateway = Gateway::new(Wire::changed(|wire| {
            wire.issuers[0].audience = AudienceRule::ExactlyOne;
        }));
        gateway.start(&Ask::bearing(&Token::valid().with("aud", audience).sign()))
    };
    for audience in [json!(AUDIENCE), json!([AUDIENCE])] {
        let _ = one_only(audience).into_edits();
    }
    for audience in [json!([AUDIENCE, "other"]), json!(["other", AUDIENCE]), json!([AUDIENCE, AUDIENCE])] {
        assert_eq!(one_only(audience.clone()).into_denial(), Denial::AudienceMismatch);
        let _ = Gateway::valid().exchange(&Token::valid().with("aud", audience).sign());
    }
    assert_eq!(one_only(json!(["other"])).into_denial(), Denial::AudienceMismatch);
}

#[test]
fn refuses_an_old_token_where_the_issuer_limits_the_age_also_when_it_is_cached() {
    let mut gateway = Gateway::new(Wire::changed(|wire| wire.issuers[0].max_age = Some(120)));
    let ask = Ask::bearing(&Token::valid().sign());
    let _ = gateway.forward(&ask);
    gateway.pass_secs(60);
    let _ = gateway.forward(&ask);
    gateway.pass_secs(1);
    assert_eq!(gateway.denial(&ask), Denial::TokenTooOld);
}
