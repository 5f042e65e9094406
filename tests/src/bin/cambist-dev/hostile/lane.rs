//! What the lanes of both protocols have in common. Each is a thread with a connection of its own.

use std::io;
use std::time::Duration;

use super::share::Share;
use super::shot::{Gun, Shot};
use super::tally::Tally;

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that are made and sent together.
const BURST: u64 = 24;

/// One sender.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    /// Makes its requests.
    pub(crate) gun: Gun<'a>,
    /// Listeners that it may choose from.
    pub(crate) ports: [u16; 2],
    /// How many requests are left.
    pub(crate) share: &'a Share,
    /// What became of them.
    pub(crate) tally: &'a Tally,
}

// === impl Lane ===

impl Lane<'_> {
    /// The next requests, `None` when there are no more.
    pub(crate) fn burst(&mut self) -> Option<Vec<Shot>> {
        self.gun.warming = self.share.is_warming();
        let count = self.share.take(BURST);
        (count > 0).then(|| (0..count).map(|_| self.gun.shot()).collect())
    }

    /// A listener for a new connection.
    pub(crate) fn port(&mut self) -> u16 {
        *self.gun.numbers.pick(&self.ports)
    }
}

/// Whether a read took too long.
pub(crate) fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
