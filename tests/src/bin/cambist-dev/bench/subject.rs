//! What is measured: an Envoy per case and algorithm, and the tokens it is sent.

use std::fs;
use std::path::{Path, PathBuf};

use cambist_tests::envoy::{Envoy, Setup, config};
use cambist_tests::issuer::{AUDIENCE, Issuer};
use cambist_tests::jwt::{self, Key};
use cambist_tests::policy::{KEY_ENV, Policy};
use cambist_tests::stage;
use serde_json::json;

/// What stands between client and upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Nothing.
    NoAuth,
    /// Envoy's own filter, verifying each time.
    JwtAuthn,
    /// Envoy's own filter with its cache.
    JwtAuthnCached,
    /// Cambist, verifying.
    Verify,
    /// Cambist, verifying and minting.
    Exchange,
}

/// Which tokens are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// One, again and again.
    Repeated,
    /// Ten thousand in turn: more than a cache holds.
    Distinct,
}

/// How many distinct tokens there are.
const DISTINCT: usize = 10_000;

/// They are used for the whole run.
const LIFETIME_SECONDS: i64 = 4 * 3_600;

// === impl Case ===

impl Case {
    /// Every case, in the order of the table.
    pub(crate) const ALL: [Self; 5] =
        [Self::NoAuth, Self::JwtAuthn, Self::JwtAuthnCached, Self::Verify, Self::Exchange];

    /// Those that depend on the algorithm when no token is seen twice.
    pub(crate) const OF_OTHERS: [Self; 3] = [Self::JwtAuthn, Self::Verify, Self::Exchange];

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoAuth => "no_auth",
            Self::JwtAuthn => "jwt_authn",
            Self::JwtAuthnCached => "jwt_authn_cached",
            Self::Verify => "verify",
            Self::Exchange => "exchange",
        }
    }

    /// Whether it is ours.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Verify | Self::Exchange)
    }

    /// Starts it for tokens of `issuer`, with one worker on the core `core`.
    pub(crate) async fn start(self, issuer: &Issuer, upstream: u16, core: usize) -> Envoy {
        let filter = match self {
            Self::NoAuth => None,
            Self::JwtAuthn | Self::JwtAuthnCached => Some(config::jwt_authn(&config::JwtAuthn {
                issuer: issuer.iss(),
                audience: AUDIENCE,
                keys_url: &issuer.keys_url(),
                cluster: "issuer",
                cached: self == Self::JwtAuthnCached,
            })),
            Self::Verify => Some(config::cambist(&Policy::verify(issuer).inline())),
            Self::Exchange => Some(config::cambist(&Policy::exchange(issuer).inline())),
        };
        let clusters = [
            config::cluster("upstream", upstream),
            config::cluster("issuer", issuer.port()),
            config::forward_proxy(),
        ];
        let filters: Vec<_> = filter.into_iter().collect();
        let mut setup = Setup::new(1, stage::bootstrap(&filters, &clusters));
        setup.wrapper = vec!["taskset".to_owned(), "--cpu-list".to_owned(), core.to_string()];
        setup.env(KEY_ENV, &Key::p256("minting").pkcs8()).start().await
    }
}

// === impl Tokens ===

impl Tokens {
    /// Both kinds.
    pub(crate) const ALL: [Self; 2] = [Self::Repeated, Self::Distinct];

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Distinct => "distinct",
        }
    }

    /// Writes tokens of `issuer` into a file of `folder`, one per line.
    pub(crate) fn write(self, issuer: &Issuer, folder: &Path) -> PathBuf {
        let count = if self == Self::Repeated { 1 } else { DISTINCT };
        let lines: Vec<_> = (0..count).map(|number| token(issuer, number) + "\n").collect();
        let path = folder.join(format!("tokens-{}-{}", issuer.key().alg(), self.name()));
        fs::write(&path, lines.concat()).expect("tokens can be written");
        path
    }
}

/// A token with the shape and size of a Kubernetes service account's.
fn token(issuer: &Issuer, number: usize) -> String {
    let mut claims = issuer.claims(&format!("system:serviceaccount:shop:cart-{number}"));
    claims["aud"] = json!([AUDIENCE]);
    claims["exp"] = json!(jwt::now() + LIFETIME_SECONDS);
    claims["jti"] = json!(format!("7f1c1c5e-52d5-4a3a-9a53-{number:012}"));
    claims["kubernetes.io"] = json!({
        "namespace": "shop",
        "node": { "name": "node-17", "uid": "5c3e3f39-2f0f-4c0e-8f6c-0d5d4c8f3a10" },
        "pod": { "name": format!("cart-{number}-x7d2k"), "uid": "2d0e6a1e-77b0-4f2e-a9c2-64fb2b3f8f55" },
        "serviceaccount": { "name": format!("cart-{number}"), "uid": "f3b8a1f2-9f6e-4a39-8a41-5a2b1f0d7c44" },
    });
    issuer.sign(&claims)
}
