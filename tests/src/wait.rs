//! Waiting for a condition, with a deadline. Deliberately absent: sleeping for a guessed time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long most things may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long one look at the condition may take.
const PROBE: Duration = Duration::from_secs(5);

const STEP: Duration = Duration::from_millis(10);

/// Calls `probe` until it gives a value, and returns that.
///
/// # Panics
/// When `patience` is over, naming `what` did not come.
pub async fn until_some<T>(what: &str, patience: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        // A probe that hangs is asked again: what it waits for may have begun to listen only now.
        if let Ok(Some(value)) = timeout(PROBE, probe()).await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain: {what}");
        sleep(STEP).await;
    }
}

/// Calls `probe` until it is true. Panics when `patience` is over.
pub async fn until(what: &str, patience: Duration, mut probe: impl AsyncFnMut() -> bool) {
    until_some(what, patience, async || probe().await.then_some(())).await;
}
