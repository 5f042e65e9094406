//! `cambist client secret …`.

use cambist_core::secret::Secret;
use hyper::Method;
use serde_json::Value;

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::{list as items, row, text},
    table::{plain, table},
};
use crate::args::{ClientArguments, SecretRemoveArguments};

/// Makes a secret and shows it.
pub async fn add(arguments: ClientArguments) -> Result<Secret<String>, CommandError> {
    let ClientArguments { client, json, api } = arguments;
    let reply = Client::new(&api)?.send(Method::POST, &path(&client), Content::default()).await?;
    let made = reply.ok_or_else(|| missing(&client))?.body;
    if json {
        return Ok(Secret::<String>::new(format!("{made}\n")));
    }
    let (id, secret) = (plain(&text(&made, "id")), plain(&text(&made, "secret")));
    Ok(Secret::<String>::new(format!("Secret {id}, shown this once:\n\n    {secret}\n")))
}

/// Names the secrets that a client has.
pub async fn list(arguments: ClientArguments) -> Result<Shown, CommandError> {
    let ClientArguments { client, json, api } = arguments;
    let reply = Client::new(&api)?.send(Method::GET, &path(&client), Content::default()).await?;
    let shown = reply.ok_or_else(|| missing(&client))?.body;
    let text = if json { format!("{shown}\n") } else { render(items(&shown, "items")) };
    Ok(Shown { text, content: true })
}

/// Removes a secret.
pub async fn remove(arguments: SecretRemoveArguments) -> Result<Shown, CommandError> {
    let SecretRemoveArguments { client, secret, api } = arguments;
    let path = format!("{}/{}", path(&client), segment(&secret));
    let reply = Client::new(&api)?.send(Method::DELETE, &path, Content::default()).await?;
    reply.ok_or_else(|| {
        let detail = format!("client `{}` has no secret `{}`", plain(&client), plain(&secret));
        CommandError::Refused(detail)
    })?;
    Ok(Shown { text: format!("Removed {}.\n", plain(&secret)), content: true })
}

fn path(client: &str) -> String {
    format!("/v1/clients/{}/secrets", segment(client))
}

fn missing(client: &str) -> CommandError {
    CommandError::Refused(format!("there is no client `{}`; see GET /v1/clients", plain(client)))
}

fn render(secrets: &[Value]) -> String {
    let mut rows = vec![row(["ID", "CREATED"])];
    rows.extend(secrets.iter().map(|secret| vec![text(secret, "id"), text(secret, "created_at")]));
    table(&rows)
}
