//! Counters and the log of refusals. Counts are kept in the VM and handed to Envoy on ticks: a hostcall for each
//! request would cost as much as the cache hit it counts.

use cambist_core::{
    denial::Denial,
    flow::{Counted, ExchangeFailure, UserInfoFailure},
    time::Timestamp,
    wire::event::Event,
};
use hashbrown::HashMap;

use crate::{
    crypto::CryptoCounts,
    host::{Host, Level},
};

/// Refusals and failed questions that are logged per second; the rest are only counted.
const LOGGED_PER_SECOND: u32 = 10;

/// What is counted beside decisions.
pub const OTHERS: [&str; 23] = [
    "admit",
    "consume",
    "control_plane_failed",
    "events_dropped",
    "exchange_failed",
    "external",
    "host_sign",
    "host_verify",
    "keys_fetch",
    "keys_fetch_failed",
    "keys_private_published",
    "keys_shared_invalid",
    "mint_remotely",
    "rate_displaced",
    "rate_invalid",
    "rate_uncounted",
    "rust_sign",
    "rust_verify",
    "snapshot_adopted",
    "snapshot_refused",
    "untold",
    "userinfo",
    "userinfo_failed",
];

/// What is counted since the last flush.
#[derive(Debug, Default)]
pub struct Telemetry {
    pending: HashMap<Name, u64>,
    /// Envoy's numbers of the counters.
    defined: HashMap<Name, u32>,
    /// Whether Envoy knows of those that stand at 0.
    is_announced: bool,
    /// Events lost, as far as they are counted.
    dropped: u64,
    log_second: i64,
    logged: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Decision(&'static str),
    Observed(&'static str),
    /// `passed`, or the reason.
    Shadow(&'static str),
    Plain(&'static str),
}

// === impl Telemetry ===

impl Telemetry {
    /// Counts a decision.
    pub fn count(&mut self, counted: Counted) {
        let name = if let Counted::Observed(Some(_)) = counted {
            Name::Observed(counted.name())
        } else {
            Name::Decision(counted.name())
        };
        self.add(name, 1);
    }

    /// Counts what a rule that is not in force would have decided.
    pub fn count_shadow(&mut self, denial: Option<Denial>) {
        self.add(Name::Shadow(denial.map_or("passed", Denial::reason)), 1);
    }

    /// Counts events that were lost; `since_boot` is their number so far.
    pub fn note_dropped(&mut self, since_boot: u64) {
        let before = core::mem::replace(&mut self.dropped, since_boot);
        self.count_plain("events_dropped", since_boot.saturating_sub(before));
    }

    /// Counts something else.
    pub fn count_plain(&mut self, name: &'static str, amount: u64) {
        self.add(Name::Plain(name), amount);
    }

    /// Logs a refusal for the operator, at most a few per second. Never anything of the token but its digest.
    pub fn log_denial(&mut self, host: &dyn Host, denial: Denial, event: &Event, now: Timestamp) {
        if !self.may_log(now) {
            return;
        }
        let token = event.token_sha256.as_deref().and_then(|digest| digest.get(..8)).unwrap_or("-");
        // What a token endpoint answers is not what a route does.
        let row = event.grant.map_or_else(|| denial.row(), |grant| denial.token_endpoint_row(Some(grant)));
        let line = format!(
            "request refused reason={} status={} route={} token={token}",
            denial.reason(),
            row.status,
            event.route.as_deref().unwrap_or("-"),
        );
        host.log(Level::Info, &line);
    }

    /// Counts a UserInfo endpoint's failure and logs it for the operator, at most a few per second.
    pub fn note_userinfo_failure(&mut self, host: &dyn Host, failure: &UserInfoFailure, now: Timestamp) {
        self.count_plain("userinfo_failed", 1);
        if self.may_log(now) {
            let UserInfoFailure { issuer, failure } = failure;
            host.log(Level::Warn, &format!("issuer {issuer}: no UserInfo: {failure}"));
        }
    }

    /// Counts that whoever makes access tokens made none and logs it for the operator, at most a few per second.
    pub fn note_exchange_failure(&mut self, host: &dyn Host, failure: &ExchangeFailure, now: Timestamp) {
        self.count_plain("exchange_failed", 1);
        if self.may_log(now) {
            let ExchangeFailure { external, failure } = failure;
            let line = match external {
                Some(id) => format!("external endpoint {id}: no access token: {failure}"),
                None => format!("control plane: no access token: {failure}"),
            };
            host.log(Level::Warn, &line);
        }
    }

    /// Hands everything to Envoy.
    pub fn flush(&mut self, host: &dyn Host, crypto: &CryptoCounts) {
        let CryptoCounts { host_verify, rust_verify, host_sign, rust_sign } = crypto;
        self.count_plain("host_verify", host_verify.take());
        self.count_plain("rust_verify", rust_verify.take());
        self.count_plain("host_sign", host_sign.take());
        self.count_plain("rust_sign", rust_sign.take());
        if !self.is_announced {
            // A counter that begins at 0 shows the first of what it counts as a rise.
            self.is_announced = true;
            self.define(host, &Counted::GOOD, Name::Decision);
            self.define(host, &[Counted::OBSERVED], Name::Decision);
            self.define(host, &["passed"], Name::Shadow);
            self.define(host, &OTHERS, Name::Plain);
            for denial in Denial::ALL {
                for kind in [Name::Decision, Name::Observed, Name::Shadow] {
                    self.define(host, &[denial.reason()], kind);
                }
            }
        }
        for (name, amount) in &mut self.pending {
            if *amount == 0 {
                continue;
            }
            let known = self.defined.get(name).copied();
            let Some(id) = known.or_else(|| host.define_counter(&name.text())) else { continue };
            self.defined.insert(*name, id);
            host.add_to_counter(id, core::mem::take(amount));
        }
    }

    /// Has Envoy know of counters that it does not know yet.
    #[cold]
    #[inline(never)]
    fn define(&mut self, host: &dyn Host, names: &[&'static str], kind: fn(&'static str) -> Name) {
        for name in names {
            let name = kind(name);
            if !self.defined.contains_key(&name)
                && let Some(id) = host.define_counter(&name.text())
            {
                self.defined.insert(name, id);
            }
        }
    }

    fn may_log(&mut self, now: Timestamp) -> bool {
        if now.secs() != self.log_second {
            self.log_second = now.secs();
            self.logged = 0;
        }
        self.logged = self.logged.saturating_add(1);
        self.logged <= LOGGED_PER_SECOND
    }

    fn add(&mut self, name: Name, amount: u64) {
        let count = self.pending.entry(name).or_default();
        *count = count.saturating_add(amount);
    }
}

// === impl Name ===

impl Name {
    fn text(self) -> String {
        match self {
            Self::Decision(name) => format!("cambist.decision.{name}"),
            Self::Observed(name) => format!("cambist.observed.{name}"),
            Self::Shadow(name) => format!("cambist.shadow.{name}"),
            Self::Plain(name) => format!("cambist.{name}"),
        }
    }
}
