//! Which Envoy cluster reaches which host: an explicit map, then a template, then one default cluster.

use std::collections::BTreeMap;

use cambist_core::{endpoint::Endpoint, policy::Faults, readable_object};

/// Which Envoy cluster reaches which host.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    /// `host:port` → cluster.
    hosts: BTreeMap<String, String>,
    /// A cluster name with `{host}` and `{port}`, such as `outbound|{port}||{host}`.
    template: Option<String>,
    /// The cluster of every other host, such as one `dynamic_forward_proxy` cluster.
    default: Option<String>,
}

readable_object!(Clusters { [hosts], [template], [default] });

// === impl Clusters ===

impl Clusters {
    /// The cluster that reaches `endpoint`.
    pub fn resolve(&self, endpoint: &Endpoint) -> Option<String> {
        let host_port = endpoint.host_port();
        self.hosts
            .get(&host_port)
            .cloned()
            .or_else(|| {
                let template = self.template.as_ref()?;
                Some(
                    template
                        .replace("{host}", endpoint.host())
                        .replace("{port}", &endpoint.port().to_string()),
                )
            })
            .or_else(|| self.default.clone())
    }

    /// Adds what is wrong with it to `faults`.
    pub fn check(&self, faults: &mut Faults) {
        for (host, cluster) in &self.hosts {
            let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() || *host != host.to_ascii_lowercase() {
                faults.add(format!("clusters/hosts/{host}"), "must be a lower-case `host:port`");
            }
            if cluster.is_empty() {
                faults.add(format!("clusters/hosts/{host}"), "must name a cluster");
            }
        }
        if self.template.as_deref().is_some_and(|template| !template.contains("{host}")) {
            faults.add("clusters/template", "must contain {host}");
        }
        if self.default.as_deref() == Some("") {
            faults.add("clusters/default", "must name a cluster");
        }
    }
}

#[cfg(test)]
mod tests {
    use cambist_core::wire::reading;

    use super::*;

    #[test]
    fn looks_at_the_map_then_the_template_then_the_default() {
        let text = r#"{"hosts":{"a.example:443":"a"},"template":"outbound|{port}||{host}","default":"any"}"#;
        let mut clusters: Clusters = reading::read(text.as_bytes()).unwrap();
        let endpoint = |url| Endpoint::parse(url, true).unwrap();
        assert_eq!(clusters.resolve(&endpoint("https://a.example/x")).as_deref(), Some("a"));
        assert_eq!(
            clusters.resolve(&endpoint("https://b.example/x")).as_deref(),
            Some("outbound|443||b.example")
        );
        clusters.template = None;
        assert_eq!(clusters.resolve(&endpoint("https://b.example/x")).as_deref(), Some("any"));
        clusters.default = None;
        assert_eq!(clusters.resolve(&endpoint("https://b.example/x")), None);
    }
}
