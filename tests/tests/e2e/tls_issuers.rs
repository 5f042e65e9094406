//! Issuers behind TLS, and the ways from their host to an Envoy cluster.

use std::path::Path;

use cambist_tests::client::Answer;
use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::{Policy, binding};
use cambist_tests::stage;
use cambist_tests::tls::{Authority, Door};
use cambist_tests::upstream::Upstream;
use cambist_tests::{client::Request, wait};
use serde_json::{Value, json};

workers! {
    good_certificate_is_accepted_by_name_and_by_address,
    certificate_for_another_name_gives_no_key,
    certificate_of_an_unknown_authority_gives_no_key,
    mapped_host_is_reached_through_its_cluster,
    template_names_the_cluster_of_a_host,
    host_that_maps_nowhere_is_a_fault_of_that_issuer_alone,
    template_that_names_no_cluster_is_a_fault_of_that_issuer_alone,
}

/// An issuer behind TLS.
struct Secure {
    issuer: Issuer,
    door: Door,
}

impl Secure {
    /// An issuer whose URL names `host`, with a certificate of `authority` for `name`.
    async fn start(host: &str, authority: &Authority, name: &str) -> Self {
        let issuer = Issuer::start(Key::p256("first")).await;
        let door = Door::open(authority, &[name], issuer.port()).await;
        let issuer = issuer.reached_at(&format!("https://{host}:{}", door.port()));
        Self { issuer, door }
    }

    /// `host:port` of its URL.
    fn host_port(&self) -> &str {
        self.issuer.iss().trim_start_matches("https://")
    }
}

/// A gateway in front of an upstream.
struct Gateway {
    envoy: Envoy,
    upstream: Upstream,
}

impl Gateway {
    /// Trusts `issuers` under the names `issuer-0` and so on, and reaches them as `plugin_clusters` says through
    /// `clusters`.
    async fn start(workers: u32, issuers: &[&Secure], plugin_clusters: Value, clusters: &[Value]) -> Self {
        let upstream = Upstream::start().await;
        let mut policy = Policy::verify(&issuers[0].issuer);
        let names: Vec<_> = (0..issuers.len()).map(|number| format!("issuer-{number}")).collect();
        policy.issuers = names
            .iter()
            .zip(issuers)
            .map(|(name, issuer)| json!({ "id": name, "iss": issuer.issuer.iss() }))
            .collect();
        policy.bindings = names.iter().map(|name| binding(name, name)).collect();
        let mut plugin = policy.inline();
        plugin["clusters"] = plugin_clusters;
        let clusters: Vec<_> =
            clusters.iter().cloned().chain([config::cluster("upstream", upstream.port())]).collect();
        let bootstrap = stage::bootstrap(&[config::cambist(&plugin)], &clusters);
        Self { envoy: Setup::new(workers, bootstrap).start().await, upstream }
    }

    /// Everything through the forward proxy that trusts the authorities in `roots`.
    async fn through_proxy(workers: u32, issuers: &[&Secure], roots: &Path) -> Self {
        let default = json!({ "default": "dynamic_forward_proxy" });
        Self::start(workers, issuers, default, &[config::secure_forward_proxy(roots)]).await
    }

    async fn present(&self, issuer: &Secure) -> Vec<Answer> {
        self.envoy.send_to_each_worker(&Request::get("/").bearer(&issuer.issuer.token("job"))).await
    }

    async fn admits(&self, issuer: &Secure) {
        for answer in self.present(issuer).await {
            answer.expect(200);
        }
    }

    /// `issuer`'s tokens are answered with "cannot tell" and reach nobody, and nothing was fetched from it.
    async fn cannot_tell(&self, issuer: &Secure) {
        let before = self.upstream.count();
        for answer in self.present(issuer).await {
            assert!(answer.expect(503).header("retry-after").is_some());
        }
        assert_eq!(self.upstream.count(), before, "a request was forwarded");
        let fetches = issuer.issuer.fetches();
        assert_eq!((fetches.discovery, fetches.keys), (0, 0), "keys were fetched");
    }

    async fn logs(&self, text: &str) {
        wait::until(&format!("the log says: {text}"), wait::PATIENCE, async || {
            self.envoy.output().contains(text)
        })
        .await;
    }
}

const NO_ANSWER: &str = "no answer; check the cluster, its TLS settings and the network";

async fn good_certificate_is_accepted_by_name_and_by_address(workers: u32) {
    let ours = Authority::new("ours");
    let named = Secure::start("issuer.localhost", &ours, "issuer.localhost").await;
    let numbered = Secure::start("127.0.0.1", &ours, "127.0.0.1").await;
    let gateway = Gateway::through_proxy(workers, &[&named, &numbered], &ours.file()).await;
    gateway.admits(&named).await;
    gateway.admits(&numbered).await;
}

async fn certificate_for_another_name_gives_no_key(workers: u32) {
    let ours = Authority::new("ours");
    let good = Secure::start("good.localhost", &ours, "good.localhost").await;
    let other_name = Secure::start("issuer.localhost", &ours, "good.localhost").await;
    let other_address = Secure::start("127.0.0.1", &ours, "127.0.0.2").await;
    let gateway = Gateway::through_proxy(workers, &[&good, &other_name, &other_address], &ours.file()).await;
    gateway.cannot_tell(&other_name).await;
    gateway.cannot_tell(&other_address).await;
    gateway.logs(&format!("issuer issuer-1: keys not fetched: {NO_ANSWER}")).await;
    gateway.admits(&good).await;
}

async fn certificate_of_an_unknown_authority_gives_no_key(workers: u32) {
    let (ours, stranger) = (Authority::new("ours"), Authority::new("stranger"));
    let good = Secure::start("good.localhost", &ours, "good.localhost").await;
    let unknown = Secure::start("issuer.localhost", &stranger, "issuer.localhost").await;
    let gateway = Gateway::through_proxy(workers, &[&good, &unknown], &ours.file()).await;
    gateway.cannot_tell(&unknown).await;
    gateway.logs(&format!("issuer issuer-1: keys not fetched: {NO_ANSWER}")).await;
    gateway.admits(&good).await;
}

async fn mapped_host_is_reached_through_its_cluster(workers: u32) {
    let ours = Authority::new("ours");
    // No resolver knows this name: only the map leads there.
    let mapped = Secure::start("issuer.invalid", &ours, "issuer.invalid").await;
    let other = Secure::start("issuer.localhost", &ours, "issuer.localhost").await;
    let map = json!({ "hosts": { mapped.host_port(): "mapped" }, "default": "dynamic_forward_proxy" });
    let clusters = [
        config::secure_cluster("mapped", mapped.door.port(), &ours.file()),
        config::secure_forward_proxy(&ours.file()),
    ];
    let gateway = Gateway::start(workers, &[&mapped, &other], map, &clusters).await;
    gateway.admits(&mapped).await;
    gateway.admits(&other).await;
    assert!(gateway.envoy.counter("cluster.mapped.ssl.handshake").await >= 1);
}

async fn template_names_the_cluster_of_a_host(workers: u32) {
    let ours = Authority::new("ours");
    let issuer = Secure::start("issuer.invalid", &ours, "issuer.invalid").await;
    // As a mesh names the cluster of a host.
    let name = format!("outbound|{}||issuer.invalid", issuer.door.port());
    let cluster = config::secure_cluster(&name, issuer.door.port(), &ours.file());
    let template = json!({ "template": "outbound|{port}||{host}" });
    let gateway = Gateway::start(workers, &[&issuer], template, &[cluster]).await;
    gateway.admits(&issuer).await;
}

async fn host_that_maps_nowhere_is_a_fault_of_that_issuer_alone(workers: u32) {
    let ours = Authority::new("ours");
    let lost = Secure::start("lost.localhost", &ours, "lost.localhost").await;
    let mapped = Secure::start("issuer.localhost", &ours, "issuer.localhost").await;
    let map = json!({ "hosts": { mapped.host_port(): "mapped" } });
    let cluster = config::secure_cluster("mapped", mapped.door.port(), &ours.file());
    let gateway = Gateway::start(workers, &[&lost, &mapped], map, &[cluster]).await;
    gateway.cannot_tell(&lost).await;
    gateway.admits(&mapped).await;
    let line = format!(
        "issuer issuer-0: no Envoy cluster reaches {}; map it under clusters in the plugin configuration",
        lost.host_port()
    );
    gateway.logs(&line).await;
}

async fn template_that_names_no_cluster_is_a_fault_of_that_issuer_alone(workers: u32) {
    let ours = Authority::new("ours");
    let lost = Secure::start("lost.invalid", &ours, "lost.invalid").await;
    let known = Secure::start("issuer.invalid", &ours, "issuer.invalid").await;
    let name = format!("outbound|{}||issuer.invalid", known.door.port());
    let cluster = config::secure_cluster(&name, known.door.port(), &ours.file());
    let template = json!({ "template": "outbound|{port}||{host}" });
    let gateway = Gateway::start(workers, &[&lost, &known], template, &[cluster]).await;
    gateway.cannot_tell(&lost).await;
    gateway.admits(&known).await;
    gateway.logs("issuer issuer-0: keys not fetched").await;
}
