//! What those behind the gateway are told of a token.

use cambist_tests::client::Request;
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::{KEY_ENV, Policy, route};
use cambist_tests::stage::{self, Stage};
use cambist_tests::upstream::{Received, Upstream};
use cambist_tests::wait;
use hyper::Method;
use serde_json::{Value, json};

workers! {
    claims_reach_the_upstream_as_headers,
    nobody_else_sends_what_is_told,
    request_that_waited_for_keys_is_told_too,
    filter_state_is_read_by_rbac_routes_and_logs,
}

/// Spellings of `x-auth-user` that a server may take for it and a client can send.
const SPELLINGS: [&str; 12] = [
    "x-auth-user",
    "X-Auth-User",
    "X-AUTH-USER",
    "x_auth_user",
    "X_Auth_User",
    "X_AUTH_USER",
    "x-auth_user",
    "x_auth-user",
    "x.auth.user",
    "X.Auth-User",
    "x_auth.user",
    "x~auth~user",
];

const LOG: &str = "access path=%REQ(:PATH)% plain=%FILTER_STATE(wasm.user:PLAIN)% cel=%CEL(filter_state['wasm.user'])% \
    bytes=%CEL(filter_state['wasm.user'] == b'ada')% text=%CEL(filter_state['wasm.user'] == 'ada')% \
    status=%RESPONSE_CODE%\n";

fn telling(issuer: &Issuer) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.routes[0]["claims_out"] = json!([
        { "attribute": "jwt.claim.sub", "header": "x-auth-user", "filter_state": "user" },
        { "attribute": "jwt.claim.groups", "header": "x-auth-groups" },
    ]);
    for mode in ["optional", "observe"] {
        let mut open = route(mode, &format!("/{mode}"), "none");
        open["mode"] = json!(mode);
        open["cors_preflight"] = json!(true);
        policy.routes.push(open);
    }
    policy
}

fn token_with(issuer: &Issuer, groups: &Value) -> String {
    let mut claims = issuer.claims("job");
    claims["groups"] = groups.clone();
    issuer.sign(&claims)
}

/// Headers that could be read as `x-auth-user`.
fn users(seen: &Received) -> Vec<(&str, &str)> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let headers = seen.headers.iter().filter(|(name, _)| plain(name) == "x-auth-user");
    headers.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn claims_reach_the_upstream_as_headers(workers: u32) {
    let stage = Stage::inline(workers, telling).await;
    for (groups, text) in [
        (json!(["a", "b"]), r#"["a","b"]"#),
        (json!("caf\u{e9}\r\nx-auth-user: root"), "caf%C3%A9%0D%0Ax-auth-user: root"),
        (json!(7), "7"),
    ] {
        let request = Request::get("/").bearer(&token_with(&stage.issuer, &groups));
        for _ in 0..2 {
            for answer in stage.envoy.send_to_each_worker(&request).await {
                let seen = stage::seen(&answer.expect(200));
                assert_eq!(users(&seen), [("x-auth-user", "job")]);
                assert_eq!(seen.values("x-auth-groups"), [text]);
            }
        }
    }
    let seen = stage::seen(&stage.present(&stage.issuer.token("job")).await.expect(200));
    assert_eq!(seen.values("x-auth-groups"), Vec::<&str>::new());
}

async fn nobody_else_sends_what_is_told(workers: u32) {
    let stage = Stage::inline(workers, telling).await;
    let token = stage.issuer.token("job");
    for name in SPELLINGS {
        let forged =
            |request: Request| request.header(name, "admin").header(name, "root").header("x-kept", "1");
        let preflight = Request::new(Method::OPTIONS, "/optional")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "PUT");
        for (request, expected) in [
            (Request::get("/").bearer(&token), vec![("x-auth-user", "job")]),
            (Request::get("/optional"), vec![]),
            (Request::get("/optional").bearer(&token), vec![]),
            (Request::get("/observe").bearer(&token), vec![]),
            (Request::get("/observe").bearer("x.y.z"), vec![]),
            (preflight, vec![]),
        ] {
            let seen = stage::seen(&stage.envoy.send(&forged(request)).await.expect(200));
            assert_eq!(users(&seen), expected, "{name}");
            assert_eq!(seen.values("x-kept"), ["1"]);
        }
        let forwarded = stage.upstream.count();
        stage.envoy.send(&forged(Request::get("/"))).await.expect(401);
        stage.envoy.send(&forged(Request::get("/").bearer("x.y.z"))).await.expect(401);
        assert_eq!(stage.upstream.count(), forwarded);
    }
}

async fn request_that_waited_for_keys_is_told_too(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    issuer.set_fault(Fault::Hold);
    let stage = Stage::inline_with(workers, issuer, telling).await;
    let request = Request::get("/").bearer(&stage.issuer.token("job")).header("X_Auth_User", "admin");
    let mut waiting = Vec::new();
    for mut connection in stage.envoy.connection_to_each_worker().await {
        let request = request.clone();
        waiting.push(tokio::spawn(async move { connection.send(&request).await }));
    }
    wait::until("all are waiting", wait::PATIENCE, async || {
        stage.envoy.counter("http.gateway.downstream_rq_active").await >= u64::from(workers)
    })
    .await;
    stage.issuer.set_fault(Fault::None);
    for task in waiting {
        let seen = stage::seen(&task.await.unwrap().expect(200));
        assert_eq!(users(&seen), [("x-auth-user", "job")]);
    }
}

/// What docs/claims.md says of filter state, reader by reader.
async fn filter_state_is_read_by_rbac_routes_and_logs(workers: u32) {
    let issuer = Issuer::start(Key::p256("first")).await;
    let upstream = Upstream::start().await;
    let signing_key = Key::p256("minting");
    let is_user = |user: &str| json!({ "key": "wasm.user", "string_match": { "exact": user } });
    let rbac = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "action": "DENY", "policies": { "eve": {
                "permissions": [{ "any": true }], "principals": [{ "filter_state": is_user("eve") }],
            } } },
        },
    });
    let filters = [config::cambist(&telling(&issuer).inline()), rbac];
    let mut bootstrap: Value =
        serde_json::from_str(&stage::bootstrap(&filters, &stage::clusters(&upstream, 1))).unwrap();
    let manager = bootstrap
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .unwrap();
    manager["access_log"] = json!([{
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {
                "text_format_source": { "inline_string": LOG },
                "formatters": [{
                    "name": "envoy.formatter.cel",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel",
                    },
                }],
            },
        },
    }]);
    let routes = manager.pointer_mut("/route_config/virtual_hosts/0/routes").unwrap().as_array_mut().unwrap();
    let for_ada = json!({
        "match": { "prefix": "/", "filter_state": [is_user("ada")] },
        "direct_response": { "status": 202 },
    });
    routes.insert(0, for_ada);
    let envoy = Setup::new(workers, bootstrap.to_string()).env(KEY_ENV, &signing_key.pkcs8()).start().await;
    let get = |user: &str| Request::get(format!("/{user}")).bearer(&issuer.token(user));
    envoy.send(&get("ada")).await.expect(202);
    envoy.send(&get("bob")).await.expect(200);
    envoy.send(&get("eve")).await.expect(403);
    envoy.send(&Request::get("/optional/nobody")).await.expect(200);
    for line in [
        "access path=/ada plain=ada cel=ada bytes=true text=false status=202",
        "access path=/bob plain=bob cel=bob bytes=false text=false status=200",
        "access path=/eve plain=eve cel=eve bytes=false text=false status=403",
        "access path=/optional/nobody plain=- cel=- bytes=- text=- status=200",
    ] {
        wait::until(line, wait::PATIENCE, async || envoy.output().contains(line)).await;
    }
}
