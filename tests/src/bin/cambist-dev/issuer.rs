//! An issuer with fresh keys and an upstream, on the ports that `envoy/minimal.yaml` names, and two tokens to try.

use std::fs;
use std::process::ExitCode;

use cambist_tests::artifact;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{self, Key};
use cambist_tests::upstream::Upstream;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

const ISSUER_PORT: u16 = 18_080;
const UPSTREAM_PORT: u16 = 18_000;
const ISS: &str = "https://issuer.example";

/// Long enough to play with.
const LIFETIME_SECONDS: i64 = 8 * 3_600;

/// Serves until interrupted.
pub(crate) async fn serve() -> ExitCode {
    let issuer = Issuer::start_on(ISSUER_PORT, Some(ISS), Key::rsa("fresh")).await;
    let _upstream = Upstream::start_on(UPSTREAM_PORT).await;

    let mut claims = issuer.claims("system:serviceaccount:shop:cart");
    claims["exp"] = json!(jwt::now() + LIFETIME_SECONDS);
    let folder = artifact::target().join("issuer");
    fs::create_dir_all(&folder).expect("a folder can be made");
    // Right in everything but the key.
    let tokens = [("good", issuer.sign(&claims)), ("bad", Key::rsa("fresh").token(&claims))];
    for (name, token) in tokens {
        fs::write(folder.join(format!("{name}.jwt")), token).expect("a token can be written");
    }
    println!("issuer   {ISS}, keys at {}", issuer.keys_url());
    println!("upstream http://127.0.0.1:{UPSTREAM_PORT}");
    println!("tokens   {}/good.jwt and bad.jwt", folder.display());
    until_interrupted().await;
    ExitCode::SUCCESS
}

/// Waits for Ctrl-C or a request to end.
pub(crate) async fn until_interrupted() {
    println!("Ctrl-C ends it.");
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be awaited");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
