//! Attacks on where a request goes (§2.4): targets, paths, preflights, streams.

use cambist_core::denial::Denial;
use cambist_tests::client::Request;
use cambist_tests::http2::{self, Http2};
use cambist_tests::raw::connection as raw;
use hyper::Method;

use super::ground::{OPEN_HOST, PLAIN};
use super::row::Row;

super::rows! {
    r7_targets_that_are_no_path,
    r8_other_spellings_of_a_protected_path,
    r9_path_with_bytes_that_are_no_text,
    r10_headers_that_name_another_path,
    r11_preflight_that_is_none,
}

async fn r7_targets_that_are_no_path(row: &mut Row<'_>) {
    let good = row.token();
    let bearer = format!("authorization: Bearer {good}\r\n");
    let port = row.ground.stage.envoy.port_of(PLAIN);
    for token in ["", &bearer] {
        let request = format!("CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n{token}\r\n");
        row.refuses_bytes(request.as_bytes(), Denial::TokenMalformed).await;
    }
    // The same without `:path`, as HTTP/2 says it.
    for token in [None, Some(&good)] {
        let mut request = hyper::Request::connect("a.example:443");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(http2::body("", None)).unwrap();
        let (answer, _) = Http2::open(port).await.send(request).await.unwrap();
        row.refused("CONNECT over HTTP/2", &answer, Denial::TokenMalformed);
    }
    // An absolute target is the path and host that the router takes.
    let absolute =
        |token: &str| format!("GET http://a.example/orders HTTP/1.1\r\nhost: b.example\r\n{token}\r\n");
    row.refuses_bytes(absolute("").as_bytes(), Denial::TokenMissing).await;
    let answer = raw::exchange(port, absolute(&bearer).as_bytes()).await.expect("an answer");
    let seen = row.passed("an absolute target", &answer);
    assert_eq!((&*seen.path, &seen.values("host")[..]), ("/orders", &["a.example"][..]));
    // Of these Envoy itself makes nothing.
    for request in [
        format!("GET / HTTP/1.1\r\n{bearer}\r\n"),
        format!("GET / HTTP/1.0\r\n{bearer}\r\n"),
        format!("OPTIONS * HTTP/1.1\r\nhost: a.example\r\n{bearer}\r\n"),
        format!("GET orders HTTP/1.1\r\nhost: a.example\r\n{bearer}\r\n"),
        format!("GET  HTTP/1.1\r\nhost: a.example\r\n{bearer}\r\n"),
        format!("CONNECT / HTTP/1.1\r\nhost: a.example\r\n{bearer}\r\n"),
    ] {
        row.rejected_by_envoy(request.as_bytes(), &[400, 403, 404]).await;
    }
    for host in ["", "a.example.", "u@a.example", "a.example:x", "a.example:443:1"] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n{bearer}\r\n");
        row.refuses_bytes(request.as_bytes(), Denial::TokenMalformed).await;
    }
}

async fn r8_other_spellings_of_a_protected_path(row: &mut Row<'_>) {
    let good = row.token();
    let open = |path: &str| Request::get(path).host(OPEN_HOST);
    row.passes("an open path", &open("/other")).await;
    for path in ["/shop/admin", "/tenants/7/admin", "/internal/keys"] {
        row.passes(path, &open(path).bearer(&good)).await;
        row.refuses(path, &open(path), Denial::TokenMissing).await;
        let (first, rest) = path[1..].split_once('/').unwrap();
        let spellings = [
            format!("//{first}/{rest}"),
            format!("/{first}//{rest}"),
            format!("/./{first}/{rest}"),
            format!("/x/../{first}/{rest}"),
            format!("/{first}/x/../{rest}"),
            format!("/x/%2e%2e/{first}/{rest}"),
            format!("/x/..;/{first}/{rest}"),
            format!("/{first}%2F{rest}"),
            format!("/{first}%2f{rest}"),
            format!("/{first}%5C{rest}"),
            format!("/{first}\\{rest}"),
            format!("/{first};x=y/{rest}"),
            format!("{path};x=y"),
            format!("{path}%3Bx"),
            format!("{path}%00"),
            format!("{path}%00.css"),
            format!("{path}%23"),
            format!("{path}/."),
            format!("{path}/x/.."),
            format!("{path}/%2e"),
            format!("{path}//"),
            format!("/%{:02X}{}/{rest}", first.as_bytes()[0], &first[1..]),
            format!("/%25{:02x}{}/{rest}", first.as_bytes()[0], &first[1..]),
            path.to_uppercase(),
            format!("/{}{}/{rest}", first[..1].to_uppercase(), &first[1..]),
        ];
        for spelling in &spellings {
            let request = format!("GET {spelling} HTTP/1.1\r\nhost: {OPEN_HOST}\r\n\r\n");
            row.refuses_bytes(request.as_bytes(), Denial::RouteUnknown).await;
        }
        for target in
            [format!("{path}?"), format!("{path}?x=/../../other"), format!("http://{OPEN_HOST}{path}")]
        {
            let request = format!("GET {target} HTTP/1.1\r\nhost: {OPEN_HOST}\r\n\r\n");
            row.refuses_bytes(request.as_bytes(), Denial::TokenMissing).await;
        }
        row.rejected_by_envoy(
            format!("GET {path}#x HTTP/1.1\r\nhost: {OPEN_HOST}\r\n\r\n").as_bytes(),
            &[400],
        )
        .await;
        // Where Envoy normalises first, router and filter see the same path.
        for spelling in [format!("/x/../{first}/{rest}"), format!("/./{first}/{rest}")] {
            row.refuses(&spelling, &open(&spelling), Denial::TokenMissing).await;
        }
    }
    // A slash at the end is another path for rules that name one path, and below for a prefix.
    for (path, denial) in [
        ("/shop/admin/", Denial::RouteUnknown),
        ("/tenants/7/admin/", Denial::RouteUnknown),
        ("/internal/", Denial::TokenMissing),
        ("/internal", Denial::TokenMissing),
        ("/INTERNAL", Denial::RouteUnknown),
    ] {
        row.refuses(path, &open(path), denial).await;
    }
    for host in ["OPEN.example", "open.EXAMPLE:8080", "open.example:80"] {
        row.refuses(host, &Request::get("/shop/admin").host(host), Denial::TokenMissing).await;
    }
}

async fn r9_path_with_bytes_that_are_no_text(row: &mut Row<'_>) {
    row.passes("an open path", &Request::get("/other").host(OPEN_HOST)).await;
    let port = row.ground.stage.envoy.port_of(PLAIN);
    for bytes in [&b"\xff"[..], b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", "é".as_bytes(), b"\x7f", b"\x01"] {
        for place in [[b"/shop/admin", bytes].concat(), [b"/", bytes, b"/shop/admin"].concat()] {
            let host = format!(" HTTP/1.1\r\nhost: {OPEN_HOST}\r\n\r\n");
            let request = [b"GET ", &place[..], host.as_bytes()].concat();
            let answer = raw::exchange(port, &request).await.expect("an answer");
            // Envoy 1.40 refuses all of these, by HTTP/1.1; what it lets through is ours to refuse.
            if answer.status == 403 {
                row.refused("bytes in the path", &answer, Denial::RouteUnknown);
            } else {
                assert_eq!(answer.status, 400, "{place:?}");
            }
        }
    }
}

async fn r10_headers_that_name_another_path(row: &mut Row<'_>) {
    let good = row.token();
    let names = [
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-forwarded-host",
        "x-forwarded-method",
        "x-forwarded-prefix",
        "x-original-url",
        "x-original-uri",
        "x-original-method",
        "x-rewrite-url",
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-decorator-operation",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-host",
        "forwarded",
        "referer",
        "user-agent",
    ];
    let misled = |path: &str, value: &str| {
        names
            .into_iter()
            .fold(Request::get(path).host(OPEN_HOST), |request, name| request.header(name, value))
    };
    for value in ["/other", "OPTIONS", "healthcheck", "other.example", "GoogleHC/1.0", "host=other.example"] {
        row.refuses(value, &misled("/shop/admin", value), Denial::TokenMissing).await;
        row.passes(value, &misled("/shop/admin", value).bearer(&good)).await;
    }
    for value in ["/shop/admin", "/internal"] {
        row.passes(value, &misled("/other", value)).await;
    }
}

async fn r11_preflight_that_is_none(row: &mut Row<'_>) {
    let preflight = |path: &str| {
        Request::new(Method::OPTIONS, path)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "PUT")
    };
    row.passes("a preflight", &preflight("/cors")).await;
    let credential = row.passes("a preflight with a credential", &preflight("/cors").bearer("forged")).await;
    assert!(credential.values("authorization").is_empty(), "the credential was taken past the check");
    let twice = preflight("/cors").bearer("a").header("authorization", "Basic YTpi");
    assert!(row.passes("with two", &twice).await.values("authorization").is_empty());
    row.refuses("a route that admits none", &preflight("/"), Denial::TokenMissing).await;
    let options = || Request::new(Method::OPTIONS, "/cors");
    for (what, request) in [
        ("no origin", options().header("access-control-request-method", "PUT")),
        ("no method", options().header("origin", "https://a.example")),
        ("neither", options()),
        ("only headers", options().header("origin", "a").header("access-control-request-headers", "x")),
        ("misspelled", options().header("origin", "a").header("access_control_request_method", "PUT")),
    ] {
        row.refuses(what, &request, Denial::TokenMissing).await;
    }
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = Request::new(method.clone(), "/cors")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "PUT")
            .header("x-http-method-override", "OPTIONS");
        row.refuses(method.as_str(), &request, Denial::TokenMissing).await;
    }
    let lower = "options /cors HTTP/1.1\r\nhost: a.example\r\norigin: a\r\naccess-control-request-method: PUT\r\n\r\n";
    row.rejected_by_envoy(lower.as_bytes(), &[400]).await;
}
