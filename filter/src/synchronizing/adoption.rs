//! Compiling a snapshot in slices of a few milliseconds, and putting it into force.

use cambist_core::{
    policy::{Compiler, Faults, Policy},
    time::Timestamp,
    wire::snapshot::Header,
};

use crate::{
    gateway::{Gateway, environment},
    host::{Host, Level},
};

/// Milliseconds of one slice; requests of this worker wait meanwhile.
const SLICE_MS: i64 = 5;
/// Lines between two looks at the clock.
const LINES_PER_LOOK: usize = 32;
/// Longest error that is reported to the control plane.
const MAX_ERROR_BYTES: usize = 1_000;

/// A snapshot on its way into force.
#[derive(Default)]
pub(super) struct Adoption {
    work: Option<Work>,
    /// Compiled, and waiting for the first list of revocations.
    ready: Option<Policy>,
}

struct Work {
    body: Vec<u8>,
    position: usize,
    compiler: Compiler,
}

// === impl Adoption ===

impl Adoption {
    pub(super) fn begin(&mut self, body: Vec<u8>) {
        self.work = Some(Work { body, position: 0, compiler: Compiler::default() });
    }

    pub(super) const fn is_running(&self) -> bool {
        self.work.is_some()
    }
}

/// Spends one slice on the snapshot that came last.
pub(super) fn go_on(gateway: &mut Gateway, host: &dyn Host) {
    let Some(synchronizer) = &mut gateway.synchronizer else { return };
    if let Some(mut work) = synchronizer.adoption.work.take() {
        let slice = work.slice(host);
        let slice = slice.map(|compiled| {
            compiled.and_then(|policy| check_header(policy, &gateway.config.gateway, gateway.state.epoch()))
        });
        match slice {
            None => {
                synchronizer.adoption.work = Some(work);
                // The rest comes with the next tick: soon, but other requests first.
                gateway.hurry(host);
            }
            Some(Ok(policy)) => {
                synchronizer.last_error = None;
                synchronizer.adoption.ready = Some(policy);
            }
            Some(Err(faults)) => {
                let mut error: String = faults.to_string();
                host.log(Level::Error, &format!("snapshot refused, the last good one stays: {error}"));
                error.retain(|c| c.is_ascii_graphic() || c == ' ');
                error.truncate(MAX_ERROR_BYTES);
                synchronizer.last_error = Some(error);
                gateway.telemetry.count_plain("snapshot_refused", 1);
            }
        }
    }
    let Some(synchronizer) = &mut gateway.synchronizer else { return };
    if synchronizer.revocations_known
        && let Some(policy) = synchronizer.adoption.ready.take()
    {
        gateway.telemetry.count_plain("snapshot_adopted", 1);
        gateway.adopt(policy, host);
    }
}

/// The policy, if it is meant for this gateway and not older than the one in force (attack P4).
fn check_header(policy: Policy, gateway: &str, running: u64) -> Result<Policy, Faults> {
    let mut faults = Faults::default();
    let Header { gateway: addressee, epoch, .. } = &policy.header;
    if addressee != gateway {
        faults.add(
            "header/gateway",
            format!(
                "is {addressee:?}, this gateway is {gateway:?}; check which gateway the token belongs to"
            ),
        );
    }
    if *epoch < running {
        faults.add("header/epoch", format!("is {epoch}, which is older than the running {running}"));
    }
    if faults.is_empty() { Ok(policy) } else { Err(faults) }
}

// === impl Work ===

impl Work {
    /// Compiles for one slice; `None` while there is more to do.
    fn slice(&mut self, host: &dyn Host) -> Option<Result<Policy, Faults>> {
        let secrets = environment(host);
        let began: Timestamp = host.now();
        loop {
            for _ in 0..LINES_PER_LOOK {
                let rest = self.body.get(self.position..).filter(|rest| !rest.is_empty());
                let Some(rest) = rest else {
                    return Some(core::mem::take(&mut self.compiler).finish());
                };
                let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
                if !line.is_empty() {
                    self.compiler.feed_line(line, &secrets);
                }
                self.position = self.position.saturating_add(line.len()).saturating_add(1);
            }
            if host.now().millis_since(began) >= SLICE_MS {
                return None;
            }
        }
    }
}
