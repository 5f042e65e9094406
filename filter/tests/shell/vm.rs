//! One VM of the filter: root contexts and requests, driven as Envoy drives them.

use core::sync::atomic::{AtomicU32, Ordering};
use std::{collections::BTreeMap, rc::Rc};

use cambist_filter::{
    root::Root,
    stream::{Next, Stream},
};
use serde_json::Value;

use super::{
    host::FakeHost,
    sample,
    stage::{self, Answer, Reply, Sent, Stage, State},
};

/// A VM with one gateway. Gateways outlive a test where tests share a thread, so each gets a name of its own.
pub(super) struct Vm {
    pub(super) host: FakeHost,
    pub(super) gateway: String,
    roots: BTreeMap<u32, Root>,
    streams: BTreeMap<u32, Stream>,
    contexts: u32,
}

impl Vm {
    /// A VM without a root context.
    pub(super) fn new() -> Self {
        static GATEWAYS: AtomicU32 = AtomicU32::new(0);
        let gateway = format!("edge-{}", GATEWAYS.fetch_add(1, Ordering::Relaxed));
        let host = FakeHost::new();
        host.0.borrow_mut().env.extend([
            (sample::TOKEN_VARIABLE.into(), sample::GATEWAY_TOKEN.into()),
            (sample::KEY_VARIABLE.into(), sample::fleet_key_pem()),
            ("PARTNER_KEY".into(), sample::fleet_key_pem()),
            ("BANK_SECRET".into(), "s3cret".into()),
        ]);
        Self { host, gateway, roots: BTreeMap::new(), streams: BTreeMap::new(), contexts: 0 }
    }

    /// Another VM of the same gateway in the same process, without a root context.
    pub(super) fn beside(&self) -> Self {
        let mut vm = Self::new();
        vm.gateway.clone_from(&self.gateway);
        let (shared, now_ms, random) =
            self.stage(|stage| (Rc::clone(&stage.shared), stage.now_ms, stage.random));
        vm.stage(|stage| {
            stage.shared = shared;
            stage.now_ms = now_ms;
            stage.random = random.wrapping_add(101);
        });
        vm
    }

    /// A VM whose one root context has this inline snapshot.
    pub(super) fn inline(snapshot: &Value) -> Self {
        let mut vm = Self::new();
        let config = sample::inline_config(&vm.gateway, snapshot);
        vm.configure(&config);
        vm
    }

    pub(super) fn stage<T>(&self, f: impl FnOnce(&mut Stage) -> T) -> T {
        f(&mut self.host.0.borrow_mut())
    }

    /// A new root context with this configuration, which must be good.
    pub(super) fn configure(&mut self, config: &Value) -> u32 {
        match self.try_configure(config.to_string().as_bytes()) {
            Ok(root) => root,
            Err(reason) => panic!("refused: {reason}"),
        }
    }

    /// A new root context, or the log line that says why not.
    pub(super) fn try_configure(&mut self, config: &[u8]) -> Result<u32, String> {
        self.contexts += 1;
        let id = self.contexts;
        let mut root = Root::new(id);
        self.host.enter(id);
        let sent = self.stage(|stage| stage.sent.len());
        let accepted = root.configure(&self.host, config);
        assert_eq!(self.stage(|stage| stage.sent.len()), sent, "a callout while configuring");
        if accepted {
            self.roots.insert(id, root);
            self.stage(|stage| stage.roots.insert(id));
            Ok(id)
        } else {
            Err(self.stage(|stage| stage.logs.last().cloned()).unwrap().1)
        }
    }

    /// Deletes a root context as Envoy does: its callouts are cancelled.
    pub(super) fn delete_root(&mut self, root: u32) {
        self.stage(|stage| {
            stage.sent.iter_mut().filter(|sent| sent.root == root).for_each(|sent| sent.is_out = false);
            stage.periods.remove(&root);
            stage.roots.remove(&root);
        });
        self.roots.remove(&root).unwrap();
    }

    /// Ticks every root context once.
    pub(super) fn tick(&mut self) {
        for root in self.roots.keys().copied().collect::<Vec<_>>() {
            self.tick_root(root);
        }
    }

    pub(super) fn tick_root(&mut self, root: u32) {
        self.host.enter(root);
        self.roots.get_mut(&root).unwrap().tick(&self.host);
    }

    /// Lets time pass, with a tick every 50 ms and one at the end.
    pub(super) fn pass(&mut self, millis: i64) {
        for _ in 0..millis / 50 {
            self.stage(|stage| stage.now_ms += 50);
            self.tick();
        }
    }

    /// A request to the newest root context; its stream's id.
    pub(super) fn request(&mut self, headers: &[(&str, &[u8])]) -> u32 {
        let root = *self.roots.last_key_value().unwrap().0;
        self.request_to(root, headers)
    }

    pub(super) fn request_to(&mut self, root: u32, headers: &[(&str, &[u8])]) -> u32 {
        self.contexts += 1;
        let id = self.contexts;
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let arriving = stage::Stream::arriving(root, headers);
        self.stage(|stage| stage.streams.insert(id, arriving));
        let mut stream = self.roots[&root].stream(id);
        self.host.enter(id);
        let next = stream.on_request_headers(&self.host, self.stage(|stage| stage.is_bodiless));
        self.stage(|stage| {
            let state = &mut stage.streams.get_mut(&id).unwrap().state;
            *state = match (next, state.clone()) {
                (Next::Continue, State::Arriving) => State::Forwarded,
                (Next::Pause, State::Arriving) => State::Paused,
                (Next::Pause, answered @ State::Answered(_)) => answered,
                (next, state) => panic!("{next:?} in {state:?}"),
            };
        });
        self.streams.insert(id, stream);
        id
    }

    /// A part of the body of a request that went on so far; the last one `ended`.
    pub(super) fn body(&mut self, id: u32, part: &[u8], ended: bool) -> Next {
        self.host.enter(id);
        let size = self.stage(|stage| {
            let stream = stage.streams.get_mut(&id).unwrap();
            if stream.state == State::Forwarded {
                // What it may still do to it: the filter behind holds it.
                stream.state = State::Paused;
            }
            stream.is_past_headers = true;
            stream.body.extend_from_slice(part);
            stream.body.len()
        });
        self.streams.get_mut(&id).unwrap().on_request_body(&self.host, size, ended)
    }

    /// Trailers of a request that went on; those that the upstream sees.
    pub(super) fn trailers(&self, stream: u32, trailers: &[(&str, &[u8])]) -> Vec<String> {
        assert!(self.is_forwarded(stream));
        let trailers = trailers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.stage(|stage| stage.streams.get_mut(&stream).unwrap().trailers = trailers);
        self.host.enter(stream);
        assert_eq!(self.streams[&stream].on_request_trailers(&self.host), Next::Continue);
        self.stage(|stage| stage.streams[&stream].trailers.iter().map(|(name, _)| name.clone()).collect())
    }

    /// Trailers of a request whose body was looked at.
    pub(super) fn trailers_of(&self, stream: u32) -> Next {
        self.host.enter(stream);
        self.streams[&stream].on_request_trailers(&self.host)
    }

    /// `GET /` with this bearer token.
    pub(super) fn get(&mut self, token: &str) -> u32 {
        self.request(&sample::get("/", &[("authorization", format!("Bearer {token}").as_bytes())]))
    }

    /// The client goes away.
    pub(super) fn end(&mut self, stream: u32) {
        self.vanish(stream);
        self.streams.remove(&stream).unwrap();
    }

    /// The stream ends, but the filter is not told.
    pub(super) fn vanish(&self, stream: u32) {
        self.stage(|stage| stage.streams.get_mut(&stream).unwrap().state = State::Gone);
    }

    /// The only callout that is out and whose URL ends like this.
    pub(super) fn callout(&self, suffix: &str) -> Sent {
        let mut found = self.callouts(suffix);
        assert_eq!(found.len(), 1, "callouts to {suffix}: {:?}", self.stage(|stage| stage.sent.clone()));
        found.remove(0)
    }

    /// All callouts that are out and whose URL contains this.
    pub(super) fn callouts(&self, part: &str) -> Vec<Sent> {
        let is_it = |sent: &&Sent| sent.is_out && sent.url.contains(part);
        self.stage(|stage| stage.sent.iter().filter(is_it).cloned().collect())
    }

    /// How often something whose URL contains this was asked for.
    pub(super) fn asked(&self, part: &str) -> usize {
        self.stage(|stage| stage.sent.iter().filter(|sent| sent.url.contains(part)).count())
    }

    pub(super) fn answer(&mut self, sent: &Sent, reply: Reply) {
        let place = usize::try_from(sent.token).unwrap() - 1;
        let was_out = self.stage(|stage| core::mem::replace(&mut stage.sent[place].is_out, false));
        assert!(was_out, "{} was answered or cancelled", sent.url);
        let size = reply.body.len();
        self.stage(|stage| stage.answering = Some((sent.root, reply)));
        self.host.enter(sent.owner);
        // The SDK drops an answer for a context that is gone.
        if let Some(stream) = self.streams.get(&sent.owner) {
            stream.callout_answered(&self.host, sent.token, size);
        } else if let Some(root) = self.roots.get_mut(&sent.owner) {
            root.callout_answered(&self.host, sent.token, size);
        }
        self.stage(|stage| stage.answering = None);
    }

    /// Ticks and answers the one callout to this URL.
    pub(super) fn serve(&mut self, part: &str, reply: Reply) {
        self.tick();
        let sent = self.callout(part);
        self.answer(&sent, reply);
    }

    pub(super) fn state(&self, stream: u32) -> State {
        self.stage(|stage| stage.streams[&stream].state.clone())
    }

    /// The local reply to a request.
    pub(super) fn reply(&self, stream: u32) -> Answer {
        let state = self.state(stream);
        let State::Answered(answer) = state else {
            panic!("not answered: {state:?}; {:?}", self.stage(|stage| stage.logs.clone()))
        };
        answer
    }

    pub(super) fn status(&self, stream: u32) -> u16 {
        self.reply(stream).status
    }

    /// The values of a header that the upstream sees.
    pub(super) fn upstream(&self, stream: u32, name: &str) -> Vec<String> {
        assert_eq!(self.state(stream), State::Forwarded, "{:?}", self.stage(|stage| stage.logs.clone()));
        let text = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap();
        self.stage(|stage| {
            let headers = stage.streams[&stream].headers.iter();
            headers
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| text(value))
                .collect()
        })
    }

    pub(super) fn is_forwarded(&self, stream: u32) -> bool {
        self.state(stream) == State::Forwarded
    }

    pub(super) fn is_paused(&self, stream: u32) -> bool {
        self.state(stream) == State::Paused
    }

    /// The value of a counter after the next tick.
    pub(super) fn counter(&mut self, name: &str) -> u64 {
        self.tick();
        self.stage(|stage| {
            stage.counters.iter().find(|(known, _)| known == name).map_or(0, |(_, value)| *value)
        })
    }

    /// Whether a log line contains this.
    pub(super) fn logged(&self, part: &str) -> bool {
        self.stage(|stage| stage.logs.iter().any(|(_, line)| line.contains(part)))
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // Streams go before their root contexts.
        self.streams.clear();
        self.roots.clear();
        let stage = self.host.0.borrow();
        if std::thread::panicking() {
            return;
        }
        assert_eq!(stage.violations, Vec::<String>::new());
        let is_secret = |line: &str| line.contains(sample::GATEWAY_TOKEN) || line.contains("PRIVATE KEY");
        let leaked: Vec<_> = stage.logs.iter().filter(|(_, line)| is_secret(line)).collect();
        assert!(leaked.is_empty(), "secrets in the log: {leaked:?}");
    }
}
