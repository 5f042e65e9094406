//! A host that plays Envoy. What Envoy would answer with a trap, a hang or a wrong stream is a violation.

use core::cell::RefCell;

use cambist_core::time::Timestamp;
use cambist_filter::host::{Callout, CalloutHead, HeaderMap, Host, Level};

use super::stage::{Answer, Sent, Stage, State};

/// The playing host. Everything a test may look at or change is in [`Stage`].
pub(super) struct FakeHost(pub(super) RefCell<Stage>);

// === impl FakeHost ===

impl FakeHost {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Stage::new()))
    }

    /// Begins the callback of a context.
    pub(super) fn enter(&self, context: u32) {
        let mut stage = self.0.borrow_mut();
        stage.executing = context;
        stage.selected = context;
    }
}

impl Host for FakeHost {
    fn log(&self, level: Level, line: &str) {
        self.0.borrow_mut().logs.push((level, line.into()));
    }

    fn now(&self) -> Timestamp {
        let mut stage = self.0.borrow_mut();
        stage.now_ms += stage.pace_ms;
        Timestamp::from_millis(stage.now_ms)
    }

    fn random(&self, buffer: &mut [u8]) -> bool {
        let mut stage = self.0.borrow_mut();
        if stage.has_random {
            stage.random = stage.random.wrapping_add(1);
            buffer.fill(stage.random);
        }
        stage.has_random
    }

    fn env(&self, name: &str) -> Option<String> {
        self.0.borrow().env.get(name).cloned()
    }

    fn plugin_configuration(&self, _most: usize) -> Vec<u8> {
        Vec::new()
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        match path {
            ["node", "id"] => Some(b"node-1".to_vec()),
            ["plugin_name" | "plugin_root_id"] => Some(b"cambist".to_vec()),
            _ => None,
        }
    }

    fn set_tick_period(&self, millis: u32) {
        let mut stage = self.0.borrow_mut();
        let root = stage.root_of(stage.selected);
        stage.periods.insert(root, millis);
        stage.periods_set += 1;
    }

    fn call_foreign(&self, name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        self.0.borrow().functions.call(name, arguments)
    }

    fn shared_data(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().shared.borrow().values.get(name).cloned()
    }

    fn set_shared_data(&self, name: &str, value: &[u8], seen: u32) -> bool {
        let stage = self.0.borrow();
        assert!(seen != 0, "an unconditional write");
        stage.shared.borrow_mut().write(name, value, seen)
    }

    fn dispatch(&self, callout: &Callout<'_>) -> Option<u32> {
        let mut stage = self.0.borrow_mut();
        let Callout { cluster, method, https, authority, path, headers, body, timeout_ms } = callout;
        if *timeout_ms == 0 {
            stage.violate("a callout without a timeout");
        }
        let root = stage.root_of(stage.selected);
        if root != stage.root_of(stage.executing) {
            stage.violate("a callout that belongs to another root context than the one that executes");
        }
        if stage.broken_clusters.contains(*cluster) {
            return None;
        }
        let token = u32::try_from(stage.sent.len()).unwrap() + 1;
        let owner = stage.executing;
        stage.sent.push(Sent {
            token,
            root,
            owner,
            cluster: (*cluster).into(),
            method: (*method).into(),
            url: format!("{}://{authority}{path}", if *https { "https" } else { "http" }),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.unwrap_or_default().to_vec(),
            timeout_ms: *timeout_ms,
            is_out: true,
        });
        Some(token)
    }

    fn callout_head(&self) -> CalloutHead {
        self.0.borrow().readable().head
    }

    fn callout_body(&self, most: usize) -> Option<Vec<u8>> {
        let mut body = self.0.borrow().readable().body;
        body.truncate(most);
        Some(body).filter(|body| !body.is_empty())
    }

    fn select_context(&self, id: u32) -> bool {
        let mut stage = self.0.borrow_mut();
        let is_there = stage.roots.contains(&id)
            || stage.streams.get(&id).is_some_and(|stream| stream.state != State::Gone);
        if is_there {
            stage.selected = id;
        }
        is_there
    }

    fn request_headers(&self) -> HeaderMap {
        let stage = self.0.borrow();
        let stream = &stage.streams[&stage.selected];
        if stream.is_past_headers {
            return HeaderMap::default();
        }
        let headers = stream.headers.iter();
        let map = HeaderMap::from_pairs(headers.map(|(name, value)| (name.as_bytes(), value.as_slice())));
        stage.raw_headers.clone().unwrap_or(map)
    }

    fn request_trailers(&self) -> HeaderMap {
        let stage = self.0.borrow();
        let trailers = stage.streams[&stage.selected].trailers.iter();
        HeaderMap::from_pairs(trailers.map(|(name, value)| (name.as_bytes(), value.as_slice())))
    }

    fn request_body(&self, most: usize) -> Vec<u8> {
        let stage = self.0.borrow();
        let mut body = stage.streams[&stage.selected].body.clone();
        body.truncate(most);
        body
    }

    fn remove_request_trailer(&self, name: &str) {
        let mut stage = self.0.borrow_mut();
        let selected = stage.selected;
        let stream = stage.streams.get_mut(&selected).unwrap();
        stream.trailers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    fn remove_request_header(&self, name: &str) {
        if let Some(stream) = self.0.borrow_mut().open("a header removed too late") {
            stream.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        }
    }

    fn set_request_header(&self, name: &str, value: &[u8]) {
        if let Some(stream) = self.0.borrow_mut().open("a header set too late") {
            stream.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            stream.headers.push((name.into(), value.into()));
        }
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) -> bool {
        let mut stage = self.0.borrow_mut();
        let is_taken = stage.taken_filter_state.contains(name);
        if let Some(stream) = stage.open("filter state set too late").filter(|_| !is_taken) {
            stream.filter_state.insert(name.into(), value.into());
        }
        !is_taken
    }

    fn resume_request(&self) {
        let mut stage = self.0.borrow_mut();
        if let Some(stream) = stage.open("a request resumed twice or after its answer") {
            if stream.state == State::Paused {
                stream.state = State::Forwarded;
            } else {
                stage.violate("a request resumed that was not paused");
            }
        }
    }

    fn send_response(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let answer = Answer {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: String::from_utf8(body.into()).unwrap(),
        };
        if let Some(stream) = self.0.borrow_mut().open("a request answered twice or after it went on") {
            stream.state = State::Answered(answer);
        }
    }

    fn define_counter(&self, name: &str) -> Option<u32> {
        let mut stage = self.0.borrow_mut();
        if stage.counters.iter().any(|(known, _)| known == name) {
            stage.violate("a counter defined twice");
        }
        stage.counters.push((name.into(), 0));
        u32::try_from(stage.counters.len() - 1).ok()
    }

    fn add_to_counter(&self, id: u32, amount: u64) {
        let mut stage = self.0.borrow_mut();
        if amount == 0 {
            stage.violate("nothing added to a counter");
        }
        let place = usize::try_from(id).unwrap();
        stage.counters[place].1 += amount;
    }
}
