//! One run of the load generator, `wrk`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Connections that are kept busy.
pub(crate) const CONNECTIONS: u32 = 32;

/// Seconds beyond its own after which the generator is stopped: it hangs when an answer never comes.
const GRACE_SECONDS: u32 = 15;

const SCRIPT: &str = include_str!("load.lua");

const EXCHANGES: &str = include_str!("exchanges.lua");

/// The load generator with its script in place.
#[derive(Debug)]
pub(crate) struct Generator {
    script: PathBuf,
}

/// What one run brought. Every request was answered 200.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Answers per second.
    pub(crate) rps: f64,
    /// Median latency at full load in microseconds.
    pub(crate) p50_us: u64,
    /// 99th percentile of the latency at full load in microseconds.
    pub(crate) p99_us: u64,
}

// === impl Generator ===

impl Generator {
    /// Puts the script into `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with(folder, "load.lua", SCRIPT)
    }

    /// Exchanges the tokens at a token endpoint in the place of presenting them.
    pub(crate) fn of_exchanges(folder: &Path) -> Self {
        Self::with(folder, "exchanges.lua", EXCHANGES)
    }

    fn with(folder: &Path, name: &str, content: &str) -> Self {
        let script = folder.join(name);
        std::fs::write(&script, content).expect("a script can be written");
        Self { script }
    }

    /// Sends the tokens of a file, from number `first` on, to `port` for some seconds, as fast as they are answered.
    ///
    /// # Panics
    /// When an answer is not 200, a connection fails or the generator does not end in time: what was measured would
    /// not be the case.
    pub(crate) fn run(&self, port: u16, tokens: &Path, first: u64, seconds: u32) -> Run {
        let output = Command::new("timeout")
            .args([&(seconds + GRACE_SECONDS).to_string(), "wrk"])
            .args(["--threads", "1", "--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"])
            .arg(&self.script)
            .arg(format!("http://127.0.0.1:{port}/"))
            .arg("--")
            .arg(tokens)
            .arg(first.to_string())
            .output()
            .expect("wrk runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.strip_prefix("result "));
        let line = line.unwrap_or_else(|| panic!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)));
        let values: BTreeMap<&str, u64> = line
            .split(' ')
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect();
        assert_eq!(
            (values["refused"], values["broken"]),
            (0, 0),
            "not every request was answered 200: {line}"
        );
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
        let rps = values["requests"] as f64 / (values["duration_us"] as f64 / 1e6);
        Run { requests: values["requests"], rps, p50_us: values["p50_us"], p99_us: values["p99_us"] }
    }
}
