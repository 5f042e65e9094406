//! Which addresses the control plane may be sent to. An issuer's URL comes from an administrator and its name from
//! whoever runs the DNS: neither may make this service talk to its own machine, its neighbours or a cloud's metadata.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anyone's.
    Public,
    /// Of this machine or its network: for issuers with `allow_private` only.
    Private(&'static str),
    /// Never an issuer's.
    Forbidden(&'static str),
}

/// What the host of a URL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name to resolve.
    Name(&'a str),
    /// An address in its one canonical spelling.
    Literal(IpAddr),
    /// Something that one reader takes for an address and another for a name, such as `127.1` or `0x7f000001`.
    Ambiguous,
}

const LINK_LOCAL: Reach = Reach::Forbidden("link-local or cloud metadata");
const METADATA: Reach = Reach::Forbidden("cloud metadata");
const RESERVED: Reach = Reach::Forbidden("reserved");
const DOCUMENTATION: Reach = Reach::Forbidden("documentation");
const MULTICAST: Reach = Reach::Forbidden("multicast");

/// Names that lead to what [`reach`] denies, for where somebody else resolves them. In lower case.
const LOCAL_NAMES: [&str; 4] = ["localhost", "metadata", "metadata.google.internal", "instance-data"];

/// What `address` is, wherever an IPv4 address is hidden in it.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// Reads the host of a URL: in lower case, IPv6 in brackets.
pub fn host(text: &str) -> Host<'_> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse().map_or(Host::Ambiguous, |address| Host::Literal(IpAddr::V6(address)));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        // With a final dot it is read as a name by some.
        return if name == text { Host::Literal(IpAddr::V4(address)) } else { Host::Ambiguous };
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(hex);
    if number { Host::Ambiguous } else { Host::Name(name) }
}

/// Whether `name` leads to this machine or to metadata by custom.
pub fn is_local_name(name: &str) -> bool {
    LOCAL_NAMES.contains(&name) || name.ends_with(".localhost")
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [169, 254, ..] => LINK_LOCAL,
        // Alibaba, Oracle and Azure have theirs outside the link-local range.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => METADATA,
        [0, ..] => Reach::Forbidden("unspecified"),
        [127, ..] => Reach::Private("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("private"),
        [100, 64..=127, ..] => Reach::Private("shared (CGNAT)"),
        [198, 18 | 19, ..] => Reach::Private("benchmarking"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => DOCUMENTATION,
        [224..=239, ..] => MULTICAST,
        [255, 255, 255, 255] => Reach::Forbidden("broadcast"),
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => RESERVED,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Forbidden("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private("loopback"),
        // IPv4-compatible, IPv4-mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => METADATA,
        [0xfc00..=0xfdff, ..] => Reach::Private("unique local"),
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => DOCUMENTATION,
        // Teredo, ORCHID and other protocols that wrap addresses.
        [0x2001, 0..=0x1ff, ..] => RESERVED,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => RESERVED,
    }
}

// === impl Reach ===

impl Reach {
    /// Why an issuer with this `allow_private` may not have such an address.
    pub const fn denial(self, allow_private: bool) -> Option<&'static str> {
        match self {
            Self::Public => None,
            Self::Private(_) if allow_private => None,
            Self::Private(what) | Self::Forbidden(what) => Some(what),
        }
    }
}

#[cfg(test)]
mod tests;
