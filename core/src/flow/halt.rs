//! Why a decision about a token goes no further: it is refused, or has to wait.

use alloc::boxed::Box;

use super::{Call, report::Subject};
use crate::{denial::Denial, digest::Digest};

/// Why a decision stops here.
#[derive(Debug)]
pub(super) enum Halt {
    /// The request is refused.
    Denied { denial: Denial, subject: Option<Box<Subject>> },
    /// Something has to be fetched first.
    Wait(Call),
}

// === impl Halt ===

impl Halt {
    /// A denial with what is known of whom it is about.
    pub(super) fn denied(denial: Denial, subject: Subject) -> Self {
        Self::Denied { denial, subject: Some(Box::new(subject)) }
    }

    /// Says after how many seconds the request may be granted, where that is known.
    pub(super) fn until(self, seconds: Option<u32>) -> Self {
        match (self, seconds) {
            (Self::Denied { denial, subject }, Some(_)) => {
                let subject = subject.map(|subject| *subject).unwrap_or_default();
                Self::denied(denial, Subject { retry_after: seconds, ..subject })
            }
            (other, _) => other,
        }
    }

    /// Whether it says that nobody in force takes the token, so that somebody who is tried out may.
    pub(super) const fn leaves_room_for_trials(&self) -> bool {
        matches!(
            self,
            Self::Denied { denial: Denial::IssuerNotAllowed | Denial::AudienceMismatch, subject: None }
        )
    }

    /// Adds what is known of whom it is about.
    pub(super) fn about(self, about: Option<Subject>) -> Self {
        match (self, about) {
            (Self::Denied { denial, subject: None }, Some(about)) => Self::denied(denial, about),
            (other, _) => other,
        }
    }

    /// Adds the token's digest to a denial that knows nothing of it.
    pub(super) fn of_token(self, token: &[u8]) -> Self {
        match self {
            Self::Denied { denial, subject: None } => {
                Self::denied(denial, Subject { token: Some(Digest::of(token)), ..Subject::default() })
            }
            other @ (Self::Denied { .. } | Self::Wait(_)) => other,
        }
    }
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Denied { denial, subject: None }
    }
}
