//! Templates of access tokens, and the claims that fill them.

use std::collections::BTreeMap;

use cambist_core::{
    attribute::Facts,
    exchange::{
        claim_templates::{self, ClaimTemplates},
        spiffe_id::{self, SpiffeTemplate},
        subject::SubjectTemplate,
        template::{MAX_FILLED_BYTES, Template},
    },
    json,
    wire::snapshot::Profile,
};
use serde_json::{Map, Value};

/// The input is a template, and on a second line the claims of a token, which are tried as templates of claims too.
///
/// What compiles is filled the same each time and within its bounds; a SPIFFE ID that comes out is one to the letter, has
/// the segments of its template, and is its own template.
pub fn template(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(text) = core::str::from_utf8(&data[..end]) else { return };
    let claims = data.get(end + 1..).and_then(|claims| json::parse_object(claims).ok()).unwrap_or_default();
    for claims in [&claims, &Map::new()] {
        let facts = facts(claims);
        plain(text, &facts);
        spiffe(text, &facts);
        subject(text, &facts);
    }
    let mut wanted: BTreeMap<String, Value> =
        claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    more(&wanted, &facts(&claims));
    wanted.insert("template".into(), Value::from(vec![text, text]));
    more(&wanted, &facts(&claims));
}

fn plain(text: &str, facts: &Facts<'_>) {
    let Ok(template) = Template::parse(text) else { return };
    let filled = template.fill(facts);
    assert_eq!(template.fill(facts), filled, "the same claims fill it differently");
    if let Ok(filled) = &filled {
        assert!(filled.len() <= MAX_FILLED_BYTES, "more comes out than may");
    }
    if template.is_constant() && text.len() <= MAX_FILLED_BYTES {
        assert_eq!(filled, Ok(text.replace("$${", "${")), "a constant is not itself");
    }
    if let Ok(value) = template.value(facts) {
        assert!(!value.is_null(), "null comes out");
    }
}

fn spiffe(text: &str, facts: &Facts<'_>) {
    let Ok(template) = SpiffeTemplate::parse(text) else { return };
    let Ok(id) = template.fill(facts) else { return };
    assert!(id.len() <= spiffe_id::MAX_BYTES, "too long");
    let path = id.strip_prefix("spiffe://").expect("the scheme");
    assert!(!path.split('/').any(|segment| matches!(segment, "" | "." | "..")), "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-_".contains(&byte)), "{id}");
    let again = SpiffeTemplate::parse(&id).map(|template| template.fill(facts));
    assert_eq!(again, Ok(Ok(id.clone())), "an ID is no template of itself");
    // A name in a gap may have slashes of its own; what is filled has none.
    let gaps_removed = without_gaps(text);
    assert_eq!(id.split('/').count(), gaps_removed.split('/').count(), "{id} has other segments than {text}");
}

fn without_gaps(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        plain.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    plain + rest
}

fn subject(text: &str, facts: &Facts<'_>) {
    for profile in [Profile::AtJwt, Profile::JwtSvid] {
        let Ok(template) = SubjectTemplate::parse(text, profile) else { continue };
        if let Ok(sub) = template.fill(facts) {
            assert!(!sub.is_empty() && !sub.chars().any(char::is_control), "no subject");
            assert!(profile == Profile::AtJwt || sub.starts_with("spiffe://"), "no SPIFFE ID");
        }
    }
}

fn more(wanted: &BTreeMap<String, Value>, facts: &Facts<'_>) {
    match ClaimTemplates::compile(wanted) {
        Ok(templates) => {
            let Ok(filled) = templates.fill(facts) else { return };
            assert!(filled.keys().eq(wanted.keys()), "other claims than asked for");
            let size = serde_json::to_vec(&filled).map_or(0, |text| text.len());
            assert!(size <= 6 * claim_templates::MAX_FILLED_BYTES, "{size} bytes come out");
        }
        Err(detail) => assert!(!detail.is_empty()),
    }
}

fn facts(claims: &Map<String, Value>) -> Facts<'_> {
    Facts {
        claims,
        userinfo: None,
        identity_id: Some("idn_a"),
        identity_login: None,
        client_id: "cl_shop",
        issuer_id: "shop-cluster",
        issuer_cluster: Some("eu"),
    }
}
