//! The plugin configuration, strictly read: unknown fields are refused and faults name their place.

use cambist_core::{policy::Faults, wire::snapshot::Document};
use serde::Deserialize;

use crate::clusters::Clusters;

/// The only plugin configuration format this version reads.
pub const SCHEMA: &str = "cambist.plugin/v1";

/// The plugin configuration. `docs/plugin-configuration.schema.json` describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginConfig {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of this gateway, as the control plane knows it.
    pub gateway: String,
    /// Where the snapshot comes from; or `snapshot`.
    #[serde(default)]
    pub control_plane: Option<ControlPlane>,
    /// The snapshot itself; or `control_plane`.
    #[serde(default)]
    pub snapshot: Option<Document>,
    /// Which Envoy cluster reaches which host.
    #[serde(default)]
    pub clusters: Clusters,
    /// Path that answers 200 once there is a snapshot, 503 before.
    #[serde(default)]
    pub readiness_path: Option<String>,
}

/// How to reach the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlane {
    /// Name of the Envoy cluster.
    pub cluster: String,
    /// `:authority` of the requests.
    pub authority: String,
    /// Environment variable with the gateway token, named in the VM's `host_env_keys`.
    #[serde(default = "default_token_env")]
    pub token_env: String,
    /// Whether the cluster speaks TLS; only affects `:scheme`.
    #[serde(default)]
    pub https: bool,
}

// === impl PluginConfig ===

impl PluginConfig {
    /// Reads a plugin configuration; the faults say where and what.
    pub fn parse(bytes: &[u8]) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        if bytes.is_empty() {
            faults.add("configuration", "is empty; give a JSON object in the plugin's `configuration`");
            return Err(faults);
        }
        let reader = &mut serde_json::Deserializer::from_slice(bytes);
        let config: Self = serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            // serde quotes the offending value, which in a signing key would be the key.
            let detail = if path.contains("signing_keys") {
                String::from("is not valid here")
            } else {
                error.inner().to_string()
            };
            let mut faults = Faults::default();
            faults.add(path, detail);
            faults
        })?;
        if config.schema != SCHEMA {
            faults.add("schema", format!("is {:?}, this version reads only {SCHEMA:?}", config.schema));
        }
        if config.gateway.is_empty() || config.gateway.len() > 63 {
            faults.add("gateway", "must be 1 to 63 characters");
        }
        if config.control_plane.is_some() == config.snapshot.is_some() {
            faults.add("control_plane", "exactly one of `control_plane` and `snapshot` must be given");
        }
        if config.readiness_path.as_deref().is_some_and(|path| !path.starts_with('/')) {
            faults.add("readiness_path", "must start with `/`");
        }
        config.clusters.check(&mut faults);
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }
}

fn default_token_env() -> String {
    String::from("CAMBIST_GATEWAY_TOKEN")
}
