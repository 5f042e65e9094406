//! Attack R8: no spelling of a protected path that some server may read as that path passes without a token.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    fixture::{Ask, Gateway, Token, Wire},
    flow::Counted,
    wire::snapshot::{Exchange, Mode, PathMatch, Route},
};

/// A rule beside an open one for everything else, and the path that it protects.
struct Protected {
    rule: Route,
    path: &'static str,
}

fn rules() -> Vec<Protected> {
    let exact = |path: &str| PathMatch::Exact(path.into());
    let base = Wire::valid().routes.remove(0);
    let rule = |path: &'static str, matched: PathMatch| Protected {
        rule: Route { id: "protected".into(), path: matched, ..base.clone() },
        path,
    };
    let mut wildcard = rule("/shop/admin", exact("/shop/admin"));
    wildcard.rule.host = "*.example".into();
    let mut by_method = rule("/shop/admin", exact("/shop/admin"));
    by_method.rule.methods = Some(vec!["GET".into()]);
    vec![
        rule("/shop/admin", exact("/shop/admin")),
        rule("/shop/admin", PathMatch::Prefix("/shop".into())),
        rule("/shop/admin", PathMatch::Template("/{tenant}/admin".into())),
        rule("/shop/7/admin", PathMatch::Template("/shop/{id}/admin".into())),
        rule("/caf%C3%A9/admin", PathMatch::Prefix("/caf%C3%A9".into())),
        rule("/Shop/Admin/", exact("/Shop/Admin/")),
        wildcard,
        by_method,
    ]
}

fn gateway(rule: Route) -> Gateway {
    Gateway::new(Wire::changed(|wire| {
        let open = Route {
            id: "open".into(),
            host: "*".into(),
            path: PathMatch::Prefix("/".into()),
            mode: Mode::Optional,
            exchange: Exchange::None,
            ..wire.routes[0].clone()
        };
        wire.routes = vec![rule, open];
    }))
}

/// Other ways to write `path`.
fn spellings(path: &str) -> Vec<String> {
    const BEFORE: [&str; 22] = [
        "/",
        "//",
        "/.",
        "/./.",
        "/x/..",
        "/x/../x/..",
        "/x/%2e%2e",
        "/x/%2E%2E",
        "/x/.%2e",
        "/x/%2e.",
        "/%2e",
        "/.;a",
        "/x/..;a",
        "/;",
        "/;a=b",
        "\\",
        "/\\",
        "/x\\..",
        "/x%5C..",
        "/x/..%2F",
        "/%2F",
        "/%5c",
    ];
    const AFTER: [&str; 24] = [
        "/",
        "//",
        "/.",
        "/./",
        "/x/..",
        "/x/../",
        "/%2e",
        "/x/%2E%2e/",
        ";",
        ";a=b",
        ";a/",
        "%3B",
        "%3ba=b",
        "%00",
        "%00.css",
        "#",
        "#x",
        "%23x",
        "%3Fx",
        "%2F",
        "%2f",
        "%5C",
        "\\",
        "/..;/admin",
    ];
    let mut list: Vec<String> = BEFORE.iter().map(|before| format!("{before}{path}")).collect();
    list.extend(AFTER.iter().map(|after| format!("{path}{after}")));
    list.extend([path.to_ascii_uppercase(), path.to_ascii_lowercase(), path.replacen("/s", "/S", 1)]);
    let inner = path.trim_end_matches('/').rfind('/').unwrap();
    for slash in
        ["//", "%2F", "%2f", "\\", "%5C", "%5c", "/./", "/x/../", "/%2e/", ";/", ";a=b/", "%252F", "/%252e/"]
    {
        list.push(format!("{}{slash}{}", &path[..inner], &path[inner + 1..]));
    }
    for (at, letter) in path.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()) {
        if !path[..at].ends_with('%') && !path[..at].ends_with("%C") && !path[..at].ends_with("%A") {
            let (before, after) = (&path[..at], &path[at + 1..]);
            list.push(format!("{before}%{:02X}{after}", u32::from(letter)));
            list.push(format!("{before}%25{:02x}{after}", u32::from(letter)));
        }
    }
    list.retain(|spelling| spelling != path);
    list
}

/// How a forgiving server reads a path: it decodes `times` times, ends it at NUL, takes `\` for `/`, drops parameters
/// and empty segments, resolves dots and knows no case.
fn read(path: &str, times: usize) -> String {
    let mut bytes = path.as_bytes().to_vec();
    let cut = |bytes: &mut Vec<u8>| {
        let end = bytes.iter().position(|byte| matches!(byte, b'?' | b'#' | 0)).unwrap_or(bytes.len());
        bytes.truncate(end);
    };
    cut(&mut bytes);
    for _ in 0..times {
        bytes = decode(&bytes);
    }
    cut(&mut bytes);
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().unwrap() {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => segments.push(name.to_ascii_lowercase()),
        }
    }
    format!("/{}", String::from_utf8_lossy(&segments.join(&b'/')))
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let value = escaped.and_then(|hex| u8::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok());
        decoded.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

#[test]
fn r8_no_spelling_of_a_protected_path_passes_without_a_token() {
    for Protected { rule, path } in rules() {
        let kind = format!("{:?} on {}", rule.path, rule.host);
        let mut gateway = gateway(rule);
        let list = spellings(path);
        assert!(list.len() >= 60, "{kind}: only {} spellings", list.len());
        for spelling in list {
            let is_it = (1..=2).any(|times| read(&spelling, times) == read(path, times));
            assert!(is_it, "{spelling} is no spelling of {path}");
            let step = gateway.start(&Ask::bare().to(&spelling));
            assert!(step.kind().starts_with("reply"), "{kind}: {spelling} passed: {}", step.kind());
        }
        for good in [String::from(path), format!("{path}?"), format!("{path}?a=/../b")] {
            assert!(gateway.start(&Ask::bare().to(&good)).kind().starts_with("reply"), "{kind}: {good}");
            let ask = Ask::bearing(&Token::valid().sign()).to(&good);
            let counted = gateway.forward(&ask).report.counted;
            assert!(matches!(counted, Counted::Minted | Counted::MintedCached), "{kind}: {counted:?}");
        }
        for open in ["/", "/other", "/administrator", "/Other/Place/", "/x/y/z/admin", "/other?/shop/admin"] {
            assert_eq!(
                gateway.forward(&Ask::bare().to(open)).report.counted,
                Counted::Unauthenticated,
                "{kind}"
            );
        }
    }
}

#[test]
fn r9_a_path_with_bytes_that_are_no_text_is_refused_under_every_rule() {
    for Protected { rule, path } in rules() {
        let mut gateway = gateway(rule);
        for more in [
            &b"\xff"[..],
            b"\x80",
            b"\xc0\xaf",
            b"\xe2\x80",
            b"\xed\xa0\x80",
            "é".as_bytes(),
            b"\x7f",
            b" ",
            b"\t",
            b"\x01",
        ] {
            for target in [[path.as_bytes(), more].concat(), [b"/", more, path.as_bytes()].concat()] {
                let step = gateway.start(&Ask { path: target.clone(), ..Ask::bare() });
                assert!(step.kind().starts_with("reply"), "{target:?} passed");
            }
        }
    }
}
