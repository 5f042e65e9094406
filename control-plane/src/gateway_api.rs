//! What gateways ask for and report, with a gateway token.

use core::time::Duration;
use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, HeaderValue},
    routing::{get, post},
};

use crate::{app::App, problem::Problem, publish::PublishError};

pub(crate) mod admit;
mod changes;
mod chunks;
mod consume;
pub(crate) mod events;
mod mint;
mod snapshot;
pub(crate) mod told;

/// The tenant's epoch, on every answer that depends on it.
const EPOCH: HeaderName = HeaderName::from_static("cambist-epoch");
/// The longest a request is held.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// What is kept of a text that a gateway sends about itself, in bytes.
const MAX_TEXT: usize = 1024;

/// Everything below `/gateway`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/gateway/v1/snapshot", get(snapshot::read))
        .route("/gateway/v1/changes", get(changes::read))
        .route("/gateway/v1/events", post(events::report))
        .route("/gateway/v1/mint", post(mint::mint))
        .route("/gateway/v1/consume", post(consume::consume))
        .route("/gateway/v1/admit", post(admit::admit))
}

/// `wait=30s` or `wait=500ms`; nothing is waited for without it.
fn wait(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    let parsed = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => digits.parse().ok().map(Duration::from_millis),
        (None, Some(digits)) => digits.parse().ok().map(Duration::from_secs),
        (None, None) => None,
    };
    let refusal = || Problem::invalid_request("`wait` must be a number of `s` or `ms`, such as 30s.");
    parsed.map(|wait: Duration| wait.min(LONGEST_WAIT)).ok_or_else(refusal)
}

fn epoch_header(epoch: u64) -> (HeaderName, HeaderValue) {
    (EPOCH, HeaderValue::from(epoch))
}

/// At most [`MAX_TEXT`] bytes of `text`, cut between characters, without control characters.
fn short(text: &str) -> String {
    let mut short = String::new();
    for character in text.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if short.len().saturating_add(character.len_utf8()) > MAX_TEXT {
            break;
        }
        short.push(character);
    }
    short
}

impl From<PublishError> for Problem {
    /// Logs the cause once, here.
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => error.into(),
            PublishError::Invalid(cause) => {
                tracing::error!(cause, "no snapshot can be published");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{MAX_TEXT, short, wait};

    #[test]
    fn reads_waits_up_to_a_minute() {
        for (text, expected) in [
            (None, Duration::ZERO),
            (Some("0s"), Duration::ZERO),
            (Some("250ms"), Duration::from_millis(250)),
            (Some("30s"), Duration::from_secs(30)),
            (Some("999999s"), Duration::from_mins(1)),
        ] {
            assert_eq!(wait(text).unwrap(), expected);
        }
        for text in ["", "30", "s", "-1s", "1m", "1.5s"] {
            assert!(wait(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn cuts_texts_between_characters() {
        assert_eq!(short("a\nb"), "a b");
        assert_eq!(short(&"é".repeat(MAX_TEXT)).len(), MAX_TEXT);
    }
}
