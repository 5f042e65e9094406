//! Fetching issuers' keys through Envoy, from the root context.

use cambist_core::{
    flow::Call,
    keyring::{
        Alarm, Attended, FETCH_TIMEOUT_MS, Fetch, FetchFailure, Fetched, Hints, MAX_BODY_BYTES, Progress,
    },
};

use crate::{
    gateway::Gateway,
    host::{Callout, CalloutHead, Host, Level},
    root::{InFlight, Purpose},
    sharing::HostBoard,
};

/// Some issuers' firewalls refuse requests without one.
pub const USER_AGENT: &str = concat!("cambist/", env!("CARGO_PKG_VERSION"));

/// Most `kid`s in a log line.
const LOGGED_KIDS: usize = 8;

/// A Kubernetes API server answers 406 to whoever does not take the registered type of JWK sets (RFC 7517 §8.5.2).
const ACCEPT: &str = "application/json, application/jwk-set+json";

/// Starts what is due and ends what is overdue.
pub fn tick(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight) {
    let now = host.now();
    for progress in gateway.state.keyring.expire(&HostBoard(host), now, random(host)) {
        follow(gateway, host, in_flight, progress);
    }
    let Attended { fetches, learned, follows } = gateway.state.keyring.attend(&HostBoard(host), now);
    for issuer in learned {
        ripen(gateway, issuer);
    }
    for fetch in fetches {
        launch(gateway, host, in_flight, fetch);
    }
    gateway.telemetry.count_plain("keys_shared_invalid", gateway.state.keyring.take_invalid());
    if follows && !gateway.waiters.is_empty() {
        gateway.look_again(host);
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
    let CalloutHead { status, cache_control, age, expires, date, .. } = host.callout_head();
    let now = host.now();
    let hints = Hints {
        cache_control: cache_control.as_deref(),
        age: age.as_deref(),
        expires: expires.as_deref(),
        date: date.as_deref(),
    };
    let too_large = body_size > MAX_BODY_BYTES;
    let body = if too_large { None } else { host.callout_body(body_size) };
    let fetched = match &body {
        _ if status == 0 => Fetched::Failed,
        _ if too_large => Fetched::TooLarge,
        body => {
            let body = body.as_deref().unwrap_or_default();
            Fetched::Answer { status, body, max_age: hints.fresh_secs(now) }
        }
    };
    let progress =
        gateway.state.keyring.conclude(&HostBoard(host), issuer, ticket, fetched, now, random(host));
    follow(gateway, host, in_flight, progress);
}

fn launch(gateway: &mut Gateway, host: &dyn Host, in_flight: &mut InFlight, fetch: Fetch) {
    let mut next = Some(fetch);
    while let Some(Fetch { issuer, ticket, endpoint }) = next.take() {
        gateway.telemetry.count_plain("keys_fetch", 1);
        let cluster = gateway.cluster(host, "issuer", &issuer, &endpoint);
        let token = cluster.as_ref().and_then(|cluster| {
            host.dispatch(&Callout {
                cluster,
                method: "GET",
                https: endpoint.is_https(),
                authority: &endpoint.authority(),
                path: endpoint.path(),
                headers: &[("accept", ACCEPT), ("user-agent", USER_AGENT)],
                body: None,
                timeout_ms: u32::try_from(FETCH_TIMEOUT_MS).unwrap_or(u32::MAX),
            })
        });
        if let Some(token) = token {
            in_flight.insert(token, Purpose::Keys { issuer, ticket });
            return;
        }
        let (now, random) = (host.now(), random(host));
        let fetched = if cluster.is_some() { Fetched::NotTaken } else { Fetched::NoCluster };
        let progress =
            gateway.state.keyring.conclude(&HostBoard(host), &issuer, ticket, fetched, now, random);
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
    for alarm in gateway.state.keyring.take_alarms() {
        sound(gateway, host, &alarm);
    }
    match progress {
        Progress::Next(fetch) => Some(fetch),
        Progress::Ignored => None,
        Progress::Settled { issuer, failure } => {
            if let Some(failure) = failure {
                gateway.telemetry.count_plain("keys_fetch_failed", 1);
                // That no cluster reaches the host was said when one was looked for.
                if failure != FetchFailure::NoCluster {
                    host.log(Level::Warn, &format!("issuer {issuer}: keys not fetched: {failure}"));
                }
            }
            ripen(gateway, issuer);
            None
        }
    }
}

/// Lets those who wait for an issuer's keys look again.
fn ripen(gateway: &mut Gateway, issuer: String) {
    let settled = Call::FetchKeys { issuer };
    gateway.waiters.ripen(|call| *call == settled);
}

/// Tells the operator of keys that an issuer should have kept for itself, never more of them than their `kid`s.
fn sound(gateway: &mut Gateway, host: &dyn Host, alarm: &Alarm) {
    let Alarm { issuer, kids } = alarm;
    let count = u64::try_from(kids.len()).unwrap_or(u64::MAX);
    gateway.telemetry.count_plain("keys_private_published", count);
    let named: Vec<&str> = kids.iter().take(LOGGED_KIDS).map(|kid| kid.as_deref().unwrap_or("-")).collect();
    let line = format!(
        "issuer {issuer}: publishes {count} private or symmetric keys, which are not used; have it replace them: kid {named:?}"
    );
    host.log(Level::Error, &line);
}

/// A random number for spreading refreshes and retries.
pub fn random(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}
