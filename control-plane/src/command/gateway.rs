//! `cambist gateway …`.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    CommandError, Shown,
    client::{Client, Content, segment},
    issuer::{join, kid, list, row, text},
    table::{plain, table},
};
use crate::args::{Format, GatewayKeysArguments, GatewayListArguments};

/// Keys of one issuer that are named; more are counted.
const MOST_KIDS: usize = 4;

/// Shows where every gateway stands.
pub async fn list_all(arguments: GatewayListArguments) -> Result<Shown, CommandError> {
    let GatewayListArguments { format, api } = arguments;
    let client = Client::new(&api)?;
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/gateways?limit=1000{cursor}");
        let reply = client.send(Method::GET, &path, Content::default()).await?;
        let page = reply.ok_or(CommandError::Malformed)?.body;
        all.extend_from_slice(list(&page, "items"));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={}", segment(next)),
            None => break,
        }
    }
    let text = match format {
        Format::Json => format!("{}\n", json!({ "items": all })),
        Format::Text => standings(&all),
    };
    Ok(Shown { text, content: true })
}

fn standings(gateways: &[Value]) -> String {
    let heads =
        ["GATEWAY", "INSTANCES", "BEHIND", "EPOCH", "AGE", "LAST SEEN", "DROPPED", "MISSING", "LAST ERROR"];
    let mut rows = vec![row(heads)];
    for gateway in gateways {
        let status = gateway.get("status").unwrap_or(&Value::Null);
        let number = |member: &str| match status.get(member).and_then(Value::as_u64) {
            Some(number) => number.to_string(),
            None => String::from("-"),
        };
        let words = |member: &str| match text(status, member) {
            empty if empty.is_empty() => String::from("-"),
            words => words,
        };
        let age = number("epoch_age_seconds");
        rows.push(vec![
            text(gateway, "name"),
            number("instances"),
            number("behind"),
            number("running_epoch"),
            if age == "-" { age } else { format!("{age}s") },
            words("last_seen"),
            number("dropped"),
            number("missing"),
            words("last_error"),
        ]);
    }
    table(&rows)
}

/// Shows the keys that a gateway's instances use.
pub async fn keys(arguments: GatewayKeysArguments) -> Result<Shown, CommandError> {
    let GatewayKeysArguments { name, json, api } = arguments;
    let path = format!("/v1/gateways/{}/keys", segment(&name));
    let reply = Client::new(&api)?.send(Method::GET, &path, Content::default()).await?;
    let missing =
        || CommandError::Refused(format!("there is no gateway `{}`; see GET /v1/gateways", plain(&name)));
    let shown = reply.ok_or_else(missing)?.body;
    let text = if json { format!("{shown}\n") } else { render(&shown) };
    Ok(Shown { text, content: true })
}

fn render(shown: &Value) -> String {
    let count = shown.get("instances").and_then(Value::as_u64).unwrap_or_default();
    let name = plain(&text(shown, "gateway"));
    let mut words = format!("Gateway {name}, as its {count} instances say:\n\n");
    words.push_str(&lines(list(shown, "items")));
    if !list(shown, "held").is_empty() {
        words.push_str("\nHeld by the control plane:\n\n");
        words.push_str(&lines(list(shown, "held")));
    }
    words
}

fn lines(items: &[Value]) -> String {
    let mut rows = vec![row(["ISSUER", "SOURCE", "KEYS", "AGE", "NEXT", "ERROR"])];
    for item in items {
        let age = item.get("age_seconds").and_then(Value::as_i64).map(|age| format!("{age}s"));
        let dash = |text: String| if text.is_empty() { String::from("-") } else { text };
        let mut error = text(item, "last_error");
        if item.get("agreed").and_then(Value::as_bool) == Some(false) {
            let instances = list(item, "instances").iter().filter_map(Value::as_str).map(str::to_owned);
            error.push_str(" (only ");
            error.push_str(&join(instances));
            error.push(')');
        }
        rows.push(vec![
            text(item, "issuer"),
            text(item, "source"),
            kids(item),
            dash(age.unwrap_or_default()),
            dash(text(item, "next_fetch_at")),
            dash(error.trim_start().to_owned()),
        ]);
    }
    table(&rows)
}

fn kids(item: &Value) -> String {
    let keys = list(item, "keys");
    if keys.is_empty() {
        return String::from("none");
    }
    let named = join(keys.iter().take(MOST_KIDS).map(kid));
    match keys.len().saturating_sub(MOST_KIDS) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
