//! Requests that wait: how many, how long, and what becomes of them when everything else goes.

use serde_json::json;

use super::{
    sample::{self, KEYS_URL, get},
    stage::Reply,
    vm::Vm,
};

fn vm() -> Vm {
    Vm::inline(&sample::document_with(&sample::jwks_uri()))
}

#[test]
fn a_request_gives_up_after_five_seconds_and_the_late_answer_serves_the_next_one() {
    let mut vm = vm();
    let request = vm.get(&sample::good_token());
    vm.tick();
    vm.pass(4_900);
    assert!(vm.is_paused(request));
    vm.pass(200);
    assert_eq!(vm.status(request), 503);
    let late = vm.callout(KEYS_URL);
    vm.answer(&late, Reply::json(&sample::jwks(&[1])));
    let next = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(next));
}

#[test]
fn a_client_that_went_away_is_forgotten_and_its_neighbour_served() {
    let mut vm = vm();
    let (gone, stays) = (vm.get(&sample::good_token()), vm.get(&sample::good_token()));
    vm.tick();
    vm.end(gone);
    let fetch = vm.callout(KEYS_URL);
    vm.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    assert!(vm.is_forwarded(stays));
}

#[test]
fn nothing_is_done_to_a_stream_that_cannot_be_selected() {
    let mut vm = vm();
    let requests: Vec<u32> = (0..5).map(|_| vm.get(&sample::good_token())).collect();
    vm.tick();
    // Envoy has ended them, the filter has not been told: whatever is selected then must be left alone.
    vm.vanish(requests[1]);
    vm.vanish(requests[3]);
    let fetch = vm.callout(KEYS_URL);
    vm.answer(&fetch, Reply::json(&sample::jwks(&[1])));
    for place in [0, 2, 4] {
        assert!(vm.is_forwarded(requests[place]));
        assert_eq!(vm.upstream(requests[place], "authorization").len(), 1);
    }
}

#[test]
fn requests_that_wait_are_bounded_in_number() {
    let mut vm = vm();
    let most = u32::try_from(cambist_filter::waiters::MAX_PER_CALL).unwrap();
    let requests: Vec<u32> = (0..=most).map(|_| vm.get(&sample::good_token())).collect();
    let (last, waiting) = requests.split_last().unwrap();
    assert_eq!(vm.status(*last), 503);
    assert_eq!(vm.counter("cambist.decision.overloaded"), 1);
    assert!(waiting.iter().all(|request| vm.is_paused(*request)));
    // A place becomes free when a client goes.
    vm.end(waiting[0]);
    let next = vm.get(&sample::good_token());
    assert!(vm.is_paused(next));
}

#[test]
fn requests_that_wait_are_bounded_in_bytes() {
    let mut vm = Vm::new();
    let config = sample::control_plane_config(&vm.gateway);
    vm.configure(&config);
    // Before the first snapshot no rule has looked at the headers yet.
    let large = vec![b'x'; 1_048_576];
    let mut waiting = Vec::new();
    let refused = loop {
        let request = vm.request(&get("/", &[("authorization", &large)]));
        if !vm.is_paused(request) {
            break request;
        }
        waiting.push(request);
    };
    assert_eq!(vm.status(refused), 503);
    assert_eq!(waiting.len(), cambist_filter::waiters::MAX_BYTES / large.len() - 1);
    vm.end(waiting[0]);
    let next = vm.request(&get("/", &[("authorization", &large)]));
    assert!(vm.is_paused(next));
    // Those whose time is up give their bytes back too.
    vm.pass(3_000);
    let next = vm.request(&get("/", &[("authorization", &large)]));
    assert!(vm.is_paused(next));
}

#[test]
fn a_flood_of_waiting_requests_does_not_put_the_tick_off() {
    let mut vm = vm();
    vm.tick();
    let before = vm.stage(|stage| stage.periods_set);
    for _ in 0..100 {
        vm.get(&sample::good_token());
    }
    assert_eq!(vm.stage(|stage| stage.periods_set), before + 1);
    assert_eq!(vm.stage(|stage| stage.periods.values().copied().collect::<Vec<_>>()), [1]);
    vm.tick();
    assert_eq!(vm.stage(|stage| stage.periods.values().copied().collect::<Vec<_>>()), [50]);
}

#[test]
fn an_observed_request_never_waits() {
    let mut document = sample::document_with(&sample::jwks_uri());
    document["routes"][0]["mode"] = "observe".into();
    let mut vm = Vm::inline(&document);
    let request = vm.get(&sample::good_token());
    assert!(vm.is_forwarded(request));
}

#[test]
fn a_policy_without_the_issuer_settles_those_who_wait_for_its_keys() {
    let mut vm = vm();
    let request = vm.get(&sample::good_token());
    vm.tick();
    let mut document = sample::document();
    document["issuers"][0]["iss"] = "https://other.example".into();
    document["issuers"][0]["id"] = "other".into();
    document["bindings"] = json!([sample::binding("other")]);
    let config = sample::inline_config(&vm.gateway, &document);
    vm.configure(&config);
    vm.tick();
    assert_eq!(vm.status(request), 401);
}

#[test]
fn a_policy_that_brings_the_keys_settles_those_who_wait_for_them() {
    let mut vm = vm();
    let request = vm.get(&sample::good_token());
    vm.tick();
    let config = sample::inline_config(&vm.gateway, &sample::document());
    vm.configure(&config);
    vm.tick();
    assert!(vm.is_forwarded(request));
}
