//! What Envoy itself says about the run: its counters, its log, its access log and its memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cambist_tests::envoy::Envoy;
use cambist_tests::wait;
use serde_json::{Value, json};

/// Words in Envoy's log that a VM leaves there when it fails.
const LOG_MARKS: [&str; 5] =
    ["panicked", "[critical]", "in-VM backtrace", "Uncaught RuntimeError", "wasm trap"];

/// Memory that may be added besides the share: allocators keep what a burst needed.
const SLACK_KIB: u64 = 8 * 1024;

/// Counters of the VMs before the load.
#[derive(Debug)]
pub(crate) struct Before {
    stats: BTreeMap<String, u64>,
}

/// An access log that holds only answers of 500 and more, each with Envoy's reason for it.
pub(crate) fn access_log(path: &Path) -> Value {
    let extensions = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let comparison = json!({ "op": "GE", "value": { "default_value": 500, "runtime_key": "unused" } });
    json!([{
        "name": "envoy.access_loggers.file",
        "filter": { "status_code_filter": { "comparison": comparison } },
        "typed_config": {
            "@type": extensions,
            "path": path,
            "log_format": { "text_format_source": { "inline_string": "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n" } },
        },
    }])
}

/// Lines of such a log, counted, once there are at least `least`. Envoy writes them a little late.
pub(crate) async fn failures(path: &Path, least: u64) -> BTreeMap<String, u64> {
    wait::until_some("Envoy wrote its access log", wait::PATIENCE, async || {
        let mut counts = BTreeMap::new();
        let content = fs::read(path).ok()?;
        for line in String::from_utf8_lossy(&content).lines() {
            *counts.entry(line.trim().to_owned()).or_default() += 1;
        }
        (counts.values().sum::<u64>() >= least).then_some(counts)
    })
    .await
}

/// What is wrong with such lines: only the filter's own 503, which has no reason of Envoy's, and what Envoy's codec does
/// not implement may be there.
pub(crate) fn failure_complaints(failures: &BTreeMap<String, u64>) -> impl Iterator<Item = String> {
    let right = |line: &str| line == "503" || line == "503 -" || line.starts_with("501 http1.");
    failures.iter().filter(move |(line, _)| !right(line)).map(|(line, count)| {
        let whose = if line.contains("wasm_fail") { "a dead VM" } else { "Envoy" };
        format!("{count} answers came from {whose}: {line}")
    })
}

/// Resident memory of Envoy in KiB.
pub(crate) fn memory(envoy: &Envoy) -> u64 {
    let path = format!("/proc/{}/status", envoy.process_id());
    let status = fs::read_to_string(&path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What is wrong with the memory at the end, given that after the warm-up.
pub(crate) fn growth(warm: u64, end: u64) -> Option<String> {
    let most = warm + warm / 20 + SLACK_KIB;
    (end == 0 || end > most).then(|| format!("memory grew from {warm} KiB to {end} KiB, {most} are allowed"))
}

/// What is wrong in Envoy's log.
pub(crate) fn log_complaints(envoy: &Envoy) -> Vec<String> {
    let output = envoy.output();
    LOG_MARKS
        .iter()
        .filter_map(|mark| {
            let mut lines = output.lines().filter(|line| line.contains(mark));
            let first = lines.next()?;
            Some(format!("Envoy's log has {} lines with {mark:?}, such as: {first}", 1 + lines.count()))
        })
        .collect()
}

// === impl Before ===

impl Before {
    /// Reads the counters.
    pub(crate) async fn load(envoy: &Envoy) -> Self {
        Self { stats: vm_stats(envoy).await }
    }

    /// Compares with the counters after the load and prints them: nothing about the VMs may have changed.
    pub(crate) async fn complaints(&self, envoy: &Envoy) -> Vec<String> {
        let after = vm_stats(envoy).await;
        let mut complaints = Vec::new();
        for name in ["wasm.envoy.wasm.runtime.v8.active", "wasm.envoy.wasm.runtime.v8.created"] {
            if !after.contains_key(name) {
                complaints.push(format!("Envoy has no counter {name}"));
            }
        }
        for (name, now) in &after {
            let before = self.stats.get(name).copied().unwrap_or(0);
            println!("  {name}: {before} before, {now} after");
            if *now != before {
                complaints.push(format!("{name} went from {before} to {now}"));
            }
        }
        complaints
    }
}

/// Counters and gauges of Envoy about its VMs.
async fn vm_stats(envoy: &Envoy) -> BTreeMap<String, u64> {
    let mut stats = envoy.stats().await;
    stats.retain(|name, _| name.starts_with("wasm.") || name.contains("vm_reload"));
    stats
}

#[cfg(test)]
mod tests {
    use super::growth;

    #[test]
    fn memory_may_grow_a_little_and_no_more() {
        assert_eq!(growth(200_000, 210_000), None);
        assert!(growth(200_000, 230_000).is_some());
        assert!(growth(200_000, 0).is_some());
    }
}
