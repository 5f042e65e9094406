//! Forms that have one spelling: base64url, paths, names of attributes.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::hold;
use crate::{
    attribute::{Attribute, ClaimPath, MAX_NAME_BYTES, MAX_STEPS},
    jose::compact::UntrustedToken,
    policy::canonical_path,
};

/// `{"alg":"ES256"}`.
const HEADER: &str = "eyJhbGciOiJFUzI1NiJ9";

#[test]
fn bytes_come_back_from_base64url() {
    hold((any::<Vec<u8>>(), any::<Vec<u8>>()), |(payload, signature)| {
        let token =
            format!("{HEADER}.{}.{}", BASE64URL_NOPAD.encode(&payload), BASE64URL_NOPAD.encode(&signature));
        let token = UntrustedToken::parse(token.as_bytes()).unwrap();
        prop_assert_eq!((token.payload(), token.signature()), (payload.as_slice(), signature.as_slice()));
        Ok(())
    });
}

#[test]
fn no_second_text_stands_for_the_same_bytes() {
    // Mostly base64url, so that many are accepted; the rest are other alphabets, padding and white space.
    let text = || proptest::string::string_regex("[A-Za-z0-9_-]{0,9}[-_A-Za-z0-9+/= \n]{0,2}").unwrap();
    hold((text(), text()), |(payload, signature)| {
        if let Ok(token) = UntrustedToken::parse(format!("{HEADER}.{payload}.{signature}").as_bytes()) {
            prop_assert_eq!(BASE64URL_NOPAD.encode(token.payload()), payload);
            prop_assert_eq!(BASE64URL_NOPAD.encode(token.signature()), signature);
        }
        Ok(())
    });
}

/// Paths in canonical form, with what is rare in them made frequent.
fn path() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(/([a-zA-Z0-9_~!$&'()*+,=:@-][.]?|%[46C]0|%20|%E[9A]){1,5}){1,4}/?")
        .unwrap()
}

#[test]
fn a_canonical_path_is_itself() {
    let text = proptest::string::string_regex("/[a-c/.%2eEfF0;\\\\#?é -]{0,12}").unwrap();
    hold(prop_oneof![path(), text], |target| {
        if let Some(canonical) = canonical_path(target.as_bytes()) {
            prop_assert_eq!(canonical, target.split('?').next().unwrap());
            prop_assert_eq!(canonical_path(canonical.as_bytes()), Some(canonical));
            let with_query = format!("{canonical}?a=/../%2e");
            prop_assert_eq!(canonical_path(with_query.as_bytes()), Some(canonical));
        }
        Ok(())
    });
}

#[test]
fn other_spellings_of_a_canonical_path_are_refused() {
    hold((path(), any::<prop::sample::Index>()), |(path, place)| {
        prop_assume!(canonical_path(path.as_bytes()).is_some());
        let at = place.index(path.len());
        let (before, after) = path.split_at(at);
        let byte = after.as_bytes()[0];
        let in_escape = (1..=2).any(|back| at >= back && path.as_bytes()[at - back] == b'%');
        let mut others = Vec::new();
        if byte == b'/' {
            others.extend(
                ["//", "/./", "/x/../", "/%2E/", "/.%2e/", "\\", "%2F", "%2f", ";/"].map(String::from),
            );
        } else if byte == b'%' {
            others.push("%25".to_owned());
        } else if in_escape {
            // The digits of `%C3` in lower case.
            if byte.is_ascii_uppercase() {
                others.push(char::from(byte.to_ascii_lowercase()).into());
            }
        } else if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            others.extend([format!("%{byte:02X}"), format!("%{byte:02x}")]);
        }
        for other in others {
            let spelled = format!("{before}{other}{}", &after[1..]);
            prop_assert_eq!(canonical_path(spelled.as_bytes()), None, "{}", spelled);
        }
        Ok(())
    });
}

fn steps() -> impl Strategy<Value = Vec<String>> {
    let step = prop_oneof![
        proptest::string::string_regex("[a-z.\\\\/~01 ]{1,8}").unwrap(),
        any::<String>().prop_filter("a step is not empty", |step| !step.is_empty()),
    ];
    prop::collection::vec(step, 1..=MAX_STEPS)
}

#[test]
fn a_claim_path_comes_back_from_both_of_its_forms() {
    hold(steps(), |steps| {
        let dotted: Vec<_> =
            steps.iter().map(|step| step.replace('\\', "\\\\").replace('.', "\\.")).collect();
        let dotted = dotted.join(".");
        let pointer: Vec<_> = steps.iter().map(|step| step.replace('~', "~0").replace('/', "~1")).collect();
        let pointer = format!("/{}", pointer.join("/"));
        // The one path that has no dotted form: a slash at its beginning makes it a pointer.
        let forms = [Some(pointer.clone()), Some(dotted.clone()).filter(|dotted| !dotted.starts_with('/'))];
        let mut value = Value::from(7);
        for step in steps.iter().rev() {
            value = Value::Object(Map::from_iter([(step.clone(), value)]));
        }
        for form in forms.into_iter().flatten().filter(|form| form.len() <= MAX_NAME_BYTES) {
            let path = ClaimPath::parse(&form).unwrap();
            prop_assert_eq!(path.steps(), steps.as_slice());
            prop_assert_eq!(path.find(value.as_object().unwrap()), Some(&Value::from(7)));
        }
        for (prefix, form) in [("jwt.claim", pointer), ("jwt.claim.", dotted)] {
            let name = format!("{prefix}{form}");
            if name.len() <= MAX_NAME_BYTES && !name.starts_with("jwt.claim./") {
                let Ok(Attribute::Claim(path)) = Attribute::parse(&name) else { panic!("{name}") };
                prop_assert_eq!(path.steps(), steps.as_slice());
            }
        }
        Ok(())
    });
}
