//! Requests that wait for keys: how many, how long, and what becomes of them.

use std::time::{Duration, Instant};

use cambist_tests::http2::{self, Http2};
use cambist_tests::issuer::Fault;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use cambist_tests::wait;

use super::illness;
use super::lanes::{Lanes, fresh};

workers! {
    a_waiter_has_a_deadline_of_its_own,
}

/// How long a request waits for keys.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

/// Requests that wait for one issuer, and then some.
const WAITERS: usize = 1_024;
const MORE: usize = 76;

/// Connections that share them: a connection has a limit of its own.
const CONNECTIONS: usize = 11;

async fn held(workers: u32) -> Stage {
    let issuer = illness::issuer().await;
    issuer.set_fault(Fault::Hold);
    Stage::inline_with(workers, issuer, Policy::verify).await
}

async fn a_waiter_has_a_deadline_of_its_own(workers: u32) {
    let stage = held(workers).await;
    let begun = Instant::now();
    let mut waiting = Vec::new();
    for number in 0..3 {
        wait::until("it is its turn", wait::PATIENCE, async || {
            begun.elapsed() >= Duration::from_secs(number)
        })
        .await;
        let mut lanes = Lanes::open(&stage.envoy).await;
        let token = fresh(&stage.issuer);
        waiting.push(tokio::spawn(async move {
            let begun = Instant::now();
            lanes.expect("a waiter", &token, 503).await;
            begun.elapsed()
        }));
    }
    for task in waiting {
        let waited = task.await.expect("an answer");
        assert!((DEADLINE..DEADLINE + SLACK).contains(&waited), "it waited {waited:?}");
    }
    assert_eq!(stage.upstream.count(), 0);
    stage.issuer.set_fault(Fault::None);
    Lanes::open(&stage.envoy).await.until("afterwards", || fresh(&stage.issuer), 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_waiters_than_there_is_room_for_are_refused_at_once() {
    let stage = held(1).await;
    let (mut connections, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let connection = Http2::open(stage.envoy.port()).await;
        for _ in 0..(WAITERS + MORE) / CONNECTIONS {
            let request = hyper::Request::get("http://api.example/")
                .header("authorization", format!("Bearer {}", fresh(&stage.issuer)))
                .body(http2::body("", None))
                .expect("a request");
            let stream = connection.stream(request);
            tasks.push(tokio::spawn(async { stream.await.expect("an answer").0.status.as_u16() }));
        }
        connections.push(connection);
    }
    stage.envoy.until_counted("cambist.decision.overloaded", MORE as u64).await;
    assert_eq!(stage.envoy.counter("cambist.decision.overloaded").await, MORE as u64);
    let answered = || tasks.iter().filter(|task| task.is_finished()).count();
    wait::until("they are answered", wait::PATIENCE, async || answered() == MORE).await;
    stage.issuer.set_fault(Fault::None);
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.expect("an answer"));
    }
    let passed = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!((passed, refused), (WAITERS, MORE));
    assert_eq!(stage.upstream.count(), WAITERS as u64);
}
