//! What is right and wrong with an access token of ours. Deliberately absent: the network and the clock.

use cambist_core::{
    claims::{Claims, TimeRules},
    crypto::RustCrypto,
    denial::Denial,
    exchange::{
        mint::{SVID_TYP, TYP},
        spiffe_id::SpiffeTemplate,
    },
    jose::{alg::Alg, compact::UntrustedToken, key_set::KeySet, verify::verify},
    time::Timestamp,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::rfc3339;

/// Algorithms that access tokens are signed with.
const ALGORITHMS: [Alg; 2] = [Alg::Es256, Alg::Rs256];
/// What clocks may differ by, in seconds. An `exp` has no leeway.
const CLOCK_SKEW: u32 = 60;

/// What a verifier is configured with, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The authority, exactly as its tokens have it.
    pub authority: &'a str,
    /// Whom the token must be for.
    pub audience: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub seen: String,
    /// What to do where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well.
    Ok,
    /// A verifier refuses the token for it.
    Failed,
    /// Something before it failed.
    NotReached,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// What was looked at, in order.
    pub checks: Vec<Check>,
    /// The token's header, if it can be read.
    pub header: Option<Value>,
    /// Its claims, if they can be read; to be believed only where no check failed.
    pub claims: Option<Value>,
}

// === impl Check ===

impl Check {
    /// It went well.
    pub fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, seen: seen.into(), next: None }
    }

    /// It failed.
    pub fn failed(check: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Failed, seen: seen.into(), next: Some(next.into()) }
    }

    /// It was not reached.
    pub const fn not_reached(check: &'static str) -> Self {
        Self { check, outcome: Outcome::NotReached, seen: String::new(), next: None }
    }

    fn when(check: &'static str, holds: bool, seen: impl Into<String>, next: &str) -> Self {
        if holds { Self::ok(check, seen) } else { Self::failed(check, seen, next) }
    }
}

/// Judges `token` by the authority's `keys`, if they are known. Every check that can be made is made.
pub fn judge(token: &[u8], asked: &Asked<'_>, keys: Option<&KeySet>) -> Findings {
    let parsed = match UntrustedToken::parse(token) {
        Ok(parsed) => parsed,
        Err(denial) => {
            let next = "give the three parts of one signed token and nothing else; ours are ES256 or RS256";
            let mut checks = vec![Check::failed("form", denial.reason(), next)];
            checks.extend(
                ["signature", "type", "claims", "authority", "audience", "times"].map(Check::not_reached),
            );
            return Findings { checks, header: None, claims: None };
        }
    };
    let header = header_of(token);
    let members: Option<Map<String, Value>> = serde_json::from_slice(parsed.payload()).ok();
    let kind = typ(parsed.typ());
    let said = match kind.outcome {
        Outcome::Ok => claims(parsed.typ(), header.as_ref(), members.as_ref()),
        Outcome::Failed | Outcome::NotReached => Check::not_reached("claims"),
    };
    let form = Check::ok("form", format!("{} bytes", token.len()));
    let mut checks = vec![form, signature(&parsed, keys), kind, said];
    match Claims::parse(parsed.payload()) {
        Ok(claims) => {
            checks.extend([authority(&claims, asked), audience(&claims, asked), times(&claims, asked)]);
        }
        Err(denial) => {
            let next =
                "a token of ours has iss, sub, aud and exp, of the types of RFC 7519; this is another's";
            checks.push(Check::failed("authority", denial.reason(), next));
            checks.extend(["audience", "times"].map(Check::not_reached));
        }
    }
    Findings { checks, header: header.map(Value::Object), claims: members.map(Value::Object) }
}

fn header_of(token: &[u8]) -> Option<Map<String, Value>> {
    let first = token.split(|byte| *byte == b'.').next()?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(first).ok()?).ok()
}

fn signature(token: &UntrustedToken<'_>, keys: Option<&KeySet>) -> Check {
    const NAME: &str = "signature";
    let Some(keys) = keys else { return Check::not_reached(NAME) };
    let alg = token.alg().name();
    let kid = token.kid().unwrap_or("(no kid)");
    let typ = token.typ().map(|typ| vec![typ.to_owned()]);
    match verify(token, &ALGORITHMS, typ.as_deref(), keys, &RustCrypto) {
        Ok(_) => Check::ok(NAME, format!("{alg} by {kid}")),
        Err(denial) => {
            let next = if denial == Denial::UnknownKid {
                "no published key has this kid: the token is of another authority, or its key has been retired"
            } else if denial == Denial::BadSignature {
                "the token was changed on its way, or another's key has the same kid"
            } else {
                "ours are ES256 or RS256, as their key says; the token is another's"
            };
            Check::failed(NAME, format!("{alg} by {kid}: {}", denial.reason()), next)
        }
    }
}

/// RFC 9068 §4 and JWT-SVID §2.3.
fn typ(typ: Option<&str>) -> Check {
    let known = is_access_token(typ) || typ == Some(SVID_TYP);
    let seen = typ.unwrap_or("(no typ)");
    Check::when(
        "type",
        known,
        seen,
        "access tokens are `at+jwt`, and `JWT` where the binding's profile is `jwt-svid`",
    )
}

fn is_access_token(typ: Option<&str>) -> bool {
    let bare = typ.map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    bare.is_some_and(|bare| bare.eq_ignore_ascii_case(TYP))
}

/// What the profile demands beside what every verifier looks at (RFC 9068 §2.2, JWT-SVID §2 and §3).
fn claims(
    typ: Option<&str>,
    header: Option<&Map<String, Value>>,
    members: Option<&Map<String, Value>>,
) -> Check {
    const NAME: &str = "claims";
    let Some(members) = members else {
        return Check::failed(NAME, "no JSON object", "the token is none of ours");
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if is_access_token(typ) {
        let texts = ["iss", "sub", "client_id", "jti"].into_iter().filter(|name| text(name).is_none());
        let times =
            ["exp", "iat"].into_iter().filter(|name| !members.get(*name).is_some_and(Value::is_number));
        let missing: Vec<_> = texts.chain(times).collect();
        let seen = if missing.is_empty() {
            String::from("all of RFC 9068")
        } else {
            format!("without {}", missing.join(", "))
        };
        return Check::when(
            NAME,
            missing.is_empty(),
            seen,
            "RFC 9068 §2.2 requires them; the token is none of ours",
        );
    }
    let sub = text("sub").unwrap_or("(no sub)");
    let is_spiffe_id = !sub.contains("${") && SpiffeTemplate::parse(sub).is_ok();
    let lone = match members.get("aud") {
        Some(Value::Array(list)) => list.len() == 1,
        other => other.is_some_and(Value::is_string),
    };
    let plain =
        header.is_some_and(|header| header.keys().all(|name| ["alg", "kid", "typ"].contains(&name.as_str())));
    let next = "a JWT-SVID has a SPIFFE ID as its `sub`, one `aud`, and only alg, kid and typ in its header";
    Check::when(NAME, is_spiffe_id && lone && plain, format!("JWT-SVID of {sub}"), next)
}

fn authority(claims: &Claims, asked: &Asked<'_>) -> Check {
    let (seen, wanted) = (claims.iss(), asked.authority);
    let next = if seen.trim_end_matches('/') == wanted.trim_end_matches('/') {
        "only a final slash differs: verifiers compare every byte, so configure them with what the token says"
    } else {
        "the token is of another authority; give the right one with --authority"
    };
    Check::when("authority", seen == wanted, seen, next)
}

fn audience(claims: &Claims, asked: &Asked<'_>) -> Check {
    let seen = claims.audiences();
    let holds = seen.iter().any(|audience| audience == asked.audience);
    let next =
        "ask for this target: on the route, in the request, or as the first of the binding's `targets`";
    Check::when("audience", holds, seen.join(", "), next)
}

fn times(claims: &Claims, asked: &Asked<'_>) -> Check {
    let rules = TimeRules { clock_skew: CLOCK_SKEW, exp_leeway: 0, max_lifetime: u32::MAX, max_age: None };
    let at = |secs| rfc3339(Timestamp::from_secs(secs));
    let start = claims.nbf().max(claims.iat()).map_or_else(|| String::from("?"), at);
    let seen = format!("{start} to {}, now {}", at(claims.exp()), rfc3339(asked.now));
    let next = match claims.check_times(&rules, asked.now) {
        Ok(()) => return Check::ok("times", seen),
        Err(Denial::TokenExpired) => "exchange again; an access token lives for minutes",
        Err(_) => "check the clocks of this machine and of what minted the token",
    };
    Check::failed("times", seen, next)
}

#[cfg(test)]
mod tests;
