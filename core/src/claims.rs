//! What a token says (RFC 7519 §4), strictly read. Deliberately absent: who said it, and what follows from it.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde_json::{Map, Value};

use crate::{denial::Denial, json, time::Timestamp};

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
    members: Map<String, Value>,
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
}

impl Claims {
    /// Reads the claims of a payload, which must be a strict JSON object.
    ///
    /// Refuses a registered claim of the wrong type, optional ones and `null` included; an `exp` that is missing; a
    /// time that is negative or not less than 2⁵³; a `sub` that is missing, empty, longer than
    /// [`MAX_SUBJECT_BYTES`] or holds a control character (all [`Denial::JwtMalformed`]); a missing `iss`
    /// ([`Denial::IssuerNotAllowed`]); a missing or empty `aud` ([`Denial::AudienceMismatch`]); and `cnf`
    /// ([`Denial::TypNotAllowed`]), because a token bound to a key (RFC 7800) is no bearer token.
    pub fn parse(payload: &[u8]) -> Result<Self, Denial> {
        Self::from_members(json::parse_object(payload).map_err(|_| Denial::JwtMalformed)?)
    }

    /// Reads claims as [`Self::parse`] does, from an object that was read strictly.
    pub fn from_members(members: Map<String, Value>) -> Result<Self, Denial> {
        let exp = time(&members, "exp", Rounding::Down)?.ok_or(Denial::JwtMalformed)?;
        let nbf = time(&members, "nbf", Rounding::Up)?;
        let iat = time(&members, "iat", Rounding::Up)?;
        let jti = text(&members, "jti")?.map(String::from);
        let sub = text(&members, "sub")?.filter(|sub| is_subject(sub)).ok_or(Denial::JwtMalformed)?.into();
        let iss = text(&members, "iss")?.ok_or(Denial::IssuerNotAllowed)?.into();
        let aud = audiences(members.get("aud"))?;
        if members.contains_key("cnf") {
            return Err(Denial::TypNotAllowed);
        }
        Ok(Self { iss, sub, aud, times: Times { exp, nbf, iat }, jti, members })
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
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
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
    /// after `now` plus the clock skew ([`Denial::TokenNotYetValid`]), and when `exp` minus `iat`, or minus `now`
    /// without `iat`, exceeds the longest lifetime ([`Denial::TokenTooOld`]).
    pub fn check(&self, rules: &TimeRules, now: Timestamp) -> Result<(), Denial> {
        let TimeRules { clock_skew, exp_leeway, max_lifetime } = *rules;
        if now >= Timestamp::from_secs(self.exp).plus_secs(exp_leeway.into()) {
            return Err(Denial::TokenExpired);
        }
        let latest_start = now.plus_secs(clock_skew.into());
        if [self.nbf, self.iat].into_iter().flatten().any(|start| Timestamp::from_secs(start) > latest_start)
        {
            return Err(Denial::TokenNotYetValid);
        }
        let start = self.iat.map_or(now, Timestamp::from_secs);
        if start.plus_secs(max_lifetime.into()) < Timestamp::from_secs(self.exp) {
            return Err(Denial::TokenTooOld);
        }
        Ok(())
    }
}

/// Which way a fraction of a second goes; always the way that shortens the token's validity.
#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

/// An optional `NumericDate` (RFC 7519 §2): any finite JSON number in [0, 2⁵³), fractions and exponents included.
fn time(members: &Map<String, Value>, name: &str, rounding: Rounding) -> Result<Option<i64>, Denial> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let number = value.as_number().ok_or(Denial::JwtMalformed)?;
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
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Denial> {
    match members.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Denial::JwtMalformed),
    }
}

fn is_subject(sub: &str) -> bool {
    !sub.is_empty() && sub.len() <= MAX_SUBJECT_BYTES && !sub.chars().any(char::is_control)
}

fn audiences(aud: Option<&Value>) -> Result<Vec<String>, Denial> {
    let list = match aud {
        None => return Err(Denial::AudienceMismatch),
        Some(Value::String(one)) => alloc::vec![one.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(String::from).ok_or(Denial::JwtMalformed))
            .collect::<Result<Vec<_>, _>>()?,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(Denial::JwtMalformed);
        }
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
