//! One gateway in one VM: core's state and everything the shell keeps beside it.

use cambist_core::{
    audit_queue::AuditQueue,
    crypto::Support,
    denial::Denial,
    flow::{self, Ambient, Answer, Counted, Flow, Head, Report, State, Step},
    policy::{Faults, Policy, Secrets, compile_document},
    secret::Secret,
    time::Timestamp,
};

use crate::{
    config::PluginConfig,
    crypto::{CryptoCounts, HostCrypto, probe},
    host::{Host, Level},
    synchronizing::Synchronizer,
    telemetry::Telemetry,
    waiters::Waiters,
};

/// One gateway in one VM.
pub struct Gateway {
    /// How it is configured.
    pub config: PluginConfig,
    /// What decisions are made from.
    pub state: State,
    /// Requests that wait.
    pub waiters: Waiters,
    /// Events on their way to the control plane.
    pub audit: AuditQueue,
    /// Counters.
    pub telemetry: Telemetry,
    /// The control plane's side; `None` with an inline snapshot.
    pub synchronizer: Option<Synchronizer>,
    support: Support,
    counts: CryptoCounts,
}

/// The VM's environment as core asks for it.
struct Environment<'a>(&'a dyn Host);

// === impl Gateway ===

impl Gateway {
    /// Builds a gateway from a configuration that was read; compiles an inline snapshot.
    pub fn new(config: PluginConfig, host: &dyn Host) -> Result<Self, Faults> {
        let mut seed = [0; 8];
        host.random(&mut seed);
        let mut gateway = Self {
            state: State::new(u64::from_le_bytes(seed)),
            waiters: Waiters::default(),
            audit: AuditQueue::default(),
            telemetry: Telemetry::default(),
            synchronizer: None,
            support: Support::default(),
            counts: CryptoCounts::default(),
            config: config.clone(),
        };
        gateway.configure(config, host)?;
        gateway.support = probe(host);
        host.log(Level::Info, &format!("signatures by the host: {:?}", gateway.support));
        Ok(gateway)
    }

    /// Takes a new configuration. On a fault nothing has changed.
    pub fn configure(&mut self, mut config: PluginConfig, host: &dyn Host) -> Result<(), Faults> {
        let inline = config.snapshot.take();
        let policy = inline.map(|document| compile_document(document, &config.gateway, &Environment(host)));
        let policy = policy.transpose()?;
        if let Some(control_plane) = &config.control_plane {
            let kept = self.synchronizer.as_mut().map(|known| known.configure(control_plane, host));
            match kept {
                Some(result) => result?,
                None => {
                    self.synchronizer =
                        Some(Synchronizer::new(control_plane.clone(), &config.gateway, host)?);
                }
            }
        }
        self.config = config;
        self.state.audited = self.synchronizer.is_some();
        if let Some(policy) = policy {
            self.adopt(policy, host);
        }
        Ok(())
    }

    /// Takes a new policy and says which issuers it cannot reach.
    pub fn adopt(&mut self, policy: Policy, host: &dyn Host) {
        self.state.adopt(policy, host.now());
        let line = format!("policy in force gateway={} epoch={}", self.config.gateway, self.state.epoch());
        host.log(Level::Info, &line);
    }

    /// Decides about a request.
    pub fn start(&mut self, host: &dyn Host, head: &Head<'_>) -> Step {
        self.decide(host, |state, ambient| flow::start(state, head, ambient))
    }

    /// Goes on with a request that waited.
    pub fn resume(&mut self, host: &dyn Host, flow: &Flow, answer: &Answer) -> Step {
        self.decide(host, |state, ambient| flow::resume(state, flow, answer, ambient))
    }

    /// Counts and records a decision.
    pub fn record(&mut self, host: &dyn Host, report: Report, now: Timestamp) {
        let Report { counted, event } = report;
        self.telemetry.count(counted);
        let Some(event) = event else { return };
        if let Counted::Denied(denial) | Counted::Observed(Some(denial)) = counted {
            let (route, token) = (event.route.as_deref(), event.token_sha256.as_deref());
            self.telemetry.log_denial(host, denial, route, token, now);
        }
        if self.synchronizer.is_some() {
            self.audit.push(*event, now);
        }
    }

    /// Hands the counters to Envoy.
    pub fn flush(&mut self, host: &dyn Host) {
        self.telemetry.flush(host, &self.counts);
    }

    fn decide(&mut self, host: &dyn Host, f: impl FnOnce(&mut State, &mut Ambient<'_>) -> Step) -> Step {
        let crypto = HostCrypto { host, support: self.support, counts: &self.counts };
        let mut random = || {
            let mut bytes = [0; 16];
            host.random(&mut bytes).then_some(bytes)
        };
        f(&mut self.state, &mut Ambient { now: host.now(), crypto: &crypto, random: &mut random })
    }
}

/// What a request gets when the shell itself is at fault.
pub const FAULT: Denial = Denial::Internal;

// === impl Environment ===

impl Secrets for Environment<'_> {
    fn env(&self, name: &str) -> Option<Secret<Vec<u8>>> {
        self.0.env(name).filter(|value| !value.is_empty()).map(|value| Secret::new(value.into_bytes()))
    }
}

/// The environment, for compiling snapshots elsewhere in the filter.
pub fn environment(host: &dyn Host) -> impl Secrets {
    Environment(host)
}
