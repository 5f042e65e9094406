//! Every metric: its name, form, labels and help. `docs/metrics.md` has the same table, and a test compares them.

/// One metric, or one for each reason where the name ends with `<reason>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub form: Form,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It grows until the service starts again.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by upper bound, with a sum.
    Histogram,
}

/// Every metric of the control plane.
pub const FAMILIES: [Family; 26] = [
    counter("cambist_decision_<reason>", &[], "Requests that the control plane itself decided so."),
    counter(
        "cambist_shadow_<reason>",
        &[],
        "Requests of which a rule that is not in force would have said so.",
    ),
    counter("cambist_mints", &["way", "grant"], "Access tokens that were minted and recorded."),
    counter("cambist_gateway_refusals", &["reason"], "Requests that gateways refused and reported."),
    counter("cambist_gateway_events", &["gateway", "outcome"], "What the gateway reported."),
    counter("cambist_gateway_events_duplicate", &["gateway"], "Events that came again and were left out."),
    gauge(
        "cambist_gateway_events_missing",
        &["gateway"],
        "Events of the gateway's instances that never came.",
    ),
    gauge("cambist_gateway_events_dropped", &["gateway"], "Events that the instances lost, as they say."),
    gauge(
        "cambist_gateway_instances",
        &["gateway"],
        "Instances that were heard of in the last five minutes.",
    ),
    gauge("cambist_gateway_failing", &["gateway"], "Of those, the ones that refused their last snapshot."),
    gauge(
        "cambist_gateway_behind",
        &["gateway"],
        "Of those, the ones that run an older snapshot than the newest.",
    ),
    gauge("cambist_gateway_epoch", &["gateway"], "The oldest epoch that one of those runs."),
    gauge("cambist_gateway_silent_seconds", &["gateway"], "Since one of the instances was heard of."),
    gauge("cambist_epoch", &["of"], "Epoch of the last change, of what snapshots hold, and of revocations."),
    counter("cambist_snapshots_published", &[], "Snapshots that were compiled for gateways."),
    gauge("cambist_issuer_keys_age_seconds", &["issuer", "holder"], "Age of the oldest key set in use."),
    gauge(
        "cambist_issuer_keys_failing",
        &["issuer", "holder"],
        "Holders whose last fetch of the keys failed.",
    ),
    gauge("cambist_identities", &["state"], "Known identities."),
    gauge("cambist_revocations", &["kind"], "Revocations in force."),
    gauge("cambist_queue", &["queue"], "What waits: audit rows of the control plane, decisions, sightings."),
    gauge("cambist_store_read_seconds", &[], "How long a look into the store took just now."),
    histogram("cambist_store_write_seconds", &["what"], "How long it took until it was on disk."),
    histogram("cambist_request_seconds", &["surface"], "How long requests took that are not held open."),
    gauge("cambist_process_start_time_seconds", &[], "When the service started, in Unix seconds."),
    gauge("cambist_build_info", &["version"], "Always 1; says which version runs."),
    gauge("cambist_signing_keys", &["role", "state"], "Signing keys by where they stand."),
];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, form: Form::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, form: Form::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, form: Form::Histogram, labels, help }
}

// === impl Family ===

impl Family {
    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.name == name)
    }
}

// === impl Form ===

impl Form {
    /// Its name in `# TYPE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
