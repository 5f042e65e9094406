//! Requests over HTTP/1.1: bursts in one pipeline, and after them those that end the connection, one by one.

use std::io;

use cambist_tests::raw::h1::{Connection, encode};

use super::kind::{Kind, Protocol};
use super::lane::{Lane, PATIENCE, is_silence};
use super::shot::{Cut, Shot};
use super::tally::Outcome;

/// How long a client waits before it leaves during a fetch.
const LINGERING: std::time::Duration = std::time::Duration::from_millis(3);

/// Requests over one connection.
const MOST: usize = 400;

/// The state of a lane.
struct Pipeline<'a> {
    lane: Lane<'a>,
    connection: Option<Connection>,
    sent: usize,
    outcomes: Vec<(Kind, Outcome)>,
}

/// Sends requests until none is left.
pub(crate) fn run(lane: Lane<'_>) -> io::Result<()> {
    let mut pipeline = Pipeline { lane, connection: None, sent: 0, outcomes: Vec::new() };
    while let Some(shots) = pipeline.lane.burst() {
        let (ending, staying): (Vec<_>, Vec<_>) = shots.into_iter().partition(|shot| shot.ends);
        pipeline.burst(staying)?;
        for shot in &ending {
            pipeline.last(shot)?;
        }
        pipeline.lane.tally.add(Protocol::Http1, &pipeline.outcomes);
        pipeline.outcomes.clear();
    }
    Ok(())
}

// === impl Pipeline ===

impl Pipeline<'_> {
    /// The connection, and whether it is new.
    fn open(&mut self) -> io::Result<(Connection, bool)> {
        if let Some(connection) = self.connection.take().filter(|_| self.sent < MOST) {
            return Ok((connection, false));
        }
        self.sent = 0;
        Ok((Connection::open(self.lane.port(), PATIENCE)?, true))
    }

    /// Sends up to the next refusal at once: after two of its own answers in one pipeline, Envoy drops the rest of it.
    /// What was not answered because of an earlier one is sent again.
    fn burst(&mut self, mut shots: Vec<Shot>) -> io::Result<()> {
        while !shots.is_empty() {
            let refused = shots.iter().position(|shot| shot.kind.is_refused());
            let count = refused.map_or(shots.len(), |at| at + 1);
            let (mut connection, new) = self.open()?;
            connection.write(&shots[..count].iter().map(bytes).collect::<Vec<_>>().concat())?;
            let (mut answered, mut open) = (0, true);
            while open && answered < count {
                let shot = &shots[answered];
                let outcome = match connection.answer(shot.is_head()) {
                    Ok(Some(answer)) => {
                        open = !answer.last;
                        Outcome::Status(answer.status)
                    }
                    Ok(None) => {
                        open = false;
                        // The first over a new connection has only itself to blame.
                        if !new || answered > 0 {
                            break;
                        }
                        Outcome::Closed
                    }
                    Err(error) if is_silence(&error) => {
                        open = false;
                        Outcome::Silence
                    }
                    Err(error) => return Err(error),
                };
                self.outcomes.push((shot.kind, outcome));
                answered += 1;
            }
            self.sent += answered;
            shots.drain(..answered);
            self.connection = open.then_some(connection);
        }
        Ok(())
    }

    /// Sends one that is likely to end the connection.
    fn last(&mut self, shot: &Shot) -> io::Result<()> {
        let (mut connection, _) = self.open()?;
        let all = bytes(shot);
        let head = all.len() - shot.body.len();
        let length = match shot.cut {
            Cut::None | Cut::Fetch => all.len(),
            Cut::Head => self.lane.gun.numbers.between(1, head),
            Cut::Body => self.lane.gun.numbers.between(head, all.len()),
        };
        connection.write(&all[..length])?;
        if matches!(shot.cut, Cut::Head | Cut::Body) {
            self.outcomes.push((shot.kind, Outcome::Left));
            return Ok(());
        }
        if shot.cut == Cut::Fetch {
            connection.set_patience(LINGERING)?;
        }
        let outcome = match connection.answer(shot.is_head()) {
            Ok(Some(answer)) => {
                // More answers may follow what was two requests to the server.
                if !answer.last && shot.bytes.is_none() && shot.cut == Cut::None {
                    self.connection = Some(connection);
                    self.sent += 1;
                }
                Outcome::Status(answer.status)
            }
            Ok(None) => Outcome::Closed,
            Err(error) if is_silence(&error) && shot.cut == Cut::Fetch => Outcome::Left,
            Err(error) if is_silence(&error) => Outcome::Silence,
            Err(error) => return Err(error),
        };
        self.outcomes.push((shot.kind, outcome));
        Ok(())
    }
}

fn bytes(shot: &Shot) -> Vec<u8> {
    shot.bytes.clone().unwrap_or_else(|| encode(&shot.fields, &shot.body))
}
