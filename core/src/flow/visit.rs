//! How far a request has come: when it came, its one question to a UserInfo endpoint, its errands to its gates and to
//! whoever makes its access token, and which gates it has passed.

use alloc::vec::Vec;

use super::{Answer, Call, Flow, Remote, gate::Passed, shadow::Note};
use crate::{endpoint::Endpoint, exchange::external::answer, time::Timestamp, userinfo::Failure};

/// What a decision knows of the request's past.
pub(super) struct Visit<'a> {
    /// When the request came; a key set fetched later than this is recent enough to refuse a `kid`.
    pub(super) arrived: Timestamp,
    /// Its question to a UserInfo endpoint.
    pub(super) inquiry: Inquiry<'a>,
    /// Why the question that this decision is about brought no good answer.
    pub(super) failure: Option<Failure>,
    /// Its body, once it was read.
    pub(super) body: Option<&'a [u8]>,
    /// What came of its last errand.
    pub(super) errand: Errand<'a>,
    /// What its gates have let through: a decision is made anew after each answer, and nothing is asked twice.
    pub(super) passed: Passed,
    /// Why the errand that this decision is about brought no access token.
    pub(super) exchange_failure: Option<answer::Failure>,
    /// What rules that are tried out would have decided.
    pub(super) notes: Vec<Note>,
}

/// A request's errand: to a gate, or to whoever makes its access token, if that is not this gateway. It runs one at a
/// time, and whoever looks at an answer sees from the call whether it is about what is asked now.
#[derive(Clone, Copy)]
pub(super) enum Errand<'a> {
    /// None was run, or not by this request.
    Open,
    /// This call was answered so.
    Answered(&'a Call, &'a Remote),
    /// There was no answer in time.
    InVain,
}

/// A request's question to a UserInfo endpoint. It has one, so that nothing that is forgotten makes it ask again.
#[derive(Clone, Copy)]
pub(super) enum Inquiry<'a> {
    /// It has not asked.
    Open,
    /// This endpoint of this issuer answered what was asked with this `authorization`.
    Answered { issuer: &'a str, endpoint: &'a Endpoint, authorization: &'a str, remote: &'a Remote },
    /// It asked, and there is no answer.
    InVain,
    /// It could not ask, because too many do.
    Crowded,
}

/// Where a request stands with its question while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Not asked, or asked by another request with the same token.
    Open,
    /// It is what the request waits for.
    Pending,
    /// Asked; what the request waits for is something else.
    Closed,
}

// === impl Visit ===

impl<'a> Visit<'a> {
    /// A request that comes now.
    pub(super) const fn first(arrived: Timestamp) -> Self {
        Self::new(arrived, Inquiry::Open, Errand::Open, None, Passed::NOTHING)
    }

    /// A request that goes on after `answer`; `None` where the answer itself says that it is refused.
    pub(super) fn again(flow: &'a Flow, answer: &'a Answer) -> Option<Self> {
        let mut body = flow.body.as_deref();
        // Where the request stood with its question when it left for its errand.
        let standing = match flow.question {
            Question::Closed => Inquiry::InVain,
            Question::Open | Question::Pending => Inquiry::Open,
        };
        let mut errand = Errand::Open;
        let inquiry = match (answer, flow.question) {
            (Answer::Remote(Call::UserInfo { issuer, endpoint, authorization, .. }, remote), _) => {
                let authorization = authorization.expose().as_str();
                Inquiry::Answered { issuer: issuer.as_str(), endpoint, authorization, remote }
            }
            (Answer::TimedOut(Call::UserInfo { .. }), _) | (Answer::Ready, Question::Closed) => {
                Inquiry::InVain
            }
            (Answer::Remote(call, remote), _) if call.is_errand() => {
                errand = Errand::Answered(call, remote);
                standing
            }
            // What is not recorded in time is refused, and recorded all the same.
            (Answer::TimedOut(Call::AwaitAudit { .. }), _) => return None,
            (Answer::TimedOut(call), _) if call.is_errand() => {
                errand = Errand::InVain;
                standing
            }
            (Answer::Overloaded, Question::Pending) => Inquiry::Crowded,
            (Answer::Ready, Question::Open | Question::Pending) => Inquiry::Open,
            (Answer::Body(read), _) => {
                body = Some(read);
                Inquiry::Open
            }
            (Answer::Overloaded | Answer::TimedOut(_) | Answer::Remote(..), _) => return None,
        };
        Some(Self::new(flow.arrived, inquiry, errand, body, flow.passed.clone()))
    }

    const fn new(
        arrived: Timestamp,
        inquiry: Inquiry<'a>,
        errand: Errand<'a>,
        body: Option<&'a [u8]>,
        passed: Passed,
    ) -> Self {
        let notes = Vec::new();
        Self { arrived, inquiry, failure: None, body, errand, passed, exchange_failure: None, notes }
    }

    /// Where the request stands when it waits for `call` next.
    pub(super) const fn question(&self, call: &Call) -> Question {
        match (call, self.inquiry) {
            (Call::UserInfo { .. }, _) => Question::Pending,
            (_, Inquiry::Open) => Question::Open,
            (_, Inquiry::Answered { .. } | Inquiry::InVain | Inquiry::Crowded) => Question::Closed,
        }
    }
}
