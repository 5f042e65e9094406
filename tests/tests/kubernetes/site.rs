//! A cluster, a control plane, an upstream and, when asked for, a gateway.

use std::fs;

use cambist_tests::artifact;
use cambist_tests::client::{Answer, Request};
use cambist_tests::control_plane::ControlPlane;
use cambist_tests::envoy::{Envoy, Setup};
use cambist_tests::kubernetes::{Algorithm, Kubernetes};
use cambist_tests::policy::TOKEN_ENV;
use cambist_tests::upstream::Upstream;
use cambist_tests::wait;
use serde_json::Value;

use super::page::{Page, Shell};

/// Everything but the gateway.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) control_plane: ControlPlane,
    pub(crate) upstream: Upstream,
    pub(crate) page: Page,
    pub(crate) shell: Shell,
}

/// How a gateway gets at issuers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Envoy has the page's cluster for the API server.
    Cluster,
    /// Envoy has the example's clusters only.
    Example,
}

// === impl Site ===

impl Site {
    /// Starts all of it. The cluster signs with a key called `first`, and has the page's workload and pod.
    pub(crate) async fn start(algorithm: Algorithm) -> Self {
        let kubernetes = Kubernetes::start("first", algorithm).await;
        let control_plane = ControlPlane::start().await;
        let mut environment = kubernetes.environment();
        let commands = artifact::cambist().parent().unwrap().display().to_string();
        for (_, path) in environment.iter_mut().filter(|(name, _)| name == "PATH") {
            *path = format!("{commands}:{path}");
        }
        environment.push(("CAMBIST_URL".to_owned(), format!("http://127.0.0.1:{}", control_plane.port())));
        environment.push(("CAMBIST_ADMIN_TOKEN".to_owned(), control_plane.admin_token().to_owned()));
        let site = Self {
            kubernetes,
            control_plane,
            upstream: Upstream::start().await,
            page: Page::read(),
            shell: Shell::new(environment),
        };
        site.run("workload");
        site.run("issuer");
        assert_eq!(site.shell.variable("ISSUER"), site.kubernetes.iss());
        site.shell.run(&format!("kubectl apply --filename - <<'EOF'\n{}\nEOF", site.page.block("pod")));
        site
    }

    /// Executes a block of the page and returns what it printed.
    pub(crate) fn run(&self, block: &str) -> String {
        self.shell.run(self.page.block(block))
    }

    /// A token that the page's pod would get.
    pub(crate) fn token(&self) -> String {
        self.run("token");
        self.shell.variable("TOKEN")
    }

    /// The whole audit trail.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut path = "/v1/audit?limit=1000".to_owned();
        loop {
            let page = self.control_plane.get(&path).await;
            rows.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return rows };
            path = format!("/v1/audit?limit=1000&cursor={next}");
        }
    }

    /// `envoy/gateway.yaml` with the page's changes, on ports of its own.
    pub(crate) async fn gateway(&self, reach: Reach) -> Envoy {
        let mut text = fs::read_to_string(artifact::root().join("envoy/gateway.yaml")).unwrap();
        let mut change = |from: &str, to: &str| {
            assert!(text.contains(from), "envoy/gateway.yaml does not hold {from}");
            text = text.replacen(from, to, 1);
        };
        if reach == Reach::Cluster {
            let host_port = self.kubernetes.host_port();
            let address = format!("{{ address: 127.0.0.1, port_value: {} }}", self.kubernetes.port());
            let cluster = self
                .page
                .block("cluster")
                .replace("{ address: kubernetes.shop.example, port_value: 6443 }", &address)
                .replace("shop-ca.pem", &self.shell.file("shop-ca.pem"));
            assert!(cluster.contains(&address), "the page's cluster has another address: {cluster}");
            change("    # What is protected.\n", &format!("{cluster}\n\n    # What is protected.\n"));
            let map = self.page.block("clusters").replace("kubernetes.shop.example:6443", &host_port);
            change(r#""clusters": { "default": "dynamic_forward_proxy" }"#, map.trim());
        }
        let module = artifact::module().display().to_string();
        change("target/wasm32-wasip1/wasm/cambist_filter.wasm", &module);
        change("port_value: 10000", "port_value: 0");
        change("port_value: 9901", "port_value: 0");
        change("port_value: 8080", &format!("port_value: {}", self.control_plane.port()));
        change("port_value: 18000", &format!("port_value: {}", self.upstream.port()));
        let gateway_token = self.control_plane.register_gateway().await;
        let envoy = Setup::new(2, text).env(TOKEN_ENV, &gateway_token).start().await;
        envoy.until_ready().await;
        envoy
    }
}

/// A GET with `token`.
pub(crate) async fn present(gateway: &Envoy, token: &str) -> Answer {
    gateway.send(&Request::get("/").bearer(token)).await
}

/// A GET with `token` to each worker; all must answer `status`.
pub(crate) async fn each(gateway: &Envoy, token: &str, status: u16) {
    for answer in gateway.send_to_each_worker(&Request::get("/").bearer(token)).await {
        answer.expect(status);
    }
}

/// Waits until each worker answers `token` with `status`.
pub(crate) async fn until_each(gateway: &Envoy, token: &str, status: u16) {
    let request = Request::get("/").bearer(token);
    wait::until(&format!("each worker answers {status}"), wait::PATIENCE, async || {
        gateway.send_to_each_worker(&request).await.iter().all(|answer| answer.status.as_u16() == status)
    })
    .await;
}
