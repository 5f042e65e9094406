//! Protected resources: what is said of them, and how a challenge points there.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, vec};

use serde_json::{Value, json};

use crate::{
    fixture::{Ask, Gateway, Token, Wire},
    flow::{Counted, Response},
};

const RESOURCE: &str = "https://mcp.example:8443/tools";
const METADATA: &str = "https://mcp.example:8443/.well-known/oauth-protected-resource/tools";

fn gateway() -> Gateway {
    Gateway::new(Wire::changed(|wire| {
        wire.routes[0].resource = Some(RESOURCE.into());
        let mut second = wire.routes[0].clone();
        second.id = "second".into();
        second.host = "second.example".into();
        second.scopes = vec!["orders.read".into(), "orders.write".into()];
        wire.routes.push(second);
        let mut other = wire.routes[0].clone();
        other.id = "other".into();
        other.host = "other.example".into();
        other.resource = Some("https://other.example".into());
        other.scopes.clear();
        wire.routes.push(other);
    }))
}

fn ask(host: &str, path: &str) -> Ask {
    Ask { authority: host.into(), ..Ask::bare().to(path) }
}

fn challenge(response: &Response) -> Option<String> {
    response.headers.iter().find(|(name, _)| *name == "www-authenticate").map(|(_, value)| value.clone())
}

#[test]
fn the_metadata_needs_no_token() {
    let mut gateway = gateway();
    for host in ["mcp.example:8443", "MCP.example"] {
        let (response, report) = gateway.reply(&ask(host, "/.well-known/oauth-protected-resource/tools?x=y"));
        assert_eq!((response.status, report.counted), (200, Counted::Document));
        assert!(response.headers.contains(&("cache-control", "public, max-age=300".into())));
        assert_eq!(
            serde_json::from_str::<Value>(&response.body).unwrap(),
            json!({
                "resource": RESOURCE,
                "authorization_servers": ["https://authority.example"],
                "scopes_supported": ["orders.read", "orders.write"],
                "bearer_methods_supported": ["header"],
            })
        );
    }
    let (response, _) = gateway.reply(&ask("other.example", "/.well-known/oauth-protected-resource"));
    assert!(response.body.contains("\"resource\":\"https://other.example\""));
}

#[test]
fn another_place_is_a_route() {
    let mut gateway = gateway();
    for (host, path, status) in [
        ("mcp.example", "/.well-known/oauth-protected-resource", 403),
        ("mcp.example", "/.well-known/oauth-protected-resource/tools/", 403),
        ("api.example", "/.well-known/oauth-protected-resource/tools", 401),
        ("other.example", "/.well-known/oauth-protected-resource/tools", 401),
    ] {
        assert_eq!(gateway.reply(&ask(host, path)).0.status, status, "{host} {path}");
    }
    let post =
        Ask { method: b"POST".to_vec(), ..ask("mcp.example", "/.well-known/oauth-protected-resource/tools") };
    let (response, _) = gateway.reply(&post);
    assert!(response.status == 405 && response.headers.contains(&("allow", "GET".into())));
    gateway.pass_secs(3_601);
    assert_eq!(
        gateway.reply(&ask("mcp.example", "/.well-known/oauth-protected-resource/tools")).0.status,
        503
    );
}

#[test]
fn a_challenge_points_to_it() {
    let mut gateway = gateway();
    let (response, _) = gateway.reply(&Ask::bare());
    assert_eq!(
        challenge(&response),
        Some(format!("Bearer resource_metadata=\"{METADATA}\", scope=\"orders.read\""))
    );
    let (response, _) = gateway.reply(&Ask::bearing(&Token::valid().forged()));
    let expected =
        format!("Bearer resource_metadata=\"{METADATA}\", error=\"invalid_token\", scope=\"orders.read\"");
    assert_eq!(challenge(&response), Some(expected));
    gateway.adopt(|wire| wire.bindings[0].scopes.clear());
    let (response, _) = gateway.reply(&Ask::bearing(&Token::valid().sign()));
    let expected = format!(
        "Bearer resource_metadata=\"{METADATA}\", error=\"insufficient_scope\", scope=\"orders.read\""
    );
    assert_eq!((response.status, challenge(&response)), (403, Some(expected)));
    let (response, _) = gateway.reply(&ask("other.example", "/"));
    let expected = "Bearer resource_metadata=\"https://other.example/.well-known/oauth-protected-resource\"";
    assert_eq!(challenge(&response).as_deref(), Some(expected));
    gateway.pass_secs(3_601);
    assert_eq!(challenge(&gateway.reply(&Ask::bare()).0), None);
}
