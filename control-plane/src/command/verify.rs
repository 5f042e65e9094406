//! `cambist verify`: what a verifier elsewhere makes of one of our access tokens, with nothing but the authority's URL.
//!
//! It asks what anyone may ask and needs no admin token. Deliberately absent: revocation, which no verifier elsewhere knows.

mod check;
mod published;

use cambist_core::time::Timestamp;
use serde_json::{Value, json};

pub use self::check::{Asked, Check, Findings, Outcome, judge};
use self::published::published;
use super::{
    CommandError, Shown,
    table::table,
    token::{pretty, read},
};
use crate::args::VerifyArguments;

/// Verifies a token at `now`; content when nothing is wrong with it.
pub async fn verify(arguments: VerifyArguments, now: Timestamp) -> Result<Shown, CommandError> {
    let VerifyArguments { authority, audience, token_file, allow_http, ca, json } = arguments;
    let token = read(token_file)?;
    let (mut checks, keys) = published(&authority, allow_http, ca.as_deref()).await?;
    let asked = Asked { authority: &authority, audience: &audience, now };
    // White space around the token is the file's, not the token's.
    let Findings { checks: of_token, header, claims } = judge(token.trim_ascii(), &asked, keys.as_ref());
    checks.extend(of_token);
    let content = checks.iter().all(|check| check.outcome == Outcome::Ok);
    let text = if json {
        format!("{}\n", json!({ "ok": content, "checks": checks, "header": header, "claims": claims }))
    } else {
        render(&checks, header.as_ref(), claims.as_ref(), content)
    };
    Ok(Shown { text, content })
}

fn render(checks: &[Check], header: Option<&Value>, claims: Option<&Value>, content: bool) -> String {
    let mut rows = vec![row(["CHECK", "RESULT", "WHAT WAS SEEN"])];
    for Check { check, outcome, seen, next } in checks {
        let result = match outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotReached => "not reached",
        };
        rows.push(row([check, result, seen]));
        if let Some(next) = next {
            rows.push(row(["", "", &format!("next: {next}")]));
        }
    }
    let mut text = table(&rows);
    let trust = if content { "" } else { ", which nobody should believe" };
    for (title, part) in [("Header", header), ("Claims", claims)] {
        text.extend(part.map(|part| format!("\n{title}{trust}:\n{}", pretty(part))));
    }
    text
}

fn row(cells: [&str; 3]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}
