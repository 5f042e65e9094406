//! How often an identity may exchange.

use serde::{Deserialize, Serialize};

use crate::readable_object;

/// A rate and how much of it may come at once (GCRA). The default is 10 per minute, 10 at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Exchanges per minute, 1 to 1,000,000.
    #[serde(default = "default_rate")]
    pub per_minute: u32,
    /// Exchanges at once, 1 to 1,000,000.
    #[serde(default = "default_rate")]
    pub burst: u32,
}

readable_object!(Rate { [per_minute = default_rate()], [burst = default_rate()] });

// === impl Rate ===

impl Rate {
    #[cfg_attr(
        target_pointer_width = "64",
        expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")
    )]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_minute: default_rate(), burst: default_rate() }
    }
}

const fn default_rate() -> u32 {
    10
}
