//! What a token says (RFC 7519 §4), strictly read. Deliberately absent: who said it, and what follows from it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde_json::{Map, Value};

use crate::{
    denial::Denial,
    json::{self, Shallow},
    time::Timestamp,
};

/// The longest `sub`, in bytes. A SPIFFE ID may have 2048; others are much shorter.
pub const MAX_SUBJECT_BYTES: usize = 2048;

/// `NumericDate` values from here on are refused: 2⁵³ is where JSON numbers stop being exact.
const END_OF_TIME: i64 = 1 << 53;

/// The claims of a token. `iss`, `sub`, `aud` and `exp` are always there. `Debug` shows `iss` and the times only.
#[derive(Clone, PartialEq)]
pub struct Claims {
    iss: String,
    sub: String,
    aud: Vec<String>,
    times: Times,
    jti: Option<String>,
    payload: Vec<u8>,
}

/// When a token is valid. Unix seconds, rounded the way that shortens the validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it ends.
    pub exp: i64,
    /// When it begins.
    pub nbf: Option<i64>,
    /// When it was issued.
    pub iat: Option<i64>,
}

/// How an issuer's times are read. All values are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRules {
    /// Leeway on `nbf` and `iat`.
    pub clock_skew: u32,
    /// Leeway on `exp`. An exchange passes 0.
    pub exp_leeway: u32,
    /// Longest accepted lifetime.
    pub max_lifetime: u32,
    /// Greatest accepted age, without leeway; `None`: any.
    pub max_age: Option<u32>,
}

impl Claims {
    /// Reads the claims of a payload, which must be a strict JSON object.
    ///
    /// Refuses a registered claim of the wrong type, optional ones and `null` included; an `exp` that is missing; a
    /// time that is negative or not less than 2⁵³; a `sub` that is missing, empty, longer than
    /// [`MAX_SUBJECT_BYTES`] or holds a control character (all [`Denial::JwtMalformed`]); a missing `iss`
    /// ([`Denial::IssuerNotAllowed`]); a missing or empty `aud` ([`Denial::AudienceMismatch`]); and `cnf` or `events`
    /// ([`Denial::TypNotAllowed`]), because a token bound to a key (RFC 7800) is no bearer token and a security event
    /// (RFC 8417, logout tokens among them) is no credential, whatever its `typ` says.
    pub fn parse(payload: &[u8]) -> Result<Self, Denial> {
        Self::read(payload.to_vec())?.1
    }

    /// Reads claims as [`Self::parse`] does. The outer error means that the payload is no strict JSON object or its
    /// `iss` no string; otherwise `iss` is known even where other claims are bad.
    pub fn read(payload: Vec<u8>) -> Result<(Option<String>, Result<Self, Denial>), Denial> {
        let raw = Raw::scan(&payload)?;
        let iss = text(raw.iss.as_ref())?.map(String::from);
        let checked = raw.check();
        let claims = match (checked, &iss) {
            (Err(denial), _) => Err(denial),
            (Ok(_), None) => Err(Denial::IssuerNotAllowed),
            (Ok((sub, aud, times, jti)), Some(iss)) => {
                Ok(Self { iss: iss.clone(), sub, aud, times, jti, payload })
            }
        };
        Ok((iss, claims))
    }

    /// The issuer, byte for byte as the token has it after JSON unescaping.
    pub fn iss(&self) -> &str {
        &self.iss
    }

    /// The subject: not empty, without control characters.
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// The audiences, at least one, in the token's order.
    pub fn audiences(&self) -> &[String] {
        &self.aud
    }

    /// Subject, audiences and times, without the rest.
    pub fn into_parts(self) -> (String, Vec<String>, Times) {
        let Self { sub, aud, times, .. } = self;
        (sub, aud, times)
    }

    /// Unix time in seconds at which the token ends, rounded down.
    pub const fn exp(&self) -> i64 {
        self.times.exp
    }

    /// Unix time in seconds before which the token is not valid, rounded up.
    pub const fn nbf(&self) -> Option<i64> {
        self.times.nbf
    }

    /// Unix time in seconds at which the token was issued, rounded up.
    pub const fn iat(&self) -> Option<i64> {
        self.times.iat
    }

    /// The token's own name.
    pub fn jti(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// All claims, the ones above included.
    ///
    /// They are read again on each call: most tokens are judged by the registered claims alone.
    pub fn members(&self) -> Map<String, Value> {
        json::parse_object(&self.payload).unwrap_or_default()
    }

    /// When the token is valid, without the rest.
    pub const fn times(&self) -> Times {
        self.times
    }

    /// As [`Times::check`].
    pub fn check_times(&self, rules: &TimeRules, now: Timestamp) -> Result<(), Denial> {
        self.times.check(rules, now)
    }
}

impl Times {
    /// Checks the times against `now`; nothing wraps, whatever the token says.
    ///
    /// Refuses when `now` is not before `exp` plus its leeway ([`Denial::TokenExpired`]), when `nbf` or `iat` is
    /// after `now` plus the clock skew ([`Denial::TokenNotYetValid`]), when `exp` minus `iat`, or minus `now`
    /// without `iat`, exceeds the longest lifetime, and when `now` minus `iat` exceeds the greatest age or there is
    /// no `iat` to tell it by ([`Denial::TokenTooOld`]).
    pub fn check(&self, rules: &TimeRules, now: Timestamp) -> Result<(), Denial> {
        let TimeRules { clock_skew, exp_leeway, max_lifetime, max_age } = *rules;
        if now >= Timestamp::from_secs(self.exp).plus_secs(exp_leeway.into()) {
            return Err(Denial::TokenExpired);
        }
        let latest_start = now.plus_secs(clock_skew.into());
        if [self.nbf, self.iat].into_iter().flatten().any(|start| Timestamp::from_secs(start) > latest_start)
        {
            return Err(Denial::TokenNotYetValid);
        }
        let start = self.iat.map_or(now, Timestamp::from_secs);
        let lives_too_long = start.plus_secs(max_lifetime.into()) < Timestamp::from_secs(self.exp);
        let is_too_old = max_age.is_some_and(|most| {
            self.iat.is_none_or(|iat| Timestamp::from_secs(iat).plus_secs(most.into()) < now)
        });
        if lives_too_long || is_too_old { Err(Denial::TokenTooOld) } else { Ok(()) }
    }
}

/// Which way a fraction of a second goes; always the way that shortens the token's validity.
#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

/// The members that are looked at, as they stand there.
#[derive(Default)]
struct Raw<'a> {
    iss: Option<Shallow<'a>>,
    sub: Option<Shallow<'a>>,
    aud: Option<Shallow<'a>>,
    exp: Option<Shallow<'a>>,
    nbf: Option<Shallow<'a>>,
    iat: Option<Shallow<'a>>,
    jti: Option<Shallow<'a>>,
    /// `cnf` or `events`.
    is_no_bearer: bool,
}

type Checked = (String, Vec<String>, Times, Option<String>);

impl<'a> Raw<'a> {
    fn scan(payload: &'a [u8]) -> Result<Self, Denial> {
        let mut raw = Self::default();
        json::scan_object(payload, |name, value| match name {
            "iss" => raw.iss = Some(value),
            "sub" => raw.sub = Some(value),
            "aud" => raw.aud = Some(value),
            "exp" => raw.exp = Some(value),
            "nbf" => raw.nbf = Some(value),
            "iat" => raw.iat = Some(value),
            "jti" => raw.jti = Some(value),
            "cnf" | "events" => raw.is_no_bearer = true,
            _ => {}
        })
        .map_err(|_| Denial::JwtMalformed)?;
        Ok(raw)
    }

    /// Everything but `iss`.
    fn check(self) -> Result<Checked, Denial> {
        let Self { iss, sub, aud, exp, nbf, iat, jti, is_no_bearer } = self;
        let exp = time(exp.as_ref(), Rounding::Down)?.ok_or(Denial::JwtMalformed)?;
        let nbf = time(nbf.as_ref(), Rounding::Up)?;
        let iat = time(iat.as_ref(), Rounding::Up)?;
        let jti = text(jti.as_ref())?.map(String::from);
        let sub = text(sub.as_ref())?.filter(|sub| is_subject(sub)).ok_or(Denial::JwtMalformed)?;
        if iss.is_none() {
            return Err(Denial::IssuerNotAllowed);
        }
        let aud = audiences(aud)?;
        if is_no_bearer {
            return Err(Denial::TypNotAllowed);
        }
        Ok((sub.into(), aud, Times { exp, nbf, iat }, jti))
    }
}

/// An optional `NumericDate` (RFC 7519 §2): any finite JSON number in [0, 2⁵³), fractions and exponents included.
fn time(value: Option<&Shallow<'_>>, rounding: Rounding) -> Result<Option<i64>, Denial> {
    let number = match value {
        None => return Ok(None),
        Some(Shallow::Number(number)) => number,
        Some(Shallow::Text(_) | Shallow::Texts(_) | Shallow::Other) => return Err(Denial::JwtMalformed),
    };
    let seconds = match number.as_i64() {
        Some(seconds) => Some(seconds),
        None => number.as_f64().and_then(|seconds| whole_seconds(seconds, rounding)),
    };
    seconds.filter(|seconds| (0..END_OF_TIME).contains(seconds)).map(Some).ok_or(Denial::JwtMalformed)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the range is checked first, and below 2^53 both directions are exact but for the fraction"
)]
fn whole_seconds(seconds: f64, rounding: Rounding) -> Option<i64> {
    if !(0.0..END_OF_TIME as f64).contains(&seconds) {
        return None;
    }
    let down = seconds as i64;
    match rounding {
        Rounding::Up if (down as f64) < seconds => down.checked_add(1),
        Rounding::Up | Rounding::Down => Some(down),
    }
}

/// An optional string claim; another type is refused, it is not the same as absent.
fn text<'a>(value: Option<&'a Shallow<'_>>) -> Result<Option<&'a str>, Denial> {
    match value {
        None => Ok(None),
        Some(Shallow::Text(text)) => Ok(Some(text)),
        Some(Shallow::Number(_) | Shallow::Texts(_) | Shallow::Other) => Err(Denial::JwtMalformed),
    }
}

/// Whether a `sub` is of a form that is accepted.
pub(crate) fn is_subject(sub: &str) -> bool {
    !sub.is_empty() && sub.len() <= MAX_SUBJECT_BYTES && !sub.chars().any(char::is_control)
}

fn audiences(aud: Option<Shallow<'_>>) -> Result<Vec<String>, Denial> {
    let list = match aud {
        None => Vec::new(),
        Some(Shallow::Text(one)) => alloc::vec![one.into_owned()],
        Some(Shallow::Texts(list)) => list,
        Some(Shallow::Number(_) | Shallow::Other) => return Err(Denial::JwtMalformed),
    };
    if list.is_empty() { Err(Denial::AudienceMismatch) } else { Ok(list) }
}

// === impl Claims ===

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("iss", &self.iss).field("times", &self.times).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
