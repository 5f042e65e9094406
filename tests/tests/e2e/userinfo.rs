//! What a token lacks is asked for at the issuer's UserInfo endpoint.

use std::time::{Duration, Instant};

use cambist_tests::client::Request;
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::{Issuer, LOGIN_ID, UserInfo};
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::policy::{KEY_ENV, Policy};
use cambist_tests::stage::{self, Stage};
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;
use serde_json::{Value, json};

workers! {
    login_id_of_userinfo_stands_in_the_access_token,
    userinfo_is_asked_for_once_per_token_and_worker,
    userinfo_about_another_subject_is_refused,
    userinfo_that_is_no_answer_is_unavailable,
    userinfo_that_is_down_denies_or_is_ignored,
    userinfo_that_hangs_is_given_up_in_time,
    userinfo_behind_an_unknown_cluster_is_unavailable_at_once,
    client_that_leaves_while_userinfo_is_asked_for_harms_nobody,
}

/// Tokens of `issuer` are asked about and exchanged, with this member of `userinfo` changed.
fn asking(member: &str, value: Value) -> impl FnOnce(&Issuer) -> Policy + '_ {
    move |issuer| {
        let mut policy = Policy::exchange(issuer);
        let mut userinfo =
            json!({ "uri": issuer.userinfo_url(), "login_id": LOGIN_ID, "timeout_ms": 10_000 });
        userinfo[member] = value;
        policy.issuers[0]["userinfo"] = userinfo;
        policy
    }
}

fn denying() -> impl FnOnce(&Issuer) -> Policy {
    asking("on_error", json!("deny"))
}

fn ignoring() -> impl FnOnce(&Issuer) -> Policy {
    asking("on_error", json!("ignore"))
}

async fn login_id_of_userinfo_stands_in_the_access_token(workers: u32) {
    let stage = Stage::inline(workers, |issuer| {
        let mut policy = denying()(issuer);
        policy.routes[0]["claims_out"] = json!([
            { "attribute": "userinfo.groups", "header": "x-groups" },
            { "attribute": "identity.login", "header": "x-login" },
        ]);
        policy
    })
    .await;
    let answer = stage.present(&stage.issuer.token("ada")).await.expect(200);
    let seen = stage::seen(&answer);
    assert_eq!(
        (seen.values("x-groups"), seen.values("x-login")),
        (vec![r#"["dev"]"#], vec!["ada@example.org"])
    );
    let access = Parts::of(seen.bearer());
    assert_eq!(access.claims["workload"]["login_id"], "ada@example.org");
    assert_eq!(access.claims["workload"]["sub"], "ada");
    stage.envoy.until_counted("cambist.userinfo", 1).await;
    assert_eq!(stage.envoy.counter("cambist.userinfo_failed").await, 0);
}

async fn userinfo_is_asked_for_once_per_token_and_worker(workers: u32) {
    let stage = Stage::inline(workers, denying()).await;
    let token = stage.issuer.token("ada");
    for _ in 0..3 {
        let answers = stage.present_to_each_worker(&token).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    }
    assert_eq!(stage.issuer.fetches().userinfo, u64::from(workers));
    stage.present(&stage.issuer.token("eve")).await.expect(200);
    assert_eq!(stage.issuer.fetches().userinfo, u64::from(workers) + 1);
}

async fn userinfo_about_another_subject_is_refused(workers: u32) {
    for (answer, reason) in
        [(UserInfo::About("eve".to_owned()), "another subject"), (UserInfo::Status(401), "status 401")]
    {
        let stage = Stage::inline(workers, denying()).await;
        stage.issuer.set_userinfo(answer);
        let answers = stage.present_to_each_worker(&stage.issuer.token("ada")).await;
        assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
        assert_eq!(stage.upstream.count(), 0);
        assert!(stage.envoy.output().contains(reason), "{reason} is not in the log");
    }
}

async fn userinfo_that_is_no_answer_is_unavailable(workers: u32) {
    let stage = Stage::inline(workers, denying()).await;
    for answer in [
        UserInfo::Status(500),
        UserInfo::Status(302),
        UserInfo::Text("<html>"),
        UserInfo::Text("{}"),
        UserInfo::Text(r#"{"sub":"ada","sub":"ada"}"#),
    ] {
        stage.issuer.set_userinfo(answer.clone());
        // Another token each time: what became of the last one is remembered.
        let mut claims = stage.issuer.claims("ada");
        claims["jti"] = json!(format!("{answer:?}"));
        let refused = stage.present(&stage.issuer.sign(&claims)).await.expect(503);
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    }
    assert_eq!(stage.upstream.count(), 0);
}

async fn userinfo_that_is_down_denies_or_is_ignored(workers: u32) {
    let mut stage = Stage::inline(workers, denying()).await;
    let warm = stage.issuer.token("warm");
    stage.present_to_each_worker(&warm).await;
    stage.issuer.go_down().await;
    let token = stage.issuer.token("ada");
    let answers = stage.present_to_each_worker(&token).await;
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    let answers = stage.present_to_each_worker(&warm).await;
    assert!(
        answers.iter().all(|status| *status == 200),
        "an answer that is known is not asked for: {answers:?}"
    );
    stage.issuer.come_up().await;
    wait::until("the gateway asks again", wait::PATIENCE, async || stage.present(&token).await.status == 200)
        .await;

    let stage = Stage::inline(workers, ignoring()).await;
    stage.issuer.set_userinfo(UserInfo::Status(500));
    let access = stage.exchange(&stage.issuer.token("ada")).await;
    assert_eq!(access.claims["workload"].get("login_id"), None);
    stage.envoy.until_counted("cambist.userinfo_failed", 1).await;
}

async fn userinfo_that_hangs_is_given_up_in_time(workers: u32) {
    let stage = Stage::inline(workers, asking("timeout_ms", json!(500))).await;
    stage.issuer.set_userinfo(UserInfo::Hold);
    let begun = Instant::now();
    let answers = stage.present_to_each_worker(&stage.issuer.token("ada")).await;
    let waited = begun.elapsed();
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    assert!(waited < Duration::from_secs(5) * workers, "it waited {waited:?}");
    assert!(waited > Duration::from_millis(400) * workers, "it did not wait: {waited:?}");
}

async fn userinfo_behind_an_unknown_cluster_is_unavailable_at_once(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let mut policy = denying()(&issuer);
    policy.issuers[0]["keys"] = json!({ "source": "inline", "jwks": issuer.jwks() });
    let mut plugin = policy.inline();
    plugin["clusters"]["hosts"][format!("127.0.0.1:{}", issuer.port())] = json!("nowhere");
    let clusters = stage::clusters(&upstream, 1);
    let setup = Setup::new(workers, stage::bootstrap(&[config::cambist(&plugin)], &clusters));
    let envoy = setup.env(KEY_ENV, &Key::p256("minting").pkcs8()).start().await;
    for answer in envoy.send_to_each_worker(&Request::get("/").bearer(&issuer.token("ada"))).await {
        answer.expect(503);
    }
    assert_eq!((issuer.fetches().userinfo, upstream.count()), (0, 0));
}

async fn client_that_leaves_while_userinfo_is_asked_for_harms_nobody(workers: u32) {
    let stage = Stage::inline(workers, denying()).await;
    stage.present_to_each_worker(&stage.issuer.token("warm")).await;
    let before = stage.issuer.fetches().userinfo;
    stage.issuer.set_userinfo(UserInfo::Hold);
    let request = Request::get("/").bearer(&stage.issuer.token("ada"));
    let each = u64::from(workers);

    let mut leaving = Vec::new();
    for mut connection in stage.envoy.connection_to_each_worker().await {
        let request = request.clone();
        leaving.push(tokio::spawn(async move { connection.try_send(&request).await }));
    }
    wait::until("the endpoint was asked", wait::PATIENCE, async || stage.issuer.fetches().userinfo > before)
        .await;
    let mut staying = Vec::new();
    for mut connection in stage.envoy.connection_to_each_worker().await {
        let request = request.clone();
        staying.push(tokio::spawn(async move { connection.send(&request).await }));
    }
    wait::until("all are waiting", wait::PATIENCE, async || {
        stage.envoy.counter("http.gateway.downstream_rq_active").await >= each * 2
    })
    .await;
    for task in leaving {
        task.abort();
    }
    wait::until("the first have left", wait::PATIENCE, async || {
        stage.envoy.counter("http.gateway.downstream_rq_active").await <= each
    })
    .await;
    stage.issuer.set_userinfo(UserInfo::Good);
    for task in staying {
        let answer = task.await.unwrap().expect(200);
        assert!(!stage::seen(&answer).bearer().is_empty());
    }
    let answers = stage.present_to_each_worker(&stage.issuer.token("later")).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}
