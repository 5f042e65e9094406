//! `cambist key …`.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    CommandError, Shown,
    client::{Client, Content},
    issuer::{list as items, row, text},
    table::{plain, table},
};
use crate::args::{KeyListArguments, KeyRotateArguments};

/// Shows every signing key and where it stands.
pub async fn list(arguments: KeyListArguments) -> Result<Shown, CommandError> {
    let KeyListArguments { json, api } = arguments;
    let reply = Client::new(&api)?.send(Method::GET, "/v1/keys", Content::default()).await?;
    let shown = reply.ok_or(CommandError::Malformed)?.body;
    let text = if json { format!("{shown}\n") } else { render(items(&shown, "items")) };
    Ok(Shown { text, content: true })
}

/// Makes a successor to the key that the authority signs with.
pub async fn rotate(arguments: KeyRotateArguments) -> Result<Shown, CommandError> {
    let KeyRotateArguments { alg, api } = arguments;
    let content = Content { bytes: json!({ "alg": alg }).to_string().into_bytes(), replaces: None };
    let reply = Client::new(&api)?.send(Method::POST, "/v1/keys/rotate", content).await?;
    let key = reply.ok_or(CommandError::Malformed)?.body;
    let (kid, since) = (plain(&text(&key, "kid")), plain(&text(&key, "signs_from")));
    Ok(Shown { text: format!("{kid} is published and signs from {since} on.\n"), content: true })
}

fn render(keys: &[Value]) -> String {
    let mut rows = vec![row(["KID", "ALG", "ROLE", "STATE", "SIGNS FROM", "NOT AFTER"])];
    for key in keys {
        let dash = |text: String| if text.is_empty() { String::from("-") } else { text };
        rows.push(vec![
            text(key, "kid"),
            text(key, "alg"),
            text(key, "role"),
            text(key, "state"),
            text(key, "signs_from"),
            dash(text(key, "not_after")),
        ]);
    }
    table(&rows)
}
