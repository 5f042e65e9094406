//! What `just demo` and `just up` run.

use std::process::Command;
use std::time::Duration;

use cambist_tests::client::Request;
use cambist_tests::process::{Process, Start};
use cambist_tests::{artifact, wait};

#[tokio::test(flavor = "multi_thread")]
async fn demo_tells_the_whole_story() {
    let run =
        tokio::task::block_in_place(|| Command::new(artifact::cambist_dev()).arg("demo").output().unwrap());
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    for part in [
        "no token: refused",
        "the workload's token: swapped",
        "the same token again: from the cache",
        "an altered token: refused",
        "its identity is on record",
        "count 1",
        "the cached token: refused",
        "its neighbour goes on",
        "at+jwt",
        "Every step was as it should be.",
    ] {
        assert!(said.contains(part), "the demo does not show {part}:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_keeps_running_and_what_it_says_can_be_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&Start {
        name: "cambist-dev up",
        program: &artifact::cambist_dev(),
        arguments: &["up".to_owned()],
        environment: &[],
        log: &folder.path().join("log"),
        folder: folder.path(),
    });
    let said = wait::until_some("it says what to try", wait::PATIENCE, async || {
        process.demand_running();
        Some(process.output()).filter(|said| said.contains("Ctrl-C"))
    })
    .await;
    let token = said.lines().find_map(|line| line.trim().strip_prefix("TOKEN=")).unwrap();
    let gateway = said.lines().find_map(|line| line.trim().strip_prefix("gateway")).unwrap();
    let port = gateway.trim().rsplit(':').next().unwrap().parse().unwrap();
    Request::get("/orders").bearer(token).send(port).await.expect(200);
    assert!(process.stop().await.success());
    wait::until("the gateway is gone", Duration::from_secs(10), async || {
        Request::get("/").try_send(port).await.is_err()
    })
    .await;
}
