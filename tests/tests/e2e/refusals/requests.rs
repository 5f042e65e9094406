//! Attacks on the request around the token (§2.4): headers, credentials, caches, logs.

use cambist_core::denial::Denial;
use cambist_tests::client::Request;
use cambist_tests::http2::{self, Http2};
use cambist_tests::raw::connection as raw;
use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::json;

use super::ground::PLAIN;
use super::row::Row;

super::rows! {
    r1_identity_headers_of_the_client,
    r2_identity_headers_in_disguise,
    r3_two_credentials,
    r4_forms_of_the_scheme,
    r5_token_in_another_place,
    r6_bytes_that_are_no_text,
}

async fn r1_identity_headers_of_the_client(row: &mut Row<'_>) {
    let good = row.token();
    let forged = |request: Request| {
        let names = [
            "x-cambist-subject",
            "x-cambist-identity",
            "x-cambist-client-id",
            "x-cambist-scopes",
            "x-cambist-",
        ];
        names.into_iter().fold(request, |request, name| request.header(name, "admin").header(name, "root"))
    };
    // `Row::passes` demands that none of them arrives.
    for (what, request) in [
        ("exchanged", Request::get("/").bearer(&good)),
        ("exchanged again, from the cache", Request::get("/").bearer(&good)),
        ("verified", Request::get("/verify").bearer(&good)),
        ("optional without a token", Request::get("/optional")),
        ("optional with another scheme", Request::get("/optional").header("authorization", "Basic YTpi")),
        ("foreign", Request::get("/foreign").bearer("opaque")),
        ("observed without a token", Request::get("/observe")),
        ("observed with a bad one", Request::get("/observe").bearer("bad")),
        (
            "a preflight",
            Request::new(Method::OPTIONS, "/cors")
                .header("origin", "https://a.example")
                .header("access-control-request-method", "PUT"),
        ),
    ] {
        row.passes(what, &forged(request)).await;
    }
    row.refuses("without a token", &forged(Request::get("/")), Denial::TokenMissing).await;
    row.refuses("with a bad one", &forged(Request::get("/").bearer("bad")), Denial::JwtMalformed).await;
}

async fn r2_identity_headers_in_disguise(row: &mut Row<'_>) {
    let good = row.token();
    let port = row.ground.stage.envoy.port_of(PLAIN);
    let head = format!("host: a.example\r\nauthorization: Bearer {good}\r\n");
    for name in [
        "X-Cambist-Identity",
        "X-CAMBIST-IDENTITY",
        "x_cambist_identity",
        "X_Cambist_Identity",
        "x-cambist_identity",
        "x_cambist-identity",
        "X_CAMBIST-Identity",
        "x-cambist-anything-else",
    ] {
        let request = format!("GET / HTTP/1.1\r\n{name}: admin\r\n{head}{name}: again\r\n\r\n");
        row.passed(name, &raw::exchange(port, request.as_bytes()).await.expect("an answer"));
    }
    // Hop by hop: a server may drop what is named here, or may not.
    let request = format!(
        "GET / HTTP/1.1\r\nconnection: x-cambist-identity\r\nx-cambist-identity: admin\r\n{head}\r\n"
    );
    row.passed("named by connection", &raw::exchange(port, request.as_bytes()).await.expect("an answer"));
    // Trailers, which some servers read as headers.
    let request = format!(
        "POST / HTTP/1.1\r\n{head}transfer-encoding: chunked\r\ntrailer: x-kept\r\n\r\n3\r\nabc\r\n0\r\nx-cambist-identity: admin\r\n\
         X_Cambist_Identity: admin\r\nauthorization: Bearer x\r\nx-kept: yes\r\n\r\n"
    );
    let seen = row.passed("trailers", &raw::exchange(port, request.as_bytes()).await.expect("an answer"));
    assert_eq!((seen.body_bytes, seen.trailers), (3, vec![("x-kept".into(), "yes".into())]));
    let mut trailers = HeaderMap::new();
    for name in ["x-cambist-identity", "x_cambist_identity", "authorization", "x-kept"] {
        trailers.insert(name, "yes".parse().unwrap());
    }
    let request = hyper::Request::post("http://a.example/").header("authorization", format!("Bearer {good}"));
    let request = request.body(http2::body("abc", Some(trailers))).unwrap();
    let (answer, _) = Http2::open(port).await.send(request).await.unwrap();
    let seen = row.passed("trailers of HTTP/2", &answer);
    assert_eq!(seen.trailers, [("x-kept".into(), "yes".into())]);
}

async fn r3_two_credentials(row: &mut Row<'_>) {
    let good = format!("Bearer {}", row.token());
    row.passes("the control", &Request::get("/").header("authorization", &good)).await;
    let other = format!("Bearer {}", row.token());
    // Envoy joins the values of this header by commas before anybody sees them.
    for second in [&*good, &other, "Bearer x", "Basic YTpi", "x", "x=y"] {
        for (first, second) in [(&*good, second), (second, &good)] {
            let basic_first = first.starts_with("Basic");
            let denial = if basic_first { Denial::MultipleTokens } else { Denial::TokenMalformed };
            for path in ["/", "/optional", "/foreign"] {
                let request =
                    Request::get(path).header("authorization", first).header("Authorization", second);
                row.refuses(&format!("two headers on {path}"), &request, denial).await;
            }
        }
    }
    for (value, denial) in [
        (format!("{good}, {other}"), Denial::TokenMalformed),
        (format!("{good},{other}"), Denial::TokenMalformed),
        (format!("{good},Basic YTpi"), Denial::TokenMalformed),
        (format!("Basic YTpi, {good}"), Denial::MultipleTokens),
        (format!("Basic YTpi,{good}"), Denial::MultipleTokens),
        (format!("Digest a=b, c=d, {good}"), Denial::MultipleTokens),
    ] {
        row.refuses("joined", &Request::get("/").header("authorization", value), denial).await;
    }
}

async fn r4_forms_of_the_scheme(row: &mut Row<'_>) {
    let good = row.token();
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer   "] {
        row.passes(scheme, &Request::get("/").header("authorization", format!("{scheme}{good}"))).await;
    }
    for value in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "bearer".into(),
        format!("Bearer\t{good}"),
        format!("Bearer \t{good}"),
        format!("Bearer {good} x"),
        format!("Bearer {good} {good}"),
        format!("Bearer {good}, x=y"),
        format!("Bearer token={good}, x"),
        format!("Bearer: {good}"),
        format!("Bearer/{good}"),
        format!("{good}("),
    ] {
        let request = Request::get("/").header("authorization", &value);
        row.refuses(&value, &request, Denial::TokenMalformed).await;
    }
    // Without our scheme there is no token; the request is as one without.
    for value in [
        good.clone(),
        format!("Token {good}"),
        format!("DPoP {good}"),
        format!("BearerX {good}"),
        "Negotiate".into(),
    ] {
        row.refuses(&value, &Request::get("/").header("authorization", &value), Denial::TokenMissing).await;
    }
}

async fn r5_token_in_another_place(row: &mut Row<'_>) {
    let good = row.token();
    row.passes_token("the control", &good).await;
    let cookie = format!("access_token={good}");
    let mut form = Request::new(Method::POST, "/").json(&json!({ "access_token": good }));
    form = form.header("x-access-token", &good);
    for (what, request) in [
        ("the query", Request::get(format!("/?access_token={good}"))),
        ("the path", Request::get(format!("/{good}"))),
        ("a cookie", Request::get("/").header("cookie", &cookie)),
        ("the body", form),
        ("another header", Request::get("/").header("x-authorization", format!("Bearer {good}"))),
        ("the proxy's header", Request::get("/").header("proxy-authorization", format!("Bearer {good}"))),
        ("a protocol", Request::get("/").header("sec-websocket-protocol", format!("bearer, {good}"))),
    ] {
        row.refuses(what, &request, Denial::TokenMissing).await;
    }
    // Nor does another place spoil what is in the right one.
    row.passes("both", &Request::get("/?access_token=x").header("cookie", "access_token=x").bearer(&good))
        .await;
}

async fn r6_bytes_that_are_no_text(row: &mut Row<'_>) {
    let good = row.token();
    row.passes_token("the control", &good).await;
    let bytes: [&[u8]; 6] = [b"\xff\xfe", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", "é".as_bytes(), b"a\xffb"];
    for bytes in bytes {
        let value = [b"Bearer ", bytes].concat();
        row.refuses("as a token", &Request::get("/").header("authorization", value), Denial::TokenMalformed)
            .await;
        let value = [b"Bearer ", good.as_bytes(), bytes].concat();
        row.refuses(
            "after a token",
            &Request::get("/").header("authorization", value),
            Denial::TokenMalformed,
        )
        .await;
        row.refuses("as a scheme", &Request::get("/").header("authorization", bytes), Denial::TokenMalformed)
            .await;
        let request = Request::get("/").bearer(&good).header("x-bytes", bytes).header("user-agent", bytes);
        row.passes("elsewhere", &request.header("cookie", bytes).header("origin", bytes)).await;
        let line = [b"GET / HTTP/1.1\r\nhost: a.example\r\nx-", bytes, b": 1\r\n\r\n"].concat();
        row.rejected_by_envoy(&line, &[400]).await;
    }
}
