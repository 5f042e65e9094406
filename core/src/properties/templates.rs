//! Templates: what they are filled with, and that nothing a token says leads out of its place.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::hold;
use crate::{
    attribute::Facts,
    exchange::{
        claim_templates::{self, ClaimTemplates},
        spiffe_id::SpiffeTemplate,
        template::{MAX_FILLED_BYTES, Template, Unfilled},
    },
};

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: None,
    }
}

fn members(claims: &Value) -> Map<String, Value> {
    claims.as_object().cloned().unwrap_or_default()
}

/// Any JSON value of a few members.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn a_text_without_gaps_is_itself_and_an_escaped_one_comes_back() {
    hold(any::<String>(), |text| {
        let escaped = text.replace("${", "$${");
        prop_assume!(escaped.len() <= 2_048);
        let template = Template::parse(&escaped).unwrap();
        prop_assert!(template.is_constant());
        prop_assert_eq!(template.fill(&facts(&Map::new())), Ok(text));
        Ok(())
    });
}

#[test]
fn every_gap_holds_what_the_token_says() {
    let text = || proptest::string::string_regex("[^${}]{0,20}").unwrap();
    hold((text(), any::<String>(), text(), any::<i64>(), text()), |(a, first, b, second, c)| {
        let claims = members(&json!({ "first": first, "second": second }));
        let template = format!("{a}${{jwt.claim.first}}{b}${{jwt.claim.second}}{c}");
        let filled = Template::parse(&template).unwrap().fill(&facts(&claims));
        let expected = if first.is_empty() { Err(Unfilled) } else { Ok(format!("{a}{first}{b}{second}{c}")) };
        prop_assert_eq!(filled, expected);
        Ok(())
    });
}

/// Whatever two claims say, the ID has the segments of its template, and their texts are the claims'.
#[test]
fn no_claim_leaves_its_segment() {
    let value = || {
        prop_oneof![
            any::<String>(),
            proptest::string::string_regex("[./%A-Za-z0-9_~-]{0,6}").unwrap(),
            proptest::string::string_regex("[A-Za-z0-9._-]{1,6}").unwrap(),
        ]
    };
    let template =
        SpiffeTemplate::parse("spiffe://td.example/ns/${jwt.claim.a}/sa-${jwt.claim.b}/x").unwrap();
    let is_plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    hold((value(), value()), |(a, b)| {
        let claims = members(&json!({ "a": a, "b": b }));
        let fits = is_plain(&a) && is_plain(&b) && a != "." && a != "..";
        match template.fill(&facts(&claims)) {
            Ok(id) => {
                prop_assert!(fits, "{id}");
                let segments: Vec<&str> = id.split('/').collect();
                prop_assert_eq!(segments, ["spiffe:", "", "td.example", "ns", &*a, &*format!("sa-{b}"), "x"]);
            }
            Err(Unfilled) => prop_assert!(!fits, "{a:?} {b:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_copied_claim_is_the_same_and_never_too_large() {
    hold((json_value(), 1..64_usize), |(value, times)| {
        let claims = members(&json!({ "v": value }));
        let names = (0..times).map(|n| (format!("n{n}"), json!("${jwt.claim.v}")));
        let templates = ClaimTemplates::compile(&names.collect::<BTreeMap<_, _>>()).unwrap();
        if let Ok(filled) = templates.fill(&facts(&claims)) {
            prop_assert_eq!(filled.len(), times);
            prop_assert!(filled.values().all(|copy| *copy == value && !copy.is_null()));
            // Escapes may make six bytes of one.
            let size = serde_json::to_vec(&filled).unwrap().len();
            prop_assert!(size <= 6 * claim_templates::MAX_FILLED_BYTES, "{size}");
        }
        Ok(())
    });
}

#[test]
fn any_text_is_a_template_or_has_a_fault_and_fills_within_bounds() {
    let text =
        proptest::string::string_regex("([$]{0,2}[{]?|[}]|jwt[.]claim[.]|v|/|spiffe://|a){0,24}").unwrap();
    hold((text, any::<String>()), |(text, value)| {
        let claims = members(&json!({ "v": value }));
        if let Ok(template) = Template::parse(&text) {
            let filled = template.fill(&facts(&claims));
            prop_assert!(
                filled.as_ref().is_ok_and(|text| text.len() <= MAX_FILLED_BYTES) || !template.is_constant()
            );
            prop_assert_eq!(Template::parse(&text), Ok(template));
        }
        Ok(())
    });
}
