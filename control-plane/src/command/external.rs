//! `cambist external …`.

use hyper::Method;
use serde_json::Value;

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::{list as items, read, row, text},
    table::{plain, table},
};
use crate::args::{ExternalListArguments, ExternalRemoveArguments, ExternalSetArguments};

const PATH: &str = "/v1/external-endpoints";

/// Names the external endpoints.
pub async fn list(arguments: ExternalListArguments) -> Result<Shown, CommandError> {
    let ExternalListArguments { json, api } = arguments;
    let client = Client::new(&api)?;
    let reply = client.send(Method::GET, &format!("{PATH}?limit=1000"), Content::default()).await?;
    let shown = reply.ok_or(CommandError::Malformed)?.body;
    if json {
        return Ok(Shown { text: format!("{shown}\n"), content: true });
    }
    let mut rows = vec![row(["ID", "URI", "GRANT", "LOGIN"])];
    for item in items(&shown, "items") {
        let login = item.get("login").map(|login| text(login, "method")).unwrap_or_default();
        rows.push(vec![text(item, "id"), text(item, "uri"), text(item, "grant"), login]);
    }
    Ok(Shown { text: table(&rows), content: true })
}

/// Creates an external endpoint, or puts it in the place of the one with its id.
pub async fn set(arguments: ExternalSetArguments) -> Result<Shown, CommandError> {
    let ExternalSetArguments { file, api } = arguments;
    let bytes = read(&file).map_err(|error| CommandError::File(file.clone(), error))?;
    let id = id_of(&bytes).ok_or_else(|| {
        CommandError::Refused(format!("{}: must be a JSON object with an `id`", file.display()))
    })?;
    let client = Client::new(&api)?;
    let path = format!("{PATH}/{}", segment(&id));
    let known = client.send(Method::GET, &path, Content::default()).await?;
    let (method, path, replaces) = match known {
        Some(reply) => (Method::PUT, path.as_str(), reply.etag),
        None => (Method::POST, PATH, None),
    };
    client.send(method, path, Content { bytes, replaces }).await?.ok_or(CommandError::Malformed)?;
    Ok(Shown { text: format!("External endpoint {} is set.\n", plain(&id)), content: true })
}

/// Removes an external endpoint that no route names.
pub async fn remove(arguments: ExternalRemoveArguments) -> Result<Shown, CommandError> {
    let ExternalRemoveArguments { id, api } = arguments;
    let path = format!("{PATH}/{}", segment(&id));
    let removed = Client::new(&api)?.send(Method::DELETE, &path, Content::default()).await?;
    if removed.is_none() {
        return Err(CommandError::Refused(format!("there is no external endpoint `{}`", plain(&id))));
    }
    Ok(Shown { text: format!("External endpoint {} is removed.\n", plain(&id)), content: true })
}

fn id_of(bytes: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    Some(document.get("id")?.as_str()?.to_owned())
}
