//! Envoy configurations in pieces: clusters, filters, listeners. Ports are 0, Envoy says which it got.

use std::path::Path;

use serde_json::{Value, json};

use crate::artifact;
use crate::policy::{KEY_ENV, TOKEN_ENV};

const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions";

/// A cluster with one host on loopback.
pub fn cluster(name: &str, port: u16) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
    })
}

/// As [`cluster`], to which trailers are sent on.
pub fn cluster_with_trailers(name: &str, port: u16) -> Value {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut cluster = cluster(name, port);
    cluster["typed_extension_protocol_options"] = json!({
        OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": { "http_protocol_options": { "enable_trailers": true } },
        },
    });
    cluster
}

/// A cluster that reaches any `host:port` over plain HTTP: our issuers are on loopback.
pub fn forward_proxy() -> Value {
    json!({
        "name": "dynamic_forward_proxy",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "1s",
        "cluster_type": {
            "name": "envoy.clusters.dynamic_forward_proxy",
            "typed_config": {
                "@type": format!("{EXTENSIONS}.clusters.dynamic_forward_proxy.v3.ClusterConfig"),
                "dns_cache_config": { "name": "issuers", "dns_lookup_family": "V4_ONLY" },
            },
        },
    })
}

/// As [`forward_proxy`], over TLS: certificates must be of the authorities in the PEM file `roots` and for the name in
/// the URL. The same as in `envoy/gateway.yaml`.
pub fn secure_forward_proxy(roots: &Path) -> Value {
    secured(forward_proxy(), roots)
}

/// A cluster with one host on loopback, reached over TLS as [`secure_forward_proxy`] does.
pub fn secure_cluster(name: &str, port: u16, roots: &Path) -> Value {
    secured(cluster(name, port), roots)
}

fn secured(mut cluster: Value, roots: &Path) -> Value {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    cluster["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext"),
            "common_tls_context": { "validation_context": { "trusted_ca": { "filename": roots } } },
        },
    });
    cluster["typed_extension_protocol_options"] = json!({
        OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "upstream_http_protocol_options": { "auto_sni": true, "auto_san_validation": true },
            "explicit_http_config": { "http_protocol_options": {} },
        },
    });
    cluster
}

/// Our filter with the plugin configuration `plugin`.
pub fn cambist(plugin: &Value) -> Value {
    json!({ "name": "cambist", "typed_config": cambist_typed(plugin) })
}

/// The typed configuration of our filter.
pub fn cambist_typed(plugin: &Value) -> Value {
    json!({
        "@type": format!("{EXTENSIONS}.filters.http.wasm.v3.Wasm"),
        "config": {
            "name": "cambist",
            "root_id": "cambist",
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": "cambist",
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": artifact::module() } },
                "environment_variables": { "host_env_keys": [TOKEN_ENV, KEY_ENV] },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": plugin.to_string(),
            },
        },
    })
}

/// Our filter, taken from the file `path`, which is watched.
pub fn discovered(path: &Path) -> Value {
    json!({
        "name": "cambist",
        "config_discovery": {
            "config_source": {
                "path_config_source": { "path": path },
                "resource_api_version": "V3",
                "initial_fetch_timeout": "10s",
            },
            "type_urls": [format!("{EXTENSIONS}.filters.http.wasm.v3.Wasm")],
        },
    })
}

/// The content of a watched file: our filter with the plugin configuration `plugin`.
pub fn discovery_response(version: u32, plugin: &Value) -> Value {
    json!({
        "version_info": version.to_string(),
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "cambist",
            "typed_config": cambist_typed(plugin),
        }],
    })
}

/// What Envoy's own `jwt_authn` is to verify.
#[derive(Clone, Copy, Debug)]
pub struct JwtAuthn<'a> {
    /// The `iss`.
    pub issuer: &'a str,
    /// The audience.
    pub audience: &'a str,
    /// The URL of the keys.
    pub keys_url: &'a str,
    /// The cluster that reaches it.
    pub cluster: &'a str,
    /// Whether verified tokens are cached.
    pub cached: bool,
}

/// Envoy's own `jwt_authn` on every path.
pub fn jwt_authn(check: &JwtAuthn<'_>) -> Value {
    let mut provider = json!({
        "issuer": check.issuer,
        "audiences": [check.audience],
        "forward": true,
        "remote_jwks": {
            "http_uri": { "uri": check.keys_url, "cluster": check.cluster, "timeout": "5s" },
            "cache_duration": "600s",
        },
    });
    if check.cached {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 10_000 });
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": format!("{EXTENSIONS}.filters.http.jwt_authn.v3.JwtAuthentication"),
            "providers": { "ours": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "ours" } }],
        },
    })
}

/// A listener that sends what passes `filters` to the cluster `upstream`.
pub fn listener(name: &str, filters: &[Value], upstream: &str) -> Value {
    managed_by(name, &manager(name, filters, upstream))
}

/// As [`listener`], for a gateway that answers as the authority: a `buffer` filter after ours holds token requests,
/// and nothing else. The same as in `envoy/gateway.yaml`.
pub fn listener_with_endpoints(name: &str, filter: &Value, upstream: &str) -> Value {
    const BUFFER: &str = "envoy.filters.http.buffer";
    let kind = format!("{EXTENSIONS}.filters.http.buffer.v3");
    // More than ours reads, so that it is ours that answers.
    let most = 131_072;
    let buffer = json!({
        "name": BUFFER,
        "disabled": true,
        "typed_config": { "@type": format!("{kind}.Buffer"), "max_request_bytes": most },
    });
    let mut manager = manager(name, &[filter.clone(), buffer], upstream);
    let held = json!({
        BUFFER: { "@type": format!("{kind}.BufferPerRoute"), "buffer": { "max_request_bytes": most } },
    });
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().expect("routes");
    for path in ["/v1/auth/oidc/exchange", "/oauth2/v1/token"] {
        let route = json!({
            "match": { "path": path }, "route": { "cluster": upstream }, "typed_per_filter_config": held,
        });
        routes.insert(0, route);
    }
    managed_by(name, &manager)
}

/// The connection manager of such a listener.
pub fn manager(name: &str, filters: &[Value], upstream: &str) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": format!("{EXTENSIONS}.filters.http.router.v3.Router") },
    });
    let filters: Vec<_> = filters.iter().cloned().chain([router]).collect();
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": upstream } });
    json!({
        "@type": format!("{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": name,
        "request_timeout": "30s",
        "normalize_path": true,
        "http_filters": filters,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
    })
}

/// A listener with this connection manager.
pub fn managed_by(name: &str, manager: &Value) -> Value {
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    json!({
        "name": name,
        "address": address(0),
        "connection_balance_config": { "exact_balance": {} },
        "filter_chains": [{ "filters": [filter] }],
    })
}

/// A bootstrap of listeners and clusters.
pub fn bootstrap(listeners: &[Value], clusters: &[Value]) -> String {
    json!({
        "node": { "id": "edge-1", "cluster": "edge" },
        "admin": { "address": address(0) },
        "static_resources": { "listeners": listeners, "clusters": clusters },
    })
    .to_string()
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
