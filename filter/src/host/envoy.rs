//! The only file that names `hostcalls`. Every status becomes an `Option` or a `bool`.

use core::time::Duration;

use cambist_core::time::Timestamp;
use proxy_wasm::{
    hostcalls,
    types::{BufferType, LogLevel, MapType, MetricType, Status},
};

use super::{Callout, CalloutHead, HeaderMap, Host, Level};

#[expect(unsafe_code, reason = "functions of the host")]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, return_data: *mut *mut u8, return_size: *mut usize) -> u32;
    fn proxy_get_shared_data(
        name: *const u8,
        name_size: usize,
        return_data: *mut *mut u8,
        return_size: *mut usize,
        return_cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
}

/// Envoy itself.
#[derive(Clone, Copy, Debug)]
pub struct Envoy;

// === impl Envoy ===

impl Host for Envoy {
    fn log(&self, level: Level, line: &str) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let _ = hostcalls::log(level, line);
    }

    fn now(&self) -> Timestamp {
        let since_epoch = hostcalls::get_current_time()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn random(&self, buffer: &mut [u8]) -> bool {
        getrandom::fill(buffer).is_ok()
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn plugin_configuration(&self, most: usize) -> Vec<u8> {
        hostcalls::get_buffer(BufferType::PluginConfiguration, 0, most).ok().flatten().unwrap_or_default()
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        hostcalls::get_property(path.to_vec()).ok().flatten()
    }

    fn set_tick_period(&self, millis: u32) {
        let _ = hostcalls::set_tick_period(Duration::from_millis(millis.into()));
    }

    fn call_foreign(&self, name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        hostcalls::call_foreign_function(name, Some(arguments)).ok().flatten()
    }

    #[expect(
        unsafe_code,
        clippy::same_length_and_capacity,
        reason = "the SDK's call panics on statuses that it does not list"
    )]
    fn shared_data(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        let (mut data, mut size, mut cas) = (core::ptr::null_mut(), 0, 0);
        // SAFETY: the host reads the name during the call and writes the three out-parameters; they are valid for writes.
        let status = unsafe {
            proxy_get_shared_data(name.as_ptr(), name.len(), &raw mut data, &raw mut size, &raw mut cas)
        };
        if status != Status::Ok as u32 {
            return None;
        }
        let value = if data.is_null() {
            Vec::new()
        } else {
            // SAFETY: the host got this memory from the module's own allocator, for `size` bytes, and gives it away.
            unsafe { Vec::from_raw_parts(data, size, size) }
        };
        // No write has number 0.
        (cas != 0).then_some((value, cas))
    }

    #[expect(unsafe_code, reason = "the SDK's call panics on statuses that it does not list")]
    fn set_shared_data(&self, name: &str, value: &[u8], seen: u32) -> bool {
        // To the host 0 means that whatever is there is overwritten.
        if seen == 0 {
            return false;
        }
        // SAFETY: the host reads both slices during the call and keeps neither.
        let status =
            unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), seen) };
        status == Status::Ok as u32
    }

    fn dispatch(&self, callout: &Callout<'_>) -> Option<u32> {
        let Callout { cluster, method, https, authority, path, headers, body, timeout_ms } = callout;
        let scheme = if *https { "https" } else { "http" };
        let mut all =
            vec![(":method", *method), (":scheme", scheme), (":authority", *authority), (":path", *path)];
        all.extend_from_slice(headers);
        let timeout = Duration::from_millis(u64::from(*timeout_ms).max(1));
        hostcalls::dispatch_http_call(cluster, all, *body, Vec::new(), timeout).ok()
    }

    fn callout_head(&self) -> CalloutHead {
        // The map as a whole: the single getter traps when a reset left no headers at all.
        let headers = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default();
        let text = |name: &str| {
            let value = headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())?;
            String::from_utf8(value).ok()
        };
        CalloutHead {
            status: text(":status").and_then(|status| status.parse().ok()).unwrap_or(0),
            etag: text("etag"),
            cache_control: text("cache-control"),
            age: text("age"),
            expires: text("expires"),
            date: text("date"),
            content_type: text("content-type"),
            retry_after: text("retry-after"),
        }
    }

    fn callout_body(&self, most: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, most).ok().flatten()
    }

    fn select_context(&self, id: u32) -> bool {
        hostcalls::set_effective_context(id).is_ok()
    }

    fn request_headers(&self) -> HeaderMap {
        read_map(MapType::HttpRequestHeaders)
    }

    fn request_trailers(&self) -> HeaderMap {
        read_map(MapType::HttpRequestTrailers)
    }

    fn request_body(&self, most: usize) -> Vec<u8> {
        hostcalls::get_buffer(BufferType::HttpRequestBody, 0, most).ok().flatten().unwrap_or_default()
    }

    fn remove_request_trailer(&self, name: &str) {
        let _ = hostcalls::remove_map_value(MapType::HttpRequestTrailers, name);
    }

    fn remove_request_header(&self, name: &str) {
        let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, name);
    }

    fn set_request_header(&self, name: &str, value: &[u8]) {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value));
    }

    #[expect(unsafe_code, reason = "the SDK's call panics where another filter owns the name")]
    fn set_filter_state(&self, name: &str, value: &[u8]) -> bool {
        // SAFETY: the host reads both slices during the call and keeps neither.
        let status = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
        status == Status::Ok as u32
    }

    fn resume_request(&self) {
        let _ = hostcalls::resume_http_request();
    }

    fn send_response(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let _ = hostcalls::send_http_response(status.into(), headers.to_vec(), Some(body));
    }

    fn define_counter(&self, name: &str) -> Option<u32> {
        hostcalls::define_metric(MetricType::Counter, name).ok()
    }

    fn add_to_counter(&self, id: u32, amount: u64) {
        // Adding nothing is an error to Envoy.
        if let Some(amount) = i64::try_from(amount).ok().filter(|amount| *amount > 0) {
            let _ = hostcalls::increment_metric(id, amount);
        }
    }
}

#[expect(
    unsafe_code,
    clippy::same_length_and_capacity,
    reason = "the SDK's reader of this map panics on names that are not UTF-8"
)]
fn read_map(map: MapType) -> HeaderMap {
    let (mut data, mut size) = (core::ptr::null_mut(), 0);
    // SAFETY: the host writes both out-parameters; they are valid for writes.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
    if status != Status::Ok as u32 || data.is_null() {
        return HeaderMap::default();
    }
    // SAFETY: the host got this memory from the module's own allocator, for `size` bytes, and gives it away.
    HeaderMap::new(unsafe { Vec::from_raw_parts(data, size, size) })
}
