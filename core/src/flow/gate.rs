//! What stands between a granted token and what comes of it: admission, then consumption, then the rate.
//!
//! A gate that cannot tell by itself sends the request on an errand and is asked again with the answer; what it was told
//! goes with the request ([`Passed`]) or with the token. "Cannot tell" never lets anything through (law 2). Deliberately
//! absent: our own access tokens, which pass none of them, and observed requests, for which nothing is asked.

mod admission;
mod consumption;
mod rate;

pub(super) use self::consumption::Use;
use super::{
    Venue,
    grant::{Desk, Granted},
    halt::Halt,
    visit::Visit,
};
use crate::{
    denial::Denial,
    digest::Digest,
    time::Timestamp,
    token_cache::Verified,
    wire::snapshot::{Enrolment, Replay},
};

/// What the gates have let through for one request.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    /// Uses of tokens that were written down for it: of its subject token, and of the token of who acts.
    /// With each, what a rule on trial would have said.
    consumed: [Option<(Digest, Result<(), Denial>)>; 2],
}

impl Desk<'_> {
    /// Lets a granted token through admission and consumption, or says what has to be asked.
    ///
    /// To be called when nothing but the rate and the mint can refuse the request any more. `aims` are the audiences that
    /// the token is used for, or the route where nothing is exchanged.
    pub(super) fn pass_gates(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        aims: &[&str],
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) -> Result<(), Halt> {
        // All that a repeated token costs where neither is asked for.
        if granted.binding.enrolment == Enrolment::Auto && granted.issuer.replay == Replay::Off {
            return Ok(());
        }
        self.ask_gates(verified, granted, aims, visit, now)
    }

    #[cold]
    fn ask_gates(
        self,
        verified: &mut Verified,
        granted: &Granted<'_>,
        aims: &[&str],
        visit: &mut Visit<'_>,
        now: Timestamp,
    ) -> Result<(), Halt> {
        if self.terms.observes() || self.is_errand() {
            return Ok(());
        }
        // Who is not let in uses nothing up.
        self.admit(verified, granted, visit, now)?;
        self.use_of(verified, granted).map_or(Ok(()), |used| used.pass(self, aims, visit))
    }

    /// Whether this is the control plane, asked by a gateway for a token for a route: the gateway's gates let it through.
    pub(super) fn is_errand(self) -> bool {
        self.venue == Venue::ControlPlane && self.terms.route().is_some()
    }
}

// === impl Passed ===

impl Passed {
    /// Nothing yet.
    pub(super) const NOTHING: Self = Self { consumed: [None; 2] };

    /// Whether a use was written down, and what a rule on trial would have said to it.
    fn consumed(&self, key: &Digest) -> Option<Result<(), Denial>> {
        self.consumed.iter().flatten().find(|(known, _)| known == key).map(|(_, said)| *said)
    }

    fn consume(&mut self, key: Digest, said: Result<(), Denial>) {
        let [last, _] = self.consumed;
        self.consumed = [Some((key, said)), last];
    }
}
