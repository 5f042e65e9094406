//! What a gateway mints as JWT-SVIDs, shown to go-spiffe with what the control plane publishes. Run by `just test-spiffe`.

use cambist_tests::client::Request;
use cambist_tests::issuer::Issuer;
use cambist_tests::policy::{AUTHORITY, Policy, TARGET};
use cambist_tests::stage::{self, Stage};
use cambist_tests::verifiers::{Case, Verdict, go_spiffe};
use serde_json::json;
use tokio::task::block_in_place;

const TRUST_DOMAIN: &str = "td.example";

fn svids(issuer: &Issuer, alg: &str, profile: &str) -> Policy {
    let mut policy = Policy::exchange(issuer);
    let binding = &mut policy.bindings[0];
    binding["alg"] = json!(alg);
    binding["profile"] = json!(profile);
    binding["subject_template"] = json!(format!("spiffe://{TRUST_DOMAIN}/sa/${{jwt.claim.sub}}"));
    binding["claims"] = json!({ "team": "cart" });
    policy
}

/// What go-spiffe says to a token of this shape: as it is, for another audience, of another trust domain, and changed.
async fn said(alg: &str, profile: &str) -> [Verdict; 4] {
    let stage = Stage::managed_by(1, |issuer| svids(issuer, alg, profile)).await;
    let answer = stage.present(&stage.issuer.token("cart")).await.expect(200);
    let token = stage::seen(&answer).bearer().to_owned();
    let port = stage.control_plane().port();
    let bundle = Request::get("/.well-known/spiffe-bundle").send(port).await.expect(200).json();
    let jwks = stage.authority_keys().await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let good = Case::new(&token, AUTHORITY, TARGET);
    let changed = Case { token: format!("{signed}.{first}{}", &signature[1..]), ..good.clone() };
    let elsewhere = Case { audience: "https://elsewhere.example".to_owned(), ..good.clone() };
    let cases = [good.clone(), elsewhere, changed];
    let mut said = block_in_place(|| go_spiffe(TRUST_DOMAIN, &bundle, &jwks, &cases));
    said.extend(block_in_place(|| go_spiffe("other.example", &bundle, &jwks, &[good])));
    said.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn go_spiffe_verifies_jwt_svids_of_both_algorithms() {
    for alg in ["ES256", "RS256"] {
        let [good, elsewhere, changed, foreign] = said(alg, "jwt-svid").await;
        assert_eq!(good.as_deref(), Ok("spiffe://td.example/sa/cart"), "{alg}");
        assert!(elsewhere.unwrap_err().contains("expected audience"));
        assert!(changed.is_err());
        assert!(foreign.unwrap_err().contains("no bundle found"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go_spiffe_takes_no_access_token_for_a_jwt_svid() {
    let [good, ..] = said("ES256", "at+jwt").await;
    assert!(good.unwrap_err().contains("typ"));
}
