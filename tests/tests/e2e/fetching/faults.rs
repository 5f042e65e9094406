//! Every way in which an issuer is ill: without keys nothing passes and nobody is called wrong, with keys nobody notices,
//! and both end when it is well again.

use std::time::{Duration, Instant};

use cambist_tests::issuer::{Fault, Issuer};
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::wait;

use super::illness::{self, Illness};
use super::lanes::{Lanes, RECOVERY, fresh, skip_discovery, stranger};
use super::say;

super::attacks! {
    j8_every_fault_of_an_issuer_while_keys_are_missing,
    j8_every_fault_of_an_issuer_while_keys_are_there,
    j8_an_issuer_that_flaps,
}

/// Least time between two fetches for unknown keys, as test policies have it.
const FLOOR: Duration = Duration::from_millis(100);

/// While there are keys, a failed fetch is made again after 30 s at most, give or take a tenth.
const RETRY: Duration = Duration::from_secs(34);

/// An issuer with its illness.
struct Patient {
    name: &'static str,
    illness: Illness,
    issuer: Issuer,
}

/// A patient and connections of its own.
struct Case {
    patient: Patient,
    lanes: Lanes,
    took: Duration,
}

async fn patients() -> Vec<Patient> {
    let mut patients = Vec::new();
    for (name, illness) in illness::all() {
        patients.push(Patient { name, illness, issuer: illness::issuer().await });
    }
    patients
}

/// A gateway that trusts all patients beside an issuer that is well.
async fn gateway(workers: u32, patients: Vec<Patient>) -> (Stage, Vec<Case>) {
    let stage = Stage::inline_with(workers, illness::issuer().await, |well| {
        let mut policy = Policy::verify(well);
        for (number, patient) in patients.iter().enumerate() {
            policy = policy.and(&format!("patient-{number}"), &patient.issuer);
            if !patient.illness.is_in_document() {
                skip_discovery(&mut policy, number + 1, &patient.issuer);
            }
        }
        policy
    })
    .await;
    let mut cases = Vec::new();
    for patient in patients {
        cases.push(Case { patient, lanes: Lanes::open(&stage.envoy).await, took: Duration::ZERO });
    }
    (stage, cases)
}

/// Runs `check` for all cases at once.
async fn at_once<F: Future<Output = Case> + Send + 'static>(
    cases: Vec<Case>,
    check: impl Fn(Case) -> F,
) -> Vec<Case> {
    let running: Vec<_> = cases.into_iter().map(|case| tokio::spawn(check(case))).collect();
    let mut cases = Vec::new();
    for case in running {
        cases.push(case.await.expect("the case holds"));
    }
    cases
}

/// The case that took longest, which must not have been longer than `most`.
fn slowest(cases: &[Case], most: Duration) -> String {
    let slowest = cases.iter().max_by_key(|case| case.took).expect("a case");
    let said = format!(
        "{} issuers, the last back after {:.1?}: {}",
        cases.len(),
        slowest.took,
        slowest.patient.name
    );
    assert!(slowest.took <= most, "{said}");
    said
}

fn nobody_followed_a_redirect(cases: &[Case]) {
    for case in cases {
        assert_eq!(case.patient.issuer.fetches().elsewhere, 0, "{}: it was followed", case.patient.name);
    }
}

async fn j8_every_fault_of_an_issuer_while_keys_are_missing(workers: u32) {
    let mut patients = patients().await;
    for patient in &mut patients {
        patient.illness.befall(&mut patient.issuer).await;
    }
    let (stage, cases) = gateway(workers, patients).await;
    let mut cases = at_once(cases, async |mut case| {
        let Case { patient: Patient { name, issuer, .. }, lanes, .. } = &mut case;
        let forged = Key::p256("first").token(&issuer.claims("job"));
        for (what, token) in
            [("good", issuer.token("job")), ("unknown", stranger(issuer, 0)), ("forged", forged)]
        {
            lanes.expect(&format!("{name}, {what}"), &token, 503).await;
        }
        case
    })
    .await;
    assert_eq!(stage.upstream.count(), 0, "arrived at the upstream");
    stage.present(&stage.issuer.token("neighbour")).await.expect(200);
    for Case { patient, .. } in &mut cases {
        patient.illness.pass(&mut patient.issuer).await;
    }
    let cases = at_once(cases, async |mut case| {
        let Case { patient: Patient { name, issuer, .. }, lanes, .. } = &mut case;
        case.took = lanes.until(name, || fresh(issuer), 200).await;
        case
    })
    .await;
    nobody_followed_a_redirect(&cases);
    say(&format!("fetching: without keys, {workers} workers: {}", slowest(&cases, RECOVERY)));
}

async fn j8_every_fault_of_an_issuer_while_keys_are_there(workers: u32) {
    let (stage, mut cases) = gateway(workers, patients().await).await;
    for case in &mut cases {
        case.lanes.expect(case.patient.name, &case.patient.issuer.token("known"), 200).await;
        case.patient.illness.befall(&mut case.patient.issuer).await;
    }
    let arrived = stage.upstream.count();
    let mut cases = at_once(cases, async |mut case| {
        let Case { patient: Patient { name, issuer, .. }, lanes, .. } = &mut case;
        let (known, forged) = (issuer.token("known"), Key::p256("first").token(&issuer.claims("job")));
        // Twice: the first makes the gateway ask, the second finds that it failed.
        for number in 0..2 {
            lanes.expect(&format!("{name}, unknown key"), &stranger(issuer, number), 503).await;
            lanes.expect(&format!("{name}, known token"), &known, 200).await;
            lanes.expect(&format!("{name}, new token"), &fresh(issuer), 200).await;
            lanes.expect(&format!("{name}, forged token"), &forged, 401).await;
        }
        case
    })
    .await;
    let good = 4 * u64::from(workers) * u64::try_from(cases.len()).unwrap();
    assert_eq!(stage.upstream.count(), arrived + good, "arrived at the upstream");
    for Case { patient, .. } in &mut cases {
        patient.illness.pass(&mut patient.issuer).await;
    }
    let cases = at_once(cases, async |mut case| {
        let Case { patient: Patient { name, issuer, .. }, lanes, .. } = &mut case;
        // A good set without the key says that the token is wrong.
        let took = lanes.until(name, || stranger(issuer, 2), 401).await;
        lanes.expect(name, &fresh(issuer), 200).await;
        case.took = took;
        case
    })
    .await;
    nobody_followed_a_redirect(&cases);
    say(&format!("fetching: with keys, {workers} workers: {}", slowest(&cases, RETRY)));
}

async fn j8_an_issuer_that_flaps(workers: u32) {
    let issuer = illness::issuer().await;
    issuer.set_fault(Fault::Flapping);
    let stage = Stage::inline_with(workers, issuer, |issuer| {
        let mut policy = Policy::verify(issuer);
        skip_discovery(&mut policy, 0, issuer);
        policy
    })
    .await;
    let mut lanes = Lanes::open(&stage.envoy).await;
    let mut known = Vec::new();
    for number in 0..4 {
        stage.issuer.add_key(Key::p256(&format!("key-{number}")));
        let token = stage.issuer.token("job");
        let took = lanes.until_only("the newest key", || token.clone(), 200, 503).await;
        assert!(took <= 2 * RECOVERY, "the newest key took {took:?}");
        known.push(token);
        for token in &known {
            lanes.expect("a token that was accepted", token, 200).await;
        }
        // Before the floor is over a new key is refused by design.
        let known = Instant::now();
        wait::until("the floor is over", wait::PATIENCE, async || known.elapsed() > 2 * FLOOR).await;
    }
}
