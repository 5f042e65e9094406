//! What `just faults` runs, in short.

use std::process::Command;

use cambist_tests::artifact;

#[test]
fn rotations_refuse_no_valid_token() {
    hold("rotations");
}

#[test]
fn a_storm_of_unknown_keys_harms_nobody() {
    hold("storm");
}

#[test]
fn an_issuer_that_is_away_is_noticed_when_its_keys_are_too_old() {
    hold("outage");
}

#[test]
fn a_dead_vm_comes_back_and_others_do_not_notice() {
    hold("trap");
}

#[test]
fn a_killed_control_plane_loses_no_record_of_what_went_on() {
    hold("kills");
}

#[test]
fn the_rate_is_held_by_all_workers_together() {
    hold("rate");
}

#[test]
fn a_revoked_identity_is_refused_at_once_and_nobody_else() {
    hold("revocations");
}

fn hold(trial: &str) {
    let run = Command::new(artifact::cambist_dev())
        .args(["faults", "short=1", &format!("only={trial}")])
        .output()
        .expect("cambist-dev runs");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.contains("Every bound was held."), "{said}");
}
