//! What is more than a request and its answer: WebSocket, gRPC, bodies that take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cambist_tests::client::Request;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::http2::{self, Http2};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::{self, Key};
use cambist_tests::policy::{Policy, READY, route};
use cambist_tests::raw::connection::RawConnection;
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

workers! {
    websocket_is_authorised_at_its_handshake,
    refusals_of_grpc_are_trailers_with_a_status,
    body_arrives_whole_after_a_fetch_of_keys,
    body_of_a_refused_request_is_not_waited_for,
}

/// Accepts every upgrade and sends back what comes after it; counts the handshakes.
async fn echoing_server() -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handshakes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&handshakes);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                let answer =
                    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    (port, handshakes)
}

async fn upgrading_envoy(workers: u32, issuer: &Issuer, port: u16) -> Envoy {
    let filter = config::cambist(&Policy::verify(issuer).inline());
    let mut manager = config::manager("gateway", &[filter], "upstream");
    manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }]);
    let clusters = [config::cluster("upstream", port), config::forward_proxy()];
    let bootstrap = config::bootstrap(&[config::managed_by("gateway", &manager)], &clusters);
    Setup::new(workers, bootstrap).start().await
}

fn handshake(token: Option<&str>) -> String {
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "GET /chat HTTP/1.1\r\nhost: a.example\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{bearer}\r\n"
    )
}

async fn websocket_is_authorised_at_its_handshake(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let (port, handshakes) = echoing_server().await;
    let envoy = upgrading_envoy(workers, &issuer, port).await;
    for (token, status) in [(None, 401), (Some("a.b.c"), 401), (Some("a b"), 400)] {
        let mut connection = RawConnection::open(envoy.port()).await;
        connection.write(handshake(token).as_bytes()).await;
        assert_eq!(connection.answer().await.unwrap().status, status, "{token:?}");
    }
    assert_eq!(handshakes.load(Ordering::SeqCst), 0);

    let mut claims = issuer.claims("job");
    let exp = jwt::now() + 3;
    claims["exp"] = json!(exp);
    let token = issuer.sign(&claims);
    let mut connection = RawConnection::open(envoy.port()).await;
    connection.write(handshake(Some(&token)).as_bytes()).await;
    assert_eq!(connection.answer().await.unwrap().status, 101);
    connection.write(b"hello").await;
    assert_eq!(connection.read(5).await, b"hello");
    // The stream was authorised once: it goes on when its token has ended (attack R12), and no other one begins.
    wait::until("the token has expired", wait::PATIENCE, async || jwt::now() > exp).await;
    connection.write(b"again").await;
    assert_eq!(connection.read(5).await, b"again");
    let mut late = RawConnection::open(envoy.port()).await;
    late.write(handshake(Some(&token)).as_bytes()).await;
    assert_eq!(late.answer().await.unwrap().status, 401);
    assert_eq!(handshakes.load(Ordering::SeqCst), 1);
}

async fn refusals_of_grpc_are_trailers_with_a_status(workers: u32) {
    let down = Issuer::start(Key::p256("first")).await;
    down.set_fault(Fault::Status(500));
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = Policy::exchange(issuer).and("down", &down);
        let mut scoped = route("scoped", "/shop.Scoped", "none");
        scoped["scopes"] = json!(["admin"]);
        policy.routes.push(scoped);
        policy
    })
    .await;
    let good = format!("Bearer {}", stage.issuer.token("job"));
    let unavailable = format!("Bearer {}", down.token("job"));
    let mut connection = Http2::open(stage.envoy.port()).await;
    for (method, values, status) in [
        ("/shop.Cart/Add", vec![], 16),
        ("/shop.Cart/Add", vec!["Bearer a.b.c"], 16),
        ("/shop.Scoped/Add", vec![&*good], 7),
        ("/shop.Cart/Add", vec![&*unavailable], 14),
        // RFC 6750 has 400 for it, and that is INTERNAL by the mapping of gRPC.
        ("/shop.Cart/Add", vec!["Bearer a b"], 13),
    ] {
        let mut request = hyper::Request::post(format!("http://a.example{method}"));
        request = request.header("content-type", "application/grpc").header("te", "trailers");
        for value in &values {
            request = request.header("authorization", *value);
        }
        let request = request.body(http2::body(vec![0; 5], None)).unwrap();
        let (answer, trailers) = connection.send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{values:?}");
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert_eq!(answer.header("grpc-status"), Some(&*status.to_string()), "{values:?}");
        assert!(answer.body.is_empty() && trailers.is_empty(), "more than trailers: {values:?}");
    }
    assert_eq!(stage.upstream.count(), 0);
    let request =
        hyper::Request::post("http://a.example/shop.Cart/Add").header("content-type", "application/grpc");
    let request = request.header("te", "trailers").header("authorization", good);
    let (answer, _) = connection.send(request.body(http2::body(vec![0; 5], None)).unwrap()).await.unwrap();
    assert_eq!(stage::seen(&answer).body_bytes, 5);
}

async fn body_arrives_whole_after_a_fetch_of_keys(workers: u32) {
    const BODY: usize = 300_000;
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Hold);
    let stage = Stage::inline_with(workers, issuer, Policy::exchange).await;
    let token = stage.issuer.token("job");
    let port = stage.envoy.port();
    let request = Request::new(Method::POST, "/upload").json(&json!("x".repeat(BODY - 2))).bearer(&token);
    let sent = tokio::spawn(async move { request.send(port).await });
    wait::until("the request waits", wait::PATIENCE, async || {
        let fetches = stage.issuer.fetches();
        fetches.discovery + fetches.keys > 0
            && stage.envoy.counter("http.gateway.downstream_rq_active").await == 1
    })
    .await;
    assert_eq!(stage.upstream.count(), 0);
    stage.issuer.set_fault(Fault::None);
    let answer = sent.await.unwrap().expect(200);
    assert_eq!(stage::seen(&answer).body_bytes, BODY);
    assert_ne!(stage::seen(&answer).bearer(), token);
}

async fn body_of_a_refused_request_is_not_waited_for(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    stage.envoy.send(&Request::get(READY)).await.expect(200);
    for length in ["content-length: 1000000", "transfer-encoding: chunked"] {
        for wait in ["", "expect: 100-continue\r\n"] {
            let mut connection = RawConnection::open(stage.envoy.port()).await;
            let head = format!(
                "POST / HTTP/1.1\r\nhost: a.example\r\n{length}\r\n{wait}authorization: Bearer a.b.c\r\n\r\n"
            );
            connection.write(head.as_bytes()).await;
            if !wait.is_empty() {
                // Envoy says this by itself, before any filter.
                assert_eq!(connection.answer().await.unwrap().status, 100);
            }
            assert_eq!(connection.answer().await.unwrap().status, 401, "{length}");
        }
    }
    assert_eq!(stage.upstream.count(), 0);
}
