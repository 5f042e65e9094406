//! Every signature algorithm through real Envoy, and who looked at the signature.

use cambist_core::jose::alg::{Alg, Family};
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Key;
use cambist_tests::policy::Policy;
use cambist_tests::stage::Stage;
use serde_json::json;

workers! {
    each_algorithm_is_accepted_exactly_where_the_issuer_lists_it,
}

/// Tokens of each kind; none is served from a cache.
const TOKENS: u64 = 4;

async fn each_algorithm_is_accepted_exactly_where_the_issuer_lists_it(workers: u32) {
    let main = Issuer::start(Key::p256("main")).await;
    let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
    for alg in Alg::ALL {
        let key = Key::of(alg.name(), "same");
        listed.push((alg, Issuer::start(key.clone()).await));
        unlisted.push((alg, Issuer::start(key).await));
    }
    let stage = Stage::inline_with(workers, main, |main| {
        let mut policy = Policy::exchange(main);
        for (alg, issuer) in &listed {
            policy = policy.and(&alg.name().to_lowercase(), issuer);
            policy.issuers.last_mut().unwrap()["algorithms"] = json!([alg.name()]);
        }
        for (alg, issuer) in &unlisted {
            let id = format!("not-{}", alg.name().to_lowercase());
            policy = policy.and(&id, issuer);
            let others: Vec<_> =
                Alg::ALL.iter().filter(|other| *other != alg).map(|alg| alg.name()).collect();
            policy.issuers.last_mut().unwrap()["algorithms"] = json!(others);
        }
        // RFC 9864's name in the list, RFC 8037's in the token and the key.
        for issuer in policy.issuers.iter_mut().filter(|issuer| issuer["algorithms"] == json!(["EdDSA"])) {
            issuer["algorithms"] = json!(["Ed25519"]);
        }
        policy
    })
    .await;

    let (mut by_host, mut by_rust) = (0, 0);
    for (alg, issuer) in &listed {
        for number in 0..TOKENS {
            let access = stage.exchange(&issuer.token(&format!("job-{number}"))).await;
            assert_eq!(access.claims["workload"]["iss"], issuer.iss());
        }
        match alg {
            Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Es256 | Alg::Es384 => by_host += TOKENS,
            Alg::Ps256 | Alg::Ps384 | Alg::Ps512 | Alg::EdDsa => by_rust += TOKENS,
        }
        stage.envoy.until_counted("cambist.host_verify", by_host).await;
        stage.envoy.until_counted("cambist.rust_verify", by_rust).await;
        let counted = (
            stage.envoy.counter("cambist.host_verify").await,
            stage.envoy.counter("cambist.rust_verify").await,
        );
        assert_eq!(counted, (by_host, by_rust), "{alg:?} was verified by the other");
    }

    let forwarded = stage.upstream.count();
    for (alg, issuer) in &unlisted {
        let statuses = stage.present_to_each_worker(&issuer.token("job")).await;
        assert!(statuses.iter().all(|status| *status == 401), "{alg:?}: {statuses:?}");
    }
    // The issuer lists the token's algorithm, but its key is for another one.
    for (alg, issuer) in unlisted.iter().filter(|(alg, _)| alg.family() == Family::Rsa) {
        let other = if *alg == Alg::Ps256 { "RS256" } else { "PS256" };
        let token = issuer.key().signing(other).token(&issuer.claims("job"));
        stage.present(&token).await.expect(401);
    }
    assert_eq!(stage.upstream.count(), forwarded, "a refused token went upstream");
    assert_eq!(stage.envoy.counter("cambist.host_verify").await, by_host, "an unlisted algorithm was tried");
    assert_eq!(stage.envoy.counter("cambist.rust_verify").await, by_rust, "an unlisted algorithm was tried");
}
