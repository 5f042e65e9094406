//! What is minted is what verifies, word for word.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::hold;
use crate::{
    bearer::MAX_TOKEN_BYTES,
    crypto::RustCrypto,
    denial::Denial,
    exchange::mint::{AccessToken, TYP, Workload, jti_text, mint},
    jose::{
        alg::Alg,
        jwt::{UntrustedJwt, VerifiedToken},
        sample,
    },
    wire::snapshot::Profile,
};

#[derive(Clone, Debug)]
struct Contents {
    texts: [String; 6],
    scope: Option<String>,
    cluster: Option<String>,
    fields: BTreeMap<String, String>,
    jti: [u8; 16],
    iat: i64,
    ttl: i64,
}

fn contents() -> impl Strategy<Value = Contents> {
    // `sub` is the identity's id, which is ours; anything else may be any text.
    let sub = proptest::string::string_regex("[^\\p{Cc}]{1,40}").unwrap();
    let texts = (any::<String>(), sub, any::<String>(), any::<String>(), any::<String>(), any::<String>())
        .prop_map(|(iss, sub, aud, client, workload_iss, workload_sub)| {
            [iss, sub, aud, client, workload_iss, workload_sub]
        });
    let optional = || prop::option::of(any::<String>());
    let times = (0..1_i64 << 52, 1..100_000_i64);
    let fields = prop::collection::btree_map("f_[a-z]{1,4}", any::<String>(), 0..4);
    (texts, optional(), optional(), fields, any::<[u8; 16]>(), times).prop_map(
        |(texts, scope, cluster, fields, jti, (iat, ttl))| Contents {
            texts,
            scope,
            cluster,
            fields,
            jti,
            iat,
            ttl,
        },
    )
}

impl Contents {
    fn mint(&self) -> String {
        let [iss, sub, aud, client_id, workload_iss, workload_sub] = &self.texts;
        let (scope, cluster) = (self.scope.as_deref(), self.cluster.as_deref());
        let fields = &self.fields;
        let workload =
            Workload { iss: workload_iss, sub: workload_sub, cluster, issuer: None, login_id: None, fields };
        let (jti, iat, exp) = (self.jti, self.iat, self.iat + self.ttl);
        let token = AccessToken {
            profile: Profile::AtJwt,
            iss,
            sub,
            aud: &[aud],
            client_id,
            scope,
            jti,
            iat,
            exp,
            act: None,
            identity: None,
            workload: Some(workload),
            claims: None,
        };
        mint(&RustCrypto, &sample::signing_key(), &token).unwrap()
    }

    fn claims(&self) -> Value {
        let [iss, sub, aud, client_id, workload_iss, workload_sub] = &self.texts;
        let (iat, exp) = (self.iat, self.iat + self.ttl);
        let mut claims = json!({ "iss": iss, "sub": sub, "aud": aud, "client_id": client_id, "iat": iat,
            "nbf": iat, "exp": exp, "jti": jti_text(&self.jti),
            "workload": { "iss": workload_iss, "sub": workload_sub } });
        if let Some(scope) = &self.scope {
            claims["scope"] = json!(scope);
        }
        if let Some(cluster) = &self.cluster {
            claims["workload"]["cluster"] = json!(cluster);
        }
        for (name, text) in &self.fields {
            claims["workload"][name] = json!(text);
        }
        claims
    }
}

fn verify(token: &str) -> Result<VerifiedToken, Denial> {
    let typ = [TYP.to_string()];
    let token = UntrustedJwt::parse(token.as_bytes())?;
    token.verify(&[Alg::Es256], Some(&typ), &sample::key_set(), &RustCrypto)
}

#[test]
fn what_is_minted_verifies_and_says_the_same() {
    hold(contents(), |contents| {
        let token = contents.mint();
        prop_assume!(token.len() <= MAX_TOKEN_BYTES);
        let verified = verify(&token).unwrap();
        let key = sample::signing_key();
        prop_assert_eq!(verified.thumbprint(), key.thumbprint());
        let claims = verified.claims();
        prop_assert_eq!(Value::Object(claims.members()), contents.claims());
        prop_assert_eq!(claims.audiences(), &contents.texts[2..3]);
        prop_assert_eq!((claims.iss(), claims.sub()), (&*contents.texts[0], &*contents.texts[1]));
        prop_assert_eq!((claims.iat(), claims.exp()), (Some(contents.iat), contents.iat + contents.ttl));
        Ok(())
    });
}

#[test]
fn no_part_of_a_minted_token_goes_with_another() {
    hold((contents(), contents()), |(one, other)| {
        prop_assume!(one.claims() != other.claims());
        let tokens = [one.mint(), other.mint()];
        let [one, other] = tokens.each_ref().map(|token| token.split('.').collect::<Vec<_>>());
        let spliced = [one[0], other[1], one[2]].join(".");
        prop_assume!(spliced.len() <= MAX_TOKEN_BYTES);
        prop_assert_eq!(verify(&spliced).err(), Some(Denial::BadSignature));
        Ok(())
    });
}
