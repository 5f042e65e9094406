//! Nothing secret in the clear: neither in the database nor in `Debug` output. `command` looks at the log.

use axum::http::Method;
use cambist_control_plane::{
    keys::signing,
    store::{Store as _, records::StoredKey},
};
use data_encoding::BASE64;
use serde_json::json;

use super::{
    bench::{Bench, mk_kek},
    tokens::{Signer, claims},
};

fn contains(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

#[tokio::test]
async fn the_database_holds_no_secret_in_the_clear() {
    let bench = Bench::new().await;
    let signer = Signer::new("a");
    let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let client = bench.exchanging(&signer, json!({ "grant_types": [bearer] })).await;
    let secret = bench.admin.post(&format!("/v1/clients/{client}/secrets"), json!({})).await.created();
    let subject = signer.sign(&claims());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("grant_type={bearer}&assertion={subject}");
    let granted = bench.nobody.send(Method::POST, "/oauth2/v1/token", &[form], body).await.ok();
    let made =
        bench.admin.post("/v1/gateways", serde_json::json!({ "name": "edge", "may_mint": true })).await;
    let token = made.created()["token"].as_str().unwrap().to_owned();
    let keys = bench.store.keys("default").await.unwrap();
    assert_eq!(keys.len(), 2);
    bench.store.close().await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(contains(&bytes, b"https://issuer.example"), "the search finds what is there");
    assert!(!contains(&bytes, token.as_bytes()));
    assert!(!contains(&bytes, b"adm_"));
    for secret in [&secret["secret"], &granted["access_token"], &json!(subject)] {
        // The last part of a token is its signature.
        let part = secret.as_str().unwrap().rsplit('.').next().unwrap();
        assert!(!contains(&bytes, part.as_bytes()));
    }
    for key in &keys {
        let document = signing::open(&mk_kek(), "default", key).unwrap();
        // The scalar is the only secret part of the document.
        let scalar = &document.expose()[36..68];
        assert!(!contains(&bytes, scalar));
        assert!(!contains(&bytes, BASE64.encode(scalar).as_bytes()));
    }
}

#[tokio::test]
async fn debug_output_holds_no_secret() {
    let bench = Bench::new().await;
    let keys: Vec<StoredKey> = bench.store.keys("default").await.unwrap();
    let sealed = keys[0].sealed.expose();
    assert!(!format!("{keys:?}").contains(&format!("{:?}", &sealed[..8])[1..20]));
    assert!(!format!("{:?}", mk_kek()).contains("a5a5"));
}
