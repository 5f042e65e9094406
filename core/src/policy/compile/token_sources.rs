//! Compiling the places where routes look for tokens.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use super::Compiler;
use crate::{
    policy::{
        Faults, IdentityHeaders, TokenHeaders, TokenSources, header_name::is_usable,
        token_sources::HeaderSource,
    },
    wire::snapshot as wire,
};

/// Most places that one route looks at.
const MAX_SOURCES: usize = 8;
/// Longest prefix, name of a query parameter or name of a cookie, in bytes.
const MAX_BYTES: usize = 63;

impl Compiler {
    /// The sources of route `id`; `forward` is whether it hands its token on.
    pub(super) fn token_sources(
        &mut self,
        id: &str,
        listed: Vec<wire::TokenSource>,
        forward: bool,
    ) -> TokenSources {
        if listed.is_empty() || listed.len() > MAX_SOURCES {
            let detail = format!("must name 1 to {MAX_SOURCES} places; leave it out for `authorization`");
            self.fault("route", id, "token_sources", detail);
        }
        let mut sources = TokenSources { authorization: false, ..TokenSources::default() };
        for source in listed {
            if let Err(detail) = add(&mut sources, source) {
                self.fault("route", id, "token_sources", detail);
            }
        }
        if forward && !(sources.queries.is_empty() && sources.cookies.is_empty()) {
            let detail = "hands no token on from a query parameter or cookie: there it is always cut out";
            self.fault("route", id, "forward", detail);
        }
        let names = sources.headers.iter().map(|header| Arc::clone(&header.name));
        let cookie = (!sources.cookies.is_empty()).then(|| Arc::from("cookie"));
        self.token_headers.extend(names.chain(cookie).map(|name| (String::from(id), name)));
        sources
    }
}

/// The headers that routes read tokens from. An identity header is gone before any route is looked at.
pub(super) fn index(
    listed: &[(String, Arc<str>)],
    identity_headers: &IdentityHeaders,
    faults: &mut Faults,
) -> TokenHeaders {
    let mut headers = TokenHeaders::default();
    for (route, name) in listed {
        if identity_headers.contains(name.as_bytes()) {
            let detail =
                format!("header {name:?} is an identity header, which is removed from every request");
            faults.add(format!("route/{route}/token_sources"), detail);
        }
        headers.add(name);
    }
    headers
}

fn add(sources: &mut TokenSources, source: wire::TokenSource) -> Result<(), String> {
    match source {
        wire::TokenSource::Authorization if sources.authorization => Err(twice("authorization")),
        wire::TokenSource::Authorization => {
            sources.authorization = true;
            Ok(())
        }
        wire::TokenSource::Header(wire::HeaderSource { name, prefix }) => {
            if !is_usable(&name, b"-_.") {
                return Err(format!(
                    "header {name:?} must have 1 to 63 of a-z, 0-9, `-`, `_` and `.`, and have no other meaning"
                ));
            }
            // A comma would make one value look like two.
            let plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b',';
            if prefix.len() > MAX_BYTES || prefix.starts_with(' ') || !prefix.bytes().all(plain) {
                return Err(format!(
                    "prefix of header {name:?} must have at most 63 visible ASCII characters and spaces, no comma and no \
                     space before them"
                ));
            }
            if sources.headers.iter().any(|known| *known.name == *name) {
                return Err(twice(&name));
            }
            sources.headers.push(HeaderSource { name: name.into(), prefix });
            Ok(())
        }
        wire::TokenSource::Query(name) => add_named(&mut sources.queries, name, "query parameter"),
        wire::TokenSource::Cookie(name) => add_named(&mut sources.cookies, name, "cookie"),
    }
}

/// Only characters that are written in one way (RFC 3986 §2.3).
fn add_named(names: &mut Vec<String>, name: String, kind: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if name.is_empty() || name.len() > MAX_BYTES || !name.bytes().all(plain) {
        return Err(format!("{kind} {name:?} must have 1 to 63 letters, digits, `-`, `.`, `_` and `~`"));
    }
    if names.contains(&name) {
        return Err(twice(&name));
    }
    names.push(name);
    Ok(())
}

fn twice(name: &str) -> String {
    format!("{name:?} is there twice; drop one")
}
