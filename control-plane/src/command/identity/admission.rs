//! `cambist identity pending|approve|register`.

use hyper::Method;
use serde_json::json;

use super::super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::{list as items, row, text},
    table::{plain, table},
};
use crate::args::{IdentityApproveArguments, IdentityPendingArguments, IdentityRegisterArguments};

const PATH: &str = "/v1/identities";

/// Shows who waits to be let in.
pub async fn pending(arguments: IdentityPendingArguments) -> Result<Shown, CommandError> {
    let IdentityPendingArguments { json, api } = arguments;
    let path = format!("{PATH}?status=pending&limit=1000");
    let reply = Client::new(&api)?.send(Method::GET, &path, Content::default()).await?;
    let shown = reply.ok_or(CommandError::Malformed)?.body;
    if json {
        return Ok(Shown { text: format!("{shown}\n"), content: true });
    }
    let mut rows = vec![row(["ID", "CLIENT", "ISSUER", "SUBJECT", "LAST ASKED"])];
    for item in items(&shown, "items") {
        rows.push(["id", "client_id", "issuer", "subject", "last_asked"].map(|name| text(item, name)).into());
    }
    Ok(Shown { text: table(&rows), content: true })
}

/// Lets in an identity that waits or was seen.
pub async fn approve(arguments: IdentityApproveArguments) -> Result<Shown, CommandError> {
    let IdentityApproveArguments { id, api } = arguments;
    let path = format!("{PATH}/{}/approve", segment(&id));
    let reply = Client::new(&api)?.send(Method::POST, &path, Content::default()).await?;
    let missing = || {
        let id = plain(&id);
        CommandError::Refused(format!(
            "identity {id} does not wait and was never seen; who waits is forgotten three minutes after it last asked"
        ))
    };
    reply.ok_or_else(missing)?;
    Ok(Shown { text: format!("Identity {} is let in.\n", plain(&id)), content: true })
}

/// Registers an identity, whether it was seen or not.
pub async fn register(arguments: IdentityRegisterArguments) -> Result<Shown, CommandError> {
    let IdentityRegisterArguments { client, issuer, audience, subject, api } = arguments;
    let document = json!({ "client_id": client, "issuer": issuer, "audience": audience, "subject": subject });
    let content = Content { bytes: document.to_string().into_bytes(), replaces: None };
    let reply = Client::new(&api)?.send(Method::POST, PATH, content).await?;
    let made = reply.ok_or(CommandError::Malformed)?.body;
    Ok(Shown { text: format!("{}\n", text(&made, "id")), content: true })
}
