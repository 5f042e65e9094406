//! `cambist issuer …`.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use hyper::Method;
use serde_json::Value;

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    table::{plain, table},
};
use crate::args::{IssuerPushArguments, IssuerTestArguments};

/// Fetches an issuer's keys once and shows each step; content when all of them passed.
pub async fn test(arguments: IssuerTestArguments) -> Result<Shown, CommandError> {
    let IssuerTestArguments { id, json, api } = arguments;
    let path = format!("/v1/issuers/{}/test", segment(&id));
    let reply = Client::new(&api)?.send(Method::POST, &path, Content::default()).await?;
    let trial = reply.ok_or_else(|| missing(&id))?.body;
    let content = trial.get("ok").and_then(Value::as_bool).ok_or(CommandError::Malformed)?;
    Ok(Shown { text: if json { format!("{trial}\n") } else { render(&trial) }, content })
}

/// Gives an issuer's keys to the control plane in the place of those that it has.
pub async fn push(arguments: IssuerPushArguments) -> Result<Shown, CommandError> {
    let IssuerPushArguments { id, file, api } = arguments;
    let bytes = read(&file).map_err(|error| CommandError::File(file, error))?;
    let client = Client::new(&api)?;
    let path = format!("/v1/issuers/{}/jwks", segment(&id));
    let known = client.send(Method::GET, &path, Content::default()).await?;
    let content = Content { bytes, replaces: known.and_then(|reply| reply.etag) };
    let pushed = client.send(Method::PUT, &path, content).await?.ok_or_else(|| missing(&id))?.body;
    let mut text = format!("Pushed the keys of {}:\n\n", plain(&id));
    let mut rows = vec![row(["KID", "ALGORITHMS"])];
    rows.extend(list(&pushed, "keys").iter().map(|key| row([&kid(key), &texts(key, "algorithms")])));
    rows.extend(list(&pushed, "skipped").iter().map(|key| row([&kid(key), &skipped(key)])));
    text.push_str(&table(&rows));
    Ok(Shown { text, content: true })
}

pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(file)
}

fn missing(id: &str) -> CommandError {
    CommandError::Refused(format!("there is no issuer `{}`; see GET /v1/issuers", plain(id)))
}

fn render(trial: &Value) -> String {
    let mut rows = vec![row(["STAGE", "RESULT", "MS", "WHAT WAS SEEN"])];
    for stage in list(trial, "stages") {
        let outcome = text(stage, "outcome");
        let name = text(stage, "stage");
        if outcome == "not_reached" {
            rows.push(row([&name, "not reached"]));
            continue;
        }
        let millis = stage.get("millis").map(Value::to_string).unwrap_or_default();
        let detail = stage.get("detail").unwrap_or(&Value::Null);
        let seen = seen(&name, detail);
        if outcome == "ok" {
            rows.push(row([&name, "ok", &millis, &seen]));
            continue;
        }
        rows.push(row([&name, "FAILED", &millis, &text(stage, "error")]));
        if !seen.is_empty() {
            rows.push(row(["", "", "", &format!("seen: {seen}")]));
        }
        rows.push(row(["", "", "", &format!("next: {}", text(stage, "next"))]));
    }
    let by = text(trial, "fetched_by").replace('_', " ");
    let head =
        format!("Issuer {}, whose keys the {by} fetch: {}.\n\n", text(trial, "issuer"), text(trial, "note"));
    plain_lines(&head) + &table(&rows)
}

/// What a stage saw, on one line.
fn seen(stage: &str, detail: &Value) -> String {
    if let Some(note) = detail.get("note").and_then(Value::as_str) {
        return note.to_owned();
    }
    match stage {
        "address" => text(detail, "url"),
        "dns" => join(list(detail, "addresses").iter().map(|found| {
            match found.get("denied").and_then(Value::as_str) {
                Some(why) => format!("{} (denied: {why})", text(found, "address")),
                None => text(found, "address"),
            }
        })),
        "tcp" => match text(detail, "proxy") {
            proxy if proxy.is_empty() => text(detail, "address"),
            proxy => format!("through the proxy {proxy}"),
        },
        "tls" => tls(detail),
        "http" => match detail.get("status") {
            Some(status) => format!("{status} {}", text(detail, "content_type")),
            None => String::new(),
        },
        "document" => text(detail, "issuer"),
        _ => {
            let used =
                list(detail, "keys").iter().map(|key| format!("{} ({})", kid(key), texts(key, "algorithms")));
            let unused = list(detail, "skipped").iter().map(|key| format!("{} {}", kid(key), skipped(key)));
            join(used.chain(unused))
        }
    }
}

fn tls(detail: &Value) -> String {
    let roots = format!("authorities: {}", text(detail, "roots"));
    let Some(certificate) = detail.get("certificate").filter(|certificate| !certificate.is_null()) else {
        return roots;
    };
    format!(
        "{} for {} from `{}` until {}, {roots}",
        Some(text(detail, "version"))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| String::from("certificate")),
        texts(certificate, "names"),
        text(certificate, "issuer"),
        text(certificate, "not_after"),
    )
}

pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn kid(key: &Value) -> String {
    key.get("kid").and_then(Value::as_str).map_or_else(|| String::from("(no kid)"), str::to_owned)
}

fn texts(value: &Value, member: &str) -> String {
    join(list(value, member).iter().filter_map(Value::as_str).map(str::to_owned))
}

fn skipped(key: &Value) -> String {
    format!("skipped: {}", text(key, "reason"))
}

pub(super) fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn plain_lines(text: &str) -> String {
    text.split_inclusive('\n').map(|line| plain(line.trim_end_matches('\n')) + "\n").collect()
}
