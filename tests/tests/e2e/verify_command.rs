//! `cambist verify`, the program, at an authority that answers, one that lies and one that is gone.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use cambist_tests::artifact;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, now};
use cambist_tests::policy::TARGET;
use cambist_tests::tls::{Authority, Door};
use serde_json::{Value, json};
use tokio::task::block_in_place;

/// An access token of the authority that `issuer` plays.
fn token(issuer: &Issuer) -> String {
    let claims = json!({
        "iss": issuer.iss(), "sub": "idn_a", "aud": TARGET, "client_id": "cl_a", "jti": "j",
        "iat": now(), "nbf": now(), "exp": now() + 600,
    });
    let key = issuer.key();
    key.sign(&json!({ "alg": key.alg(), "kid": key.kid(), "typ": "at+jwt" }), &claims)
}

/// What the program says to `token` on its standard input.
fn verify(token: &str, authority: &str, options: &[&str]) -> Output {
    let mut command = Command::new(artifact::cambist());
    command.args(["verify", "--authority", authority]).args(options).env_remove("CAMBIST_CA");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    block_in_place(|| child.wait_with_output().unwrap())
}

/// The names of the checks that failed, with what to do.
fn failed(output: &Output) -> Vec<(String, String)> {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["ok"], false);
    let checks = said["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "failed");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.map(|check| (text(&check["check"]), text(&check["next"]))).collect()
}

fn only(output: &Output) -> (String, String) {
    let mut failed = failed(output);
    assert_eq!(failed.len(), 1, "{failed:?}");
    failed.remove(0)
}

const GOOD: [&str; 3] = ["--audience", TARGET, "--allow-http"];

#[tokio::test(flavor = "multi_thread")]
async fn verify_accepts_a_good_token_and_shows_what_it_says() {
    for key in [Key::p256("first"), Key::rsa("first")] {
        let issuer = Issuer::start(key).await;
        let token = token(&issuer);
        let output = verify(&format!("{token}\n"), issuer.iss(), &GOOD);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        for part in ["discovery", "keys", "signature  ok", "audience   ok", "\"client_id\": \"cl_a\""] {
            assert!(said.contains(part), "it does not show {part}:\n{said}");
        }
        assert!(!said.contains(&token) && !said.contains("FAILED"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, &token).unwrap();
        let options = [&GOOD[..], &["--token-file", file.to_str().unwrap()]].concat();
        assert!(verify("", issuer.iss(), &options).status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_what_is_wrong_and_what_to_do() {
    let mut issuer = Issuer::start(Key::p256("first")).await;
    let iss = issuer.iss().to_owned();
    let good = token(&issuer);
    let json = [&GOOD[..], &["--json"]].concat();
    let other = ["--audience", "https://elsewhere.example", "--allow-http", "--json"];
    assert_eq!(only(&verify(&good, &iss, &other)).0, "audience");
    let secure = ["--audience", TARGET, "--json"];
    let (check, next) = only(&verify(&good, &iss, &secure));
    assert!(check == "discovery" && next.contains("--allow-http"), "{next}");
    let slash = failed(&verify(&good, &format!("{iss}/"), &json));
    let [(first, next), (second, hint)] = &slash[..] else { panic!("{slash:?}") };
    assert!(first == "discovery" && next.contains("exactly"), "{next}");
    assert!(second == "authority" && hint.contains("only a final slash differs"), "{hint}");
    issuer.describe(json!({ "issuer": iss, "jwks_uri": "ftp://x" }).to_string());
    assert_eq!(only(&verify(&good, &iss, &json)).0, "keys");
    issuer.describe_itself();
    issuer.replace_keys(Key::p256("second"));
    let (check, next) = only(&verify(&good, &iss, &json));
    assert!(check == "signature" && next.contains("no published key"), "{next}");
    issuer.publish("{}");
    assert_eq!(only(&verify(&good, &iss, &json)).0, "keys");
    issuer.go_down().await;
    assert_eq!(only(&verify(&good, &iss, &json)).0, "discovery");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_trusts_exactly_the_certificates_it_is_given() {
    let authority = Authority::new("Ours");
    let issuer = Issuer::start(Key::p256("first")).await;
    let door = Door::open(&authority, &["127.0.0.1"], issuer.port()).await;
    let issuer = issuer.reached_at(&format!("https://127.0.0.1:{}", door.port()));
    let token = token(&issuer);
    let file = authority.file();
    let options = ["--audience", TARGET, "--json", "--ca", file.to_str().unwrap()];
    let output = verify(&token, issuer.iss(), &options);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(only(&verify(&token, issuer.iss(), &options[..3])).0, "discovery");
}
