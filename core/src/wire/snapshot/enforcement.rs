//! Whether a rule decides, or only says what it would decide.

use serde::{Deserialize, Serialize};

use crate::readable_choice;

/// Whether a rule is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// It decides.
    #[default]
    Enforce,
    /// It is followed, counted and recorded; the request is decided as if it were absent.
    Audit,
}

readable_choice!(Enforcement { Enforce: "enforce", Audit: "audit" });

// === impl Enforcement ===

impl Enforcement {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
