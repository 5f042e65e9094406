//! What `just hostile` runs, in short.

use std::process::{Command, Output};

use cambist_tests::artifact;

#[test]
fn hostile_requests_by_the_thousand_harm_nothing() {
    let run = load("20000", "0");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    for part in ["good", "value-bytes", "headers-1100", "headers-60k", "cut-fetch", "HTTP/2"] {
        assert!(said.contains(part), "the table does not show {part}:\n{said}");
    }
}

#[test]
fn a_planted_panic_turns_the_hostile_load_red() {
    let run = load("20000", "1");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(!run.status.success(), "{said}");
    for part in ["FAILED", "answers came from a dead VM", "v8.created", "panicked", "good over"] {
        assert!(said.contains(part), "the run does not complain of {part}:\n{said}");
    }
}

fn load(requests: &str, planted: &str) -> Output {
    Command::new(artifact::cambist_dev())
        .args(["hostile", &format!("requests={requests}"), &format!("planted={planted}")])
        .output()
        .expect("cambist-dev runs")
}
