//! What an authority publishes, fetched as any verifier does: discovery, then the keys it names.

use std::{fs, path::Path};

use cambist_core::{endpoint::Endpoint, jose::key_set::KeySet};
use serde_json::{Map, Value};

use super::{Check, CommandError};
use crate::fetching::{Fetcher, Way, request::Answer, stages::Journey};

const DISCOVERY: &str = "discovery";
const KEYS: &str = "keys";

/// The authority's keys, if they can be had, and what was seen on the way.
pub(super) async fn published(
    authority: &str,
    allow_http: bool,
    ca: Option<&Path>,
) -> Result<(Vec<Check>, Option<KeySet>), CommandError> {
    let pem =
        ca.map(|path| fs::read_to_string(path).map_err(|error| CommandError::File(path.to_owned(), error)));
    let pem = pem.transpose()?;
    let fetcher = Fetcher::default();
    let way = fetcher.own_way(pem.as_deref()).map_err(|invalid| {
        CommandError::Roots(ca.map(Path::to_owned).unwrap_or_default(), invalid.to_string())
    })?;
    let mut checks = Vec::new();
    let keys = match discover(&fetcher, &way, authority, allow_http).await {
        Ok((seen, uri)) => {
            checks.push(Check::ok(DISCOVERY, seen));
            match keys(&fetcher, &way, &uri, allow_http).await {
                Ok((seen, keys)) => {
                    checks.push(Check::ok(KEYS, seen));
                    Some(keys)
                }
                Err((seen, next)) => {
                    checks.push(Check::failed(KEYS, seen, next));
                    None
                }
            }
        }
        Err((seen, next)) => {
            checks.push(Check::failed(DISCOVERY, seen, next));
            checks.push(Check::not_reached(KEYS));
            None
        }
    };
    Ok((checks, keys))
}

type Failure = (String, String);

/// The address of the keys (OpenID Connect Discovery §4.3: the document's `issuer` must be the authority to the byte).
async fn discover(
    fetcher: &Fetcher,
    way: &Way,
    authority: &str,
    allow_http: bool,
) -> Result<(String, String), Failure> {
    let base = authority.strip_suffix('/').unwrap_or(authority);
    let url = format!("{base}/.well-known/openid-configuration");
    let answer = fetch(fetcher, way, &url, allow_http).await?;
    let document: Option<Map<String, Value>> = serde_json::from_slice(&answer.body).ok();
    let member = |name| document.as_ref().and_then(|members| members.get(name)).and_then(Value::as_str);
    let (Some(issuer), Some(uri)) = (member("issuer"), member("jwks_uri")) else {
        let seen = format!("{url} has no members `issuer` and `jwks_uri`");
        return Err((seen, "check that the URL is an authority's and what is in front of it".into()));
    };
    if issuer != authority {
        let seen = format!("the document is of `{issuer}`");
        return Err((seen, "give --authority exactly as the document says, final slash and all".into()));
    }
    Ok((format!("{url} names {uri}"), uri.to_owned()))
}

async fn keys(
    fetcher: &Fetcher,
    way: &Way,
    uri: &str,
    allow_http: bool,
) -> Result<(String, KeySet), Failure> {
    let answer = fetch(fetcher, way, uri, allow_http).await?;
    let next = "check what answers at the address; verifiers elsewhere see the same";
    let keys = KeySet::parse(&answer.body).map_err(|invalid| (invalid.to_string(), next.to_owned()))?;
    if keys.is_empty() {
        return Err(("the set holds no usable key".into(), next.into()));
    }
    let names = keys.keys().iter().map(|key| key.kid().unwrap_or("(no kid)"));
    Ok((names.collect::<Vec<_>>().join(", "), keys))
}

async fn fetch(fetcher: &Fetcher, way: &Way, url: &str, allow_http: bool) -> Result<Answer, Failure> {
    let endpoint = Endpoint::parse(url, allow_http).map_err(|invalid| {
        (format!("{url}: {}", invalid.message()), "use https, or --allow-http on your own machine".to_owned())
    })?;
    let answer = fetcher.get(&endpoint, way, &mut Journey::default()).await;
    answer.map_err(|stop| (format!("{url}: {}: {}", stop.step.name(), stop.error), stop.next))
}
