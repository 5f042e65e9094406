//! The harness itself: what it starts works, and ends with it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cambist_tests::client::Request;
use cambist_tests::envoy::{Setup, config};
use cambist_tests::issuer::{AUDIENCE, Fault, Fetches, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::process::{Process, Start};
use cambist_tests::upstream::Upstream;
use cambist_tests::{artifact, stage, wait};

fn alive(process: u32) -> bool {
    // A zombie is dead: only its parent has not looked yet.
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_is_one_that_envoy_itself_trusts() {
    for key in [Key::rsa("rsa"), Key::p256("p256")] {
        let issuer = Issuer::start(key).await;
        let upstream = Upstream::start().await;
        let check = config::jwt_authn(&config::JwtAuthn {
            issuer: issuer.iss(),
            audience: AUDIENCE,
            keys_url: &issuer.keys_url(),
            cluster: "issuer",
            cached: false,
        });
        let clusters =
            [config::cluster("upstream", upstream.port()), config::cluster("issuer", issuer.port())];
        let envoy = Setup::new(2, stage::bootstrap(&[check], &clusters)).start().await;
        let good = Request::get("/a?b=c").bearer(&issuer.token("someone"));
        let answer = envoy.send(&good).await.expect(200);
        assert_eq!(stage::seen(&answer).path, "/a?b=c");
        envoy.send(&Request::get("/")).await.expect(401);
        assert_eq!(upstream.count(), 1);
        assert!(envoy.counter("jwt_authn.allowed").await >= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issuer_fails_as_it_is_told_and_recovers() {
    let mut issuer = Issuer::start(Key::p256("first")).await;
    let keys = Request::get("/keys");
    keys.send(issuer.port()).await.expect(200);
    issuer.set_fault(Fault::Status(500));
    keys.send(issuer.port()).await.expect(500);
    issuer.set_fault(Fault::Hold);
    let port = issuer.port();
    let held = tokio::spawn(async move { Request::get("/keys").send(port).await });
    wait::until("the issuer was asked", wait::PATIENCE, async || issuer.fetches().keys == 3).await;
    assert!(!held.is_finished());
    issuer.set_fault(Fault::None);
    held.await.unwrap().expect(200);
    issuer.go_down().await;
    assert!(keys.try_send(issuer.port()).await.is_err());
    issuer.come_up().await;
    keys.send(issuer.port()).await.expect(200);
    assert_eq!(issuer.fetches(), Fetches { keys: 4, ..Fetches::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn children_end_with_their_value_also_on_panic() {
    let upstream = Upstream::start().await;
    let bootstrap = stage::bootstrap(&[], &[config::cluster("upstream", upstream.port())]);
    let envoy = Setup::new(1, bootstrap).start().await;
    let process = envoy.process_id();
    assert!(alive(process));
    let panicked = tokio::spawn(async move {
        let _envoy = envoy;
        panic!("on purpose");
    });
    assert!(panicked.await.is_err());
    assert!(!alive(process));
}

#[tokio::test(flavor = "multi_thread")]
async fn children_end_when_their_parent_is_killed() {
    let mut parent = Command::new("bash")
        .args(["-c", "\"$0\" leash $$ sleep 600 & echo $!; wait"])
        .arg(artifact::cambist_dev())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(parent.stdout.take().unwrap()), &mut line)
        .unwrap();
    let child: u32 = line.trim().parse().unwrap();
    wait::until("the leash became its program", wait::PATIENCE, async || {
        fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "sleep")
    })
    .await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait::until("the child is gone", Duration::from_secs(5), async || !alive(child)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_children_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&Start {
        name: "echo",
        program: Path::new("sh"),
        arguments: &["-c".to_owned(), "echo out; echo err >&2".to_owned()],
        environment: &[],
        log: &folder.path().join("log"),
        folder: folder.path(),
    });
    wait::until("it ends", wait::PATIENCE, async || process.ended().is_some()).await;
    assert_eq!(process.output(), "out\nerr\n");
}
