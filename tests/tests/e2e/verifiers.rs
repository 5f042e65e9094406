//! What verifiers elsewhere make of our access tokens: `jose`, and Envoy's `jwt_authn` as `docs/verify-elsewhere.md` sets it up.

use std::fs;

use cambist_tests::artifact;
use cambist_tests::client::Request;
use cambist_tests::envoy::Setup;
use cambist_tests::issuer::Issuer;
use cambist_tests::jwt::Parts;
use cambist_tests::policy::{AUTHORITY, Policy, TARGET, binding};
use cambist_tests::stage::{self, Stage};
use cambist_tests::tls::{Authority, Door};
use cambist_tests::verifiers::{Case, jose};
use serde_json::{Value, json};
use tokio::task::block_in_place;

workers! {
    both_profiles_in_both_algorithms_verify_elsewhere,
}

/// The workload that gets an `at+jwt`, and the one that gets a JWT-SVID.
const WORKLOADS: [&str; 2] = ["job", "svid"];

/// Tokens of both profiles, signed with `alg`.
fn shapes(issuer: &Issuer, alg: &str) -> Policy {
    let mut policy = Policy::exchange(issuer);
    let [job, svid] = WORKLOADS.map(|workload| {
        let mut binding = binding(workload, "main");
        binding["allow_any_subject"] = json!(false);
        binding["subjects"] = json!([workload]);
        binding["alg"] = json!(alg);
        binding["claims"] = json!({ "team": "team-${jwt.claim.sub}" });
        binding
    });
    let mut svid = svid;
    svid["profile"] = json!("jwt-svid");
    svid["subject_template"] = json!("spiffe://td.example/ns/${issuer.id}/sa/${jwt.claim.sub}");
    policy.bindings = vec![job, svid];
    policy
}

/// The same token with a bit of its signature flipped.
fn flipped(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}

/// The Envoy configuration of the page, at `upstream`, with an authority whose certificate `authority` issued at `port`.
fn page_configuration(upstream: u16, authority: &Authority, port: u16) -> String {
    let page = fs::read_to_string(artifact::root().join("docs/verify-elsewhere.md")).unwrap();
    let (_, rest) = page.split_once("## Envoy\n").unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```\n").unwrap();
    let changes = [
        ("address: auth.example.com, port_value: 443", format!("address: 127.0.0.1, port_value: {port}")),
        ("https://auth.example.com", AUTHORITY.to_owned()),
        ("auth.example.com", AUTHORITY.trim_start_matches("https://").to_owned()),
        ("https://orders.example.com", TARGET.to_owned()),
        ("port_value: 8080", format!("port_value: {upstream}")),
        ("port_value: 10000", "port_value: 0".to_owned()),
        ("port_value: 9901", "port_value: 0".to_owned()),
        ("/etc/ssl/certs/ca-certificates.crt", authority.file().display().to_string()),
    ];
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the page does not hold {from}");
        text.replace(from, to)
    })
}

async fn both_profiles_in_both_algorithms_verify_elsewhere(workers: u32) {
    for alg in ["ES256", "RS256"] {
        let stage = Stage::managed_by(workers, |issuer| shapes(issuer, alg)).await;
        let mut tokens = Vec::new();
        for workload in WORKLOADS {
            let answer = stage.present(&stage.issuer.token(workload)).await.expect(200);
            let token = stage::seen(&answer).bearer().to_owned();
            let Parts { header, claims, .. } = Parts::of(&token);
            assert_eq!(header["alg"], alg);
            assert_eq!(header["typ"], if workload == "svid" { "JWT" } else { "at+jwt" });
            assert_eq!(claims["team"], format!("team-{workload}"));
            tokens.push(token);
        }
        let identity = stage.control_plane().identity("svid").await;
        let Parts { claims, .. } = Parts::of(&tokens[1]);
        assert_eq!(claims["sub"], "spiffe://td.example/ns/main/sa/svid");
        assert_eq!(claims["cambist_identity"], identity["id"]);

        let jwks = stage.authority_keys().await;
        let case = |token: &str| Case::new(token, AUTHORITY, TARGET);
        let cases: Vec<_> = tokens
            .iter()
            .flat_map(|token| {
                let elsewhere = Case { audience: "https://elsewhere.example".to_owned(), ..case(token) };
                let other = Case { authority: format!("{AUTHORITY}/"), ..case(token) };
                [case(token), elsewhere, other, case(&flipped(token))]
            })
            .collect();
        for (index, said) in block_in_place(|| jose(&jwks, &cases)).into_iter().enumerate() {
            let token = Parts::of(&tokens[index / 4]);
            match index % 4 {
                0 => assert_eq!(said.as_deref(), Ok(token.claims["sub"].as_str().unwrap()), "{alg}"),
                3 => assert_eq!(said, Err("ERR_JWS_SIGNATURE_VERIFICATION_FAILED".to_owned())),
                _ => assert_eq!(said, Err("ERR_JWT_CLAIM_VALIDATION_FAILED".to_owned())),
            }
        }

        let authority = Authority::new("Elsewhere");
        let name = AUTHORITY.trim_start_matches("https://");
        let door = Door::open(&authority, &[name], stage.control_plane().port()).await;
        let configuration = page_configuration(stage.upstream.port(), &authority, door.port());
        let elsewhere = Setup::new(workers, configuration).start().await;
        for token in &tokens {
            let answer = elsewhere.send(&Request::get("/").bearer(token)).await.expect(200);
            assert_eq!(stage::seen(&answer).bearer(), token);
            elsewhere.send(&Request::get("/").bearer(&flipped(token))).await.expect(401);
        }
        elsewhere.send(&Request::get("/")).await.expect(401);
        elsewhere.send(&Request::get("/").bearer(&stage.issuer.token("job"))).await.expect(401);
    }
}

/// What RFC 7519 and RFC 9068 know of the golden tokens, which is all but the form of SPIFFE IDs.
#[tokio::test(flavor = "multi_thread")]
async fn jose_says_of_golden_tokens_what_must_be_said() {
    let golden = |name: &str| -> Value {
        let path = artifact::root().join("tests/fixtures/golden").join(name);
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let tokens = golden("tokens.json");
    let verdicts = tokens["verdicts"].as_array().unwrap();
    let text = |verdict: &Value, name: &str| verdict[name].as_str().unwrap().to_owned();
    let cases: Vec<_> = verdicts
        .iter()
        .map(|verdict| Case {
            token: text(verdict, "token"),
            authority: text(verdict, "authority"),
            audience: text(verdict, "audience"),
            now: verdict["now"].as_i64(),
        })
        .collect();
    let said = block_in_place(|| jose(&golden("jwks.json"), &cases));
    let mut only_ours = 0;
    for ((verdict, case), said) in verdicts.iter().zip(&cases).zip(said) {
        let name = text(verdict, "name");
        // A JWT-SVID has no `nbf`, and RFC 7519 lets nobody refuse an `iat`.
        let is_svid = verdict["failed"] != json!(["form"]) && Parts::of(&case.token).header["typ"] == "JWT";
        let early = verdict["failed"] == json!(["times"]) && case.now < Some(1_800_000_000);
        let spiffe_only = is_svid && (verdict["failed"] == json!(["claims"]) || early);
        only_ours += usize::from(spiffe_only);
        let accepted = verdict["failed"] == json!([]) || spiffe_only;
        assert_eq!(said.is_ok(), accepted, "{name}: {said:?}");
    }
    assert_eq!(only_ours, 5);
}
