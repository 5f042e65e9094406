//! Issuers, clients, bindings and routes through their whole life.

use axum::http::Method;
use cambist_control_plane::store::Store as _;
use serde_json::{Value, json};

use super::bench::{Bench, mk_binding, mk_issuer, mk_route};

#[tokio::test]
async fn creates_reads_lists_replaces_and_deletes() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    for (collection, id) in [
        (String::from("/v1/issuers"), "eks"),
        (String::from("/v1/clients"), client.as_str()),
        (format!("/v1/clients/{client}/bindings"), "shop"),
        (String::from("/v1/routes"), "all"),
    ] {
        let path = format!("{collection}/{id}");
        let read = bench.admin.get(&path).await;
        assert_eq!(read.etag(), "\"1\"");
        let document = read.ok();
        assert_eq!(document["version"], 1);
        assert_eq!(document["created_at"], "2027-01-15T08:00:00Z");
        let list = bench.admin.get(&collection).await.ok();
        assert_eq!(list, json!({ "items": [document], "next": null }));
        // What was read can be sent back.
        let replaced = bench.admin.put(&path, "\"1\"", document).await;
        assert_eq!(replaced.ok()["version"], 2);
        assert_eq!(replaced.etag(), "\"2\"");
    }
    for path in [
        String::from("/v1/routes/all"),
        format!("/v1/clients/{client}/bindings/shop"),
        format!("/v1/clients/{client}"),
        String::from("/v1/issuers/eks"),
    ] {
        bench.admin.delete(&path).await.no_content();
        bench.admin.get(&path).await.problem(404);
        bench.admin.delete(&path).await.problem(404);
    }
}

#[tokio::test]
async fn says_where_a_new_object_is() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    for (collection, document) in [
        (String::from("/v1/issuers"), json!({ "iss": "https://other.example" })),
        (String::from("/v1/clients"), json!({ "name": "other" })),
        (
            format!("/v1/clients/{client}/bindings"),
            json!({ "issuer": "eks", "audiences": ["b"], "subjects": ["b"] }),
        ),
        (
            String::from("/v1/routes"),
            json!({ "host": "a.example", "path": { "exact": "/" }, "mode": "observe" }),
        ),
    ] {
        let made = bench.admin.post(&collection, document).await;
        let document = made.created();
        let location = made.header("location").to_owned();
        assert!(location.starts_with(&format!("{collection}/")), "{location}");
        assert_eq!(bench.admin.get(&location).await.ok(), document);
    }
}

#[tokio::test]
async fn gives_clients_ids_that_cannot_be_guessed_or_chosen() {
    let bench = Bench::new().await;
    let made = bench.admin.post("/v1/clients", json!({ "name": "a" })).await.created();
    let id = made["client_id"].as_str().unwrap();
    assert!(id.starts_with("cl_") && id.len() == 29, "{id}");
    assert!(id.bytes().skip(3).all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)));
    let answer = bench.admin.post("/v1/clients", json!({ "name": "a", "client_id": "cl_mine" })).await;
    assert_eq!(answer.pointers(), ["/client_id"]);
}

#[tokio::test]
async fn clients_start_without_grants_and_keep_what_is_said_of_them() {
    let bench = Bench::new().await;
    let plain = bench.admin.post("/v1/clients", json!({ "name": "a" })).await.created();
    assert_eq!((&plain["description"], &plain["tags"]), (&json!(""), &json!([])));
    assert_eq!((&plain["grant_types"], &plain["enabled"]), (&json!([]), &json!(true)));
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let document = json!({ "name": "b", "description": "shop", "tags": ["x", "y"], "grant_types": [grant] });
    let full = bench.admin.post("/v1/clients", document.clone()).await.created();
    for (member, value) in document.as_object().unwrap() {
        assert_eq!(&full[member], value);
    }
    let document = json!({ "name": "c", "tags": ["x", "x", " y"] });
    assert_eq!(bench.admin.post("/v1/clients", document).await.pointers(), ["/tags/1", "/tags/2"]);
    let tags: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    assert_eq!(
        bench.admin.post("/v1/clients", json!({ "name": "c", "tags": tags })).await.pointers(),
        ["/tags"]
    );
}

#[tokio::test]
async fn routes_say_where_tokens_stand_and_what_is_told_of_them() {
    let bench = Bench::new().await;
    let route = |member: &str, value: &Value| {
        let mut route = json!({ "host": "a.example", "path": { "prefix": "/" }, "mode": "optional" });
        route[member] = value.clone();
        route
    };
    let sources =
        json!(["authorization", { "header": { "name": "identity-exchange-token" } }, { "query": "t" }]);
    let outputs = json!([{ "attribute": "jwt.claim.sub", "header": "x-auth-user", "filter_state": "user" }]);
    let mut full = route("token_sources", &sources);
    full["claims_out"] = outputs.clone();
    let made = bench.admin.post("/v1/routes", full).await.created();
    assert_eq!((&made["token_sources"], &made["claims_out"]), (&sources, &outputs));
    for (member, bad) in [
        ("token_sources", json!([])),
        ("token_sources", json!([{ "header": { "name": "connection" } }])),
        ("token_sources", json!([{ "header": { "name": "x-cambist-token" } }])),
        ("claims_out", json!([{ "attribute": "jwt.claim.sub" }])),
        ("claims_out", json!([{ "attribute": "sub", "header": "x-user" }])),
    ] {
        let answer = bench.admin.post("/v1/routes", route(member, &bad)).await;
        assert_eq!(answer.pointers(), [format!("/{member}")], "{bad}");
    }
    // A header that one route tells is a source of no other.
    let source = json!([{ "header": { "name": "x-auth-user" } }]);
    let answer = bench.admin.post("/v1/routes", route("token_sources", &source)).await;
    assert!(answer.pointers().contains(&"/token_sources".into()));
}

#[tokio::test]
async fn refuses_replacements_without_or_with_another_version() {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let path = "/v1/issuers/eks";
    let bare = bench.admin.send(Method::PUT, path, &[], mk_issuer().to_string()).await;
    assert_eq!(bare.problem(428)["code"], "precondition_required");
    for stale in ["\"2\"", "W/\"1\"", "1", "\"x\""] {
        let answer = bench.admin.put(path, stale, mk_issuer()).await;
        assert_eq!(answer.problem(412)["code"], "precondition_failed", "{stale}");
    }
    bench.admin.put(path, "\"1\", \"2\"", mk_issuer()).await.problem(400);
    bench.admin.put(path, "\"1\"", mk_issuer()).await.ok();
    bench.admin.put(path, "\"1\"", mk_issuer()).await.problem(412);
    bench.admin.put(path, "*", mk_issuer()).await.ok();
    bench.admin.send(Method::DELETE, path, &[("if-match", "\"1\"")], "").await.problem(412);
    bench.admin.send(Method::DELETE, path, &[("if-match", "\"3\"")], "").await.no_content();
}

#[tokio::test]
async fn reports_every_fault_at_once() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let issuer = json!({
        "id": "Upper", "isss": "x", "algorithms": ["none"], "clock_skew": 301, "max_age": 1,
        "audience": "some",
        "keys": { "source": "jwks_uri", "uri": "http://plain.example" },
    });
    assert_eq!(
        bench.admin.post("/v1/issuers", issuer).await.pointers(),
        ["/algorithms", "/audience", "/clock_skew", "/id", "/iss", "/isss", "/keys/uri", "/max_age"]
    );
    let binding =
        json!({ "id": "b", "issuer": "nobody", "audiences": [], "ttl": 59, "scopes": ["a b"], "until": "x" });
    assert_eq!(
        bench.admin.post(&format!("/v1/clients/{client}/bindings"), binding).await.pointers(),
        ["/audiences", "/issuer", "/scopes", "/subjects", "/ttl", "/until"]
    );
    let route = json!({ "id": "r", "host": "A:1", "path": { "prefix": "x" }, "methods": [], "clients": ["cl_nobody"] });
    assert_eq!(
        bench.admin.post("/v1/routes", route).await.pointers(),
        ["/clients/0", "/host", "/methods", "/path"]
    );
    let document = json!({ "name": "", "tags": ["", "x".repeat(65)], "grant_types": ["password"] });
    assert_eq!(
        bench.admin.post("/v1/clients", document).await.pointers(),
        ["/grant_types/0", "/name", "/tags/0", "/tags/1"]
    );
    let gateway = json!({ "may_mint": "yes", "description": "x".repeat(1025) });
    assert_eq!(
        bench.admin.post("/v1/gateways", gateway).await.pointers(),
        ["/description", "/may_mint", "/name"]
    );
}

#[tokio::test]
async fn issuers_keep_how_their_userinfo_is_asked() {
    let bench = Bench::new().await;
    let issuer = |userinfo: Value| json!({ "id": "a", "iss": "https://a.example", "userinfo": userinfo });
    let bad = json!({
        "uri": "http://a.example/me", "login_id": "a..b", "timeout_ms": 99, "cache_seconds": 3601,
    });
    assert_eq!(
        bench.admin.post("/v1/issuers", issuer(bad)).await.pointers(),
        ["/userinfo/cache_seconds", "/userinfo/login_id", "/userinfo/timeout_ms", "/userinfo/uri"]
    );
    for bad in [json!({}), json!({ "uri": "https://a.example/me", "on_error": "allow" })] {
        bench.admin.post("/v1/issuers", issuer(bad)).await.problem(422);
    }
    let made = bench.admin.post("/v1/issuers", issuer(json!({ "uri": "https://a.example/me" }))).await;
    assert_eq!(
        made.created()["userinfo"],
        json!({ "uri": "https://a.example/me", "on_error": "deny", "timeout_ms": 2_000, "cache_seconds": 300 })
    );
    let full = json!({
        "uri": "https://a.example/me", "login_id": "email", "on_error": "ignore", "timeout_ms": 100,
        "cache_seconds": 10,
    });
    bench.admin.put("/v1/issuers/a", "\"1\"", issuer(full.clone())).await.ok();
    assert_eq!(bench.admin.get("/v1/issuers/a").await.ok()["userinfo"], full);
}

#[tokio::test]
async fn keeps_conditions_and_says_what_is_wrong_with_them() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let condition = json!({ "all": [
        { "attribute": "jwt.claim.kubernetes\\.io.namespace", "in": ["prod", "staging"] },
        { "not": { "attribute": "jwt.claim.level", "less_than": 2.5 } },
    ]});
    let bindings = format!("/v1/clients/{client}/bindings");
    let binding = json!({ "id": "c", "issuer": "eks", "audiences": ["c"], "condition": condition });
    bench.admin.post(&bindings, binding.clone()).await.created();
    assert_eq!(bench.admin.get(&format!("{bindings}/c")).await.ok()["condition"], condition);
    let route = json!({ "id": "c", "host": "c.example", "path": { "prefix": "/" }, "clients": [client], "condition": condition });
    bench.admin.post("/v1/routes", route.clone()).await.created();
    assert_eq!(bench.admin.get("/v1/routes/c").await.ok()["condition"], condition);

    let wrong = json!({ "any": [
        { "attribute": "jwt.claim.a", "matches": "a)|(?:b" },
        { "all": [] },
        { "attribute": "namespace", "equals": "prod" },
    ]});
    let pointers = ["/condition/any/0/matches", "/condition/any/1/all", "/condition/any/2/attribute"];
    for (collection, mut document) in [(bindings.as_str(), binding), ("/v1/routes", route)] {
        document["id"] = json!("d");
        document["condition"] = wrong.clone();
        assert_eq!(bench.admin.post(collection, document.clone()).await.pointers(), pointers, "{collection}");
        document["condition"] = json!({ "not": { "attribute": "jwt.claim.a", "is": "b" } });
        let found = bench.admin.post(collection, document).await.pointers();
        assert!(found.contains(&String::from("/condition/not/is")), "{found:?}");
    }
}

#[tokio::test]
async fn leaves_nothing_behind_when_it_refuses() {
    let bench = Bench::new().await;
    bench.configure().await;
    let (epoch, audit) = (bench.epoch(), bench.audit().await);
    bench.admin.post("/v1/issuers", json!({ "id": "a", "iss": "x", "clock_skew": 999 })).await.pointers();
    bench
        .admin
        .post("/v1/routes", json!({ "id": "b", "host": "*", "path": { "prefix": "/" } }))
        .await
        .pointers();
    bench.admin.put("/v1/issuers/eks", "\"9\"", mk_issuer()).await.problem(412);
    bench.admin.post("/v1/issuers", mk_issuer()).await.problem(409);
    assert_eq!((bench.epoch(), bench.audit().await), (epoch, audit));
    assert_eq!(bench.admin.get("/v1/issuers").await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn refuses_what_does_not_fit_the_rest_of_the_configuration() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    // The same host, path and methods as the route there is.
    let tie = json!({ "id": "tie", "host": "*", "path": { "prefix": "/" }, "clients": [client] });
    assert_eq!(bench.admin.post("/v1/routes", tie).await.pointers(), ["/path"]);
    // A second issuer with the same text, and an audience that both accept.
    bench.admin.post("/v1/issuers", json!({ "id": "eks2", "iss": "https://issuer.example" })).await.created();
    let mut binding = mk_binding();
    binding["id"] = json!("shop2");
    binding["issuer"] = json!("eks2");
    let bindings = format!("/v1/clients/{client}/bindings");
    let refused = bench.admin.post(&bindings, binding.clone()).await;
    assert!(refused.problem(422)["errors"][0]["detail"].as_str().unwrap().contains("audience \"api\""));
    binding["audiences"] = json!(["other"]);
    bench.admin.post(&bindings, binding).await.created();
}

#[tokio::test]
async fn refuses_to_delete_what_others_refer_to() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let problem = bench.admin.delete("/v1/issuers/eks").await.problem(409);
    assert_eq!(problem["code"], "referenced");
    assert_eq!(problem["errors"][0]["detail"], "binding `shop` refers to it at /issuer");
    let problem = bench.admin.delete(&format!("/v1/clients/{client}")).await.problem(409);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    // A replacement that drops the reference frees it.
    let other = bench.admin.post("/v1/clients", json!({ "name": "other" })).await.created();
    let route = mk_route(other["client_id"].as_str().unwrap());
    bench.admin.put("/v1/routes/all", "\"1\"", route).await.ok();
    bench.admin.delete(&format!("/v1/clients/{client}/bindings/shop")).await.no_content();
    bench.admin.delete(&format!("/v1/clients/{client}")).await.no_content();
}

#[tokio::test]
async fn keeps_bindings_below_their_client() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let other = bench.admin.post("/v1/clients", json!({ "name": "other" })).await.created();
    let other = other["client_id"].as_str().unwrap();
    assert_eq!(bench.admin.get(&format!("/v1/clients/{other}/bindings")).await.ok()["items"], json!([]));
    for path in [format!("/v1/clients/{other}/bindings/shop"), String::from("/v1/clients/cl_x/bindings/shop")]
    {
        bench.admin.get(&path).await.problem(404);
        bench.admin.put(&path, "\"1\"", mk_binding()).await.problem(404);
        bench.admin.delete(&path).await.problem(404);
    }
    bench.admin.get("/v1/clients/cl_x/bindings").await.problem(404);
    bench.admin.post("/v1/clients/cl_x/bindings", mk_binding()).await.problem(404);
    let mut binding = mk_binding();
    binding["id"] = json!("shop2");
    binding["client_id"] = json!(other);
    let path = format!("/v1/clients/{client}/bindings");
    assert_eq!(bench.admin.post(&path, binding).await.pointers(), ["/client_id"]);
}

#[tokio::test]
async fn refuses_another_id_than_the_urls() {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let document = json!({ "id": "other", "iss": "https://issuer.example" });
    assert_eq!(bench.admin.put("/v1/issuers/eks", "\"1\"", document).await.pointers(), ["/id"]);
    let document = json!({ "iss": "https://issuer.example" });
    assert_eq!(bench.admin.put("/v1/issuers/eks", "\"1\"", document).await.ok()["id"], "eks");
}

#[tokio::test]
async fn lists_in_pages() {
    let bench = Bench::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        bench.admin.post("/v1/gateways", json!({ "name": name })).await.created();
    }
    let mut seen = Vec::new();
    let mut path = String::from("/v1/gateways?limit=2");
    loop {
        let page = bench.admin.get(&path).await.ok();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/gateways?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn writes_one_audit_row_and_a_new_epoch_per_change() {
    let bench = Bench::new().await;
    let first = bench.epoch();
    assert_eq!(first, 1_800_000_000_000);
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    // The clock stands still: the epoch moves all the same.
    assert_eq!(bench.epoch(), first + 1);
    bench.admin.put("/v1/issuers/eks", "\"1\"", mk_issuer()).await.ok();
    bench.admin.delete("/v1/issuers/eks").await.no_content();
    assert_eq!(bench.epoch(), first + 3);
    bench.admin.get("/v1/issuers").await.ok();
    let stored = bench.store.audit("default", 0, 1000).await.unwrap();
    let replaced = &stored[2].detail;
    assert!(replaced["before"].get("id").is_none() && replaced["after"].get("id").is_none());
    let rows = bench.audit().await;
    let actions: Vec<&str> = rows.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(actions, ["initialise", "create", "replace", "delete"]);
    assert_eq!(rows[1], (String::from("admin:first"), String::from("create"), String::from("eks")));
}

#[tokio::test]
async fn permission_stands_for_scopes_of_a_binding() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let path = format!("/v1/clients/{client}/bindings");
    for (id, member, scopes) in [
        ("a", json!({}), json!(["read"])),
        ("b", json!({ "permission": "read-only" }), json!(["read"])),
        ("c", json!({ "permission": "read-write" }), json!(["read", "write"])),
        ("d", json!({ "scopes": [] }), json!([])),
    ] {
        let mut binding = mk_binding();
        binding["id"] = json!(id);
        binding.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let made = bench.admin.post(&path, binding).await.created();
        assert_eq!((&made["scopes"], made.get("permission")), (&scopes, None));
        let again = bench.admin.put(&format!("{path}/{id}"), "*", made).await.ok();
        assert_eq!(again["scopes"], scopes, "what was read can be sent back");
    }
    for wrong in [json!("admin"), json!(1)] {
        let mut binding = mk_binding();
        (binding["id"], binding["permission"]) = (json!("e"), wrong);
        assert_eq!(bench.admin.post(&path, binding).await.pointers(), ["/permission"]);
    }
}

#[tokio::test]
async fn a_client_says_what_its_secret_is_good_for() {
    let bench = Bench::new().await;
    let good = json!({
        "name": "a", "grant_types": ["client_credentials"],
        "credentials": { "scopes": ["read"], "targets": ["api"], "ttl": 60, "audience_tenants": ["t"] },
    });
    let made = bench.admin.post("/v1/clients", good.clone()).await.created();
    assert_eq!(made["credentials"], good["credentials"]);
    for (member, value, pointer) in [
        ("credentials", json!(null), "/credentials"),
        ("grant_types", json!([]), "/credentials"),
        ("grant_types", json!(["client_credentials", "client_credentials"]), "/grant_types/1"),
        ("credentials", json!({ "targets": [] }), "/credentials/targets"),
        ("credentials", json!({ "targets": [""] }), "/credentials/targets"),
        ("credentials", json!({ "targets": ["a\n"] }), "/credentials/targets/0"),
        ("credentials", json!({ "targets": ["a"], "scopes": ["a b"] }), "/credentials/scopes"),
        ("credentials", json!({ "targets": ["a"], "ttl": 59 }), "/credentials/ttl"),
        ("credentials", json!({ "targets": ["a"], "ttl": 3601 }), "/credentials/ttl"),
        (
            "credentials",
            json!({ "targets": ["a"], "audience_tenants": [""] }),
            "/credentials/audience_tenants/0",
        ),
        ("secrets", json!(["00"]), "/secrets"),
    ] {
        let mut document = good.clone();
        document[member] = value;
        assert_eq!(bench.admin.post("/v1/clients", document).await.pointers(), [pointer], "{pointer}");
    }
    let idle = json!({ "name": "a", "authentication": "secret" });
    assert_eq!(bench.admin.post("/v1/clients", idle).await.pointers(), ["/authentication"]);
}

#[tokio::test]
async fn a_client_is_told_of_grants_that_cannot_work() {
    let bench = Bench::new().await;
    bench.admin.post("/v1/issuers", mk_issuer()).await.created();
    let document = json!({
        "name": "a",
        "grant_types": ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "credentials": { "targets": ["api"] },
    });
    let made = bench.admin.post("/v1/clients", document).await.created();
    let pointers = |client: &Value| {
        let advice = client["advice"].as_array().cloned().unwrap_or_default();
        advice.iter().map(|one| one["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pointers(&made), ["/grant_types/0", "/grant_types/1"]);
    let path = format!("/v1/clients/{}", made["client_id"].as_str().unwrap());
    bench.admin.post(&format!("{path}/bindings"), mk_binding()).await.created();
    assert_eq!(pointers(&bench.admin.get(&path).await.ok()), ["/grant_types/0"]);
    bench.admin.post(&format!("{path}/secrets"), json!({})).await.created();
    let content = bench.admin.get(&path).await.ok();
    assert!(content.get("advice").is_none());
    bench.admin.put(&path, "*", content).await.ok();
}
