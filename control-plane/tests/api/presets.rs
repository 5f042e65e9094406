//! Presets through the API and the command, and the page that tells of them, executed.

use std::{path::Path, process::Command};

use cambist_control_plane::store::{Store as _, records::Kind};
use serde_json::{Map, Value, json};

use super::bench::Bench;

const PAGE: &str = include_str!("../../../docs/presets.md");
const EKS: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/8EBDC29A6F1E4E0E9B6D00AA11BB22CC";

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn cambist(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cambist")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The client `shop`.
async fn client(bench: &Bench) -> String {
    let made = bench.admin.post("/v1/clients", json!({ "name": "shop" })).await.created();
    made["client_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn api_and_command_show_the_files() {
    let bench = Bench::new().await;
    let list = bench.admin.get("/v1/presets").await.ok();
    let shown = list["items"].as_array().unwrap();
    let (good, lines, _) = cambist(&["preset", "list"]);
    assert!(good);
    assert_eq!((shown.len(), lines.lines().count()), (files().len(), files().len()));
    for (name, text) in files() {
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bench.admin.get(&format!("/v1/presets/{name}")).await.ok(), document);
        assert!(shown.contains(&document), "{name}");
        assert!(lines.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {lines}");
        assert_eq!(cambist(&["preset", "show", &name]), (true, text, String::new()));
    }
    bench.admin.get("/v1/presets/none").await.problem(404);
    bench.nobody.get("/v1/presets").await.problem(401);
    let (good, _, error) = cambist(&["preset", "show", "none"]);
    assert!(!good && error.contains("eks, gke, gcp, kubernetes, github, gitlab, generic"), "{error}");
}

#[tokio::test]
async fn what_a_preset_fills_in_is_stored_and_stays() {
    let bench = Bench::new().await;
    let document = json!({ "id": "shop", "preset": "eks", "iss": EKS, "cluster": "shop-eu" });
    let made = bench.admin.post("/v1/issuers", document).await;
    let issuer = made.created();
    assert_eq!(issuer["keys"], json!({ "source": "derived" }));
    assert_eq!((&issuer["algorithms"], &issuer["max_lifetime"]), (&json!(["RS256"]), &json!(86_400)));
    assert_eq!(issuer["identity_fields"]["namespace"], r"jwt.claim.kubernetes\.io.namespace");
    assert_eq!(issuer["audit_fields"]["pod"], r"jwt.claim.kubernetes\.io.pod.name");
    // What was read can be sent back and changes nothing.
    let again = bench.admin.put("/v1/issuers/shop", &made.etag(), issuer.clone()).await.ok();
    let without = |mut document: Value| {
        for member in ["version", "updated_at"] {
            document.as_object_mut().unwrap().remove(member);
        }
        document
    };
    assert_eq!(without(again), without(issuer));
}

#[tokio::test]
async fn fields_that_were_emptied_stay_empty() {
    let bench = Bench::new().await;
    let document = json!({ "id": "ci", "preset": "github", "identity_fields": {}, "audit_fields": {} });
    let made = bench.admin.post("/v1/issuers", document).await;
    let issuer = made.created();
    assert_eq!(issuer["iss"], "https://token.actions.githubusercontent.com");
    assert_eq!((&issuer["identity_fields"], &issuer["audit_fields"]), (&json!({}), &json!({})));
    let again = bench.admin.put("/v1/issuers/ci", &made.etag(), issuer).await.ok();
    assert_eq!((&again["identity_fields"], &again["audit_fields"]), (&json!({}), &json!({})));
    // Left out, they are the preset's.
    let filled = bench.admin.put("/v1/issuers/ci", "*", json!({ "preset": "github" })).await.ok();
    assert_eq!(filled["identity_fields"]["repository_id"], "jwt.claim.repository_id");
}

#[tokio::test]
async fn refuses_an_unknown_preset_and_an_iss_of_another_kind() {
    let bench = Bench::new().await;
    for (document, pointers) in [
        (json!({ "preset": "none", "iss": EKS }), vec!["/preset"]),
        (json!({ "preset": 7, "iss": EKS }), vec!["/preset"]),
        (json!({ "preset": "github", "iss": EKS }), vec!["/iss"]),
        (json!({ "preset": "eks" }), vec!["/iss"]),
        (json!({ "preset": "gcp", "iss": "accounts.google.com", "extra": 1 }), vec!["/extra", "/iss"]),
        (json!({ "preset": "eks", "iss": EKS, "max_lifetime": 1 }), vec!["/max_lifetime"]),
    ] {
        assert_eq!(
            bench.admin.post("/v1/issuers", document.clone()).await.pointers(),
            pointers,
            "{document}"
        );
    }
}

#[tokio::test]
async fn a_binding_is_advised_and_stored_as_it_came() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    bench.admin.post("/v1/issuers", json!({ "id": "shop", "preset": "eks", "iss": EKS })).await.created();
    let path = format!("/v1/clients/{client}/bindings");
    let document =
        json!({ "id": "cart", "issuer": "shop", "subjects": ["system:serviceaccount:shop:default"] });
    let made = bench.admin.post(&path, document).await;
    let binding = made.created();
    assert_eq!(binding["audiences"], json!([client]));
    let [advice] = binding["advice"].as_array().unwrap().as_slice() else { panic!("{binding}") };
    assert_eq!(advice["pointer"], "/subjects/0");
    assert!(advice["text"].as_str().unwrap().contains("default service account"));
    let path = format!("{path}/cart");
    let read = bench.admin.get(&path).await;
    assert_eq!((read.etag(), read.ok()), (made.etag(), binding.clone()));
    let stored = bench.store.object("default", Kind::Binding, "cart");
    assert!(stored.await.unwrap().unwrap().doc.get("advice").is_none());
    // What was read can be sent back, advice included.
    assert!(bench.admin.put(&path, &made.etag(), binding).await.ok().get("advice").is_some());
    let better = json!({ "issuer": "shop", "subjects": ["system:serviceaccount:shop:cart"] });
    assert!(bench.admin.put(&path, "*", better).await.ok().get("advice").is_none());
    // An issuer without a preset knows nothing.
    bench.admin.put("/v1/issuers/shop", "*", json!({ "iss": EKS })).await.ok();
    let document = json!({ "issuer": "shop", "audiences": ["api"], "allow_any_subject": true });
    assert!(bench.admin.put(&path, "*", document).await.ok().get("advice").is_none());
}

/// Every command of the page's `sh` blocks, each with its body if it has one.
fn commands() -> Vec<(String, Option<Value>)> {
    let blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands: Vec<(String, Option<Value>)> = Vec::new();
    for block in blocks {
        let mut rest = block;
        while !rest.trim().is_empty() {
            let line = rest.lines().next().unwrap();
            let body = line.split_once("-d '").map(|(head, _)| {
                let text = rest[head.len() + 4..].split('\'').next().unwrap();
                (head.len() + 4 + text.len() + 1, serde_json::from_str(text).expect(text))
            });
            let end = body.as_ref().map_or(line.len(), |(end, _)| *end);
            commands.push((line.to_owned(), body.map(|(_, body)| body)));
            rest = rest[end..].trim_start();
        }
    }
    commands
}

#[tokio::test]
async fn every_command_of_the_page_does_what_it_says() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    let commands = commands();
    assert_eq!(commands.len(), 7);
    for (line, body) in commands {
        if let Some(arguments) = line.strip_prefix("cambist ") {
            let (good, _, error) = cambist(&arguments.split(' ').collect::<Vec<_>>());
            assert!(good, "{line}: {error}");
            continue;
        }
        assert!(line.contains("-H \"authorization: Bearer $CAMBIST_ADMIN_TOKEN\""), "{line}");
        let path = line.strip_prefix("curl \"$CAMBIST").unwrap().split('"').next().unwrap();
        let path = path.replace("$CLIENT", &client);
        let Some(body) = body else {
            bench.admin.get(&path).await.ok();
            continue;
        };
        assert!(bench.admin.post(&path, body).await.created().get("advice").is_none(), "{line}");
    }
}

/// Cells of the page's table whose first column is called `preset` and whose second is called `second`.
fn table(second: &str) -> Vec<Vec<String>> {
    let head = format!("| preset | {second} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&head)).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// Words of a cell in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_tables_of_the_page_say_what_the_files_say() {
    let (filled, told, pins) = (table("`iss`"), table("`identity_fields`"), table("pin"));
    assert_eq!((filled.len(), told.len()), (files().len(), files().len()));
    for (name, text) in files() {
        let file: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let row =
            |rows: &[Vec<String>]| rows.iter().find(|row| row[0] == format!("`{name}`")).unwrap().clone();
        let filled = row(&filled);
        assert_eq!(json!(quoted(&filled[1])), file["iss"], "{name}");
        let keys = match file["issuer"]["keys"]["source"].as_str().unwrap() {
            "derived" => String::from("`{iss}/keys`, without discovery"),
            "jwks_uri" => format!("`{}`", file["issuer"]["keys"]["uri"].as_str().unwrap()),
            other => other.to_owned(),
        };
        assert_eq!(filled[2], keys, "{name}");
        assert_eq!(json!(filled[3].split(", ").collect::<Vec<_>>()), file["issuer"]["algorithms"], "{name}");
        assert_eq!(filled[4], file["issuer"]["max_lifetime"].to_string(), "{name}");
        let by_client = filled[5] == "the client's id";
        assert_eq!(by_client, file["audience"] == "client_id", "{name}");
        let told = row(&told);
        for (cell, member) in [(&told[1], "identity_fields"), (&told[2], "audit_fields")] {
            let mut fields: Vec<&String> = file["issuer"][member].as_object().unwrap().keys().collect();
            fields.sort();
            assert_eq!(quoted(cell), fields, "{name}");
        }
        // Every claim that can be pinned stands in one of the preset's rows.
        let own: Vec<&Vec<String>> =
            pins.iter().filter(|row| quoted(&row[0]).contains(&name.as_str())).collect();
        for pin in file["pin"].as_array().unwrap() {
            for attribute in pin["any_of"].as_array().unwrap() {
                let claim = attribute.as_str().unwrap().strip_prefix("jwt.claim.").unwrap().replace('\\', "");
                assert!(own.iter().any(|row| quoted(&row[1]).contains(&claim.as_str())), "{name}: {claim}");
            }
        }
    }
}
