//! One row per fault of the header, an issuer, a client or a signing key.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{collections::BTreeMap, format, string::String, vec};

use serde_json::{Value, json};

use super::row::{has_fault, is_valid};
use crate::{
    fixture::{ISSUER_KEY, NOW, NoSecrets, Signer, Wire},
    jose::alg::Alg,
    policy::compile_records,
    wire::snapshot::{Carrier, ClientCredentials, KeySource, PrivateKey, Rate, UserInfo},
};

type Setting = fn(&mut Wire, u32);
type Asking = fn(u32) -> UserInfo;
type Crediting = fn(&mut ClientCredentials);

fn inline(jwks: Value) -> KeySource {
    KeySource::Inline { jwks }
}

#[test]
fn header() {
    has_fault("header/schema", "cambist.snapshot/v1", |wire| {
        wire.header.schema = "cambist.snapshot/v2".into();
    });
    let mut records = Wire::valid().records();
    records.swap(0, 1);
    assert_eq!(compile_records(records, &NoSecrets).unwrap_err().listed()[0].path, "header");
    let mut records = Wire::valid().records();
    records.remove(0);
    let faults = compile_records(records, &NoSecrets).unwrap_err();
    assert_eq!((&*faults.listed()[0].path, &*faults.listed()[0].detail), ("header", "is missing"));
}

#[test]
fn issuer_name() {
    for id in ["", "A", "-a", ".a", "a/b", "a b", "\u{e9}", &"a".repeat(64)] {
        has_fault(&format!("issuer/{id}/id"), "must match", |wire| {
            wire.issuers[0].id = id.into();
            wire.bindings[0].issuer = id.into();
        });
    }
    is_valid(|wire| {
        wire.issuers[0].id = "0.a_b-c".into();
        wire.bindings[0].issuer = "0.a_b-c".into();
    });
    has_fault("issuer/shop-cluster/id", "twice", |wire| {
        let mut second = wire.issuers[0].clone();
        second.iss = "https://second.example".into();
        wire.issuers.push(second);
    });
    has_fault("issuer/shop-cluster/id", "twice", |wire| {
        let mut disabled = wire.issuers[0].clone();
        disabled.enabled = false;
        wire.issuers.insert(0, disabled);
    });
}

#[test]
fn issuer_text() {
    for iss in [String::new(), "a\nb".into(), "x".repeat(2_049)] {
        has_fault("issuer/shop-cluster/iss", "1 to 2048 bytes", |wire| wire.issuers[0].iss = iss);
    }
    is_valid(|wire| wire.issuers[0].iss = "kubernetes/serviceaccount".into());
    is_valid(|wire| wire.issuers[0].iss = "x".repeat(2_048));
}

#[test]
fn issuer_bounds() {
    let bounds: [(&str, Setting, u32, u32); 8] = [
        ("clock_skew", |wire, value| wire.issuers[0].clock_skew = value, 0, 300),
        ("exp_leeway", |wire, value| wire.issuers[0].exp_leeway = value, 0, 60),
        ("max_lifetime", |wire, value| wire.issuers[0].max_lifetime = value, 60, 2_592_000),
        ("max_age", |wire, value| wire.issuers[0].max_age = Some(value), 60, 2_592_000),
        ("max_stale", |wire, value| wire.issuers[0].max_stale = value, 1, 86_400),
        ("refetch_floor_ms", |wire, value| wire.issuers[0].refetch_floor_ms = value, 100, 600_000),
        ("refresh_least_ms", |wire, value| wire.issuers[0].refresh_least_ms = value, 100, 3_600_000),
        ("refresh_most_ms", |wire, value| wire.issuers[0].refresh_most_ms = value, 60_000, 86_400_000),
    ];
    for (field, set, least, most) in bounds {
        for value in [least, most] {
            is_valid(|wire| set(wire, value));
        }
        for value in [least.checked_sub(1), Some(most + 1), Some(u32::MAX)].into_iter().flatten() {
            let detail = format!("is {value}, must be {least} to {most}");
            has_fault(&format!("issuer/shop-cluster/{field}"), &detail, |wire| set(wire, value));
        }
    }
}

#[test]
fn issuer_lists() {
    has_fault("issuer/shop-cluster/typ", "must not be empty", |wire| wire.issuers[0].typ = Some(vec![]));
    has_fault("issuer/shop-cluster/algorithms", "must not be empty", |wire| {
        wire.issuers[0].algorithms.clear();
    });
    for name in ["none", "HS256", "HS384", "HS512", "rs256", "ES512", "ES256K", "Ed448", ""] {
        let detail = format!(
            "{name:?} is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, Ed25519; \
             none and HS* are never possible"
        );
        has_fault("issuer/shop-cluster/algorithms", &detail, |wire| {
            wire.issuers[0].algorithms.push(name.into());
        });
    }
    for alg in Alg::ALL {
        is_valid(|wire| wire.issuers[0].algorithms = vec![alg.name().into()]);
    }
    is_valid(|wire| wire.issuers[0].algorithms = vec!["EdDSA".into(), "Ed25519".into()]);
}

#[test]
fn issuer_keys() {
    let uri = |uri: &str| KeySource::JwksUri { uri: uri.into() };
    for (keys, field, part) in [
        (uri("http://a.example/jwks"), "keys/uri", "must be https"),
        (uri("ftp://a.example"), "keys/uri", "absolute https"),
        (uri("https://"), "keys/uri", "valid host"),
        (uri("https://a.example/#x"), "keys/uri", "fragment"),
        (inline(json!({})), "keys/jwks", "keys"),
        (inline(json!({"keys": []})), "keys/jwks", "no usable key"),
        (inline(json!({"keys": [{"kty": "oct", "k": "AA"}]})), "keys/jwks", "no usable key"),
    ] {
        has_fault(&format!("issuer/shop-cluster/{field}"), part, |wire| wire.issuers[0].keys = keys);
    }
    for keys in [KeySource::Discovery, KeySource::Derived] {
        has_fault("issuer/shop-cluster/iss", "absolute https", |wire| {
            wire.issuers[0].iss = "kubernetes/serviceaccount".into();
            wire.issuers[0].keys = keys;
        });
    }
    is_valid(|wire| {
        wire.issuers[0].allow_http = true;
        wire.issuers[0].keys = uri("http://127.0.0.1:8080/jwks");
    });
}

fn userinfo() -> UserInfo {
    serde_json::from_value(json!({ "uri": "https://issuer.example/userinfo" })).unwrap()
}

#[test]
fn issuer_userinfo() {
    for (uri, part) in [
        ("http://issuer.example/userinfo", "must be https"),
        ("issuer.example/userinfo", "absolute https"),
        ("https://a:b@issuer.example/userinfo", "valid host"),
        ("https://issuer.example/#x", "fragment"),
    ] {
        has_fault("issuer/shop-cluster/userinfo/uri", part, |wire| {
            wire.issuers[0].userinfo = Some(UserInfo { uri: uri.into(), ..userinfo() });
        });
    }
    for (path, part) in [("", "1 to 512 bytes"), ("a..b", "empty member name"), ("a\\x", "escape")] {
        has_fault("issuer/shop-cluster/userinfo/login_id", part, |wire| {
            wire.issuers[0].userinfo = Some(UserInfo { login_id: Some(path.into()), ..userinfo() });
        });
    }
    let bounds: [(&str, Asking, u32, u32); 2] = [
        ("timeout_ms", |timeout_ms| UserInfo { timeout_ms, ..userinfo() }, 100, 10_000),
        ("cache_seconds", |cache_seconds| UserInfo { cache_seconds, ..userinfo() }, 10, 3_600),
    ];
    for (field, with, least, most) in bounds {
        for value in [least, most] {
            is_valid(|wire| wire.issuers[0].userinfo = Some(with(value)));
        }
        for value in [0, least - 1, most + 1, u32::MAX] {
            let detail = format!("is {value}, must be {least} to {most}");
            has_fault(&format!("issuer/shop-cluster/userinfo/{field}"), &detail, |wire| {
                wire.issuers[0].userinfo = Some(with(value));
            });
        }
    }
    is_valid(|wire| {
        wire.issuers[0].allow_http = true;
        let uri = "http://127.0.0.1:8080/userinfo".into();
        wire.issuers[0].userinfo = Some(UserInfo { uri, login_id: Some("/a~1b/c".into()), ..userinfo() });
    });
}

#[test]
fn issuers_that_share_a_text() {
    let share = |audience: &'static str| {
        move |wire: &mut Wire| {
            let mut second = wire.issuers[0].clone();
            second.id = "a-second".into();
            wire.issuers.push(second);
            let mut binding = wire.bindings[0].clone();
            binding.id = "second".into();
            binding.issuer = "a-second".into();
            binding.audiences = vec!["x".into(), audience.into()];
            wire.bindings.push(binding);
        }
    };
    is_valid(share("other"));
    let part = "issuer shop-cluster has the same iss text and also accepts audience \"cl_shop\"";
    has_fault("issuer/a-second/iss", part, share("cl_shop"));
    is_valid(|wire| {
        share("cl_shop")(wire);
        wire.bindings[1].enabled = false;
    });
    is_valid(|wire| {
        share("cl_shop")(wire);
        wire.issuers[1].enabled = false;
    });
}

#[test]
fn a_disabled_issuer_must_be_right_as_well() {
    is_valid(|wire| wire.issuers[0].enabled = false);
    has_fault("issuer/shop-cluster/clock_skew", "must be", |wire| {
        wire.issuers[0].enabled = false;
        wire.issuers[0].clock_skew = 301;
    });
}

#[test]
fn client() {
    for id in ["shop", "cl_a b", "cl_\u{e9}", &format!("cl_{}", "a".repeat(61))] {
        has_fault(&format!("client/{id}/client_id"), "must be `cl_`", |wire| {
            wire.clients[0].client_id = id.into();
            wire.bindings[0].client_id = id.into();
            wire.routes[0].clients = vec![id.into()];
        });
    }
    has_fault("client/cl_shop/client_id", "twice", |wire| wire.clients.push(wire.clients[0].clone()));
    let digest = "0123456789abcdef".repeat(4);
    is_valid(|wire| wire.clients[0].secrets = vec![digest.clone(); 2]);
    let wrong = [vec![digest.clone(); 3], vec!["secret".into()], vec![digest.to_uppercase()]];
    for secrets in wrong {
        has_fault("client/cl_shop/secrets", "SHA-256", |wire| wire.clients[0].secrets = secrets);
    }
    let credentials = |change: &dyn Fn(&mut ClientCredentials)| {
        let mut credentials = ClientCredentials {
            scopes: vec!["a".into()],
            targets: vec!["b".into()],
            ttl: 60,
            audience_tenants: None,
            rate: Rate::default(),
        };
        change(&mut credentials);
        Some(credentials)
    };
    is_valid(|wire| wire.clients[0].credentials = credentials(&|_| ()));
    let rows: [(&str, Crediting); 3] = [
        ("ttl", |credentials| credentials.ttl = 59),
        ("scopes", |credentials| credentials.scopes.push("a b".into())),
        ("targets", |credentials| credentials.targets.push(String::new())),
    ];
    for (member, change) in rows {
        has_fault(&format!("client/cl_shop/credentials/{member}"), "", |wire| {
            wire.clients[0].credentials = credentials(&change);
        });
    }
}

#[test]
fn signing_key() {
    has_fault("signing_key/fleet-1/alg", "ES256", |wire| wire.signing_keys[0].alg = "RS256".into());
    for key in [PrivateKey::Pkcs8("AAAA".into()), PrivateKey::Pkcs8(String::new())] {
        has_fault("signing_key/fleet-1/private_key", "PKCS#8", |wire| wire.signing_keys[0].private_key = key);
    }
    has_fault("signing_key/0/private_key", "environment variable KEY is not set", |wire| {
        wire.signing_keys[0].kid = None;
        wire.signing_keys[0].private_key = PrivateKey::Env("KEY".into());
    });
    is_valid(|wire| wire.signing_keys[0].not_after = NOW - 1);
}

#[test]
fn issuer_keys_from_the_control_plane() {
    for keys in [
        KeySource::Pushed,
        control_plane(None),
        control_plane(Some("https://a.example/jwks")),
        KeySource::Carried { by: Carrier::Pushed, jwks: None },
    ] {
        is_valid(|wire| wire.issuers[0].keys = keys.clone());
    }
    has_fault("issuer/shop-cluster/keys/uri", "must be https", |wire| {
        wire.issuers[0].keys = control_plane(Some("http://a.example/jwks"));
    });
    has_fault("issuer/shop-cluster/keys/jwks", "no usable key", |wire| {
        let jwks = Some(json!({ "keys": [] }));
        wire.issuers[0].keys = KeySource::Carried { by: Carrier::ControlPlane, jwks };
    });
}

#[test]
fn carried_keys_are_no_part_of_the_digest() {
    let digest = |jwks: Option<Value>, max_stale| {
        let wire = Wire::changed(|wire| {
            wire.issuers[0].keys = KeySource::Carried { by: Carrier::Pushed, jwks };
            wire.issuers[0].max_stale = max_stale;
        });
        wire.compile().unwrap().issuer("shop-cluster").unwrap().digest
    };
    let jwks = json!({ "keys": [Signer::numbered(ISSUER_KEY).jwk()] });
    assert_eq!(digest(None, 60), digest(Some(jwks.clone()), 60));
    assert_ne!(digest(None, 60), digest(Some(jwks), 61));
}

#[test]
fn issuer_fields() {
    type List = fn(&mut Wire) -> &mut BTreeMap<String, String>;
    let lists: [(&str, List); 2] = [
        ("identity_fields", |wire| &mut wire.issuers[0].identity_fields),
        ("audit_fields", |wire| &mut wire.issuers[0].audit_fields),
    ];
    for (member, list) in lists {
        is_valid(|wire| {
            list(wire).insert("namespace".into(), r"jwt.claim.kubernetes\.io.namespace".into());
        });
        for (name, attribute, part) in [
            ("", "jwt.claim.a", "must match"),
            ("Pod", "jwt.claim.a", "must match"),
            ("1a", "jwt.claim.a", "must match"),
            ("a-b", "jwt.claim.a", "must match"),
            ("a23456789012345678901234567890123", "jwt.claim.a", "must match"),
            ("sub", "jwt.claim.a", "another name"),
            ("cluster", "jwt.claim.a", "another name"),
            ("a", "issuer.cluster", "must be a claim"),
            ("a", "claim.a", ""),
        ] {
            has_fault(&format!("issuer/shop-cluster/{member}/{name}"), part, |wire| {
                list(wire).insert(name.into(), attribute.into());
            });
        }
        has_fault(&format!("issuer/shop-cluster/{member}"), "at most 16", |wire| {
            list(wire).extend((0..17).map(|number| (format!("f{number}"), "jwt.claim.a".into())));
        });
    }
}

fn control_plane(uri: Option<&str>) -> KeySource {
    KeySource::ControlPlane { uri: uri.map(Into::into), ca: None, proxy: None, allow_private: false }
}
