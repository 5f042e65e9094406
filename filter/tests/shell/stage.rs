//! What the playing host knows, and what a test may look at or change.

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cambist_filter::host::{CalloutHead, HeaderMap, Level};

use super::signatures::Functions;

/// Unix milliseconds at which every test starts.
pub(super) const START_MS: i64 = 1_800_000_000_000;

/// What the host knows.
pub(super) struct Stage {
    pub(super) now_ms: i64,
    /// Milliseconds that pass with every look at the clock.
    pub(super) pace_ms: i64,
    pub(super) env: BTreeMap<String, String>,
    pub(super) has_random: bool,
    pub(super) functions: Functions,
    /// Clusters that take no callout.
    pub(super) broken_clusters: BTreeSet<String>,
    /// Filter state that belongs to another filter.
    pub(super) taken_filter_state: BTreeSet<String>,
    pub(super) sent: Vec<Sent>,
    pub(super) streams: BTreeMap<u32, Stream>,
    /// Whether requests end with their headers.
    pub(super) is_bodiless: bool,
    /// What the host gives instead of a request's headers.
    pub(super) raw_headers: Option<HeaderMap>,
    /// Tick period by root context.
    pub(super) periods: BTreeMap<u32, u32>,
    /// How often a period was set.
    pub(super) periods_set: usize,
    /// Name and value; a counter's number is its place.
    pub(super) counters: Vec<(String, u64)>,
    pub(super) logs: Vec<(Level, String)>,
    pub(super) violations: Vec<String>,
    /// The context whose callback runs.
    pub(super) executing: u32,
    pub(super) selected: u32,
    /// Root contexts that are there.
    pub(super) roots: BTreeSet<u32>,
    /// The answer that a callback is about, with the root context through which it can be read.
    pub(super) answering: Option<(u32, Reply)>,
    pub(super) random: u8,
    pub(super) shared: Rc<RefCell<Shared>>,
}

/// The shared data of the VMs of a process.
#[derive(Default)]
pub(super) struct Shared {
    /// By name, with the number of the last write.
    pub(super) values: BTreeMap<String, (Vec<u8>, u32)>,
    writes: u32,
}

/// A callout that was made.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) token: u32,
    /// The root context to which it belongs for Envoy.
    pub(super) root: u32,
    /// The context to which it belongs for the SDK: the one whose callback ran.
    pub(super) owner: u32,
    pub(super) cluster: String,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) timeout_ms: u32,
    /// Neither answered nor cancelled.
    pub(super) is_out: bool,
}

/// What a callout is answered with.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) head: CalloutHead,
    pub(super) body: Vec<u8>,
}

/// A request as Envoy sees it.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) root: u32,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// Whether its headers are out of reach: Envoy shows them no more once they went on.
    pub(super) is_past_headers: bool,
    pub(super) trailers: Vec<(String, Vec<u8>)>,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
    pub(super) state: State,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its headers are in the filter.
    Arriving,
    Paused,
    Forwarded,
    Answered(Answer),
    Gone,
}

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

// === impl Stage ===

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            now_ms: START_MS,
            pace_ms: 0,
            env: BTreeMap::new(),
            has_random: true,
            functions: Functions::Honest,
            broken_clusters: BTreeSet::new(),
            taken_filter_state: BTreeSet::new(),
            sent: Vec::new(),
            streams: BTreeMap::new(),
            is_bodiless: false,
            raw_headers: None,
            periods: BTreeMap::new(),
            periods_set: 0,
            counters: Vec::new(),
            logs: Vec::new(),
            violations: Vec::new(),
            executing: 0,
            selected: 0,
            roots: BTreeSet::new(),
            answering: None,
            random: 0,
            shared: Rc::default(),
        }
    }

    pub(super) fn root_of(&self, context: u32) -> u32 {
        self.streams.get(&context).map_or(context, |stream| stream.root)
    }

    pub(super) fn violate(&mut self, what: &str) {
        let line = format!("{what} (executing {}, selected {})", self.executing, self.selected);
        self.violations.push(line);
    }

    /// The answer that can be read now.
    pub(super) fn readable(&self) -> Reply {
        let root = self.root_of(self.selected);
        let answer = self.answering.iter().find(|(owner, _)| *owner == root);
        answer.map(|(_, reply)| reply.clone()).unwrap_or_default()
    }

    /// The selected request if it may still be changed.
    pub(super) fn open(&mut self, action: &str) -> Option<&mut Stream> {
        let is_open = self
            .streams
            .get(&self.selected)
            .is_some_and(|stream| matches!(stream.state, State::Arriving | State::Paused));
        if !is_open {
            self.violate(action);
            return None;
        }
        self.streams.get_mut(&self.selected)
    }
}

// === impl Shared ===

impl Shared {
    /// Writes as Envoy does.
    pub(super) fn write(&mut self, name: &str, value: &[u8], seen: u32) -> bool {
        let is_last = self.values.get(name).is_none_or(|(_, number)| *number == seen);
        if is_last {
            self.writes += 1;
            self.values.insert(name.into(), (value.into(), self.writes));
        }
        is_last
    }
}

// === impl Stream ===

impl Stream {
    /// A request of root context `root` whose headers are in the filter.
    pub(super) fn arriving(root: u32, headers: Vec<(String, Vec<u8>)>) -> Self {
        let (trailers, filter_state, state) = (Vec::new(), BTreeMap::new(), State::Arriving);
        Self { root, headers, body: Vec::new(), is_past_headers: false, trailers, filter_state, state }
    }
}

// === impl Reply ===

impl Reply {
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::status(200).content_type("application/json").body(value.to_string())
    }

    pub(super) fn status(status: u16) -> Self {
        Self { head: CalloutHead { status, ..CalloutHead::default() }, body: Vec::new() }
    }

    /// What a reset or an answer over Envoy's limit looks like: no headers at all.
    pub(super) fn reset() -> Self {
        Self::default()
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn content_type(mut self, value: &str) -> Self {
        self.head.content_type = Some(value.into());
        self
    }

    pub(super) fn etag(mut self, etag: &str) -> Self {
        self.head.etag = Some(etag.into());
        self
    }

    pub(super) fn cache_control(mut self, value: &str) -> Self {
        self.head.cache_control = Some(value.into());
        self
    }
}
