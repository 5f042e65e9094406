//! An issuer that is not ours, with its own discovery, tokens and key rotation: npm's `oidc-provider`.

use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::{Key, Parts};
use cambist_tests::oidc_provider::OidcProvider;
use cambist_tests::policy::{Policy, binding};
use cambist_tests::stage::Stage;
use cambist_tests::wait;
use serde_json::json;

workers! {
    oidc_provider_is_trusted_by_discovery,
    oidc_provider_rotates_its_keys,
}

const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// A gateway that trusts `provider`, found by discovery, and nobody else of importance.
async fn stage(workers: u32, provider: &OidcProvider) -> Stage {
    let unused = Issuer::start(Key::p256("unused")).await;
    Stage::inline_with(workers, unused, |unused| {
        let mut policy = Policy::exchange(unused);
        policy.issuers.push(json!({
            "id": "provider",
            "iss": provider.iss(),
            "allow_http": true,
            "refetch_floor_ms": 100,
        }));
        policy.bindings.push(binding("provider", "provider"));
        policy
    })
    .await
}

fn kid(token: &str) -> String {
    Parts::of(token).header["kid"].as_str().expect("a kid").to_owned()
}

async fn oidc_provider_is_trusted_by_discovery(workers: u32) {
    let provider = OidcProvider::start().await;
    let stage = stage(workers, &provider).await;
    for alg in ALGORITHMS {
        let token = provider.token(alg).await;
        assert_eq!(Parts::of(&token).header, json!({ "alg": alg, "typ": "at+jwt", "kid": kid(&token) }));
        let access = stage.exchange(&token).await;
        assert_eq!(access.claims["workload"]["iss"], provider.iss());
        assert_eq!(access.claims["workload"]["sub"], format!("job-{alg}"));
        // The same name in another's hands is another key.
        let forged = Key::of(alg, &kid(&token)).token(&Parts::of(&token).claims);
        stage.present(&forged).await.expect(401);
    }
}

async fn oidc_provider_rotates_its_keys(workers: u32) {
    let all = |status: u16| vec![status; workers as usize];
    let provider = OidcProvider::start().await;
    let stage = stage(workers, &provider).await;
    let (from_rsa, from_curve) = (provider.token("RS256").await, provider.token("ES256").await);
    for token in [&from_rsa, &from_curve] {
        assert_eq!(stage.present_to_each_worker(token).await, all(200));
    }
    // Both are published, the second signs.
    let both = [
        ("second-ES256", "ES256"),
        ("second-RS256", "RS256"),
        ("first-RS256", "RS256"),
        ("first-ES256", "ES256"),
    ];
    provider.publish(&both).await;
    for (alg, old) in [("RS256", &from_rsa), ("ES256", &from_curve)] {
        let new = provider.token(alg).await;
        assert_eq!(kid(&new), format!("second-{alg}"));
        assert_eq!(stage.present_to_each_worker(&new).await, all(200), "the first request with a new key");
        assert_eq!(stage.present_to_each_worker(old).await, all(200), "the old key is still published");
    }
    // A third comes and the first ones go: what they signed is refused, also where it is in a cache.
    let third = [("third-ES256", "ES256"), ("second-RS256", "RS256"), ("second-ES256", "ES256")];
    provider.publish(&third).await;
    let new = provider.token("ES256").await;
    assert_eq!(kid(&new), "third-ES256");
    // The rest after the fetch for the second ones may not be over yet.
    wait::until("the third key is taken", wait::PATIENCE, async || {
        stage.present_to_each_worker(&new).await == all(200)
    })
    .await;
    for old in [&from_rsa, &from_curve] {
        assert_eq!(stage.present_to_each_worker(old).await, all(401), "the key of {} is gone", kid(old));
    }
    assert_eq!(stage.present_to_each_worker(&provider.token("RS256").await).await, all(200));
}
