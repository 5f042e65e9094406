//! One thing that is wrong with a document. Deliberately absent: HTTP; `problem` turns faults into an answer.

use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the submitted document; empty for the whole of it.
    pub pointer: String,
    /// What is wrong and what to do about it.
    pub detail: String,
}

/// Collects the faults of one document.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

// === impl Fault ===

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

// === impl Faults ===

impl Faults {
    /// Records a fault unless `holds`.
    pub fn demand(&mut self, holds: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.push(pointer, detail);
        }
    }

    /// Records a fault.
    pub fn push(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Fault::new(pointer, detail));
    }

    /// What was recorded, in order.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        self.0.extend(faults);
    }
}
