#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec};

use super::{Form, MAX_BODY_BYTES, MAX_PARAMETERS, is_content_type};
use crate::denial::Denial;

fn read(body: &[u8]) -> Form {
    Form::parse(body).unwrap_or_else(|denial| panic!("{denial:?}"))
}

fn refused(body: &[u8]) -> Option<Denial> {
    Form::parse(body).err()
}

#[test]
fn reads_what_browsers_and_clients_write() {
    let mut form = read(b"a=1&b=x+y%2Fz&&c&d=%C3%A9=&e%2Bf=%26");
    assert_eq!(form.take("a").as_deref(), Some("1"));
    assert_eq!(form.take("b").as_deref(), Some("x y/z"));
    assert_eq!(form.take("d").as_deref(), Some("\u{e9}="));
    assert_eq!(form.take("e+f").as_deref(), Some("&"));
    assert_eq!(form.take("A"), None);
}

#[test]
fn what_has_no_value_was_not_sent() {
    let mut form = read(b"a=&b&audience=&audience=x");
    assert_eq!((form.take("a"), form.take("b")), (None, None));
    assert_eq!(form.take_all("audience"), vec![String::from("x")]);
}

#[test]
fn nothing_stands_twice_but_resources_and_audiences() {
    for body in
        [&b"a=1&a=1"[..], b"a=1&b=2&a", b"a=&a=1", b"a=1&%61=2", b"x=1&y=2&x=3", b"Audience=1&Audience=2"]
    {
        assert_eq!(refused(body), Some(Denial::DuplicateParameter), "{body:?}");
    }
    let mut form = read(b"audience=a&resource=r&audience=b&resource=s");
    assert_eq!(form.take_all("audience"), vec![String::from("a"), String::from("b")]);
    assert_eq!(form.take_all("resource"), vec![String::from("r"), String::from("s")]);
}

#[test]
fn what_is_no_text_is_refused() {
    for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"%=1", b"a=\xff", b"a=%ff", b"a=%c3%28", b"a=%+1"] {
        assert_eq!(refused(body), Some(Denial::RequestMalformed), "{body:?}");
    }
}

#[test]
fn everything_is_bounded() {
    let mut body = vec![b'a'; MAX_BODY_BYTES];
    assert_eq!(refused(&body), None);
    body.push(b'a');
    assert_eq!(refused(&body), Some(Denial::RequestTooLarge));
    let many = |count: usize| "audience=x&".repeat(count);
    assert_eq!(refused(many(MAX_PARAMETERS).as_bytes()), None);
    assert_eq!(refused(many(MAX_PARAMETERS + 1).as_bytes()), Some(Denial::RequestMalformed));
}

#[test]
fn the_content_type_says_form_and_nothing_but_utf_8() {
    const FORM: &str = "application/x-www-form-urlencoded";
    for sent in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded ; charset=\"utf-8\"; x=y",
    ] {
        assert!(is_content_type(sent.as_bytes(), FORM), "{sent}");
    }
    for sent in [
        "",
        "application/json",
        "application/x-www-form-urlencodedx",
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/x-www-form-urlencoded; charset",
        "multipart/form-data; boundary=application/x-www-form-urlencoded",
        "application/json, application/x-www-form-urlencoded",
    ] {
        assert!(!is_content_type(sent.as_bytes(), FORM), "{sent}");
    }
}
