//! How faults are told: all at once, in order, bounded.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, vec, vec::Vec};

use super::row::{faults, is_valid};
use crate::{
    fixture::{NoSecrets, SUBJECT, Wire, host_issuer},
    policy::compile_records,
    wire::snapshot::Record,
};

#[test]
fn the_fixture_is_valid() {
    is_valid(|_| ());
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_records() {
    let found = faults(|wire| {
        wire.header.schema = "x".into();
        wire.issuers[0].clock_skew = 301;
        wire.issuers[0].algorithms = vec!["none".into(), "HS256".into()];
        wire.clients[0].client_id = "x".into();
        wire.bindings[0].ttl = 0;
        wire.bindings[0].audiences.clear();
        wire.routes[0].host = "X".into();
        wire.signing_keys[0].alg = "none".into();
        wire.issuers.push(host_issuer("Bad"));
    });
    let paths: Vec<&str> = found.iter().map(|fault| &*fault.path).collect();
    assert_eq!(
        paths,
        [
            "header/schema",
            "issuer/shop-cluster/clock_skew",
            "issuer/shop-cluster/algorithms",
            "issuer/shop-cluster/algorithms",
            "issuer/Bad/id",
            "client/x/client_id",
            "binding/cart/client_id",
            "binding/cart/audiences",
            "binding/cart/ttl",
            "route/api/host",
            "route/api/clients",
            "signing_key/fleet-1/alg",
        ]
    );
}

#[test]
fn a_hundred_faults_are_listed_and_the_rest_counted() {
    let wire = Wire::changed(|wire| {
        for index in 0..150 {
            let mut binding = wire.bindings[0].clone();
            binding.id = format!("b{index}");
            binding.ttl = 0;
            wire.bindings.push(binding);
        }
    });
    let faults = wire.compile().unwrap_err();
    assert_eq!(faults.listed().len(), 100);
    let text = format!("{faults}");
    assert!(text.starts_with("binding/b0/ttl: is 0, must be 60 to 3600; "), "{text}");
    assert!(text.ends_with("; and 50 more"), "{text}");
}

#[test]
fn references_must_come_before_what_refers_to_them() {
    let mut records = Wire::valid().records();
    let client = records.iter().position(|record| matches!(record, Record::Client(_))).unwrap();
    let client = records.remove(client);
    records.push(client);
    let faults = compile_records(records, &NoSecrets).unwrap_err();
    let paths: Vec<&str> = faults.listed().iter().map(|fault| &*fault.path).collect();
    assert_eq!(paths, ["binding/cart/client_id", "route/api/clients"]);
}

#[test]
fn a_subject_may_be_bound_twice_and_is_refused_only_when_it_comes() {
    is_valid(|wire| {
        wire.add_neighbour("other");
        wire.bindings[1].subjects = vec![SUBJECT.into()];
    });
}
