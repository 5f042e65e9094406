//! The commands that call a running control plane: the real binary against a service in process.

use core::net::SocketAddr;
use std::{
    fs,
    process::{Command, Output},
    sync::Arc,
};

use cambist_control_plane::serve;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    bench::{Bench, START},
    origin::{Authority, Leaf, Net, Origin},
    pushed::mk_set,
};

/// Serves the bench's service over real sockets, behind TLS if there is an authority.
async fn mk_service(bench: &Bench) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve::serve(listener, Arc::clone(&bench.app), bench.stop.subscribe()));
    address
}

fn mk_call(url: &str, token: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cambist"));
    command
        .args(arguments)
        .env("CAMBIST_URL", url)
        .env_remove("CAMBIST_CA")
        .env_remove("CAMBIST_ADMIN_TOKEN");
    if let Some(token) = token {
        command.env("CAMBIST_ADMIN_TOKEN", token);
    }
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn call(address: SocketAddr, bench: &Bench, arguments: &[&str]) -> Output {
    run(mk_call(&format!("http://{address}"), bench.admin.token(), arguments)).await
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn tests_an_issuer_and_says_by_its_status_how_it_went() {
    let authority = Authority::new();
    let origin = Origin::new(Some(authority.acceptor(Leaf::For("issuer.example")))).await;
    origin.set("/keys", &mk_set(&["a"]));
    let bench = Bench::on(Net::to(origin.address)).await;
    let address = mk_service(&bench).await;
    let keys =
        json!({ "source": "control_plane", "uri": "https://issuer.example/keys", "ca": authority.pem });
    let issuer = json!({ "id": "cell", "iss": "https://issuer.example", "keys": keys });
    bench.admin.post("/v1/issuers", issuer).await.created();
    let good = call(address, &bench, &["issuer", "test", "cell"]).await;
    assert!(good.status.success(), "{good:?}");
    let text = out(&good);
    for line in ["STAGE", "dns       ok", "9.9.9.9", "TLSv1_3 for issuer.example", "a (ES256)"] {
        assert!(text.contains(line), "{text}");
    }
    // A key's name is the issuer's to choose; it must not move the cursor of whoever reads it.
    origin.set("/keys", &mk_set(&["\u{1b}[2J"]));
    let text = out(&call(address, &bench, &["issuer", "test", "cell"]).await);
    assert!(text.contains("?[2J (ES256)") && !text.contains('\u{1b}'), "{text}");

    origin.set_raw("/keys", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let bad = call(address, &bench, &["issuer", "test", "cell"]).await;
    assert_eq!(bad.status.code(), Some(1));
    let text = out(&bad);
    for line in ["http      FAILED", "status 404", "next: check the path", "keys      not reached"] {
        assert!(text.contains(line), "{text}");
    }
    let bad = call(address, &bench, &["issuer", "test", "cell", "--json"]).await;
    assert_eq!(bad.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!((&told["ok"], &told["stages"][4]["outcome"]), (&json!(false), &json!("failed")));
    assert!(refusal(&call(address, &bench, &["issuer", "test", "none"]).await).contains("no issuer `none`"));
}

#[tokio::test]
async fn pushes_keys_again_and_again() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    let issuer = json!({ "id": "cell", "iss": "https://cell.example", "keys": { "source": "pushed" } });
    bench.admin.post("/v1/issuers", issuer).await.created();
    let file = bench.folder.path().join("jwks.json");
    let arguments = ["issuer", "push", "cell", "--file", file.to_str().unwrap()];
    for kid in ["a", "b"] {
        fs::write(&file, mk_set(&[kid]).to_string()).unwrap();
        let pushed = call(address, &bench, &arguments).await;
        assert!(pushed.status.success(), "{pushed:?}");
        assert!(out(&pushed).contains(&format!("{kid}    ES256")), "{pushed:?}");
    }
    assert_eq!(bench.admin.get("/v1/issuers/cell/jwks").await.ok()["version"], 2);
    fs::write(&file, "{\"keys\":[]}").unwrap();
    let refused = refusal(&call(address, &bench, &arguments).await);
    assert!(refused.contains("/keys: holds no key"), "{refused}");
    fs::remove_file(&file).unwrap();
    assert!(refusal(&call(address, &bench, &arguments).await).contains("jwks.json"));
}

#[tokio::test]
async fn shows_the_keys_of_a_gateway() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    bench.admin.post("/v1/issuers", json!({ "id": "eks", "iss": "https://issuer.example" })).await.created();
    let issuer = json!({ "id": "cell", "iss": "https://cell.example", "keys": { "source": "pushed" } });
    bench.admin.post("/v1/issuers", issuer).await.created();
    let gateway = bench.gateway("edge", false).await;
    let keys = json!([{
        "issuer": "eks", "source": "discovery", "keys": [{ "kid": "k1", "algorithms": ["RS256"] }],
        "fetched_at": START.millis() - 7000, "last_error": "the answer had status 500",
    }]);
    let batch = json!({ "instance": "node/1", "epoch": 1, "dropped": 0, "events": [], "keys": keys });
    gateway.post("/gateway/v1/events", batch).await.ok();
    let shown = call(address, &bench, &["gateway", "keys", "edge"]).await;
    assert!(shown.status.success(), "{shown:?}");
    let text = out(&shown);
    let lines =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    for line in [
        "ISSUER SOURCE KEYS AGE NEXT ERROR",
        "eks discovery k1 7s - the answer had status 500",
        "cell pushed none - - -",
    ] {
        assert!(lines.iter().any(|found| found == line), "{text}");
    }
    let json = call(address, &bench, &["gateway", "keys", "edge", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["items"][0]["keys"][0]["kid"], "k1");
}

#[tokio::test]
async fn says_what_is_missing() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    let url = format!("http://{address}");
    let arguments = ["issuer", "test", "cell"];
    let told = refusal(&run(mk_call(&url, None, &arguments)).await);
    assert!(told.contains("CAMBIST_ADMIN_TOKEN"), "{told}");
    let told = refusal(&run(mk_call(&url, Some("adm_wrong"), &arguments)).await);
    assert!(told.contains("token is unknown") && !told.contains("adm_wrong"), "{told}");
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    let told = refusal(&run(mk_call(&closed, bench.admin.token(), &arguments)).await);
    assert!(told.contains("connection refused; is `cambist serve` running at http://127.0.0.1:"), "{told}");
    for url in ["127.0.0.1:8700", "ftp://a.example", "http://a.example/?b"] {
        assert!(
            refusal(&run(mk_call(url, bench.admin.token(), &arguments)).await).contains("--url"),
            "{url}"
        );
    }
}

#[tokio::test]
async fn checks_the_certificate_of_the_control_plane() {
    let authority = Authority::new();
    let origin = Origin::new(Some(authority.acceptor(Leaf::For("127.0.0.1")))).await;
    origin.set("/v1/gateways/edge/keys", &json!({ "gateway": "edge", "instances": 0, "items": [] }));
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("https://{}", origin.address);
    let call = |ca: &str| {
        let file = folder.path().join("ca.pem");
        fs::write(&file, ca).unwrap();
        mk_call(&url, Some("adm_a"), &["gateway", "keys", "edge", "--ca", file.to_str().unwrap()])
    };
    let good = run(call(&authority.pem)).await;
    assert!(good.status.success(), "{good:?}");
    let heads = origin.heads();
    assert!(heads[0].contains("authorization: Bearer adm_a"));
    assert!(refusal(&run(call(&Authority::new().pem)).await).contains("UnknownIssuer"));
    assert!(refusal(&run(call("text")).await).contains("ca.pem holds no certificate"));
    // The token was sent to nobody else.
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn shows_and_rotates_signing_keys() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    let text = out(&call(address, &bench, &["key", "list"]).await);
    for word in ["KID", "authority", "fleet", "ES256", "signing"] {
        assert!(text.contains(word), "{text}");
    }
    let rotated = out(&call(address, &bench, &["key", "rotate"]).await);
    assert!(rotated.contains("is published and signs from 2027-01-15T08:15:00Z on"), "{rotated}");
    let kid = rotated.split(' ').next().unwrap();
    let json: Value =
        serde_json::from_slice(&call(address, &bench, &["key", "list", "--json"]).await.stdout).unwrap();
    let key = json["items"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap().clone();
    assert_eq!((&key["state"], &key["role"]), (&json!("published"), &json!("authority")));
    assert!(
        refusal(&call(address, &bench, &["key", "rotate", "--alg", "HS256"]).await)
            .contains("ES256 or RS256")
    );
}

#[tokio::test]
async fn makes_lists_and_removes_secrets_of_clients() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    let client = bench.admin.post("/v1/clients", json!({ "name": "shop" })).await.created();
    let client = client["client_id"].as_str().unwrap();
    let made = out(&call(address, &bench, &["client", "secret", "add", client]).await);
    let (id, secret) = (made.split([' ', ',']).nth(1).unwrap(), made.trim().rsplit(' ').next().unwrap());
    assert!(id.starts_with("sec_") && secret.starts_with("cs_") && secret.len() == 55, "{made}");
    let listed = out(&call(address, &bench, &["client", "secret", "list", client]).await);
    assert!(listed.contains(id) && !listed.contains("cs_"), "{listed}");
    let json = call(address, &bench, &["client", "secret", "add", client, "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["secret"].as_str().unwrap().starts_with("cs_"));
    let third = refusal(&call(address, &bench, &["client", "secret", "add", client]).await);
    assert!(third.contains("Remove one"), "{third}");
    let removed = out(&call(address, &bench, &["client", "secret", "remove", client, id]).await);
    assert_eq!(removed, format!("Removed {id}.\n"));
    let again = refusal(&call(address, &bench, &["client", "secret", "remove", client, id]).await);
    assert!(again.contains("has no secret"), "{again}");
    assert!(
        refusal(&call(address, &bench, &["client", "secret", "list", "cl_x"]).await)
            .contains("no client `cl_x`")
    );
}

#[tokio::test]
async fn lists_gateways_for_people_and_for_programs() {
    let bench = Bench::new().await;
    let address = mk_service(&bench).await;
    let edge = bench.gateway("edge", false).await;
    bench.gateway("silent", false).await;
    let headers =
        [("cambist-instance", "node/1"), ("cambist-running-epoch", "7"), ("cambist-last-error", "no way")];
    edge.get_with("/gateway/v1/snapshot", &headers).await.records();
    let batch =
        json!({ "instance": "node/1", "epoch": 7, "last_error": "no way", "dropped": 3, "events": [] });
    edge.post("/gateway/v1/events", batch).await.ok();
    let text = out(&call(address, &bench, &["gateway", "list"]).await);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    let [head, first, second] = rows.as_slice() else { panic!("{text}") };
    assert_eq!(head[0], "GATEWAY");
    // An epoch is about the milliseconds at which it began, and nobody was there in 1970.
    let age = format!("{}s", (bench.clock.now().millis() - 7) / 1000);
    assert_eq!(first, &["edge", "1", "1", "7", age.as_str(), "2027-01-15T08:00:00Z", "3", "0", "no way"]);
    assert_eq!(second, &["silent", "0", "0", "-", "-", "-", "0", "0", "-"]);
    let json = call(address, &bench, &["gateway", "list", "--format", "json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["items"][0]["status"]["last_error"], "no way");
    assert_eq!(json["items"].as_array().unwrap().len(), 2);
}
