//! External exchange at a token endpoint that nobody here wrote: Ory's fosite with its handler of RFC 7523. Run by
//! `just test-external`.

use cambist_tests::fosite::{Fosite, TOKEN_URL};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::{self, Stage};
use cambist_tests::wait;
use serde_json::{Value, json};

const SUBJECTS: [&str; 2] = ["job", "other"];

/// The three logins that fosite has, with what it must know for each.
fn logins() -> Vec<(Value, Value)> {
    let key = Key::p256("edge-key");
    let odd = "s&cr+t: %~";
    vec![
        (
            json!({ "method": "client_secret_basic", "client_id": "edge-basic", "secret": { "value": odd } }),
            json!({ "id": "edge-basic", "method": "client_secret_basic", "secret": odd }),
        ),
        (
            json!({ "method": "client_secret_post", "client_id": "edge-post", "secret": { "value": odd } }),
            json!({ "id": "edge-post", "method": "client_secret_post", "secret": odd }),
        ),
        (
            json!({
                "method": "private_key_jwt", "client_id": "edge-key", "audience": TOKEN_URL, "kid": "edge-key",
                "private_key": { "pkcs8": key.pkcs8() },
            }),
            json!({ "id": "edge-key", "method": "private_key_jwt", "secret": "unused", "key": key.jwk() }),
        ),
    ]
}

/// A gateway whose tokens go to `fosite` under `login`. Its issuer's tokens are for the token endpoint.
async fn mk_stage(workers: u32, issuer: Issuer, fosite: &Fosite, login: &Value) -> Stage {
    let endpoint = json!({
        "id": "fosite", "uri": fosite.uri(), "grant": "jwt-bearer", "login": login, "allow_http": true,
        "target_parameter": "none", "timeout_ms": 5_000,
    });
    Stage::managed_with(workers, issuer, |issuer| {
        let mut policy = Policy::exchange_by("external", issuer).at(&endpoint);
        policy.bindings[0]["audiences"] = json!([TOKEN_URL]);
        policy
    })
    .await
}

async fn mk_fosite(issuer: &Issuer) -> Fosite {
    let clients: Vec<Value> = logins().into_iter().map(|(_, client)| client).collect();
    Fosite::start(issuer.iss(), &issuer.key().jwk(), &SUBJECTS, &clients).await
}

fn token(issuer: &Issuer, subject: &str) -> String {
    let mut claims = issuer.claims(subject);
    claims["aud"] = TOKEN_URL.into();
    issuer.sign(&claims)
}

async fn gives_a_token_that_it_knows(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    // One list, so that the key is the same on both sides.
    let logins = logins();
    let clients: Vec<Value> = logins.iter().map(|(_, client)| client.clone()).collect();
    let fosite = Fosite::start(issuer.iss(), &issuer.key().jwk(), &SUBJECTS, &clients).await;
    let mut issuer = Some(issuer);
    for (login, client) in &logins {
        let signer = issuer.take().expect("an issuer");
        let stage = mk_stage(workers, signer, &fosite, login).await;
        let subject_token = token(&stage.issuer, "job");
        let answer = stage.present(&subject_token).await;
        assert_eq!(answer.status, 200, "{}\n{}", fosite.output(), stage.envoy.output());
        let given = stage::seen(&answer).bearer().to_owned();
        let known = fosite.knows(&given).await;
        let expected =
            json!({ "active": true, "subject": "job", "client": client["id"], "scopes": ["read"] });
        assert_eq!(known, expected, "{login}");
        // Known by now in one worker, and the same there every time.
        let answers = stage.present_to_each_worker(&subject_token).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        issuer = Some(stage.issuer);
    }
}

async fn refuses_whom_it_does_not_know(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let fosite = mk_fosite(&issuer).await;
    let (login, _) = logins().remove(0);
    let stage = mk_stage(workers, issuer, &fosite, &login).await;
    // A subject that only we know: `invalid_grant`.
    stage.present(&token(&stage.issuer, "stranger")).await.expect(401);
    assert_eq!(stage.upstream.count(), 0);
    stage.present(&token(&stage.issuer, "job")).await.expect(200);
    // A scope that it does not give: `invalid_scope`.
    let mut route = stage.control_plane().get("/v1/routes/everything").await;
    route["scopes"] = json!(["write"]);
    stage.control_plane().put("/v1/routes/everything", &route).await;
    wait::until("the new scope is asked for", wait::PATIENCE, async || {
        stage.present(&token(&stage.issuer, "job")).await.status == 403
    })
    .await;
}

async fn takes_the_new_secret_when_the_old_one_is_gone(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let fosite = mk_fosite(&issuer).await;
    let (login, mut client) = logins().remove(0);
    let stage = mk_stage(workers, issuer, &fosite, &login).await;
    stage.present(&token(&stage.issuer, "job")).await.expect(200);
    client["secret"] = "rotated".into();
    fosite.set_client(&client).await;
    stage.present(&token(&stage.issuer, "other")).await.expect(503);
    let mut endpoint = stage.control_plane().get("/v1/external-endpoints/fosite").await;
    endpoint["login"]["secret"] = json!({ "value": "rotated" });
    stage.control_plane().put("/v1/external-endpoints/fosite", &endpoint).await;
    wait::until("the new secret is used", wait::PATIENCE, async || {
        stage.present(&token(&stage.issuer, "other")).await.status == 200
    })
    .await;
}

mod external {
    macro_rules! workers {
        ($($name:ident),* $(,)?) => {
            $(
                mod $name {
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn with_one_worker() {
                        crate::$name(1).await;
                    }

                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn with_four_workers() {
                        crate::$name(4).await;
                    }
                }
            )*
        };
    }

    workers! {
        gives_a_token_that_it_knows,
        refuses_whom_it_does_not_know,
        takes_the_new_secret_when_the_old_one_is_gone,
    }
}
