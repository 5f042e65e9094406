//! Where a token may stand, and that it goes no further from there.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    bearer::MAX_TOKEN_BYTES,
    denial::Denial,
    fixture::{Ask, Gateway, Token, Wire},
    flow::{Answer, Call, Counted, Credential, Edits, Step},
    wire::snapshot::{Exchange, ForeignToken, HeaderSource, KeySource, Mode, TokenSource},
};

/// Every kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Authorization,
    Header,
    Prefixed,
    Query,
    Cookie,
}

use Place::{Authorization, Cookie, Header, Prefixed, Query};

const PLACES: [Place; 5] = [Authorization, Header, Prefixed, Query, Cookie];

impl Place {
    fn source(self) -> TokenSource {
        let header = |name: &str, prefix: &str| HeaderSource { name: name.into(), prefix: prefix.into() };
        match self {
            Authorization => TokenSource::Authorization,
            Header => TokenSource::Header(header("identity-exchange-token", "")),
            Prefixed => TokenSource::Header(header("x-token", "Token ")),
            Query => TokenSource::Query("access_token".into()),
            Cookie => TokenSource::Cookie("session".into()),
        }
    }

    /// The request with `token` in this place as well.
    fn put(self, mut ask: Ask, token: &str) -> Ask {
        match self {
            Authorization => ask.authorization.push(format!("Bearer {token}").into_bytes()),
            Header => return ask.and("identity-exchange-token", token),
            Prefixed => return ask.and("x-token", format!("tOKEN {token}")),
            Query => {
                let mark = if ask.path.contains(&b'?') { '&' } else { '?' };
                ask.path.extend(format!("{mark}access_token={token}").bytes());
            }
            Cookie => return ask.and("cookie", format!("session={token}")),
        }
        ask
    }
}

fn reading(places: &[Place]) -> Wire {
    Wire::changed(|wire| {
        wire.routes[0].token_sources = places.iter().map(|place| place.source()).collect();
    })
}

/// A route that reads these places and does this with a token.
fn verifying(places: &[Place], forward: bool) -> Gateway {
    let mut wire = reading(places);
    wire.routes[0].exchange = Exchange::None;
    wire.routes[0].forward = forward;
    Gateway::new(wire)
}

fn good() -> String {
    Token::valid().sign()
}

fn removed(edits: &Edits) -> Vec<&str> {
    edits.removed.iter().map(|name| &**name).collect()
}

fn rewritten(edits: &Edits) -> Vec<(&str, &str)> {
    edits.rewritten.iter().map(|(name, value)| (*name, core::str::from_utf8(value).unwrap())).collect()
}

#[test]
fn a_token_is_read_in_every_place_that_is_listed() {
    for place in PLACES {
        let mut gateway = Gateway::new(reading(&[place]));
        assert_eq!(gateway.denial(&Ask::bare()), Denial::TokenMissing, "{place:?}");
        let ask = place.put(Ask::bare(), &good());
        assert_eq!(gateway.forward(&ask).report.counted, Counted::Minted, "{place:?}");
        assert_eq!(gateway.forward(&ask).report.counted, Counted::MintedCached, "{place:?}");
        assert_eq!(gateway.crypto.counts(), (1, 1));
        let forged = place.put(Ask::bare(), &Token::valid().forged());
        assert_eq!(gateway.denial(&forged), Denial::BadSignature, "{place:?}");
    }
}

#[test]
fn a_token_is_read_nowhere_else() {
    for place in PLACES {
        let others: Vec<Place> = PLACES.into_iter().filter(|other| *other != place).collect();
        let ask = place.put(Ask::bare(), &good());
        assert_eq!(Gateway::new(reading(&others)).denial(&ask), Denial::TokenMissing, "{place:?}");
        let refused = Gateway::valid().start(&ask);
        assert_eq!(matches!(refused, Step::Forward(_)), place == Authorization, "{place:?}");
    }
}

#[test]
fn two_tokens_are_refused_wherever_they_stand() {
    let everywhere = || Gateway::new(reading(&PLACES));
    for first in PLACES {
        for second in PLACES {
            for (one, other) in [(good(), good()), (good(), "x".into()), ("x y".into(), "=".into())] {
                let ask = second.put(first.put(Ask::bare(), &one), &other);
                assert_eq!(everywhere().denial(&ask), Denial::MultipleTokens, "{first:?} {second:?}");
            }
        }
    }
    let one_cookie_header = Ask::bare().and("cookie", "session=a; session=a");
    assert_eq!(everywhere().denial(&one_cookie_header), Denial::MultipleTokens);
    let escaped = Ask::bare().to("/orders?access_token=a&%61ccess_token=a");
    assert_eq!(everywhere().denial(&escaped), Denial::MultipleTokens);
    let cased = Ask::bare().and("X-Token", "Token a").and("x-token", "Token a");
    assert_eq!(everywhere().denial(&cased), Denial::MultipleTokens);
}

#[test]
fn a_value_that_is_no_single_token_is_refused() {
    for place in PLACES {
        let denial = |value: &str| Gateway::new(reading(&[place])).denial(&place.put(Ask::bare(), value));
        for value in ["", " ", "a=b", "a%2Eb", "a\u{e9}", "\"a\""] {
            assert_eq!(denial(value), Denial::TokenMalformed, "{place:?} {value:?}");
        }
        assert_eq!(denial(&"a".repeat(MAX_TOKEN_BYTES + 1)), Denial::TokenTooLarge, "{place:?}");
        // `authorization` tells the two apart, the caller does not: both are 400.
        let joined = if place == Authorization { Denial::TokenMalformed } else { Denial::MultipleTokens };
        assert_eq!(denial("a,b"), joined, "{place:?}");
        assert_eq!(joined.row().status, Denial::MultipleTokens.row().status);
    }
    for value in ["abc", "Token", "Bearer abc", "Tokenabc", ""] {
        let ask = Ask::bare().and("x-token", value);
        assert_eq!(Gateway::new(reading(&[Prefixed])).denial(&ask), Denial::TokenMalformed, "{value}");
    }
    for path in ["/orders?access_token", "/orders?access_token="] {
        assert_eq!(Gateway::new(reading(&[Query])).denial(&Ask::bare().to(path)), Denial::TokenMalformed);
    }
}

#[test]
fn an_exchanged_token_goes_from_its_place_and_the_new_one_into_authorization() {
    for (place, gone, written) in [
        (Authorization, vec![], vec![]),
        (Header, vec!["identity-exchange-token"], vec![]),
        (Prefixed, vec!["x-token"], vec![]),
        (Query, vec![], vec![(":path", "/orders")]),
        (Cookie, vec!["cookie"], vec![]),
    ] {
        let edits = Gateway::new(reading(&[place])).forward(&place.put(Ask::bare(), &good()));
        assert!(matches!(edits.credential, Credential::Replace(_)), "{place:?}");
        assert_eq!((removed(&edits), rewritten(&edits)), (gone, written), "{place:?}");
    }
}

#[test]
fn a_verified_token_goes_from_its_place_and_takes_nothing_along() {
    for (place, gone, written) in [
        (Header, vec!["identity-exchange-token"], vec![]),
        (Query, vec![], vec![(":path", "/orders?a=%20&b")]),
        (Cookie, vec![], vec![("cookie", "a=1; b=2")]),
    ] {
        let mut ask = Ask::bare().to("/orders?a=%20&b");
        ask.authorization.push(b"Basic dXNlcg==".to_vec());
        ask = match place {
            Cookie => ask.and("cookie", format!("a=1; session={}; b=2", good())),
            Authorization | Header | Prefixed | Query => place.put(ask.and("cookie", "a=1; b=2"), &good()),
        };
        for sources in [vec![place], vec![Authorization, place]] {
            let edits = verifying(&sources, false).forward(&ask);
            assert_eq!(edits.report.counted, Counted::Verified);
            assert_eq!(edits.credential, Credential::Keep, "{place:?}");
            assert_eq!((removed(&edits), rewritten(&edits)), (gone.clone(), written.clone()), "{place:?}");
        }
    }
    let edits = verifying(&[Authorization, Header], false).forward(&Ask::bearing(&good()));
    assert_eq!(edits.credential, Credential::Remove);
}

#[test]
fn a_header_is_handed_on_where_the_route_says_so() {
    for place in [Authorization, Header, Prefixed] {
        let edits = verifying(&[place], true).forward(&place.put(Ask::bare(), &good()));
        assert_eq!(edits.credential, Credential::Keep, "{place:?}");
        assert_eq!((removed(&edits), rewritten(&edits)), (vec![], vec![]), "{place:?}");
    }
}

#[test]
fn authorization_that_is_no_source_is_the_upstreams_business() {
    for value in ["Bearer other", "Bearer", "Basic a,Bearer b", "\u{0}"] {
        let mut ask = Header.put(Ask::bare(), &good());
        ask.authorization.push(value.into());
        let edits = verifying(&[Header], false).forward(&ask);
        assert_eq!(edits.credential, Credential::Keep);
        assert_eq!(removed(&edits), ["identity-exchange-token"]);
    }
    let twice = Authorization.put(Authorization.put(Header.put(Ask::bare(), &good()), "a"), "b");
    let edits = Gateway::new(reading(&[Header])).forward(&twice);
    assert!(matches!(edits.credential, Credential::Replace(_)));
}

#[test]
fn a_refused_token_is_taken_out_of_the_path_that_logs_show() {
    let path = "/orders?a=1&access_token=";
    for (mode, status) in [(Mode::Require, 401), (Mode::Optional, 401)] {
        let mut wire = reading(&[Authorization, Query]);
        wire.routes[0].mode = mode;
        let ask = Ask::bare().to(&format!("{path}{}", Token::valid().forged()));
        let Step::Reply { response, path, .. } = Gateway::new(wire).start(&ask) else {
            panic!("not refused")
        };
        assert_eq!(response.status, status);
        assert_eq!(path.as_deref(), Some(&b"/orders?a=1"[..]));
    }
    let Step::Reply { path, .. } = Gateway::valid().start(&Ask::bare().to("/orders?access_token=a")) else {
        panic!("not refused")
    };
    assert_eq!(path, None, "nobody said that a token stands there");
}

#[test]
fn a_token_that_waited_is_taken_out_of_the_path_as_well() {
    let mut wire = reading(&[Query]);
    wire.issuers[0].keys = KeySource::Discovery;
    let mut gateway = Gateway::new(wire);
    let (flow, call) = gateway.call(&Query.put(Ask::bare(), &good()));
    for answer in [Answer::TimedOut(call), Answer::Overloaded] {
        let Step::Reply { path, .. } = gateway.resume(&flow, &answer) else { panic!("not refused") };
        assert_eq!(path.as_deref(), Some(&b"/orders"[..]));
    }
}

#[test]
fn a_request_that_waited_is_looked_at_as_the_policy_in_force_says() {
    for place in PLACES {
        let mut gateway = Gateway::without_snapshot();
        let ask = place.put(Ask::bare(), &good());
        let (mut flow, call) = gateway.call(&ask);
        assert_eq!(call, Call::AwaitSnapshot);
        let before = flow.weight();
        gateway.adopt(|wire| *wire = reading(&[place]));
        gateway.refresh(&mut flow, &ask);
        assert_eq!(flow.weight() > before, matches!(place, Header | Prefixed | Cookie), "{place:?}");
        let edits = gateway.resume(&flow, &Answer::Ready).into_edits();
        assert_eq!(edits.report.counted, Counted::Minted, "{place:?}");
    }
}

#[test]
fn an_observed_request_keeps_its_token_everywhere() {
    for place in PLACES {
        let mut wire = reading(&[place]);
        wire.routes[0].mode = Mode::Observe;
        for (token, denial) in [(good(), None), ("x".into(), Some(Denial::JwtMalformed))] {
            let edits = Gateway::new(wire.clone()).forward(&place.put(Ask::bare(), &token));
            assert_eq!(edits.report.counted, Counted::Observed(denial), "{place:?}");
            assert_eq!(edits.credential, Credential::Keep);
            assert_eq!((removed(&edits), rewritten(&edits)), (vec![], vec![]), "{place:?}");
        }
    }
}

#[test]
fn a_foreign_token_passes_in_headers_and_is_cut_out_elsewhere() {
    for (place, gone, written) in [
        (Authorization, vec![], vec![]),
        (Header, vec![], vec![]),
        (Query, vec![], vec![(":path", "/orders")]),
        (Cookie, vec!["cookie"], vec![]),
    ] {
        let mut wire = reading(&PLACES);
        wire.routes[0].mode = Mode::Optional;
        wire.routes[0].foreign_token = ForeignToken::Pass;
        let edits = Gateway::new(wire).forward(&place.put(Ask::bare(), "opaque"));
        assert_eq!(edits.report.counted, Counted::Foreign);
        assert_eq!(edits.credential, Credential::Keep);
        assert_eq!((removed(&edits), rewritten(&edits)), (gone, written), "{place:?}");
    }
}

#[test]
fn a_preflight_takes_no_token_along_from_anywhere() {
    let mut wire = reading(&PLACES);
    wire.routes[0].cors_preflight = true;
    let preflight =
        Ask { method: b"OPTIONS".to_vec(), has_origin: true, has_request_method: true, ..Ask::bare() };
    let edits = Gateway::new(wire.clone()).forward(&preflight);
    assert_eq!((removed(&edits), rewritten(&edits)), (vec![], vec![]));
    let laden = PLACES.into_iter().fold(preflight, |ask, place| place.put(ask, "x"));
    let edits = Gateway::new(wire).forward(&laden);
    assert_eq!(edits.credential, Credential::Remove);
    assert_eq!(removed(&edits), ["identity-exchange-token", "x-token", "cookie"]);
    assert_eq!(rewritten(&edits), [(":path", "/orders")]);
}

#[test]
fn an_optional_route_lets_a_request_without_a_token_pass_untouched() {
    let mut wire = reading(&PLACES);
    wire.routes[0].mode = Mode::Optional;
    let ask = Ask::bare().to("/orders?token=1").and("cookie", "other=1").and("x-other", "1");
    let edits = Gateway::new(wire).forward(&ask);
    assert_eq!(edits.report.counted, Counted::Unauthenticated);
    assert_eq!((removed(&edits), rewritten(&edits)), (vec![], vec![]));
}
