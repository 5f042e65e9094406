//! Clients that do what clients should not.

use cambist_tests::client::{Connection, Request};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;

workers! {
    client_that_leaves_during_a_fetch_harms_nobody,
    header_values_that_are_no_text_pass,
    credentials_that_are_no_text_are_refused,
    two_authorization_headers_are_refused,
    identity_headers_of_the_client_never_arrive,
    secrets_show_nowhere,
}

async fn client_that_leaves_during_a_fetch_harms_nobody(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Hold);
    let stage = Stage::inline_with(workers, issuer, Policy::exchange).await;
    let request = Request::get("/").bearer(&stage.issuer.token("job"));
    let asked = async || stage.issuer.fetches().discovery + stage.issuer.fetches().keys > 0;

    let mut leaving = Vec::new();
    for mut connection in stage.envoy.connection_to_each_worker().await {
        let request = request.clone();
        leaving.push(tokio::spawn(async move { connection.try_send(&request).await }));
    }
    wait::until("the issuer was asked", wait::PATIENCE, asked).await;
    let mut staying = Vec::new();
    for mut connection in stage.envoy.connection_to_each_worker().await {
        let request = request.clone();
        staying.push(tokio::spawn(async move { connection.send(&request).await }));
    }
    wait::until("all are waiting", wait::PATIENCE, async || {
        stage.envoy.counter("http.gateway.downstream_rq_active").await >= u64::from(workers) * 2
    })
    .await;
    for task in leaving {
        task.abort();
    }
    wait::until("the first have left", wait::PATIENCE, async || {
        stage.envoy.counter("http.gateway.downstream_rq_active").await <= u64::from(workers)
    })
    .await;
    stage.issuer.set_fault(Fault::None);
    for task in staying {
        task.await.unwrap().expect(200);
    }
    assert_eq!(stage.upstream.count(), u64::from(workers));
    let answers = stage.present_to_each_worker(&stage.issuer.token("later")).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}

async fn header_values_that_are_no_text_pass(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let request = Request::get("/").bearer(&stage.issuer.token("job")).header("x-bytes", b"\xff\xfe\x80");
    for answer in stage.envoy.send_to_each_worker(&request).await {
        assert_eq!(stage::seen(&answer.expect(200)).values("x-bytes"), ["\u{fffd}\u{fffd}\u{fffd}"]);
    }
}

async fn credentials_that_are_no_text_are_refused(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    for value in [b"Bearer \xff\xfe".as_slice(), b"\xff\xfe", b"Bearer ", b"Bearer a b", b"bearer\ta"] {
        stage.envoy.send(&Request::get("/").header("authorization", value)).await.expect(400);
    }
    let long = "a".repeat(16 * 1024 + 1);
    stage.present(&long).await.expect(400);
    assert_eq!(stage.upstream.count(), 0);
    stage.present(&stage.issuer.token("job")).await.expect(200);
}

async fn two_authorization_headers_are_refused(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let good = stage.issuer.token("job");
    for other in [good.as_str(), "nonsense"] {
        for (first, second) in [(good.as_str(), other), (other, good.as_str())] {
            stage.envoy.send(&Request::get("/").bearer(first).bearer(second)).await.expect(400);
        }
    }
    stage
        .envoy
        .send(&Request::get("/").bearer(&good).header("authorization", "Basic YTpi"))
        .await
        .expect(400);
    assert_eq!(stage.upstream.count(), 0);
}

async fn identity_headers_of_the_client_never_arrive(workers: u32) {
    let stage = Stage::inline(workers, Policy::exchange).await;
    let names = ["x-cambist-identity", "X-Cambist-Client-Id", "x_cambist_identity", "X-CAMBIST-anything"];
    let mut request = Request::get("/").bearer(&stage.issuer.token("job")).header("x-kept", "yes");
    for name in names {
        request = request.header(name, "admin").header(name, "again");
    }
    for answer in stage.envoy.send_to_each_worker(&request).await {
        let seen = stage::seen(&answer.expect(200));
        assert_eq!(seen.values("x-kept"), ["yes"]);
        let left: Vec<_> = seen
            .headers
            .iter()
            .filter(|(name, _)| name.replace('_', "-").starts_with("x-cambist-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

async fn secrets_show_nowhere(workers: u32) {
    let stage = Stage::managed(workers).await;
    let token = stage.issuer.token("job");
    let answer = stage.present(&token).await.expect(200);
    let access = stage::seen(&answer).bearer().to_owned();
    stage.present(&format!("{token}x")).await.expect(401);
    let mut connection = Connection::open(stage.envoy.admin_port()).await.unwrap();
    let stats = connection.send(&Request::get("/stats")).await.text();
    let places = [
        ("envoy's log", stage.envoy.output()),
        ("envoy's configuration", stage.envoy.config_dump().await),
        ("envoy's counters", stats),
        ("the control plane's log", stage.control_plane().output()),
    ];
    let secrets = [
        ("the subject token", token.rsplit('.').next().unwrap()),
        ("the access token", access.rsplit('.').next().unwrap()),
        ("the gateway token", stage.gateway_token()),
        ("the admin token", stage.control_plane().admin_token()),
    ];
    for (place, text) in &places {
        for (name, secret) in &secrets {
            assert!(!text.contains(secret), "{name} stands in {place}");
        }
    }
}
