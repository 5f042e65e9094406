//! Swap, cache, revoke, rotate, outage and timeouts, each way the same as far as it can be.

use std::time::{Duration, Instant};

use cambist_tests::client::{Answer, Request};
use cambist_tests::envoy::clock::Clock;
use cambist_tests::external::Manner;
use cambist_tests::jwt::{self, Parts};
use cambist_tests::policy::TARGET;
use cambist_tests::{stage, wait};
use serde_json::{Value, json};

use super::site::{Site, WAYS, Way};

workers! {
    every_way_swaps_and_caches,
    every_way_refuses_who_is_revoked,
    every_way_serves_on_or_says_so_in_an_outage,
    every_way_gives_up_in_time,
    an_external_endpoint_changes_its_secret,
    the_keys_that_sign_rotate,
    a_change_to_one_client_makes_nothing_anew_for_another,
    a_client_that_leaves_takes_no_mint_along,
}

async fn every_way_swaps_and_caches(workers: u32) {
    for way in WAYS {
        let site = Site::start(way, workers).await;
        let token = site.stage.issuer.token("job");
        for _ in 0..3 {
            site.everywhere(&token, 200).await;
        }
        let seen = site.swap("another").await;
        assert_ne!(seen, token);
        match way {
            Way::External => assert!(seen.starts_with("given-"), "{seen}"),
            Way::Gateway | Way::ControlPlane => {
                let access = Parts::of(&seen);
                assert!(access.is_signed_by(&keys(&site).await), "{way:?}: {seen}");
                assert_eq!(
                    (&access.claims["aud"], &access.claims["scope"]),
                    (&json!(TARGET), &json!("read"))
                );
            }
        }
        let made = u64::from(workers) + 1;
        wait::until("the counters are told", wait::PATIENCE, async || site.made().await == made).await;
        // Somebody wrote each of them down, with whose it is.
        let identity = site.stage.control_plane().identity("job").await;
        assert_eq!(identity["subject"], "job", "{way:?}");
        let rows = minted(&site, usize::try_from(made).unwrap()).await;
        let kids: Vec<&str> =
            rows.iter().map(|row| row["detail"]["minted"]["kid"].as_str().unwrap()).collect();
        assert_eq!(kids.iter().all(|kid| *kid == "external:partner"), way == Way::External, "{kids:?}");
    }
}

/// The published keys: those of the authority and of the fleet.
async fn keys(site: &Site) -> Value {
    site.stage.authority_keys().await
}

/// The audit rows of mints, once there are as many as were made, and no more.
async fn minted(site: &Site, count: usize) -> Vec<Value> {
    wait::until_some("every mint is in the audit log", wait::PATIENCE, async || {
        let list = site.stage.control_plane().get("/v1/audit?limit=1000").await;
        let rows: Vec<Value> =
            list["items"].as_array()?.iter().filter(|row| row["action"] == "mint").cloned().collect();
        assert!(rows.len() <= count, "{:?}: {rows:?}", site.way);
        (rows.len() == count).then_some(rows)
    })
    .await
}

async fn every_way_refuses_who_is_revoked(workers: u32) {
    for way in WAYS {
        let site = Site::start(way, workers).await;
        let (token, neighbour) = (site.stage.issuer.token("job"), site.stage.issuer.token("neighbour"));
        site.everywhere(&token, 200).await;
        site.everywhere(&neighbour, 200).await;
        let identity = site.stage.control_plane().identity("job").await;
        site.stage.control_plane().revoke(identity["id"].as_str().unwrap()).await;
        wait::until("the revoke reaches every worker", wait::PATIENCE, async || {
            site.stage.present_to_each_worker(&token).await.iter().all(|status| *status == 401)
        })
        .await;
        site.everywhere(&neighbour, 200).await;
        // Also with a token that was never seen.
        site.everywhere(&site.stage.issuer.token("job"), 401).await;
    }
}

async fn every_way_serves_on_or_says_so_in_an_outage(workers: u32) {
    for way in WAYS {
        let mut site = Site::start(way, workers).await;
        let known = site.stage.issuer.token("known");
        site.everywhere(&known, 200).await;
        site.go_down().await;
        site.everywhere(&known, 200).await;
        let new = site.stage.issuer.token("new");
        match way {
            Way::Gateway => site.everywhere(&new, 200).await,
            Way::ControlPlane | Way::External => {
                let refused = site.stage.present(&new).await.expect(503);
                assert_eq!(refused.header("retry-after"), Some("1"), "{way:?}");
                site.everywhere(&new, 503).await;
            }
        }
        site.come_up().await;
        site.until_swapped("new").await;
    }
}

async fn every_way_gives_up_in_time(workers: u32) {
    for way in WAYS {
        let site = Site::start(way, workers).await;
        site.everywhere(&site.stage.issuer.token("known"), 200).await;
        let most = match way {
            Way::Gateway | Way::ControlPlane => {
                site.stage.control_plane().freeze();
                Duration::from_secs(5)
            }
            Way::External => {
                site.endpoint.set(Manner::Hold);
                Duration::from_secs(1)
            }
        };
        let begun = Instant::now();
        let answer = site.stage.present(&site.stage.issuer.token("new")).await;
        let waited = begun.elapsed();
        if way == Way::Gateway {
            answer.expect(200);
        } else {
            answer.expect(503);
            assert!(waited + Duration::from_millis(200) >= most, "{way:?} did not wait: {waited:?}");
            assert!(waited < most + Duration::from_secs(3), "{way:?} waited {waited:?}");
        }
        site.stage.control_plane().thaw();
        site.endpoint.set(Manner::Good);
        site.until_swapped("new").await;
    }
}

/// A successor is published first, signs when everybody can know it, and leaves its predecessor published.
async fn the_keys_that_sign_rotate(workers: u32) {
    for way in [Way::Gateway, Way::ControlPlane] {
        let clock = Clock::new();
        let mut site = Site::start_at(Some(&clock), way, workers).await;
        let first = kid(&site, "first").await.expect("a token is exchanged");
        assert!(published(&site).await.contains(&first), "{way:?}");
        let before = published(&site).await.len();
        let mut later = 0;
        if way == Way::Gateway {
            // Half of the fleet key's day is over. The gateway, too, finds its policy and its keys old.
            later = 44_000;
            site.stage.control_plane_mut().stop().await;
            clock.set(later);
            site.stage.control_plane_mut().serve().await;
        } else {
            site.stage.control_plane().post("/v1/keys/rotate", &json!({ "alg": "ES256" })).await;
        }
        wait::until("a successor is published", wait::PATIENCE, async || {
            published(&site).await.len() == before + 1
        })
        .await;
        let mut number = 0;
        let mut next = || {
            number += 1;
            format!("job-{number}")
        };
        let token = long_token(&site, "everywhere");
        wait::until("every worker exchanges", wait::PATIENCE, async || {
            site.stage.present_to_each_worker(&token).await.iter().all(|status| *status == 200)
        })
        .await;
        let signs = kid(&site, &next()).await.expect("a token is exchanged");
        assert_eq!(signs, first, "{way:?}: it signs before everybody can know it");
        clock.set(later + 1_000);
        let second = wait::until_some("the successor signs", wait::PATIENCE, async || {
            let signs = kid(&site, &next()).await.expect("a token is exchanged all the time");
            (signs != first).then_some(signs)
        })
        .await;
        let keys = published(&site).await;
        assert!(keys.contains(&first) && keys.contains(&second), "{way:?}: {keys:?}");
    }
}

fn long_token(site: &Site, subject: &str) -> String {
    let mut claims = site.stage.issuer.claims(subject);
    claims["exp"] = json!(jwt::now() + 80_000);
    site.stage.issuer.sign(&claims)
}

/// Which key signs for `subject`, whose token lasts long; `None` if it is not exchanged.
async fn kid(site: &Site, subject: &str) -> Option<String> {
    let answer = site.stage.present(&long_token(site, subject)).await;
    let access = (answer.status == 200).then(|| Parts::of(stage::seen(&answer).bearer()))?;
    Some(access.header["kid"].as_str().expect("a key's name").to_owned())
}

/// The names of the published keys.
async fn published(site: &Site) -> Vec<String> {
    let keys = keys(site).await;
    let names = keys["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

async fn an_external_endpoint_changes_its_secret(workers: u32) {
    let site = Site::start(Way::External, workers).await;
    let token = site.stage.issuer.token("job");
    site.everywhere(&token, 200).await;
    let before = site.endpoint.asked();
    // They change the secret first: what is known goes on, what is new cannot be had.
    site.endpoint.set_secret("second-secret");
    site.everywhere(&token, 200).await;
    assert_eq!(site.endpoint.asked(), before);
    site.stage.present(&site.stage.issuer.token("other")).await.expect(503);
    let mut document = site.stage.control_plane().get("/v1/external-endpoints/partner").await;
    document["login"]["secret"] = json!({ "value": "second-secret" });
    site.stage.control_plane().put("/v1/external-endpoints/partner", &document).await;
    site.until_swapped("other").await;
    // The new secret dropped what the old one brought: it is asked for again, once by each worker.
    let before = site.endpoint.asked_for("job");
    site.everywhere(&token, 200).await;
    site.everywhere(&token, 200).await;
    assert_eq!(site.endpoint.asked_for("job"), before + u64::from(workers));
}

/// Adds a client of its own for subject `neighbour`, and takes `main` away from that subject.
async fn add_neighbour(site: &Site) {
    let control_plane = site.stage.control_plane();
    let made = control_plane.post("/v1/clients", &json!({ "name": "neighbour" })).await;
    let (client, main) = (made["client_id"].as_str().unwrap(), site.stage.client_id());
    let bindings = format!("/v1/clients/{main}/bindings/main");
    let mut binding = control_plane.get(&bindings).await;
    binding["allow_any_subject"] = false.into();
    binding["subjects"] = json!(["job"]);
    control_plane.put(&bindings, &binding).await;
    let members = binding.as_object_mut().unwrap();
    for member in ["client_id", "created_at", "updated_at", "version", "advice"] {
        members.remove(member);
    }
    binding["id"] = "neighbour".into();
    binding["subjects"] = json!(["neighbour"]);
    control_plane.post(&format!("/v1/clients/{client}/bindings"), &binding).await;
    let mut route = control_plane.get("/v1/routes/everything").await;
    route["clients"] = json!([main, client]);
    // What only the gateway's own policy does: the control plane may mint by its copy before the gateway has it.
    route["claims_out"] = json!([{ "attribute": "jwt.claim.sub", "header": "x-settled" }]);
    control_plane.put("/v1/routes/everything", &route).await;
    let request = Request::get("/").bearer(&site.stage.issuer.token("neighbour"));
    wait::until("every worker has the new policy", wait::PATIENCE, async || {
        let answers = site.stage.envoy.send_to_each_worker(&request).await;
        let is_settled =
            |answer: &Answer| answer.status == 200 && !stage::seen(answer).values("x-settled").is_empty();
        answers.iter().all(is_settled)
    })
    .await;
}

async fn a_change_to_one_client_makes_nothing_anew_for_another(workers: u32) {
    for way in WAYS {
        let site = Site::start(way, workers).await;
        add_neighbour(&site).await;
        site.until_swapped("neighbour").await;
        let (job, neighbour) = (site.stage.issuer.token("job"), site.stage.issuer.token("neighbour"));
        let untouched = site.seen_everywhere(&neighbour).await;
        let path = format!("/v1/clients/{}/bindings/main", site.stage.client_id());
        let mut binding = site.stage.control_plane().get(&path).await;
        for ttl in [700, 701, 702] {
            let before = site.seen_everywhere(&job).await;
            binding["ttl"] = ttl.into();
            site.stage.control_plane().put(&path, &binding).await;
            // Load on the neighbour until the change is seen to be in force everywhere.
            wait::until("the changed client's tokens are made anew", wait::PATIENCE, async || {
                assert_eq!(site.seen_everywhere(&neighbour).await, untouched, "{way:?}");
                let now = site.seen_everywhere(&job).await;
                now.iter().zip(&before).all(|(now, before)| now != before)
            })
            .await;
            assert_eq!(site.seen_everywhere(&neighbour).await, untouched, "{way:?}");
        }
        if way == Way::External {
            // What came of waiting for the neighbour, and one for each worker.
            let asked = site.endpoint.asked_for("neighbour");
            site.everywhere(&neighbour, 200).await;
            assert_eq!(site.endpoint.asked_for("neighbour"), asked);
        }
    }
}

async fn a_client_that_leaves_takes_no_mint_along(workers: u32) {
    let site = Site::start(Way::External, workers).await;
    site.endpoint.set(Manner::Hold);
    let token = site.stage.issuer.token("job");
    let connections = site.stage.envoy.connection_to_each_worker().await;
    let request = Request::get("/").bearer(&token);
    let leaving = connections.into_iter().map(|mut connection| {
        let request = request.clone();
        tokio::spawn(async move {
            tokio::time::timeout(Duration::from_millis(300), connection.send(&request)).await.is_err()
        })
    });
    for left in leaving.collect::<Vec<_>>() {
        assert!(left.await.unwrap(), "it was answered");
    }
    wait::until("each worker has asked", wait::PATIENCE, async || {
        site.endpoint.asked_for("job") == u64::from(workers)
    })
    .await;
    site.endpoint.set(Manner::Good);
    wait::until("the answers were taken in", wait::PATIENCE, async || {
        site.made().await == u64::from(workers)
    })
    .await;
    site.everywhere(&token, 200).await;
    assert_eq!(site.endpoint.asked_for("job"), u64::from(workers));
}
