//! `cambist audit …`: whether the trail is whole, and what was written to it last.

use core::time::Duration;
use std::{io, path::Path};

use hyper::Method;
use serde_json::{Value, json};

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::text,
    table::plain,
};
use crate::{
    admin::audit::verified,
    args::{AuditTailArguments, AuditVerifyArguments, Format},
    store::sqlite::SqliteStore,
};

/// Between two looks for new rows.
const PACE: Duration = Duration::from_secs(1);

/// Looks at every row of the trail and how it hangs together; content when nothing is wrong.
pub async fn verify(arguments: AuditVerifyArguments) -> Result<Shown, CommandError> {
    let AuditVerifyArguments { database, after, format, api } = arguments;
    let found = match database {
        Some(path) => of_file(&path).await?,
        None => of_service(&Client::new(&api)?, after.as_deref()).await?,
    };
    let content = found.get("broken").is_some_and(Value::is_null);
    let text = match format {
        Format::Json => format!("{found}\n"),
        Format::Text => render(&found),
    };
    Ok(Shown { text, content })
}

/// The rows of a database that nobody need serve.
async fn of_file(path: &Path) -> Result<Value, CommandError> {
    let unreadable = |error: &dyn core::error::Error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        CommandError::Refused(format!("{}: the audit trail cannot be read: {cause}", path.display()))
    };
    let tenants = SqliteStore::verify_file(path).await.map_err(|error| unreadable(&error))?;
    let rows = tenants.iter().map(|(_, found)| found.rows).fold(0, u64::saturating_add);
    let broken = tenants.iter().find(|(_, found)| found.broken.is_some());
    // One tenant is all there is in most deployments; the one that is broken is of most interest.
    let Some((tenant, found)) = broken.or(tenants.first()) else {
        return Err(CommandError::Refused(format!("{}: there is no tenant", path.display())));
    };
    let mut told = verified(found);
    if let Some(members) = told.as_object_mut() {
        members.insert(String::from("rows"), json!(rows));
        members.insert(String::from("tenant"), json!(tenant));
    }
    Ok(told)
}

/// The rows of a running control plane, a part at a time.
async fn of_service(client: &Client, after: Option<&str>) -> Result<Value, CommandError> {
    let mut from = match after {
        None => String::new(),
        Some(link) => match link.split_once(':') {
            Some((id, hash)) => format!("?after={}&hash={}", segment(id), segment(hash)),
            None => return Err(CommandError::Refused(String::from("--after must be ID:HASH"))),
        },
    };
    let mut rows = 0_u64;
    loop {
        let reply = client.send(Method::GET, &format!("/v1/audit/verify{from}"), Content::default()).await?;
        let mut found = reply.ok_or(CommandError::Malformed)?.body;
        rows = rows.saturating_add(found.get("rows").and_then(Value::as_u64).ok_or(CommandError::Malformed)?);
        let complete = found.get("complete").and_then(Value::as_bool).unwrap_or_default();
        if complete || !found.get("broken").is_some_and(Value::is_null) {
            if let Some(members) = found.as_object_mut() {
                members.insert(String::from("rows"), json!(rows));
            }
            return Ok(found);
        }
        let last = |member: &str| found.pointer(&format!("/last/{member}"));
        let id = last("id").and_then(Value::as_i64).ok_or(CommandError::Malformed)?;
        let hash = last("hash").and_then(Value::as_str).ok_or(CommandError::Malformed)?;
        from = format!("?after={id}&hash={}", segment(hash));
    }
}

fn render(found: &Value) -> String {
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let hash = plain(found.pointer("/last/hash").and_then(Value::as_str).unwrap_or_default());
    let (rows, last) = (number("/rows"), number("/last/id"));
    if found.get("broken").is_some_and(Value::is_null) {
        return format!("{rows} rows are whole. The last one is {last}:{hash}\n");
    }
    let reason = plain(found.pointer("/broken/reason").and_then(Value::as_str).unwrap_or_default());
    format!(
        "BROKEN at row {}, behind row {}: {reason}.\n{rows} rows before it are whole; the last of them is {last}:{hash}\n",
        number("/broken/id"),
        number("/broken/after"),
    )
}

/// Shows the newest rows and, if asked to, what comes then, until it is ended.
pub async fn tail(
    arguments: AuditTailArguments,
    print: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
) -> Result<(), CommandError> {
    let AuditTailArguments { lines, follow, filters, format, api } = arguments;
    let client = Client::new(&api)?;
    let mut narrowed = String::new();
    for filter in filters {
        let refusal =
            || CommandError::Refused(format!("--filter must be NAME=VALUE, not `{}`", plain(&filter)));
        let (name, value) = filter.split_once('=').ok_or_else(refusal)?;
        narrowed.extend(["&", &segment(name), "=", &segment(value)]);
    }
    let ask = async |query: String| -> Result<Value, CommandError> {
        let path = format!("/v1/audit?{query}{narrowed}");
        let reply = client.send(Method::GET, &path, Content::default()).await?;
        Ok(reply.ok_or(CommandError::Malformed)?.body)
    };
    let mut show = |rows: &mut dyn Iterator<Item = &Value>| -> Result<(), CommandError> {
        for row in rows {
            print(&line(row, format)).map_err(|_| CommandError::Refused(String::from("nobody reads on")))?;
        }
        Ok(())
    };
    let place = |list: &Value, member: &str| list.get(member).and_then(Value::as_str).map(segment);
    let newest = ask(format!("order=newest&limit={lines}")).await?;
    let items = newest.get("items").and_then(Value::as_array).ok_or(CommandError::Malformed)?;
    show(&mut items.iter().rev())?;
    let mut position = place(&newest, "position");
    if !follow {
        return Ok(());
    }
    loop {
        let from = position.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let list = ask(format!("limit=1000{from}")).await?;
        let items = list.get("items").and_then(Value::as_array).ok_or(CommandError::Malformed)?;
        show(&mut items.iter())?;
        let next = place(&list, "next");
        let is_end = next.is_none();
        position = next.or_else(|| place(&list, "position")).or(position);
        if is_end {
            tokio::time::sleep(PACE).await;
        }
    }
}

fn line(row: &Value, format: Format) -> String {
    if format == Format::Json {
        return format!("{row}\n");
    }
    let of = |member: &str| plain(&text(row, member));
    let mut words = vec![of("at"), of("actor"), of("action"), of("kind"), of("object")];
    for member in ["reason", "client_id", "issuer", "subject", "target", "jti"] {
        let value = of(member);
        if !value.is_empty() {
            words.push(format!("{member}={value}"));
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ") + "\n"
}
