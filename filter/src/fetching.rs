//! Fetching issuers' keys through Envoy, from the root context.

use cambist_core::{
    flow::Call,
    keyring::{FETCH_TIMEOUT_MS, Fetch, FetchFailure, Fetched, MAX_BODY_BYTES, Progress, max_age},
};

use crate::{
    gateway::Gateway,
    host::{Callout, CalloutHead, Host, Level},
    root::{InFlight, Purpose},
};

/// Some issuers' firewalls refuse requests without one.
pub const USER_AGENT: &str = concat!("cambist/", env!("CARGO_PKG_VERSION"));

/// Starts what is due and ends what is overdue.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    let now = host.now();
    for progress in gateway.state.keyring.expire(now, random(host)) {
        follow(gateway, host, in_flight, progress);
    }
    for fetch in gateway.state.keyring.due(now) {
        launch(gateway, host, in_flight, fetch);
    }
}

/// Takes the answer to a fetch.
pub fn answered(
    gateway: &mut Gateway,
    host: &dyn Host,
    in_flight: &mut InFlight,
    issuer: &str,
    ticket: u64,
    body_size: usize,
) {
    let CalloutHead { status, cache_control, .. } = host.callout_head();
    let too_large = body_size > MAX_BODY_BYTES;
    let body = if too_large { None } else { host.callout_body(body_size) };
    let max_age = cache_control.as_deref().and_then(max_age);
    let fetched = match &body {
        _ if status == 0 || too_large => Fetched::Failed,
        body => Fetched::Answer { status, body: body.as_deref().unwrap_or_default(), max_age },
    };
    let progress = gateway.state.keyring.finish(issuer, ticket, fetched, host.now(), random(host));
    follow(gateway, host, in_flight, progress);
}

fn launch(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight, fetch: Fetch) {
    let mut next = Some(fetch);
    while let Some(Fetch { issuer, ticket, endpoint }) = next.take() {
        gateway.telemetry.count_plain("keys_fetch", 1);
        let cluster = gateway.config.clusters.resolve(&endpoint);
        if cluster.is_none() {
            let line = format!(
                "issuer {issuer}: no Envoy cluster reaches {}; map it under clusters in the plugin configuration",
                endpoint.host_port()
            );
            host.log(Level::Error, &line);
        }
        let token = cluster.and_then(|cluster| {
            host.dispatch(&Callout {
                cluster: &cluster,
                method: "GET",
                https: endpoint.is_https(),
                authority: &endpoint.authority(),
                path: endpoint.path(),
                headers: &[("accept", "application/json"), ("user-agent", USER_AGENT)],
                body: None,
                timeout_ms: u32::try_from(FETCH_TIMEOUT_MS).unwrap_or(u32::MAX),
            })
        });
        if let Some(token) = token {
            in_flight.insert(token, Purpose::Keys { issuer, ticket });
            return;
        }
        let (now, random) = (host.now(), random(host));
        let progress = gateway.state.keyring.finish(&issuer, ticket, Fetched::Failed, now, random);
        next = settle(gateway, host, progress);
    }
}

fn follow(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight, progress: Progress) {
    if let Some(fetch) = settle(gateway, host, progress) {
        launch(gateway, host, in_flight, fetch);
    }
}

/// Makes the waiters of a settled fetch ripe, or gives back the fetch that comes next.
fn settle(gateway: &mut Gateway, host: &dyn Host, progress: Progress) -> Option<Fetch> {
    match progress {
        Progress::Next(fetch) => Some(fetch),
        Progress::Ignored => None,
        Progress::Settled { issuer, failure } => {
            if let Some(failure) = failure {
                gateway.telemetry.count_plain("keys_fetch_failed", 1);
                host.log(Level::Warn, &format!("issuer {issuer}: keys not fetched: {}", describe(failure)));
            }
            let settled = Call::FetchKeys { issuer };
            gateway.waiters.ripen(|call| *call == settled);
            None
        }
    }
}

fn describe(failure: FetchFailure) -> String {
    match failure {
        FetchFailure::Unreachable => "no answer; check the cluster, its TLS settings and the network".into(),
        FetchFailure::Status(status) => format!("the answer had status {status}"),
        FetchFailure::InvalidDiscovery => "the discovery document is not valid".into(),
        FetchFailure::IssuerMismatch => {
            "the discovery document names another issuer; compare every byte, a trailing slash included"
                .into()
        }
        FetchFailure::ForeignJwksUri => {
            "the discovery document's jwks_uri is on another host; set keys.uri explicitly if that is right"
                .into()
        }
        FetchFailure::InvalidKeySet => "the answer is no JWK set with a usable key".into(),
    }
}

/// A random number for spreading refreshes and retries.
pub fn random(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}
