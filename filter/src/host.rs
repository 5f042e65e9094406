//! What the filter asks of Envoy: one seam, implemented in one file.

#[cfg(target_arch = "wasm32")]
pub mod envoy;
mod header_map;

use cambist_core::time::Timestamp;

pub use self::header_map::{HeaderMap, Headers};

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something an operator should know.
    Info,
    /// Something an operator should look at.
    Warn,
    /// Something is refused or broken.
    Error,
}

/// An HTTP callout to make.
#[derive(Clone, Debug)]
pub struct Callout<'a> {
    /// Name of an Envoy cluster.
    pub cluster: &'a str,
    /// `GET` or `POST`.
    pub method: &'a str,
    /// `:scheme`.
    pub https: bool,
    /// `:authority`.
    pub authority: &'a str,
    /// `:path`, the query included.
    pub path: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Option<&'a [u8]>,
    /// Milliseconds until it fails; never 0, which would mean none.
    pub timeout_ms: u32,
}

/// The head of a callout's answer.
#[derive(Clone, Debug, Default)]
pub struct CalloutHead {
    /// `:status`; 0 where the answer has none.
    pub status: u16,
    /// `etag`.
    pub etag: Option<String>,
    /// `cache-control`.
    pub cache_control: Option<String>,
    /// `age`.
    pub age: Option<String>,
    /// `expires`.
    pub expires: Option<String>,
    /// `date`.
    pub date: Option<String>,
    /// `content-type`.
    pub content_type: Option<String>,
    /// `retry-after`.
    pub retry_after: Option<String>,
}

/// What the filter asks of Envoy. Nothing here panics; a host that cannot answer says `None` or `false`.
pub trait Host {
    /// Writes a log line. Never a secret (law 10).
    fn log(&self, level: Level, line: &str);
    /// The time.
    fn now(&self) -> Timestamp;
    /// Fills `buffer` with random bytes; false if there are none to be had.
    fn random(&self, buffer: &mut [u8]) -> bool;
    /// The value of an environment variable that `host_env_keys` lets through.
    fn env(&self, name: &str) -> Option<String>;
    /// Up to `most` bytes of the plugin configuration, while it is given.
    fn plugin_configuration(&self, most: usize) -> Vec<u8>;
    /// A property as raw bytes.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;
    /// Asks for a tick of the current root context every `millis`.
    fn set_tick_period(&self, millis: u32);
    /// Calls a foreign function.
    fn call_foreign(&self, name: &str, arguments: &[u8]) -> Option<Vec<u8>>;
    /// What is under `name` in the data that all VMs share, and the number of the write that put it there, never 0.
    fn shared_data(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Writes under `name` if the last write there has number `seen`, or if there was none; false if not.
    fn set_shared_data(&self, name: &str, value: &[u8], seen: u32) -> bool;
    /// Starts a callout of the context that is executing; its number, or `None` if it failed at once.
    fn dispatch(&self, callout: &Callout<'_>) -> Option<u32>;
    /// The head of the answer to a callout, inside its callback.
    fn callout_head(&self) -> CalloutHead;
    /// Up to `most` bytes of the answer to a callout, inside its callback.
    fn callout_body(&self, most: usize) -> Option<Vec<u8>>;
    /// Makes context `id`, a stream or a root, the one that the following calls act on; false if it is gone, and then
    /// the one before stays.
    fn select_context(&self, id: u32) -> bool;
    /// All request headers as bytes, in order; empty if there are too many.
    fn request_headers(&self) -> HeaderMap;
    /// All request trailers as bytes, in order.
    fn request_trailers(&self) -> HeaderMap;
    /// Up to `most` bytes of the request's body as it is there, inside its callback.
    fn request_body(&self, most: usize) -> Vec<u8>;
    /// Removes every copy of a request trailer.
    fn remove_request_trailer(&self, name: &str);
    /// Removes every copy of a request header.
    fn remove_request_header(&self, name: &str);
    /// Replaces every copy of a request header by one.
    fn set_request_header(&self, name: &str, value: &[u8]);
    /// Sets filter state of the request, which Envoy knows as `wasm.` and `name`; false if Envoy does not take it.
    fn set_filter_state(&self, name: &str, value: &[u8]) -> bool;
    /// Lets a paused request go on.
    fn resume_request(&self);
    /// Answers the request.
    fn send_response(&self, status: u16, headers: &[(&str, &str)], body: &[u8]);
    /// Defines a counter; its number.
    fn define_counter(&self, name: &str) -> Option<u32>;
    /// Adds to a counter.
    fn add_to_counter(&self, id: u32, amount: u64);
}
