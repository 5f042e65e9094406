//! Verdicts beside labels, counted.

use alloc::{collections::BTreeMap, string::String};

use super::say;

/// The counts of a suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) cases: u32,
    pub(super) accepted: u32,
    pub(super) refused: u32,
    /// Cases whose verdict is not their label, each for a reason that is listed.
    pub(super) explained: u32,
}

/// One case of a suite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// The suite's number for it.
    pub(super) id: u64,
    /// Whether its authors say that it is valid.
    pub(super) valid: bool,
    /// Whether it was accepted.
    pub(super) accepted: bool,
}

/// Why the verdict on a case may differ from its label; every entry must be needed.
pub(super) type Explained = BTreeMap<u64, String>;

impl Tally {
    /// Counts the verdicts of a suite and prints the counts.
    ///
    /// Fails on a verdict that is neither the label's nor explained, and on an explanation that no case needs.
    pub(super) fn of(
        suite: &str,
        verdicts: impl IntoIterator<Item = Verdict>,
        explained: &Explained,
    ) -> Self {
        let mut tally = Self::default();
        let mut unused = explained.clone();
        for Verdict { id, valid, accepted } in verdicts {
            let reason = unused.remove(&id);
            match (valid == accepted, reason) {
                (true, None) => {}
                (false, Some(_)) => tally.explained += 1,
                (true, Some(reason)) => panic!("{suite} {id}: explained, but judged as labelled: {reason}"),
                (false, None) if accepted => panic!("{suite} {id}: WRONGLY ACCEPTED"),
                (false, None) => panic!("{suite} {id}: refused, and nothing explains it"),
            }
            tally.cases += 1;
            tally.accepted += u32::from(accepted);
            tally.refused += u32::from(!accepted);
        }
        assert!(unused.is_empty(), "{suite}: explanations without a case: {unused:?}");
        tally.print(suite);
        tally
    }

    fn print(self, suite: &str) {
        let Self { cases, accepted, refused, explained } = self;
        say(&alloc::format!(
            "vectors: {suite}: {cases} cases, {accepted} accepted, {refused} refused, {explained} explained"
        ));
    }
}
