//! One fetch of an issuer's keys for somebody who watches: every step, what was seen, and what to do next.
//!
//! Deliberately absent: any effect. Nothing is stored, no schedule is moved; core's keyring judges as it does for gateways.

use cambist_core::{
    keyring::{Fetched, Keyring, Progress},
    policy::Keys,
    time::Timestamp,
    wire::snapshot::{Issuer, KeySource},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Fetcher, Way,
    request::Answer,
    schedule,
    stages::{Journey, Outcome, Stage, Step, Stop},
};
use crate::{configuration, judgement};

/// What a trial found.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// The issuer's id.
    pub issuer: String,
    /// Whether its keys can be had.
    pub ok: bool,
    /// Who fetches them when it counts.
    pub fetched_by: &'static str,
    /// What that means for this trial.
    pub note: &'static str,
    /// Every step, in order.
    pub stages: Vec<Stage>,
}

/// The keys of the issuer are not fetched by anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingToFetch;

/// Fetches the keys of `issuer` as it is configured.
pub async fn run(fetcher: &Fetcher, issuer: &Issuer, now: Timestamp) -> Result<Trial, NothingToFetch> {
    let (fetched_by, note) = match &issuer.keys {
        KeySource::ControlPlane { .. } => ("control_plane", "these are the steps that every fetch takes"),
        KeySource::Discovery | KeySource::JwksUri { .. } | KeySource::Derived => (
            "gateways",
            "gateways fetch these keys through their own Envoy: its clusters, addresses and certificates may differ from \
             what the control plane sees here",
        ),
        KeySource::Inline { .. } | KeySource::Pushed | KeySource::Carried { .. } => {
            return Err(NothingToFetch);
        }
    };
    let mut journey = Journey::default();
    if let Err(stop) = travel(fetcher, issuer, now, &mut journey).await {
        journey.stopped(stop);
    }
    let stages = journey.finish();
    let ok = stages.iter().all(|stage| stage.outcome == Outcome::Ok);
    Ok(Trial { issuer: issuer.id.clone(), ok, fetched_by, note, stages })
}

async fn travel(
    fetcher: &Fetcher,
    issuer: &Issuer,
    now: Timestamp,
    journey: &mut Journey,
) -> Result<(), Stop> {
    let wrong =
        |(_, detail): (&str, String)| Stop::new(Step::Address, detail, "correct the issuer's document");
    let way = fetcher.way(issuer).map_err(wrong)?;
    let alone = Issuer { enabled: true, ..schedule::as_fetched(issuer) };
    let policy = configuration::policy_of(vec![alone]).map_err(|detail| wrong(("", detail)))?;
    let mut keyring = Keyring::default();
    keyring.adopt(&policy, now);
    let has_document =
        policy.issuer(&issuer.id).is_some_and(|issuer| matches!(issuer.keys, Keys::Discovery(_)));
    let Some(fetch) = keyring.attend(&(), now).fetches.pop() else {
        return Err(wrong(("", String::from("no address says where the keys are"))));
    };
    let answer = fetcher.get(&fetch.endpoint, &way, journey).await?;
    journey.passed(Step::Http, answer.detail.clone());
    if !has_document {
        journey.passed(Step::Document, json!({ "note": "none: the keys have an address of their own" }));
    }
    let mut judge = |answer: &Answer| {
        let ended = Fetched::Answer { status: answer.status, body: &answer.body, max_age: None };
        keyring.conclude(&(), &issuer.id, fetch.ticket, ended, now, 0)
    };
    match judge(&answer) {
        Progress::Next(next) => {
            journey.passed(Step::Document, document(&answer));
            let answer = second(fetcher, &next.endpoint, &way).await?;
            judge(&answer);
            keys(issuer, &answer, journey)
        }
        Progress::Settled { failure: Some(_), .. } if has_document => Err(misfit(&issuer.iss, &answer)),
        Progress::Settled { .. } | Progress::Ignored => keys(issuer, &answer, journey),
    }
}

/// The second of two requests: its steps are part of the last stage.
async fn second(
    fetcher: &Fetcher,
    endpoint: &cambist_core::endpoint::Endpoint,
    way: &Way,
) -> Result<Answer, Stop> {
    fetcher.get(endpoint, way, &mut Journey::default()).await.map_err(|stop| {
        let error = format!("the key set cannot be fetched ({}): {}", stop.step.name(), stop.error);
        Stop { step: Step::Keys, error, ..stop }
    })
}

fn keys(issuer: &Issuer, answer: &Answer, journey: &mut Journey) -> Result<(), Stop> {
    let next = "ask the issuer's operator; without a usable key every token is refused";
    let judged =
        judgement::judge(&answer.body).map_err(|invalid| Stop::new(Step::Keys, invalid.to_string(), next))?;
    let used = judgement::used(&judged.jwks, &issuer.algorithms);
    let fits = used.iter().any(|key| !key.algorithms.is_empty());
    let detail = json!({ "keys": used, "skipped": judged.skipped });
    if used.is_empty() {
        return Err(Stop::new(Step::Keys, "the key set holds no usable key", next).with(detail));
    }
    if !fits {
        let error = format!("no key goes with the issuer's `algorithms` ({})", issuer.algorithms.join(", "));
        return Err(Stop::new(Step::Keys, error, "name the algorithms of the keys there").with(detail));
    }
    journey.passed(Step::Keys, detail);
    Ok(())
}

fn document(answer: &Answer) -> Value {
    let document: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    json!({ "issuer": document.get("issuer"), "jwks_uri": document.get("jwks_uri") })
}

/// Why a discovery document was not taken.
pub(super) fn misfit(iss: &str, answer: &Answer) -> Stop {
    let detail = document(answer);
    let member = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(issuer), Some(uri)) = (member("issuer"), member("jwks_uri")) else {
        let error = "the answer is no discovery document: it needs the members `issuer` and `jwks_uri`";
        return Stop::new(Step::Document, error, "set `keys.uri` if the issuer has no such document")
            .with(detail);
    };
    if issuer != iss {
        let error = format!("the document is of `{issuer}`, the issuer's `iss` is `{iss}`");
        return Stop::new(Step::Document, error, hint(iss, &issuer)).with(detail);
    }
    let error = format!("the document sends to `{uri}`, which is on another host or cannot be asked");
    Stop::new(Step::Document, error, "set `keys.uri` to this address if it is the issuer's own").with(detail)
}

/// What makes two issuer texts differ that look alike.
fn hint(iss: &str, found: &str) -> &'static str {
    let bare = |text: &str| text.trim().trim_end_matches('/').to_owned();
    let host = |text: &str| text.split_once("://").map_or(text, |(_, rest)| rest).to_owned();
    let port = |text: &str| text.replacen(":443", "", 1);
    if host(iss) == "accounts.google.com" && host(found) == "accounts.google.com" {
        return "Google's tokens may say either; make two issuers, one for each text, the other with `keys.uri`";
    }
    if iss.trim() == found.trim() {
        return "they differ by white space; `iss` must be the issuer's text, byte for byte";
    }
    if bare(iss) == bare(found) {
        return "they differ by the slash at the end; `iss` must be the issuer's text, byte for byte";
    }
    if host(iss) == host(found) {
        return "they differ by the scheme; `iss` must be the issuer's text, byte for byte";
    }
    if port(iss) == port(found) {
        return "they differ by the port; `iss` must be the issuer's text, byte for byte";
    }
    if iss.eq_ignore_ascii_case(found) {
        return "they differ by upper and lower case; `iss` must be the issuer's text, byte for byte";
    }
    "check that the address is of this issuer; its tokens say in `iss` what must stand here"
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn tells_near_misses_apart() {
        for (iss, found, what) in [
            ("https://a.example", "https://a.example/", "slash"),
            ("https://a.example", "http://a.example", "scheme"),
            ("https://a.example", "https://A.example", "case"),
            ("https://a.example", "https://a.example:443", "port"),
            ("https://a.example", "https://a.example ", "white space"),
            ("accounts.google.com", "https://accounts.google.com", "Google"),
            ("https://a.example", "https://b.example", "check that the address"),
        ] {
            assert!(hint(iss, found).contains(what), "{iss} {found}: {}", hint(iss, found));
        }
    }
}
