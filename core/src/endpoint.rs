//! Absolute `http(s)` URLs that the gateway may call. Deliberately absent: userinfo, fragments, resolution, normalising.

use alloc::{format, string::String};

/// An absolute URL split into what an HTTP callout needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    https: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why a URL cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidEndpoint {
    /// Neither `https://` nor `http://`.
    Scheme,
    /// `http` where only `https` is allowed.
    Insecure,
    /// The host or port is empty, malformed or carries user information.
    Authority,
    /// The path holds a fragment, a space or a byte that is no visible ASCII.
    Path,
}

impl Endpoint {
    /// Parses `url`; `http` is accepted only when `allow_http`.
    pub fn parse(url: &str, allow_http: bool) -> Result<Self, InvalidEndpoint> {
        let (https, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(InvalidEndpoint::Scheme),
        };
        if !https && !allow_http {
            return Err(InvalidEndpoint::Insecure);
        }
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(split).ok_or(InvalidEndpoint::Authority)?;
        let (host, port) = split_authority(authority, https)?;
        if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            return Err(InvalidEndpoint::Path);
        }
        let path = if path.starts_with('/') { String::from(path) } else { format!("/{path}") };
        Ok(Self { https, host: host.to_ascii_lowercase(), port, path })
    }

    /// Whether the scheme is `https`.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// The host in lower case, brackets included for IPv6.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's default when the URL has none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, starting with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, the key of the cluster map.
    pub fn host_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The `:authority` of a callout: the port only where it is not the scheme's default.
    pub fn authority(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        if self.port == default { self.host.clone() } else { self.host_port() }
    }

    /// The URL, its host in lower case and without the scheme's default port.
    pub fn url(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.https == other.https && self.host == other.host && self.port == other.port
    }
}

impl InvalidEndpoint {
    /// What to tell the operator.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Scheme => "must be an absolute https:// URL",
            Self::Insecure => "must be https (set allow_http to accept http on loopback)",
            Self::Authority => "must have a valid host, an optional port and no user information",
            Self::Path => "must have a path of visible ASCII characters without a fragment",
        }
    }
}

fn split_authority(authority: &str, https: bool) -> Result<(&str, u16), InvalidEndpoint> {
    let after_host = if authority.starts_with('[') {
        authority.find(']').and_then(|end| end.checked_add(1)).ok_or(InvalidEndpoint::Authority)?
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(after_host).ok_or(InvalidEndpoint::Authority)?;
    let in_brackets = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let valid = match in_brackets {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
        }
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    if !valid {
        return Err(InvalidEndpoint::Authority);
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, if https { 443 } else { 80 })),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map(|port| (host, port)).map_err(|_| InvalidEndpoint::Authority)
        }
        _ => Err(InvalidEndpoint::Authority),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn splits_what_a_callout_needs() {
        let url = Endpoint::parse("https://Issuer.example:8443/a/b?c=d", false).unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("issuer.example", 8443, "/a/b?c=d"));
        assert_eq!(url.authority(), "issuer.example:8443");
        assert_eq!(url.url(), "https://issuer.example:8443/a/b?c=d");
        assert_eq!(Endpoint::parse("https://a.example", false).unwrap().authority(), "a.example");
        assert_eq!(Endpoint::parse("https://a.example:443", false).unwrap().url(), "https://a.example/");
        assert_eq!(Endpoint::parse("http://[::1]:80/x", true).unwrap().host_port(), "[::1]:80");
    }

    #[test]
    fn refuses_what_could_be_read_two_ways() {
        for (url, fault) in [
            ("ftp://a", InvalidEndpoint::Scheme),
            ("HTTPS://a", InvalidEndpoint::Scheme),
            ("http://a", InvalidEndpoint::Insecure),
            ("https://", InvalidEndpoint::Authority),
            ("https://u@a", InvalidEndpoint::Authority),
            ("https://a:", InvalidEndpoint::Authority),
            ("https://a:99999", InvalidEndpoint::Authority),
            ("https://a:+1", InvalidEndpoint::Authority),
            ("https://[::1", InvalidEndpoint::Authority),
            ("https://a/#x", InvalidEndpoint::Path),
            ("https://a/ b", InvalidEndpoint::Path),
            ("https://a\\b", InvalidEndpoint::Authority),
        ] {
            assert_eq!(Endpoint::parse(url, false), Err(fault), "{url}");
        }
    }
}
