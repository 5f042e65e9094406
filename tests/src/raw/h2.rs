//! HTTP/2 over plain TCP (RFC 9113) as frames, with HPACK (RFC 7541) in its simplest form: literals without Huffman
//! codes or indexing. Of an answer only its status is read.

mod hpack;

use std::io;
use std::time::Duration;

use super::Fields;
use super::socket::{Socket, is_end};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's head.
const HEAD: usize = 9;

/// The largest payload that every peer takes.
const MAX_PAYLOAD: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection whose streams are opened by writing frames.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    next: u32,
    ended: bool,
}

/// Something that happened to a stream of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The stream.
    pub stream: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The head of the final answer came.
    Status(u16),
    /// The answer is complete.
    End,
    /// The server gave the stream up.
    Reset,
}

/// Frames to be written.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

// === impl Frames ===

impl Frames {
    /// Adds the head of a request, in as many frames as it takes; `last`: without a body.
    pub fn head(&mut self, stream: u32, fields: &Fields, last: bool) {
        let block = hpack::encode(fields);
        let mut pieces = block.chunks(MAX_PAYLOAD).peekable();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let mut flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            if kind == HEADERS && last {
                flags |= END_STREAM;
            }
            self.frame(kind, flags, stream, piece);
            kind = CONTINUATION;
        }
    }

    /// Adds a piece of a body.
    pub fn data(&mut self, stream: u32, piece: &[u8], last: bool) {
        self.frame(DATA, if last { END_STREAM } else { 0 }, stream, piece);
    }

    /// Gives a stream up (`CANCEL`).
    pub fn reset(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
        self.bytes.extend_from_slice(&length[1..]);
        self.bytes.extend_from_slice(&[kind, flags]);
        self.bytes.extend_from_slice(&stream.to_be_bytes());
        self.bytes.extend_from_slice(payload);
    }
}

// === impl Connection ===

impl Connection {
    /// Connects and sends our settings: no dynamic table, and windows that never fill.
    pub fn open(port: u16, patience: Duration) -> io::Result<Self> {
        let mut connection = Self { socket: Socket::open(port, patience)?, next: 1, ended: false };
        let mut frames = Frames { bytes: PREFACE.to_vec() };
        // SETTINGS_HEADER_TABLE_SIZE 0, SETTINGS_ENABLE_PUSH 0, SETTINGS_INITIAL_WINDOW_SIZE 2^24.
        frames.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0]);
        frames.frame(WINDOW_UPDATE, 0, 0, &0x3fff_0000_u32.to_be_bytes());
        connection.write(&frames)?;
        Ok(connection)
    }

    /// The number of the next stream.
    pub const fn stream(&mut self) -> u32 {
        let stream = self.next;
        self.next += 2;
        stream
    }

    /// Sets how long a read may take.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_patience(patience)
    }

    /// Writes frames. What the server did not take before it ended the connection is no fault.
    pub fn write(&mut self, frames: &Frames) -> io::Result<()> {
        match self.socket.write(&frames.bytes) {
            Err(error) if is_end(&error) => Ok(()),
            other => other,
        }
    }

    /// What happens next, into `events`; false at the end of the connection, which begins when the server says that it
    /// found a fault in it.
    pub fn read(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        loop {
            while self.frame(events)? {}
            if !events.is_empty() {
                return Ok(true);
            }
            if self.ended || !self.socket.read_more()? {
                return Ok(false);
            }
        }
    }

    /// Takes one frame if it is there.
    fn frame(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        let Some((head, rest)) = self.socket.unused().split_first_chunk::<HEAD>() else { return Ok(false) };
        let [long, middle, short, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, long, middle, short]) as usize;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        let Some(payload) = rest.get(..length) else { return Ok(false) };
        let mut reply = Frames::default();
        match kind {
            HEADERS => {
                let status = hpack::status(payload);
                if let Some(status) = status.filter(|status| *status >= 200) {
                    events.push(Event { stream, kind: EventKind::Status(status) });
                }
            }
            RST_STREAM => events.push(Event { stream, kind: EventKind::Reset }),
            SETTINGS if flags & ACK == 0 => reply.frame(SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => reply.frame(PING, ACK, 0, payload),
            GOAWAY => self.ended |= payload.get(4..8).is_some_and(|code| code != [0; 4]),
            _ => {}
        }
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            events.push(Event { stream, kind: EventKind::End });
        }
        self.socket.consume(HEAD + length);
        if !reply.bytes.is_empty() {
            self.write(&reply)?;
        }
        Ok(true)
    }
}
