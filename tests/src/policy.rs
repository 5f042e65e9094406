//! A policy for a test: issuers, clients, bindings and routes, given inline or written into a control plane.

use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, Issuer};

/// The one client.
pub const CLIENT: &str = "cl_test";

/// Audience of the access tokens.
pub const TARGET: &str = "https://upstream.example";

/// Our own issuer, whose tokens the upstream sees.
pub const AUTHORITY: &str = "https://cambist.example";

/// The variable with the gateway token.
pub const TOKEN_ENV: &str = "CAMBIST_GATEWAY_TOKEN";

/// The variable with the key that mints, where there is no control plane.
pub const KEY_ENV: &str = "CAMBIST_SIGNING_KEY";

/// The name of the gateway.
pub const GATEWAY: &str = "edge";

/// The gateway's readiness path.
pub const READY: &str = "/cambist/ready";

/// Objects of one tenant, in the form of the snapshot.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Issuers.
    pub issuers: Vec<Value>,
    /// Clients.
    pub clients: Vec<Value>,
    /// Bindings.
    pub bindings: Vec<Value>,
    /// Token endpoints of others.
    pub external_endpoints: Vec<Value>,
    /// Routes.
    pub routes: Vec<Value>,
    /// Hosts on which the gateway answers as the authority; nowhere if there are none.
    pub endpoints: Vec<String>,
}

// === impl Policy ===

impl Policy {
    /// Tokens of `issuer` are verified on every path and dropped.
    pub fn verify(issuer: &Issuer) -> Self {
        Self {
            issuers: vec![trusted("main", issuer)],
            clients: vec![json!({ "client_id": CLIENT, "name": "Test" })],
            bindings: vec![binding("main", "main")],
            external_endpoints: Vec::new(),
            routes: vec![route("everything", "/", "none")],
            endpoints: Vec::new(),
        }
    }

    /// Tokens of `issuer` are verified on every path and exchanged in the gateway.
    pub fn exchange(issuer: &Issuer) -> Self {
        Self { routes: vec![route("everything", "/", "gateway")], ..Self::verify(issuer) }
    }

    /// Tokens of `issuer` are exchanged on every path, `way` says where.
    pub fn exchange_by(way: &str, issuer: &Issuer) -> Self {
        Self { routes: vec![route("everything", "/", way)], ..Self::verify(issuer) }
    }

    /// Exchanges at this external endpoint on every path.
    pub fn at(mut self, endpoint: &Value) -> Self {
        for route in &mut self.routes {
            route["exchange"] = "external".into();
            route["external"] = endpoint["id"].clone();
        }
        self.external_endpoints.push(endpoint.clone());
        self
    }

    /// Trusts another issuer, through a binding with the same name.
    pub fn and(mut self, id: &str, issuer: &Issuer) -> Self {
        self.issuers.push(trusted(id, issuer));
        self.bindings.push(binding(id, id));
        self
    }

    /// A plugin configuration that holds this policy. Minting takes its key from [`KEY_ENV`].
    pub fn inline(&self) -> Value {
        let mut plugin = plugin();
        if !self.endpoints.is_empty() {
            plugin["endpoints"] = json!({ "hosts": self.endpoints });
        }
        plugin["snapshot"] = json!({
            "authority": AUTHORITY,
            "issuers": self.issuers,
            "clients": self.clients,
            "bindings": self.bindings,
            "external_endpoints": self.external_endpoints,
            "routes": self.routes,
        });
        if self.routes.iter().any(|route| route["exchange"] == "gateway") {
            let until = crate::jwt::now() + 86_000;
            plugin["snapshot"]["signing_keys"] =
                json!([{ "alg": "ES256", "private_key": { "env": KEY_ENV }, "not_after": until }]);
        }
        plugin
    }
}

/// A plugin configuration that takes its policy from the control plane.
pub fn from_control_plane() -> Value {
    let mut plugin = plugin();
    plugin["control_plane"] =
        json!({ "cluster": "cambist_control_plane", "authority": "localhost", "token_env": TOKEN_ENV });
    plugin
}

/// `issuer` under the name `id`, its keys found by discovery where its `iss` is its own URL, and its key's algorithm
/// listed where that is not one by default.
pub fn trusted(id: &str, issuer: &Issuer) -> Value {
    let mut trusted = json!({ "id": id, "iss": issuer.iss(), "allow_http": true, "refetch_floor_ms": 100 });
    if !issuer.keys_url().starts_with(issuer.iss()) {
        trusted["keys"] = json!({ "source": "jwks_uri", "uri": issuer.keys_url() });
    }
    let alg = issuer.key().alg();
    if !["RS256", "ES256"].contains(&alg) {
        trusted["algorithms"] = json!([alg]);
    }
    trusted
}

/// Any workload of `issuer` with the usual audience may have the usual target, as often as it likes.
pub fn binding(id: &str, issuer: &str) -> Value {
    json!({
        "id": id,
        "client_id": CLIENT,
        "issuer": issuer,
        "audiences": [AUDIENCE],
        "allow_any_subject": true,
        "scopes": ["read", "write"],
        "targets": [TARGET],
        "rate": { "per_minute": 1_000_000, "burst": 1_000_000 },
    })
}

/// Every host, `path` and below.
pub fn route(id: &str, path: &str, exchange: &str) -> Value {
    json!({
        "id": id,
        "host": "*",
        "path": { "prefix": path },
        "mode": "require",
        "clients": [CLIENT],
        "scopes": ["read"],
        "exchange": exchange,
    })
}

fn plugin() -> Value {
    json!({
        "schema": "cambist.plugin/v1",
        "gateway": GATEWAY,
        "clusters": { "default": "dynamic_forward_proxy" },
        "readiness_path": READY,
    })
}
