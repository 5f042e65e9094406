//! One gateway in one VM: core's state and everything the shell keeps beside it.

use cambist_core::{
    audit_queue::AuditQueue,
    crypto::Support,
    endpoint::Endpoint,
    flow::{self, Ambient, Answer, Call, Counted, Flow, Head, Hosts, Report, Shadowed, State, Step},
    policy::{Faults, Policy, Secrets, compile_document},
    rate::{Stats, Table},
    secret::Secret,
    time::Timestamp,
};
use hashbrown::HashSet;

use crate::{
    config::PluginConfig,
    crypto::{CryptoCounts, HostCrypto, probe},
    host::{Host, Level},
    minting::Minting,
    sharing::{HostBoard, sharing, token},
    synchronizing::{self, Synchronizer},
    telemetry::Telemetry,
    waiters::Waiters,
};

/// Milliseconds between two looks at what another VM has fetched, while requests wait for it.
const FOLLOW_MS: u32 = 5;

/// One gateway in one VM.
pub struct Gateway {
    /// How it is configured.
    pub config: PluginConfig,
    /// What decisions are made from.
    pub state: State,
    /// Requests that wait.
    pub waiters: Waiters,
    /// Calls for access tokens that somebody else makes.
    pub minting: Minting,
    /// Events on their way to the control plane.
    pub audit: AuditQueue,
    /// Counts of exchanges, by identity.
    pub rates: Table,
    /// Counters.
    pub telemetry: Telemetry,
    /// The control plane's side; `None` with an inline snapshot.
    pub synchronizer: Option<Synchronizer>,
    support: Support,
    counts: CryptoCounts,
    hurried: bool,
    /// Issuers, external endpoints and their hosts that no cluster reaches, which was said since the configuration or the policy came.
    unreached: HashSet<(String, String)>,
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
            minting: Minting::default(),
            audit: AuditQueue::default(),
            rates: Table::default(),
            telemetry: Telemetry::default(),
            synchronizer: None,
            support: Support::default(),
            counts: CryptoCounts::default(),
            hurried: false,
            unreached: HashSet::default(),
            config: config.clone(),
        };
        gateway.configure(config, host)?;
        gateway.support = probe(host);
        host.log(Level::Info, &format!("signatures by the host: {:?}", gateway.support));
        Ok(gateway)
    }

    /// Takes a new configuration. On a fault nothing has changed; all of them are reported.
    pub fn configure(&mut self, mut config: PluginConfig, host: &dyn Host) -> Result<(), Faults> {
        let mut faults = config.check();
        let inline = config.snapshot.take();
        let policy = inline.map(|document| compile_document(document, &config.gateway, &Environment(host)));
        let policy = policy.transpose().map_err(|more| faults.append(more)).ok().flatten();
        let control_plane = config.control_plane.clone();
        let talk = control_plane.map(|control_plane| {
            synchronizing::authorization(&control_plane, host).map(|token| (control_plane, token))
        });
        let talk = talk.transpose().map_err(|more| faults.append(more)).ok().flatten();
        if !faults.is_empty() {
            return Err(faults);
        }
        if let Some((control_plane, authorization)) = talk {
            let gateway = &config.gateway;
            // A registry entry has one gateway name for life.
            if !self.synchronizer.as_ref().is_some_and(|known| known.is_authorized_by(&authorization)) {
                self.state.keyring.share(sharing(&authorization, gateway, host));
                self.rates.share(token(&authorization), gateway);
            }
            if let Some(known) = &mut self.synchronizer {
                known.configure(control_plane, authorization);
            } else {
                self.synchronizer = Some(Synchronizer::new(control_plane, authorization, gateway, host));
            }
        }
        self.config = config;
        self.unreached.clear();
        self.state.audited = self.synchronizer.is_some();
        let hosts = self.config.endpoints.as_ref().map(|endpoints| endpoints.hosts.clone());
        // A wrong host was a fault.
        self.state.endpoints = Hosts::new(hosts.unwrap_or_default()).unwrap_or_default();
        if let Some(policy) = policy {
            self.adopt(policy, host);
        }
        Ok(())
    }

    /// Takes a new policy. Requests that wait for what it brought, or for an issuer that it dropped, become ripe.
    pub fn adopt(&mut self, policy: Policy, host: &dyn Host) {
        let now = host.now();
        self.unreached.clear();
        self.state.adopt(policy, now);
        let policy = self.state.policy();
        let (waiters, keyring) = (&mut self.waiters, &self.state.keyring);
        waiters.ripen(|call| {
            let Call::FetchKeys { issuer } = call else { return *call == Call::AwaitSnapshot };
            keyring.current(issuer, now).is_some()
                || policy.as_ref().is_none_or(|policy| policy.issuer(issuer).is_none())
        });
        let line = format!("policy in force gateway={} epoch={}", self.config.gateway, self.state.epoch());
        host.log(Level::Info, &line);
    }

    /// Asks for a tick at once, of the root context that executes or whose stream does.
    ///
    /// Once: asking again would start the wait again, and a flood of requests would put the tick off for ever.
    pub fn hurry(&mut self, host: &dyn Host) {
        if !core::mem::replace(&mut self.hurried, true) {
            host.set_tick_period(1);
        }
    }

    /// Asks for a tick soon, because another VM is awaited: less urgent than a request that has just come.
    pub fn look_again(&self, host: &dyn Host) {
        if !self.hurried {
            host.set_tick_period(FOLLOW_MS);
        }
    }

    /// Notes that a root context ticks, or that the one that was asked to may be gone.
    pub const fn tick_came(&mut self) {
        self.hurried = false;
    }

    /// The Envoy cluster that reaches an endpoint of the `kind` that is called `id`; where none does, that is said once
    /// for each policy.
    pub fn cluster(&mut self, host: &dyn Host, kind: &str, id: &str, endpoint: &Endpoint) -> Option<String> {
        let cluster = self.config.clusters.resolve(endpoint);
        if cluster.is_none() && self.unreached.insert((format!("{kind} {id}"), endpoint.host_port())) {
            let line = format!(
                "{kind} {id}: no Envoy cluster reaches {}; map it under clusters in the plugin configuration",
                endpoint.host_port()
            );
            host.log(Level::Error, &line);
        }
        cluster
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
        let Report { counted, event, userinfo, exchange, shadows } = report;
        self.telemetry.count(counted);
        for Shadowed { denial, event } in shadows {
            self.telemetry.count_shadow(denial);
            if let (Some(event), true) = (event, self.synchronizer.is_some()) {
                self.audit.push(*event, now);
            }
        }
        if let Some(userinfo) = userinfo {
            self.telemetry.note_userinfo_failure(host, &userinfo, now);
        }
        if let Some(exchange) = exchange {
            self.telemetry.note_exchange_failure(host, &exchange, now);
        }
        let Some(event) = event else { return };
        if let Counted::Denied(denial) | Counted::Observed(Some(denial)) = counted {
            self.telemetry.log_denial(host, denial, &event, now);
        }
        if self.synchronizer.is_some() {
            self.audit.push(*event, now);
        }
    }

    /// Hands the counters to Envoy.
    pub fn flush(&mut self, host: &dyn Host) {
        let Stats { invalid, displaced, uncounted } = self.rates.take_stats();
        self.telemetry.count_plain("rate_invalid", invalid);
        self.telemetry.count_plain("rate_displaced", displaced);
        self.telemetry.count_plain("rate_uncounted", uncounted);
        self.telemetry.note_dropped(self.audit.dropped());
        self.telemetry.flush(host, &self.counts);
    }

    fn decide(&mut self, host: &dyn Host, f: impl FnOnce(&mut State, &mut Ambient<'_>) -> Step) -> Step {
        let crypto = HostCrypto { host, support: &self.support, counts: &self.counts };
        let mut random = || {
            let mut bytes = [0; 16];
            host.random(&mut bytes).then_some(bytes)
        };
        let (board, now) = (HostBoard(host), host.now());
        let (limiter, audit) = (&mut self.rates.on(&board), &mut self.audit);
        f(&mut self.state, &mut Ambient { now, crypto: &crypto, random: &mut random, limiter, audit })
    }
}

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
