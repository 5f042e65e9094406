//! The plugin configuration, strictly read: unknown fields are refused and faults name their place.

use cambist_core::{
    endpoint::Endpoint,
    flow::Hosts,
    policy::{Faults, is_variable},
    readable_object,
    wire::{
        reading,
        snapshot::{AuditMode, Document, Enrolment, Replay},
    },
};

use crate::clusters::Clusters;

/// The only plugin configuration format this version reads.
pub const SCHEMA: &str = "cambist.plugin/v1";

/// The plugin configuration. `docs/plugin-configuration.schema.json` describes it.
#[derive(Clone, Debug)]
pub struct PluginConfig {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of this gateway, as the control plane knows it.
    pub gateway: String,
    /// Where the snapshot comes from; or `snapshot`.
    pub control_plane: Option<ControlPlane>,
    /// The snapshot itself; or `control_plane`.
    pub snapshot: Option<Document>,
    /// Which Envoy cluster reaches which host.
    pub clusters: Clusters,
    /// Where the authority's endpoints are answered; nowhere if absent.
    pub endpoints: Option<Endpoints>,
    /// Path that answers 200 once there is a snapshot, 503 before.
    pub readiness_path: Option<String>,
}

/// Where the authority's endpoints are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Exact hosts, `*.suffix`, or `*`.
    pub hosts: Vec<String>,
}

/// How to reach the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Name of the Envoy cluster.
    pub cluster: String,
    /// `:authority` of the requests.
    pub authority: String,
    /// Environment variable with the gateway token, named in the VM's `host_env_keys`.
    pub token_env: String,
    /// Whether the cluster speaks TLS; only affects `:scheme`.
    pub https: bool,
}

readable_object!(PluginConfig { schema, gateway, [control_plane], [snapshot], [clusters], [endpoints], [readiness_path] });
readable_object!(Endpoints { hosts });
readable_object!(ControlPlane { cluster, authority, [token_env = default_token_env()], [https] });

// === impl PluginConfig ===

impl PluginConfig {
    /// Reads and checks a plugin configuration; the faults say where and what.
    pub fn parse(bytes: &[u8]) -> Result<Self, Faults> {
        let config = Self::read(bytes)?;
        let faults = config.check();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// Reads a plugin configuration whose values are still to be checked.
    pub fn read(bytes: &[u8]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        if bytes.is_empty() {
            faults.add("configuration", "is empty; give a JSON object in the plugin's `configuration`");
            return Err(faults);
        }
        reading::read(bytes).map_err(|fault| {
            faults.add(fault.path(), fault.detail());
            faults
        })
    }

    /// Everything that is wrong with the values, the inline snapshot's aside.
    pub fn check(&self) -> Faults {
        let Self { schema, gateway, control_plane, snapshot, clusters, endpoints, readiness_path } = self;
        let mut faults = Faults::default();
        if schema != SCHEMA {
            faults.add("schema", format!("is {schema:?}, this version reads only {SCHEMA:?}"));
        }
        if !is_name(gateway, 63) {
            faults.add("gateway", "must be 1 to 63 visible ASCII characters");
        }
        if control_plane.is_some() == snapshot.is_some() {
            faults.add("control_plane", "exactly one of `control_plane` and `snapshot` must be given");
        }
        if let Some(control_plane) = control_plane {
            control_plane.check(&mut faults);
        }
        if let Some(snapshot) = snapshot {
            check_offline(snapshot, &mut faults);
        }
        clusters.check(&mut faults);
        if let Some(Err(wrong)) = endpoints.as_ref().map(|endpoints| Hosts::new(endpoints.hosts.clone())) {
            let detail = format!("{wrong:?} is no lower-case host without port, `*.suffix` or `*`");
            faults.add("endpoints/hosts", detail);
        }
        let is_path =
            |path: &str| path.starts_with('/') && is_name(path, 1_024) && !path.contains(['?', '#']);
        if readiness_path.as_deref().is_some_and(|path| !is_path(path)) {
            faults.add(
                "readiness_path",
                "must start with `/` and hold visible ASCII without query or fragment",
            );
        }
        faults
    }
}

// === impl ControlPlane ===

impl ControlPlane {
    fn check(&self, faults: &mut Faults) {
        let Self { cluster, authority, token_env, https } = self;
        if cluster.is_empty() {
            faults.add("control_plane/cluster", "must name an Envoy cluster");
        }
        let scheme = if *https { "https" } else { "http" };
        let endpoint = Endpoint::parse(&format!("{scheme}://{authority}"), true);
        if authority.contains(['/', '?']) || endpoint.is_err() {
            faults.add("control_plane/authority", "must be a host with or without a port");
        }
        if !is_variable(token_env) {
            // Not quoted: whoever put the token itself here would find it in the log.
            let detail = "must name an environment variable of A-Z, 0-9 and _, not hold the token itself";
            faults.add("control_plane/token_env", detail);
        }
    }
}

/// Faults of a snapshot that asks for what only a control plane can do.
fn check_offline(snapshot: &Document, faults: &mut Faults) {
    let mut needs = |list: &str, index: usize, member: &str| {
        let path = format!("snapshot/{list}/{index}/{member}");
        faults.add(path, "needs a control plane, and this configuration names none");
    };
    for (index, issuer) in snapshot.issuers.iter().enumerate() {
        if issuer.replay != Replay::Off {
            needs("issuers", index, "replay");
        }
    }
    for (index, binding) in snapshot.bindings.iter().enumerate() {
        if binding.enrolment != Enrolment::Auto {
            needs("bindings", index, "enrolment");
        }
    }
    for (index, route) in snapshot.routes.iter().enumerate() {
        if route.audit != AuditMode::Batched {
            needs("routes", index, "audit");
        }
    }
}

fn is_name(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn default_token_env() -> String {
    String::from("CAMBIST_GATEWAY_TOKEN")
}
