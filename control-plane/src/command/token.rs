//! `cambist token …`: tokens without any service. Deliberately absent: believing them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use cambist_core::{json, time::Timestamp};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::{CommandError, Shown, table::plain};
use crate::{args::TokenInspectArguments, clock::rfc3339};

/// Most bytes that are read of a token.
const MOST_BYTES: u64 = 1024 * 1024;

/// Shows what a token says, with its times as dates; content when it is one.
pub fn inspect(arguments: TokenInspectArguments, now: Timestamp) -> Result<Shown, CommandError> {
    let token = read(arguments.token_file)?;
    Ok(shown(&token, now))
}

fn shown(token: &[u8], now: Timestamp) -> Shown {
    // White space around the token is the file's, not the token's.
    let parts: Vec<&[u8]> = token.trim_ascii().split(|byte| *byte == b'.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return nothing("it is no signed JWT: that has three parts with dots between them");
    };
    let (Some(header), Some(claims)) = (object(header), object(claims)) else {
        return nothing("its first two parts are not JSON objects in base64url without padding");
    };
    let mut text = String::from("Nothing of this is verified.\n");
    for (title, part) in [("Header", &header), ("Claims", &claims)] {
        text.extend(["\n", title, ":\n", &pretty(part)]);
    }
    text.push_str("\nTimes:\n");
    for name in ["iat", "nbf", "exp"] {
        if let Some(secs) = claims.get(name).and_then(Value::as_i64) {
            let at = Timestamp::from_secs(secs);
            let side = if at > now { "to come" } else { "past" };
            text.extend(["  ", name, "  ", &rfc3339(at), ", ", side, "\n"]);
        }
    }
    if signature.is_empty() {
        text.push_str("\nIt is not signed.\n");
    }
    Shown { text, content: true }
}

fn nothing(reason: &str) -> Shown {
    Shown { text: format!("This cannot be shown: {reason}.\n"), content: false }
}

fn object(part: &[u8]) -> Option<Value> {
    let bytes = BASE64URL_NOPAD.decode(part).ok()?;
    json::parse_object(&bytes).ok().map(Value::Object)
}

/// The bytes of a token file, or of standard input for `-`.
pub(super) fn read(file: PathBuf) -> Result<Vec<u8>, CommandError> {
    bytes(&file).map_err(|error| CommandError::File(file, error))
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().take(MOST_BYTES).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// JSON in lines, none of which reaches a terminal as a command.
pub(super) fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.lines().map(|line| plain(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use cambist_core::time::Timestamp;
    use serde_json::Value;

    use super::{Shown, shown};

    const TOKENS: &str = include_str!("../../../tests/fixtures/golden/tokens.json");

    fn inspect(token: &str) -> Shown {
        shown(token.as_bytes(), Timestamp::from_secs(1_800_000_060))
    }

    #[test]
    fn shows_what_a_token_says_and_when() {
        let golden: Value = serde_json::from_str(TOKENS).unwrap();
        for token in golden["tokens"].as_array().unwrap() {
            let text = token["token"].as_str().unwrap();
            let shown = inspect(&format!("{text}\n"));
            assert!(shown.content && shown.text.starts_with("Nothing of this is verified."));
            for part in [
                "\"kid\"",
                "\"cl_shop\"",
                "exp  2027-01-15T08:15:00Z, to come",
                "iat  2027-01-15T08:00:00Z, past",
            ] {
                assert!(shown.text.contains(part), "{part}: {}", shown.text);
            }
            assert!(!shown.text.contains(text.rsplit('.').next().unwrap()), "the signature is left out");
        }
    }

    #[test]
    fn says_what_is_no_token() {
        for text in ["", "a", "a.b", "a.b.c", "e30.e30.e30.e30", "W10.e30.x", "e30=.e30.x"] {
            let shown = inspect(text);
            assert!(!shown.content && shown.text.starts_with("This cannot be shown"), "{text}");
        }
        assert!(inspect("e30.e30.").text.contains("It is not signed."));
    }
}
