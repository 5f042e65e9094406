//! Kinds of requests: how often each is sent, and which answers are right.

use std::fmt;

use super::tally::Outcome;

/// What is sent. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Good,
    GoodBody,
    IdentityHeaders,
    ValueBytes,
    ValueControls,
    ManyHeaders,
    LargeHeaders,
    OddMethod,
    OddPath,
    MissingPart,
    TokenBytes,
    TokenAltered,
    TokenForged,
    TokenUnknownKid,
    TokenGiant,
    TokenDots,
    TwoCredentials,
    NoCredential,
    RefusedBody,
    Connect,
    Smuggle,
    CutHead,
    CutBody,
    CutFetch,
}

/// What may become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// It has a good credential and nothing else is wrong: 200.
    Passes,
    /// It has a good credential, and something that Envoy or the filter may object to.
    MayPass,
    /// It has no good credential.
    Never,
}

/// The protocol of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Kind, name, what is right, and how often in a thousand over each protocol.
const ROWS: [(Kind, &str, Right, usize, usize); 24] = [
    (Kind::Good, "good", Right::Passes, 280, 280),
    (Kind::GoodBody, "good-body", Right::Passes, 20, 20),
    (Kind::IdentityHeaders, "identity-headers", Right::Passes, 40, 40),
    (Kind::ValueBytes, "value-bytes", Right::MayPass, 150, 140),
    (Kind::ValueControls, "value-controls", Right::MayPass, 15, 10),
    (Kind::ManyHeaders, "headers-1100", Right::MayPass, 8, 8),
    (Kind::LargeHeaders, "headers-60k", Right::MayPass, 8, 8),
    (Kind::OddMethod, "odd-method", Right::MayPass, 10, 35),
    (Kind::OddPath, "odd-path", Right::MayPass, 40, 40),
    (Kind::MissingPart, "missing-part", Right::MayPass, 10, 10),
    (Kind::TokenBytes, "token-bytes", Right::Never, 80, 80),
    (Kind::TokenAltered, "token-altered", Right::Never, 120, 120),
    (Kind::TokenForged, "token-forged", Right::Never, 40, 40),
    (Kind::TokenUnknownKid, "token-unknown-kid", Right::Never, 5, 5),
    (Kind::TokenGiant, "token-giant", Right::Never, 10, 10),
    (Kind::TokenDots, "token-dots", Right::Never, 29, 30),
    (Kind::TwoCredentials, "two-credentials", Right::Never, 35, 35),
    (Kind::NoCredential, "no-credential", Right::Never, 25, 24),
    (Kind::RefusedBody, "refused-body", Right::Never, 10, 10),
    (Kind::Connect, "connect", Right::Never, 5, 5),
    (Kind::Smuggle, "smuggle", Right::MayPass, 5, 0),
    (Kind::CutHead, "cut-head", Right::MayPass, 25, 20),
    (Kind::CutBody, "cut-body", Right::MayPass, 20, 20),
    (Kind::CutFetch, "cut-fetch", Right::Never, 10, 10),
];

// === impl Kind ===

impl Kind {
    /// The kind that the number `draw` below 1000 stands for.
    pub(crate) fn drawn(protocol: Protocol, mut draw: usize) -> Self {
        for (kind, .., h1, h2) in ROWS {
            let weight = if protocol == Protocol::Http1 { h1 } else { h2 };
            match draw.checked_sub(weight) {
                Some(rest) => draw = rest,
                None => return kind,
            }
        }
        Self::Good
    }

    /// The kind of this name.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        ROWS.iter().find(|(_, known, ..)| known.as_bytes() == name).map(|(kind, ..)| *kind)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// What may become of it.
    pub(crate) fn right(self) -> Right {
        self.row().2
    }

    /// Whether it is likely to be refused.
    pub(crate) fn is_refused(self) -> bool {
        self.right() == Right::Never || matches!(self, Self::OddMethod | Self::OddPath)
    }

    /// Whether `outcome` is one that it may have.
    pub(crate) fn allows(self, outcome: Outcome) -> bool {
        let passed = matches!(outcome, Outcome::Status(200..=299));
        // Envoy itself answers 501 to what it does not implement.
        let failed = matches!(outcome, Outcome::Status(500 | 502..) | Outcome::Silence);
        match self.right() {
            Right::Passes => outcome == Outcome::Status(200),
            Right::MayPass => !failed,
            // The keys of the issuer that these name are out of reach.
            Right::Never if self == Self::CutFetch => !passed && outcome != Outcome::Silence,
            Right::Never => !passed && !failed,
        }
    }

    fn row(self) -> (Self, &'static str, Right) {
        let row = ROWS.iter().find(|(kind, ..)| *kind == self).expect("every kind has a row");
        (row.0, row.1, row.2)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Protocol, ROWS};

    #[test]
    fn weights_add_up_to_a_thousand() {
        let sum =
            |of: fn(&(usize, usize)) -> usize| ROWS.iter().map(|(.., h1, h2)| of(&(*h1, *h2))).sum::<usize>();
        assert_eq!((sum(|pair| pair.0), sum(|pair| pair.1)), (1000, 1000));
    }

    #[test]
    fn every_kind_is_drawn_and_found_by_its_name() {
        for (kind, name, _, h1, h2) in ROWS {
            assert_eq!(Kind::named(name.as_bytes()), Some(kind));
            for (protocol, weight) in [(Protocol::Http1, h1), (Protocol::Http2, h2)] {
                let drawn = (0..1000).filter(|draw| Kind::drawn(protocol, *draw) == kind).count();
                assert_eq!(drawn, weight, "{name}");
            }
        }
    }
}
