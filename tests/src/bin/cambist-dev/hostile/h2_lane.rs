//! Requests over HTTP/2: bursts of streams in one connection, and after them those that end it, one by one.

use std::io;

use cambist_tests::raw::h2::{Connection, EventKind, Frames};

use super::kind::{Kind, Protocol};
use super::lane::{Lane, PATIENCE, is_silence};
use super::shot::{Cut, Shot};
use super::tally::Outcome;

/// Streams of one connection. Envoy ends those where, of more than 500, most were reset.
const MOST: usize = 300;

/// The state of a lane.
struct Streams<'a> {
    lane: Lane<'a>,
    connection: Option<Connection>,
    sent: usize,
    outcomes: Vec<(Kind, Outcome)>,
}

/// A request on its way.
struct Pending<'a> {
    shot: &'a Shot,
    stream: u32,
    status: Option<u16>,
    outcome: Option<Outcome>,
}

/// Sends requests until none is left.
pub(crate) fn run(lane: Lane<'_>) -> io::Result<()> {
    let mut streams = Streams { lane, connection: None, sent: 0, outcomes: Vec::new() };
    while let Some(shots) = streams.lane.burst() {
        let (ending, staying): (Vec<_>, Vec<_>) = shots.iter().partition(|shot| shot.ends);
        // What was cut off by the fault of another is sent again, alone.
        let again = streams.send(&staying)?;
        for shot in again.into_iter().chain(ending) {
            if !streams.send(&[shot])?.is_empty() {
                streams.outcomes.push((shot.kind, Outcome::Closed));
            }
        }
        streams.lane.tally.add(Protocol::Http2, &streams.outcomes);
        streams.outcomes.clear();
    }
    Ok(())
}

// === impl Streams ===

impl Streams<'_> {
    fn open(&mut self) -> io::Result<Connection> {
        if let Some(connection) = self.connection.take().filter(|_| self.sent < MOST) {
            return Ok(connection);
        }
        self.sent = 0;
        Connection::open(self.lane.port(), PATIENCE)
    }

    /// Sends all at once; returns what was not answered before the connection ended.
    fn send<'s>(&mut self, shots: &[&'s Shot]) -> io::Result<Vec<&'s Shot>> {
        if shots.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.open()?;
        let mut frames = Frames::default();
        let mut pending: Vec<_> =
            shots.iter().map(|shot| Pending::begin(shot, connection.stream(), &mut frames)).collect();
        self.sent += pending.len();
        connection.write(&frames)?;
        let open = listen(&mut connection, &mut pending)?;
        if open {
            let mut resets = Frames::default();
            for request in pending.iter_mut().filter(|request| request.outcome.is_none()) {
                resets.reset(request.stream);
                request.outcome = Some(Outcome::Left);
            }
            connection.write(&resets)?;
            self.connection = Some(connection);
        }
        let (done, lost): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|request| request.outcome.is_some());
        let outcome = |request: Pending<'_>| Some((request.shot.kind, request.outcome?));
        self.outcomes.extend(done.into_iter().filter_map(outcome));
        Ok(lost.into_iter().map(|request| request.shot).collect())
    }
}

/// Reads until all are answered but those that wait for keys; false if the connection has ended.
fn listen(connection: &mut Connection, pending: &mut [Pending<'_>]) -> io::Result<bool> {
    let first = pending.first().map_or(1, |request| request.stream);
    let mut events = Vec::new();
    while pending.iter().any(Pending::is_awaited) {
        match connection.read(&mut events) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) if is_silence(&error) => {
                for request in pending.iter_mut().filter(|request| request.is_awaited()) {
                    request.outcome = Some(Outcome::Silence);
                }
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        for event in events.drain(..) {
            // Streams of an earlier burst are done with.
            let place = event.stream.checked_sub(first).map(|distance| distance as usize / 2);
            let Some(request) = place.and_then(|place| pending.get_mut(place)) else { continue };
            request.hear(event.kind);
        }
    }
    Ok(true)
}

// === impl Pending ===

impl<'a> Pending<'a> {
    fn begin(shot: &'a Shot, stream: u32, frames: &mut Frames) -> Self {
        let cut = matches!(shot.cut, Cut::Head | Cut::Body);
        frames.head(stream, &shot.fields, shot.body.is_empty() && !cut);
        if shot.cut == Cut::Body {
            frames.data(stream, &shot.body[..shot.body.len() / 2], false);
        } else if !shot.body.is_empty() {
            frames.data(stream, &shot.body, true);
        }
        if cut {
            frames.reset(stream);
        }
        Self { shot, stream, status: None, outcome: cut.then_some(Outcome::Left) }
    }

    fn is_awaited(&self) -> bool {
        self.outcome.is_none() && self.shot.cut == Cut::None
    }

    fn hear(&mut self, event: EventKind) {
        if self.outcome.is_some() {
            return;
        }
        match (event, self.status) {
            (EventKind::Status(status), _) => self.status = Some(status),
            (EventKind::End | EventKind::Reset, Some(status)) => self.outcome = Some(Outcome::Status(status)),
            (EventKind::End | EventKind::Reset, None) => self.outcome = Some(Outcome::Reset),
        }
    }
}
