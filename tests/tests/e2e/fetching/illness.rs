//! Everything that is wrong with an issuer while none of its answers may be used.

use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use serde_json::{Value, json};

/// What is wrong with an issuer.
#[derive(Clone, Debug)]
pub(super) enum Illness {
    /// It refuses connections.
    Down,
    /// Its answers.
    Fault(Fault),
    /// What it publishes as its keys, made from the good set.
    Keys(Change),
    /// What it publishes as its discovery document, made from the good one.
    Document(Change),
}

/// What it publishes, made from what would be good.
type Change = fn(Value) -> String;

/// All of them, with a name.
pub(super) fn all() -> Vec<(&'static str, Illness)> {
    let mut all = vec![("refused", Illness::Down)];
    all.extend(FAULTS.map(|(name, fault)| (name, Illness::Fault(fault))));
    all.extend(KEYS.map(|(name, change)| (name, Illness::Keys(change))));
    all.extend(DOCUMENTS.map(|(name, change)| (name, Illness::Document(change))));
    all
}

const FAULTS: [(&str, Fault); 20] = [
    ("accepts and says nothing", Fault::Hold),
    ("slow head", Fault::SlowHead),
    ("slow body", Fault::SlowBody),
    ("reset in the body", Fault::Reset),
    ("truncated", Fault::Truncated),
    ("huge", Fault::Huge),
    ("huge in chunks", Fault::HugeChunked),
    ("html", Fault::Html),
    ("gzip", Fault::Gzip),
    ("301", Fault::Redirect(301)),
    ("302", Fault::Redirect(302)),
    ("303", Fault::Redirect(303)),
    ("307", Fault::Redirect(307)),
    ("308", Fault::Redirect(308)),
    ("204", Fault::Status(204)),
    ("403", Fault::Status(403)),
    ("404", Fault::Status(404)),
    ("429", Fault::Status(429)),
    ("500", Fault::Status(500)),
    ("503", Fault::Status(503)),
];

const KEYS: [(&str, Change); 11] = [
    ("no keys", |_| r#"{"keys":[]}"#.to_owned()),
    ("300 keys", |mut set| {
        let good = set["keys"][0].clone();
        set["keys"] = (0..300).map(|number| with(&good, "kid", &format!("{number}"))).collect();
        set["keys"][299] = good;
        set.to_string()
    }),
    ("101 keys", |mut set| {
        let good = set["keys"][0].clone();
        set["keys"] =
            (0..100).map(|number| with(&good, "kid", &format!("{number}"))).chain([good.clone()]).collect();
        set.to_string()
    }),
    ("trailing comma", |set| set.to_string().replacen(']', ",]", 1)),
    ("text behind", |set| format!("{set} {set}")),
    ("repeated member", |set| set.to_string().replacen('{', r#"{"keys":[],"#, 1)),
    ("a list", |set| set["keys"].to_string()),
    ("no text", |_| String::new()),
    ("cut JSON", |set| set.to_string()[..40].to_owned()),
    ("only a private key", |mut set| {
        set["keys"][0]["d"] = json!("AQAB");
        set.to_string()
    }),
    ("only a key for something else", |mut set| {
        set["keys"][0]["use"] = json!("enc");
        set.to_string()
    }),
];

pub(super) const DOCUMENTS: [(&str, Change); 12] = [
    ("issuer with a slash", |document| changed(document, "issuer", |iss| format!("{iss}/"))),
    ("issuer in capitals", |document| changed(document, "issuer", |iss| iss.replace("http", "HTTP"))),
    ("issuer of another scheme", |document| {
        changed(document, "issuer", |iss| iss.replace("http:", "https:"))
    }),
    ("issuer on another port", |document| changed(document, "issuer", |_| "http://127.0.0.1:1".to_owned())),
    ("issuer missing", |document| without(document, "issuer")),
    ("keys on another host", |document| {
        changed(document, "jwks_uri", |uri| uri.replace("127.0.0.1", "127.0.0.2"))
    }),
    ("keys on another port", |document| {
        changed(document, "jwks_uri", |_| "http://127.0.0.1:1/keys".to_owned())
    }),
    ("keys of another scheme", |document| {
        changed(document, "jwks_uri", |uri| uri.replace("http:", "https:"))
    }),
    ("keys in a file", |document| changed(document, "jwks_uri", |_| "file:///etc/passwd".to_owned())),
    ("keys nowhere", |document| without(document, "jwks_uri")),
    ("document with a trailing comma", |document| document.to_string().replacen('}', ",}", 1)),
    ("document with two issuers", |document| document.to_string().replacen('{', r#"{"issuer":"a","#, 1)),
];

fn with(key: &Value, name: &str, value: &str) -> Value {
    let mut key = key.clone();
    key[name] = json!(value);
    key
}

fn changed(mut document: Value, name: &str, change: impl Fn(&str) -> String) -> String {
    let value = change(document[name].as_str().expect("text"));
    document[name] = json!(value);
    document.to_string()
}

fn without(mut document: Value, name: &str) -> String {
    document.as_object_mut().expect("an object").remove(name);
    document.to_string()
}

impl Illness {
    /// Whether it lies in the discovery document, which must be asked for then.
    pub(super) const fn is_in_document(&self) -> bool {
        matches!(self, Self::Document(_))
    }

    /// Makes `issuer` ill.
    pub(super) async fn befall(&self, issuer: &mut Issuer) {
        match self {
            Self::Down => issuer.go_down().await,
            Self::Fault(fault) => issuer.set_fault(*fault),
            Self::Keys(change) => issuer.publish(change(issuer.jwks())),
            Self::Document(change) => issuer.describe(change(issuer.document())),
        }
    }

    /// Makes `issuer` well again.
    pub(super) async fn pass(&self, issuer: &mut Issuer) {
        match self {
            Self::Down => issuer.come_up().await,
            Self::Fault(_) => issuer.set_fault(Fault::None),
            Self::Keys(_) => issuer.publish_keys(),
            Self::Document(_) => issuer.describe_itself(),
        }
    }
}

/// A new issuer.
pub(super) async fn issuer() -> Issuer {
    Issuer::start(Key::p256("first")).await
}
