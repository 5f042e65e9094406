//! Where Envoy comes in: the SDK's traits, each method a line that calls the filter.

use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::{Action, ContextType, LogLevel},
};

use crate::{
    host::{Host as _, envoy::Envoy},
    root::Root,
    stream::{Next, Stream},
};

struct RootEntry(Root);

struct StreamEntry(Stream);

proxy_wasm::main! {{
    // First: this also installs the panic hook that writes to Envoy's log.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(RootEntry(Root::new(id))));
}}

impl Context for RootEntry {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        self.0.callout_answered(&Envoy, token, body_size);
    }
}

impl RootContext for RootEntry {
    fn on_configure(&mut self, size: usize) -> bool {
        self.0.configure(&Envoy, &Envoy.plugin_configuration(size))
    }

    fn on_tick(&mut self) {
        self.0.tick(&Envoy);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(StreamEntry(self.0.stream(id))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for StreamEntry {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        self.0.callout_answered(&Envoy, token, body_size);
    }
}

impl HttpContext for StreamEntry {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        action(self.0.on_request_headers(&Envoy, end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        action(self.0.on_request_body(&Envoy, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _trailers: usize) -> Action {
        action(self.0.on_request_trailers(&Envoy))
    }
}

const fn action(next: Next) -> Action {
    match next {
        Next::Continue => Action::Continue,
        Next::Pause => Action::Pause,
    }
}
