//! The real binary: init, serve, refusals to start, stopping, and a log without secrets.

use core::net::SocketAddr;
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Bytes};
use hyper_util::rt::TokioIo;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{
    bench::{AUTHORITY, SOON, mk_binding, mk_route, until},
    tokens::{ISS, Signer, claims_with},
};

const KEK: &str = "c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4";

/// A running `cambist serve`, ended when dropped.
struct Serve {
    child: Child,
    address: SocketAddr,
}

fn mk_command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cambist"));
    command.args(arguments).arg("--data").arg(data).env_remove("CAMBIST_KEK").env_remove("CAMBIST_LOG");
    command
}

fn init(data: &Path) -> Value {
    let output = run(&mut mk_command(&["init", "--authority", AUTHORITY, "--print-json"], data));
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn refusal(command: &mut Command) -> String {
    let output = run(command);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn serve(data: &Path, log: &Path) -> Serve {
    let port_file = data.join("address");
    fs::remove_file(&port_file).ok();
    let mut command = mk_command(&["serve", "--listen", "127.0.0.1:0", "--log", "trace"], data);
    command.arg("--port-file").arg(&port_file);
    command.stderr(File::create(log).unwrap()).stdin(Stdio::null());
    let child = command.spawn().unwrap();
    let mut serve = Serve { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
    until(async || {
        assert_eq!(serve.child.try_wait().unwrap(), None, "{}", fs::read_to_string(log).unwrap());
        port_file.exists()
    })
    .await;
    serve.address = fs::read_to_string(&port_file).unwrap().trim().parse().unwrap();
    serve
}

async fn send(address: SocketAddr, method: Method, path: &str, token: &str, body: Value) -> Response<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "control-plane.example")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

impl Serve {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    async fn ended(&mut self) -> ExitStatus {
        until(async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn init_makes_a_deployment_that_only_its_owner_reads() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("new/data");
    let made = init(&data);
    assert!(made["admin_token"].as_str().unwrap().starts_with("adm_"));
    assert_eq!((&made["authority"], &made["tenant"]), (&json!(AUTHORITY), &json!("default")));
    let access = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(access(&data), 0o700);
    assert_eq!(access(&data.join("kek")), 0o600);
    assert_eq!(access(&data.join("cambist.db")), 0o600);
    let again = refusal(&mut mk_command(&["init", "--authority", AUTHORITY], &data));
    assert!(again.contains("cambist serve"), "{again}");
}

#[test]
fn init_refuses_authorities_that_cannot_be() {
    let folder = TempDir::new().unwrap();
    for authority in ["http://auth.example", "auth.example", "https://auth.example/"] {
        let data = folder.path().join("data");
        let message = refusal(&mut mk_command(&["init", "--authority", authority], &data));
        assert!(message.contains("--authority must"), "{message}");
        assert!(!data.exists());
    }
}

#[test]
fn serve_says_how_to_initialise() {
    let folder = TempDir::new().unwrap();
    let message = refusal(&mut mk_command(&["serve"], folder.path()));
    assert!(message.contains("cambist init --authority"), "{message}");
}

#[test]
fn serve_refuses_a_wrong_missing_or_readable_key() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    init(data);
    let kek = data.join("kek");
    let right = fs::read_to_string(&kek).unwrap();

    let message = refusal(mk_command(&["serve"], data).env("CAMBIST_KEK", KEK));
    assert!(message.contains("not the one"), "{message}");
    fs::write(&kek, KEK).unwrap();
    assert!(refusal(&mut mk_command(&["serve"], data)).contains("not the one"));
    fs::write(&kek, "short").unwrap();
    assert!(refusal(&mut mk_command(&["serve"], data)).contains("64 hex digits"));
    fs::write(&kek, &right).unwrap();
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&mut mk_command(&["serve"], data)).contains("chmod 600"));
    fs::remove_file(&kek).unwrap();
    assert!(refusal(&mut mk_command(&["serve"], data)).contains("CAMBIST_KEK"));
}

#[tokio::test]
async fn serves_until_it_is_told_to_stop_and_keeps_what_it_acknowledged() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let token = init(&data)["admin_token"].as_str().unwrap().to_owned();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut serving = serve(&data, &log).await;
        let name = signal.as_str().to_lowercase();
        let made = send(serving.address, Method::POST, "/v1/gateways", &token, json!({ "name": name })).await;
        assert_eq!(made.status(), 201);
        let made: Value = serde_json::from_slice(made.body()).unwrap();
        let gateway = made["token"].as_str().unwrap().to_owned();
        let second = refusal(&mut mk_command(&["serve"], &data));
        assert!(second.contains("in use"), "{second}");

        let address = serving.address;
        let full = send(address, Method::GET, "/gateway/v1/changes?since=0", &gateway, json!({})).await;
        let full: Value = serde_json::from_slice(full.body()).unwrap();
        let path = format!("/gateway/v1/changes?since={}&wait=60s", full["epoch"]);
        let held = tokio::spawn(async move { send(address, Method::GET, &path, &gateway, json!({})).await });
        // At the level of traces the log shows when a second request for changes has come.
        until(async || fs::read_to_string(&log).unwrap().matches("a request is held").count() == 1).await;
        let started = Instant::now();
        serving.signal(signal);
        let answer = tokio::time::timeout(SOON, held).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(serving.ended().await.success());
        assert!(started.elapsed() < SOON);
    }
    let mut serving = serve(&data, &log).await;
    let list = send(serving.address, Method::GET, "/v1/gateways", &token, json!({})).await;
    let list: Value = serde_json::from_slice(list.body()).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    // Nor does it need to be told: what was acknowledged is on disk.
    send(serving.address, Method::POST, "/v1/gateways", &token, json!({ "name": "killed" })).await;
    serving.signal(Signal::SIGKILL);
    serving.ended().await;
    let serving = serve(&data, &log).await;
    let read = send(serving.address, Method::GET, "/v1/gateways/killed", &token, json!({})).await;
    assert_eq!(read.status(), 200);
}

#[tokio::test]
async fn an_acknowledged_mint_outlives_a_kill() {
    let folder = TempDir::new().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let admin = init(&data)["admin_token"].as_str().unwrap().to_owned();
    let mut serving = serve(&data, &log).await;
    let address = serving.address;
    let post = async |path: &str, token: &str, body: Value| -> Value {
        let answer = send(address, Method::POST, path, token, body).await;
        assert!(answer.status().is_success(), "{answer:?}");
        serde_json::from_slice(answer.body()).unwrap()
    };
    let signer = Signer::new("a");
    let keys = json!({ "source": "inline", "jwks": signer.jwks() });
    post("/v1/issuers", &admin, json!({ "id": "eks", "iss": ISS, "keys": keys })).await;
    let client = post("/v1/clients", &admin, json!({ "name": "shop" })).await;
    let client = client["client_id"].as_str().unwrap().to_owned();
    post(&format!("/v1/clients/{client}/bindings"), &admin, mk_binding()).await;
    let mut route = mk_route(&client);
    route["exchange"] = json!("control-plane");
    post("/v1/routes", &admin, route).await;
    let gateway = post("/v1/gateways", &admin, json!({ "name": "edge" })).await["token"].clone();

    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let token = signer.sign(&claims_with(json!({ "iat": now, "exp": now + 600 })));
    let body = json!({ "route": { "route": "all", "subject_token": token } });
    let minted = post("/gateway/v1/mint", gateway.as_str().unwrap(), body).await;
    serving.signal(Signal::SIGKILL);
    serving.ended().await;
    let serving = serve(&data, &log).await;
    let audit = send(serving.address, Method::GET, "/v1/audit?limit=1000", &admin, json!({})).await;
    let audit: Value = serde_json::from_slice(audit.body()).unwrap();
    let rows = audit["items"].as_array().unwrap();
    let row = rows.iter().find(|row| row["action"] == "mint").expect("the mint is there");
    assert_eq!(row["detail"]["minted"]["jti"], minted["jti"]);
    let identities = send(serving.address, Method::GET, "/v1/identities", &admin, json!({})).await;
    let identities: Value = serde_json::from_slice(identities.body()).unwrap();
    assert_eq!(identities["items"][0]["count"], 1);
    // Neither the token that came nor the one that went is anywhere else.
    let log = fs::read_to_string(&log).unwrap();
    assert!(!log.contains(token.rsplit('.').next().unwrap()));
    assert!(!log.contains(minted["access_token"].as_str().unwrap().rsplit('.').next().unwrap()));
}

#[tokio::test]
async fn the_log_of_a_whole_session_holds_no_secret() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let admin = init(&data)["admin_token"].as_str().unwrap().to_owned();
    let mut serving = serve(&data, &log).await;
    let address = serving.address;
    let made =
        send(address, Method::POST, "/v1/gateways", &admin, json!({ "name": "edge", "may_mint": true }))
            .await;
    let made: Value = serde_json::from_slice(made.body()).unwrap();
    let gateway = made["token"].as_str().unwrap().to_owned();
    let snapshot = send(address, Method::GET, "/gateway/v1/snapshot", &gateway, json!({})).await;
    let snapshot = String::from_utf8(snapshot.into_body().to_vec()).unwrap();
    let key = snapshot.split("\"pkcs8\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let planted = "planted-secret-41d8";
    let wrong = format!("adm_{planted}");
    for (method, path, token) in [
        (Method::GET, format!("/v1/issuers?cursor={planted}"), admin.as_str()),
        (Method::GET, String::from("/v1/issuers"), wrong.as_str()),
        (Method::POST, String::from("/v1/issuers"), admin.as_str()),
        (Method::POST, String::from("/gateway/v1/events"), gateway.as_str()),
        (Method::POST, String::from("/v1/gateways/edge/token"), admin.as_str()),
    ] {
        send(address, method, &path, token, json!({ "secret": planted })).await;
    }
    serving.signal(Signal::SIGTERM);
    serving.ended().await;
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("\"response.status\":422"), "the log has the session");
    let kek = fs::read_to_string(data.join("kek")).unwrap();
    for secret in [&admin, &gateway, &key, kek.trim(), planted] {
        assert!(!log.contains(secret), "{secret}");
        assert!(!log.contains(&secret[4..24.min(secret.len())]), "a part of {secret}");
    }
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    }
}

#[tokio::test]
async fn the_trail_is_verified_and_shown_from_outside() {
    let folder = TempDir::new().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let admin = init(&data)["admin_token"].as_str().unwrap().to_owned();
    let mut serving = serve(&data, &log).await;
    for name in ["a", "b", "c"] {
        send(serving.address, Method::POST, "/v1/clients", &admin, json!({ "name": name })).await;
    }
    let address = serving.address;
    let cambist = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cambist"));
        command.arg("audit").args(arguments).env("CAMBIST_ADMIN_TOKEN", &admin);
        command.env("CAMBIST_URL", format!("http://{address}")).stdin(Stdio::null());
        command
    };
    let said = |arguments: &[&str]| {
        let output = run(&mut cambist(arguments));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = said(&["verify"]);
    assert!(code == Some(0) && text.starts_with("5 rows are whole."), "{text}");
    let link = text.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(said(&["verify", "--after", &link]).1, format!("0 rows are whole. The last one is {link}\n"));
    let database = data.join("cambist.db");
    let file = database.to_str().unwrap();
    let (code, text) = said(&["verify", "--database", file, "--format", "json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &found["rows"], &found["broken"]), (Some(0), &json!(5), &json!(null)));

    let (code, text) = said(&["tail", "-n", "2", "--filter", "action=create", "--format", "json"]);
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&Value> = rows.iter().map(|row| &row["detail"]["after"]["name"]).collect();
    assert_eq!((code, names), (Some(0), vec![&json!("b"), &json!("c")]));
    assert!(said(&["tail"]).1.contains("admin:first create client cl_"));
    // A follower sees what comes later.
    let out = folder.path().join("followed");
    let mut follower =
        cambist(&["tail", "-n", "1", "--follow"]).stdout(File::create(&out).unwrap()).spawn().unwrap();
    until(async || fs::read_to_string(&out).unwrap().lines().count() == 1).await;
    send(serving.address, Method::POST, "/v1/clients", &admin, json!({ "name": "d" })).await;
    until(async || fs::read_to_string(&out).unwrap().lines().count() == 2).await;
    follower.kill().unwrap();
    follower.wait().unwrap();

    serving.signal(Signal::SIGTERM);
    serving.ended().await;
    let options = SqliteConnectOptions::new().filename(&database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("UPDATE audit SET actor = 'admin:other' WHERE id = 4")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let (code, text) = said(&["verify", "--database", file]);
    assert!(code == Some(1) && text.starts_with("BROKEN at row 4, behind row 3"), "{text}");
}

#[tokio::test]
async fn identities_are_let_in_from_outside() {
    let folder = TempDir::new().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let admin = init(&data)["admin_token"].as_str().unwrap().to_owned();
    let serving = serve(&data, &log).await;
    let address = serving.address;
    let post = async |path: &str, token: &str, body: Value| -> Value {
        let answer = send(address, Method::POST, path, token, body).await;
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap()
    };
    post("/v1/issuers", &admin, json!({ "id": "eks", "iss": "https://issuer.example" })).await;
    let client = post("/v1/clients", &admin, json!({ "name": "shop" })).await["client_id"].clone();
    let client = client.as_str().unwrap();
    let binding = json!({
        "id": "shop", "issuer": "eks", "audiences": ["api"], "allow_any_subject": true, "targets": ["upstream"],
        "enrolment": "approve",
    });
    post(&format!("/v1/clients/{client}/bindings"), &admin, binding).await;
    let gateway = post("/v1/gateways", &admin, json!({ "name": "edge" })).await["token"].clone();
    let id = |subject: &str| cambist_core::identity::identity_id("default", client, "eks", "api", subject);
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cambist"));
        command.arg("identity").args(arguments).env("CAMBIST_ADMIN_TOKEN", &admin);
        command.env("CAMBIST_URL", format!("http://{address}")).stdin(Stdio::null());
        let output = run(&mut command);
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let register =
        ["register", "--client", client, "--issuer", "eks", "--audience", "api", "--subject", "cart"];
    assert_eq!(said(&register), (true, format!("{}\n", id("cart"))));
    assert!(!said(&register).0);

    let asking = json!({ "binding": "shop", "identity": {
        "id": id("agent"), "client_id": client, "issuer": "eks", "audience": "api", "subject": "agent",
    } });
    let verdict = async || {
        post("/gateway/v1/admit", gateway.as_str().unwrap(), asking.clone()).await["verdict"].clone()
    };
    assert_eq!(verdict().await, "pending");
    let (content, text) = said(&["pending"]);
    assert!(content && text.contains(&id("agent")) && !text.contains(&id("cart")), "{text}");
    let (_, text) = said(&["pending", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["items"][0]["subject"], "agent");
    assert_eq!(said(&["approve", &id("agent")]), (true, format!("Identity {} is let in.\n", id("agent"))));
    assert_eq!(verdict().await, "admitted");
    let (content, text) = said(&["approve", &id("nobody")]);
    assert!(!content && text.contains("does not wait and was never seen"), "{text}");
}
