//! Rules on trial in real Envoy: they decide nothing and say what they would, in the counters and in the audit trail; and
//! the dashboard, whose every query finds what it asks for after that.

use std::collections::BTreeSet;

use cambist_tests::artifact;
use cambist_tests::client::Request;
use cambist_tests::exposition::{self, Sample};
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::{Policy, binding, route};
use cambist_tests::promql::{self, Selector};
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use regex_lite::Regex;
use serde_json::{Value, json};

workers! {
    rules_on_trial_decide_nothing_and_the_dashboard_shows_it,
}

/// What each token meets: an issuer, a binding, and conditions of a binding and of a route, all on trial.
fn policy(issuer: &Issuer) -> Policy {
    let mut policy = Policy::exchange(issuer);
    policy.bindings[0]["allow_any_subject"] = false.into();
    policy.bindings[0]["subjects"] = json!(["job", "two"]);
    policy.bindings[0]["condition"] = json!({ "attribute": "jwt.claim.team", "equals": "red" });
    policy.bindings[0]["condition_enforcement"] = "audit".into();
    let mut second = binding("second", "main");
    second["subjects"] = json!(["two", "three"]);
    second["allow_any_subject"] = false.into();
    second["enforcement"] = "audit".into();
    policy.bindings.push(second);
    let mut conditional = route("conditional", "/conditional", "gateway");
    conditional["condition"] = json!({ "attribute": "jwt.claim.team", "equals": "green" });
    conditional["condition_enforcement"] = "audit".into();
    policy.routes.push(conditional);
    let mut tried = policy.issuers[0].clone();
    tried["id"] = "tried".into();
    tried["iss"] = "https://tried.example".into();
    tried["keys"] = json!({ "source": "jwks_uri", "uri": issuer.keys_url() });
    tried["enforcement"] = "audit".into();
    policy.issuers.push(tried);
    policy.bindings.push(binding("tried", "tried"));
    policy
}

async fn rules_on_trial_decide_nothing_and_the_dashboard_shows_it(workers: u32) {
    let stage = Stage::managed_by(workers, policy).await;
    let token = |subject: &str, iss: Option<&str>, team: &str| {
        let mut claims = stage.issuer.claims(subject);
        claims["team"] = team.into();
        if let Some(iss) = iss {
            claims["iss"] = iss.into();
        }
        stage.issuer.sign(&claims)
    };
    let tried = Some("https://tried.example");
    wait::until("the keys of the issuer on trial are there", wait::PATIENCE, async || {
        let keys = stage.control_plane().get("/v1/gateways/edge/keys").await;
        keys["items"].as_array().is_some_and(|items| {
            items.iter().any(|item| item["issuer"] == "tried" && item["keys"][0].is_object())
        })
    })
    .await;
    let connection = &mut stage.envoy.connection_to_each_worker().await[0];
    let good = token("job", tried, "red");
    let forged = format!("{}AA", &good[..good.len() - 2]);
    let mut expected = Vec::new();
    for (path, token, status, shadow) in [
        ("/", token("job", None, "red"), 200, None),
        ("/", token("job", None, "blue"), 200, Some(("binding/main/condition", Some("condition_false")))),
        (
            "/conditional",
            token("job", None, "red"),
            200,
            Some(("route/conditional/condition", Some("condition_false"))),
        ),
        ("/", token("two", None, "red"), 200, Some(("binding/second", Some("binding_ambiguous")))),
        ("/", token("three", None, "red"), 401, Some(("binding/second", None))),
        ("/", good, 401, Some(("issuer/tried", None))),
        ("/", forged, 401, Some(("issuer/tried", Some("bad_signature")))),
    ] {
        for _ in 0..3 {
            let answer = connection.send(&Request::get(path).bearer(&token)).await.expect(status);
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        }
        expected.extend(shadow.map(|shadow| (status, shadow)));
    }
    let rows = wait::until_some("every rule on trial has left a row", wait::PATIENCE, async || {
        let audit = stage.control_plane().get("/v1/audit?limit=1000").await;
        let rows: Vec<Value> = audit["items"]
            .as_array()?
            .iter()
            .filter(|row| row["detail"]["shadow"].is_object())
            .cloned()
            .collect();
        let rules: BTreeSet<String> = rows.iter().map(|row| row["detail"]["shadow"].to_string()).collect();
        (rules.len() == expected.len()).then_some(rows)
    })
    .await;
    for (status, (rule, reason)) in &expected {
        let found: Vec<&Value> = rows
            .iter()
            .filter(|row| {
                row["detail"]["shadow"]["rule"] == *rule
                    && row["detail"]["shadow"]["reason"].as_str() == *reason
            })
            .collect();
        // A request that is let pass leaves its row once; a refusal is a row each time, or counts.
        let row = found[0];
        if *status == 200 {
            assert_eq!((found.len(), &row["action"]), (1, &json!("shadow")), "{rule}");
            assert!(
                row["detail"]["identity"].is_object() && row["detail"]["token_sha256"].is_string(),
                "{row}"
            );
        } else {
            assert_eq!(row["action"], "denial", "{rule}");
            let reasons = ["issuer_not_allowed", "identity_not_found"];
            assert!(reasons.contains(&row["detail"]["reason"].as_str().unwrap()), "{row}");
        }
    }
    for (name, least) in
        [("condition_false", 6), ("binding_ambiguous", 3), ("passed", 9), ("bad_signature", 3)]
    {
        stage.envoy.until_counted(&format!("cambist.shadow.{name}"), least).await;
    }
    assert_eq!(stage.envoy.counter("cambist.decision.condition_false").await, 0);
    the_dashboard_finds_what_it_asks_for(&stage).await;
}

async fn the_dashboard_finds_what_it_asks_for(stage: &Stage) {
    let text = std::fs::read_to_string(artifact::root().join("deploy/grafana/cambist.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard["panels"], &mut queries);
    assert!(queries.len() > 40, "{}", queries.len());
    let queries: Vec<(String, promql::Query)> = queries
        .into_iter()
        .map(|text| {
            // As Grafana does before it asks.
            let asked = text.replace("$__rate_interval", "5m").replace("$job", ".*");
            let query = promql::read(&asked).unwrap_or_else(|error| panic!("{error}: {text}"));
            (text, query)
        })
        .collect();
    // Envoy's histograms show themselves with its next flush.
    let mut missing = Vec::new();
    let found = wait::until_some("every query finds what it asks for", wait::PATIENCE, async || {
        let page = stage.control_plane().admin(Request::get("/metrics")).await.expect(200).text();
        let mut samples = exposition::read(&page);
        samples.extend(exposition::read(&stage.envoy.exposition().await));
        missing = queries
            .iter()
            .filter_map(|(text, query)| lacks(query, &samples).map(|what| format!("{what}: {text}")))
            .collect();
        missing.is_empty().then_some(samples)
    });
    let samples = tokio::time::timeout(std::time::Duration::from_secs(20), found).await;
    let samples = samples.unwrap_or_else(|_| panic!("{missing:#?}"));
    // Equal names for equal things, with values from both.
    let both = |name: &str| samples.iter().filter(|sample| sample.name == name).count();
    for name in
        ["cambist_decision_token_expired", "cambist_shadow_condition_false", "cambist_decision_minted"]
    {
        assert_eq!(both(name), 2, "{name}");
    }
}

/// What a query asks for that is not there.
fn lacks(query: &promql::Query, samples: &[Sample]) -> Option<String> {
    // What the server adds, and what the query makes itself.
    let added = ["job", "instance", "le"];
    let mut labels = BTreeSet::new();
    for selector in &query.selectors {
        let found: Vec<&Sample> = samples.iter().filter(|sample| selects(selector, sample)).collect();
        if found.is_empty() {
            return Some(format!("{selector:?}"));
        }
        labels.extend(found.iter().flat_map(|sample| sample.labels.keys().cloned()));
        for (label, ..) in &selector.matchers {
            if label != "__name__" && !added.contains(&label.as_str()) && !labels.contains(label) {
                return Some(label.clone());
            }
        }
    }
    let is_there = |label: &&String| {
        added.contains(&label.as_str()) || labels.contains(*label) || query.made.contains(label)
    };
    query.labels.iter().find(|label| !is_there(label)).cloned()
}

fn selects(selector: &Selector, sample: &Sample) -> bool {
    let Sample { name, labels, .. } = sample;
    selector.name.as_ref().is_none_or(|wanted| wanted == name)
        && selector.matchers.iter().all(|(label, sign, text)| {
            let value = match label.as_str() {
                "job" | "instance" => return true,
                "__name__" => name,
                label => labels.get(label).map_or("", String::as_str),
            };
            let matches = || Regex::new(&format!("^(?:{text})$")).unwrap().is_match(value);
            match sign.as_str() {
                "=" => value == text,
                "!=" => value != text,
                "=~" => matches(),
                _ => !matches(),
            }
        })
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            queries.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect(value, queries));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, queries)),
        _ => {}
    }
}
