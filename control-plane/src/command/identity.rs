//! `cambist identity …`.

pub mod admission;

use cambist_core::time::Timestamp;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::{list as items, row, text},
    table::{plain, table},
};
use crate::{
    args::{
        Format, IdentityArguments, IdentityLabelArguments, IdentityListArguments, IdentityRevokeArguments,
    },
    clock::rfc3339,
};

const DAY: i64 = 86_400;

/// Lists identities, all of them.
pub async fn list(arguments: IdentityListArguments, now: Timestamp) -> Result<Shown, CommandError> {
    let IdentityListArguments { filters, stale, format, api } = arguments;
    let client = Client::new(&api)?;
    let mut narrowed = String::new();
    for (name, value) in pairs(&filters)? {
        narrowed.extend(["&", &segment(name), "=", &segment(value)]);
    }
    if let Some(age) = stale {
        let refusal = || CommandError::Refused(String::from("--stale must be a number of days, such as 30d"));
        let days: u32 = age.strip_suffix('d').and_then(|days| days.parse().ok()).ok_or_else(refusal)?;
        let before = now.plus_secs(i64::from(days).saturating_mul(DAY).saturating_neg());
        narrowed.extend(["&last_seen_before=", &segment(&rfc3339(before))]);
    }
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/identities?limit=1000{cursor}{narrowed}");
        let reply = client.send(Method::GET, &path, Content::default()).await?;
        let page = reply.ok_or(CommandError::Malformed)?.body;
        all.extend(items(&page, "items").iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={}", segment(next)),
            None => break,
        }
    }
    let text = if format == Format::Json { format!("{}\n", json!({ "items": all })) } else { render(&all) };
    Ok(Shown { text, content: true })
}

/// Sets labels, `NAME=VALUE`, and takes them away, `NAME-`.
pub async fn label(arguments: IdentityLabelArguments) -> Result<Shown, CommandError> {
    let IdentityLabelArguments { id, labels, api } = arguments;
    let mut changes = Map::new();
    for label in &labels {
        let refusal =
            || CommandError::Refused(format!("a label is NAME=VALUE or NAME-, not `{}`", plain(label)));
        let (name, value) = match (label.split_once('='), label.strip_suffix('-')) {
            (Some((name, value)), _) => (name, json!(value)),
            (None, Some(name)) => (name, Value::Null),
            (None, None) => return Err(refusal()),
        };
        changes.insert(name.to_owned(), value);
    }
    let content = Content { bytes: json!({ "labels": changes }).to_string().into_bytes(), replaces: None };
    let path = format!("/v1/identities/{}", segment(&id));
    let reply = Client::new(&api)?.send(Method::PATCH, &path, content).await?;
    let identity = reply.ok_or_else(|| missing(&id))?.body;
    let labels = plain(&identity.get("labels").map(ToString::to_string).unwrap_or_default());
    Ok(Shown { text: format!("{} {labels}\n", plain(&id)), content: true })
}

/// Revokes one identity, or all that a selector names.
pub async fn revoke(arguments: IdentityRevokeArguments) -> Result<Shown, CommandError> {
    let IdentityRevokeArguments { id, selector, dry_run, format, api } = arguments;
    let client = Client::new(&api)?;
    if let Some(id) = id {
        return state(&client, &id, "revoke").await;
    }
    let body = json!({ "selector": document(&selector)?, "dry_run": dry_run });
    let content = Content { bytes: body.to_string().into_bytes(), replaces: None };
    let reply = client.send(Method::POST, "/v1/revocations", content).await?;
    let told = reply.ok_or(CommandError::Malformed)?.body;
    if format == Format::Json {
        return Ok(Shown { text: format!("{told}\n"), content: true });
    }
    let count = told.get("count").and_then(Value::as_u64).ok_or(CommandError::Malformed)?;
    let verb = if dry_run { "would be" } else { "are" };
    let mut text = format!("{count} identities {verb} revoked.\n");
    for id in items(&told, "sample").iter().filter_map(Value::as_str) {
        text.extend(["  ", &plain(id), "\n"]);
    }
    Ok(Shown { text, content: true })
}

/// Lets a revoked identity in again.
pub async fn reinstate(arguments: IdentityArguments) -> Result<Shown, CommandError> {
    let IdentityArguments { id, api } = arguments;
    state(&Client::new(&api)?, &id, "reinstate").await
}

async fn state(client: &Client, id: &str, verb: &str) -> Result<Shown, CommandError> {
    let path = format!("/v1/identities/{}/{verb}", segment(id));
    let reply = client.send(Method::POST, &path, Content::default()).await?;
    let identity = reply.ok_or_else(|| missing(id))?.body;
    Ok(Shown { text: format!("{} is {}.\n", plain(id), plain(&text(&identity, "status"))), content: true })
}

fn missing(id: &str) -> CommandError {
    CommandError::Refused(format!("there is no identity `{}`; see cambist identity list", plain(id)))
}

fn pairs(texts: &[String]) -> Result<Vec<(&str, &str)>, CommandError> {
    let refusal = |text: &String| CommandError::Refused(format!("`{}` must be NAME=VALUE", plain(text)));
    texts.iter().map(|text| text.split_once('=').ok_or_else(|| refusal(text))).collect()
}

/// `cluster=eu-1`, `field.namespace=shop`, `label.team=pay`, as the API has them.
fn document(selector: &[String]) -> Result<Value, CommandError> {
    let mut out = Map::new();
    for (name, value) in pairs(selector)? {
        let (member, name) = match (name.strip_prefix("field."), name.strip_prefix("label.")) {
            (Some(field), _) => ("fields", field),
            (None, Some(label)) => ("labels", label),
            (None, None) if name == "namespace" => ("fields", name),
            (None, None) => {
                out.insert(name.to_owned(), json!(value));
                continue;
            }
        };
        if let Some(inner) = out.entry(member).or_insert_with(|| json!({})).as_object_mut() {
            inner.insert(name.to_owned(), json!(value));
        }
    }
    Ok(Value::Object(out))
}

fn render(identities: &[Value]) -> String {
    let mut rows = vec![row(["ID", "STATUS", "CLIENT", "ISSUER", "SUBJECT", "LAST SEEN"])];
    for identity in identities {
        let dash = |text: String| if text.is_empty() { String::from("-") } else { text };
        rows.push(
            ["id", "status", "client_id", "issuer", "subject", "last_seen"]
                .map(|member| dash(text(identity, member)))
                .to_vec(),
        );
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::document;

    #[test]
    fn a_selector_reads_as_the_api_has_it() {
        let words = ["cluster=eu-1", "namespace=shop", "field.team=a=b", "label.app/tier=web"];
        let selector = document(&words.map(str::to_owned)).unwrap();
        let expected = json!({
            "cluster": "eu-1", "fields": { "namespace": "shop", "team": "a=b" }, "labels": { "app/tier": "web" },
        });
        assert_eq!(selector, expected);
        assert!(document(&[String::from("cluster")]).is_err());
    }
}
