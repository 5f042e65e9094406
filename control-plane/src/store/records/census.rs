//! How many there are of what: numbers for metrics.

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Identities by state.
    pub identities: Vec<(String, u64)>,
    /// Revocations in force by kind.
    pub revocations: Vec<(String, u64)>,
}
