//! What became of the requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kind::{Kind, Protocol};
use crate::table::Table;

/// Complaints that are kept in full.
const KEPT: usize = 20;

/// With so many complaints there is nothing more to learn.
const ENOUGH: u64 = 2_000;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It was answered.
    Status(u16),
    /// The server gave the stream up.
    Reset,
    /// The server ended the connection without an answer.
    Closed,
    /// We gave it up.
    Left,
    /// It was not answered in time.
    Silence,
}

/// The counts of all lanes.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    counts: BTreeMap<Kind, BTreeMap<Outcome, u64>>,
    by_protocol: [u64; 2],
    total: u64,
    wrong: u64,
    complaints: Vec<String>,
}

// === impl Tally ===

impl Tally {
    /// Counts requests of one protocol.
    pub(crate) fn add(&self, protocol: Protocol, outcomes: &[(Kind, Outcome)]) {
        let mut book = self.book();
        for (kind, outcome) in outcomes {
            *book.counts.entry(*kind).or_default().entry(*outcome).or_default() += 1;
            if !kind.allows(*outcome) {
                book.complain(format!("{kind} over {protocol:?}: {outcome}"));
            }
        }
        let count = outcomes.len() as u64;
        book.total += count;
        book.by_protocol[usize::from(protocol == Protocol::Http2)] += count;
    }

    /// Notes something else that is wrong.
    pub(crate) fn complain(&self, complaint: String) {
        self.book().complain(complaint);
    }

    /// Requests so far.
    pub(crate) fn total(&self) -> u64 {
        self.book().total
    }

    /// Answers of 500 and more.
    pub(crate) fn failed(&self) -> u64 {
        let book = self.book();
        let outcomes = book.counts.values().flatten();
        outcomes
            .filter(|(outcome, _)| matches!(outcome, Outcome::Status(500..)))
            .map(|(_, count)| count)
            .sum()
    }

    /// Whether so much is wrong that the rest need not be sent.
    pub(crate) fn is_lost(&self) -> bool {
        self.book().wrong >= ENOUGH
    }

    /// The first things that were wrong, and how many there were.
    pub(crate) fn complaints(&self) -> (Vec<String>, u64) {
        let book = self.book();
        (book.complaints.clone(), book.wrong)
    }

    /// Prints every kind with its answers.
    pub(crate) fn print(&self) {
        let book = self.book();
        let mut table = Table::new(["kind", "sent", "answers"]);
        for (kind, outcomes) in &book.counts {
            let answers: Vec<_> =
                outcomes.iter().map(|(outcome, count)| format!("{outcome}: {count}")).collect();
            let sent = outcomes.values().sum::<u64>();
            table.push([kind.to_string(), sent.to_string(), answers.join("  ")]);
        }
        let [h1, h2] = book.by_protocol;
        table.push(["all".to_owned(), book.total.to_string(), format!("HTTP/1.1: {h1}  HTTP/2: {h2}")]);
        table.print();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Book ===

impl Book {
    fn complain(&mut self, complaint: String) {
        self.wrong += 1;
        if self.complaints.len() < KEPT && !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Reset => f.write_str("reset"),
            Self::Closed => f.write_str("closed"),
            Self::Left => f.write_str("left"),
            Self::Silence => f.write_str("silence"),
        }
    }
}
