//! `/metrics`: what it shows, to whom, and that the page on metrics says the same.

use std::collections::{BTreeMap, BTreeSet};

use cambist_control_plane::{
    admin,
    metrics::{FAMILIES, Family},
};
use cambist_core::{denial::Denial, flow::Counted, identity::identity_id};
use serde_json::{Value, json};

use super::{
    bench::{Bench, Client},
    tokens::{Signer, claims},
};

/// A page: every sample by its name and labels, and the types.
struct Page {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

async fn page(client: &Client) -> Page {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let (mut samples, mut types, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            types.insert(name.to_owned(), kind.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                name.strip_suffix(end).filter(|base| types.get(*base).is_some_and(|kind| kind == "histogram"))
            });
            let base = base.unwrap_or(name);
            assert!(types.contains_key(base) && helped.contains(base), "no HELP and TYPE before {line}");
            assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
    }
    Page { samples, types }
}

impl Page {
    #[track_caller]
    fn is(&self, sample: &str, value: f64) {
        let known = self.samples.get(sample);
        assert!(known.is_some_and(|known| (known - value).abs() < f64::EPSILON), "{sample} is {known:?}");
    }
}

fn event(client: &str, sequence: u64, outcome: &str, reason: Option<&str>) -> Value {
    let mut event = json!({
        "sequence": sequence, "at_ms": 0, "outcome": outcome, "epoch": 7, "route": "all",
        "identity": {
            "id": identity_id("default", client, "eks", "api", "cart"),
            "client_id": client, "issuer": "eks", "audience": "api", "subject": "cart",
        },
    });
    if let Some(reason) = reason {
        event["reason"] = reason.into();
    }
    event
}

fn batch(events: &[Value]) -> Value {
    json!({ "instance": "node/1", "epoch": 7, "dropped": 2, "events": events })
}

#[tokio::test]
async fn asks_for_an_admin_token() {
    let bench = Bench::new().await;
    let gateway = bench.gateway("edge", false).await;
    for client in [&bench.nobody, &gateway] {
        client.get("/metrics").await.problem(401);
    }
    page(&bench.admin).await;
}

#[tokio::test]
async fn an_address_of_its_own_asks_for_none_and_shows_nothing_else() {
    let bench = Bench::new().await;
    let open = bench.nobody.on(admin::metrics::open(bench.app.clone()));
    page(&open).await;
    for path in ["/v1/gateways", "/", "/oauth2/v1/keys"] {
        assert_eq!(open.get(path).await.status.as_u16(), 404, "{path}");
    }
}

#[tokio::test]
async fn counts_what_the_control_plane_decides() {
    let (bench, signer) = (Bench::new().await, Signer::new("a"));
    let client = bench.exchanging(&signer, json!({})).await;
    let before = page(&bench.admin).await;
    before.is("cambist_decision_minted", 0.0);
    before.is("cambist_mints{way=\"control_plane\",grant=\"none\"}", 0.0);
    let gateway = bench.gateway("edge", false).await;
    let mint = |token: String| {
        gateway.post("/gateway/v1/mint", json!({ "route": { "route": "all", "subject_token": token } }))
    };
    mint(signer.sign(&claims())).await.ok();
    mint(String::from("a.b.c")).await;
    let after = page(&bench.admin).await;
    after.is("cambist_decision_minted", 1.0);
    after.is("cambist_decision_token_malformed", 1.0);
    after.is("cambist_mints{way=\"control_plane\",grant=\"none\"}", 1.0);
    after.is("cambist_store_write_seconds_count{what=\"mint\"}", 1.0);
    after.is("cambist_request_seconds_count{surface=\"token\"}", 2.0);
    after.is("cambist_identities{state=\"active\"}", 1.0);
    let identity = identity_id("default", &client, "eks", "api", "cart");
    bench.admin.post(&format!("/v1/identities/{identity}/revoke"), json!({})).await;
    let revoked = page(&bench.admin).await;
    revoked.is("cambist_identities{state=\"active\"}", 0.0);
    revoked.is("cambist_identities{state=\"revoked\"}", 1.0);
    revoked.is("cambist_revocations{kind=\"identity\"}", 1.0);
}

#[tokio::test]
async fn counts_what_gateways_report_and_what_never_came() {
    let bench = Bench::new().await;
    let client = bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    let first = batch(&[
        event(&client, 1, "mint", None),
        event(&client, 2, "denial", Some("token_expired")),
        event(&client, 3, "denial", Some("of_tomorrow")),
    ]);
    let mut many = event(&client, 6, "denial", Some("bad_signature"));
    many["count"] = 40.into();
    let shadow = json!({ "rule": "binding/shop/condition", "reason": "condition_false" });
    let mut shadowed = event(&client, 9, "shadow", None);
    shadowed["shadow"] = shadow;
    for body in [&first, &first, &batch(&[many, shadowed])] {
        gateway.post("/gateway/v1/events", body.clone()).await.ok();
    }
    let page = page(&bench.admin).await;
    page.is("cambist_gateway_events{gateway=\"edge\",outcome=\"mint\"}", 1.0);
    page.is("cambist_gateway_events{gateway=\"edge\",outcome=\"denial\"}", 42.0);
    page.is("cambist_gateway_events{gateway=\"edge\",outcome=\"shadow\"}", 1.0);
    page.is("cambist_gateway_events_duplicate{gateway=\"edge\"}", 3.0);
    page.is("cambist_gateway_events_dropped{gateway=\"edge\"}", 2.0);
    // 4, 5, 7 and 8.
    page.is("cambist_gateway_events_missing{gateway=\"edge\"}", 4.0);
    page.is("cambist_gateway_refusals{reason=\"token_expired\"}", 1.0);
    page.is("cambist_gateway_refusals{reason=\"bad_signature\"}", 40.0);
    page.is("cambist_gateway_refusals{reason=\"other\"}", 1.0);
    page.is("cambist_mints{way=\"gateway\",grant=\"none\"}", 1.0);
    page.is("cambist_gateway_instances{gateway=\"edge\"}", 1.0);
    let list = bench.admin.get("/v1/gateways").await.ok();
    assert_eq!(list["items"][0]["status"]["missing"], 4, "{list}");
    // What comes late fills the gap, and what is missing is found out again after a restart.
    let late = batch(&[event(&client, 4, "mint", None), event(&client, 5, "mint", None)]);
    gateway.post("/gateway/v1/events", late).await.ok();
    for restarted in [false, true] {
        if restarted {
            bench.app.standings.prune();
        }
        let list = bench.admin.get("/v1/gateways").await.ok();
        assert_eq!(list["items"][0]["status"]["missing"], 2, "{list}");
    }
}

#[tokio::test]
async fn shows_where_gateways_stand() {
    const SNAPSHOT: &str = "/gateway/v1/snapshot";
    let bench = Bench::new().await;
    bench.configure().await;
    let gateway = bench.gateway("edge", false).await;
    let first = gateway.get_with(SNAPSHOT, &[("cambist-instance", "node/1")]).await;
    let (etag, epoch) = (first.etag(), first.header("cambist-epoch").to_owned());
    let status = async || bench.admin.get("/v1/gateways").await.ok()["items"][0]["status"].clone();
    let shown = status().await;
    assert_eq!(
        (&shown["instances"], &shown["behind"], &shown["running_epoch"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(shown["epoch_age_seconds"], Value::Null);
    let running = |epoch: &str| {
        [("cambist-instance", "node/1"), ("cambist-running-epoch", epoch)].map(|(n, v)| (n, v.to_owned()))
    };
    let poll = async |headers: &[(&str, String)], etag: &str| {
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("if-none-match", etag));
        gateway.get_with(SNAPSHOT, &headers).await
    };
    assert_eq!(poll(&running(&epoch), &etag).await.status.as_u16(), 304);
    let shown = status().await;
    assert_eq!((&shown["behind"], &shown["failing"]), (&json!(0), &json!(0)));
    assert_eq!(shown["running_epoch"].to_string(), epoch);
    assert!(shown["epoch_age_seconds"].is_u64(), "{shown}");
    // A change that it refuses.
    bench.admin.post("/v1/clients", json!({ "name": "other" })).await.created();
    let mut refusing = running(&epoch).to_vec();
    refusing.push(("cambist-last-error", "no way".to_owned()));
    assert_eq!(poll(&refusing, &etag).await.status.as_u16(), 200);
    let shown = status().await;
    assert_eq!((&shown["behind"], &shown["failing"]), (&json!(1), &json!(1)));
    assert_eq!(shown["last_error"], "no way");
    let page = page(&bench.admin).await;
    page.is("cambist_gateway_behind{gateway=\"edge\"}", 1.0);
    page.is("cambist_gateway_failing{gateway=\"edge\"}", 1.0);
    // What is not heard of does not count, but is remembered for a day.
    bench.clock.set(bench.clock.now().plus_secs(301));
    let shown = status().await;
    assert_eq!((&shown["instances"], &shown["running_epoch"]), (&json!(0), &Value::Null));
    assert_eq!(shown["last_seen"], "2027-01-15T08:00:00Z");
}

#[tokio::test]
async fn everything_is_there_from_the_start_and_nothing_else() {
    let bench = Bench::new().await;
    bench.configure().await;
    let gateway = bench.gateway("edge", true).await;
    gateway.post("/gateway/v1/events", batch(&[])).await.ok();
    let page = page(&bench.admin).await;
    let mut expected = BTreeSet::new();
    for Family { name, form, .. } in FAMILIES {
        let names: Vec<String> = match name.strip_suffix("<reason>") {
            None => vec![name.to_owned()],
            Some(prefix) => {
                let denials = Denial::ALL.map(Denial::reason).into_iter();
                let more: &[&str] = if prefix.contains("shadow") { &["passed"] } else { &Counted::GOOD };
                denials.chain(more.iter().copied()).map(|reason| format!("{prefix}{reason}")).collect()
            }
        };
        for name in names {
            assert_eq!(page.types.get(&name).map(String::as_str), Some(form.name()), "{name}");
            expected.insert(name);
        }
    }
    assert_eq!(page.types.into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_page_on_metrics_has_exactly_these() {
    let page = include_str!("../../../docs/metrics.md");
    let section = page.split("## At the control plane").nth(1).unwrap().split("## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = FAMILIES
        .iter()
        .map(|Family { name, form, labels, help }| {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { String::from("-") } else { labels.join(", ") };
            format!("| `{name}` | {} | {labels} | {help} |", form.name())
        })
        .collect();
    assert_eq!(rows, expected);
}
