//! What was made elsewhere is served again for exactly as long as its reasons hold (laws 6 and 7).

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{string::String, vec};

use serde_json::json;

use super::ways::{OBTAINED, WAYS, Way, answer, ask, endpoint, json_answer, serve};
use crate::{
    denial::Denial,
    exchange::external::name_of,
    fixture::{Ask, FLEET_KEY, Gateway, NOW, SUBJECT, Signer, Token, Wire},
    flow::{Answer, Counted, Remote},
    wire::changes::{Changes, Revoked, RevokedJti},
};

/// A gateway that has just got a token this way and would serve it from its caches.
fn warmed(way: Way) -> Gateway {
    let mut gateway = way.gateway();
    let _ = serve(&mut gateway, way.good(OBTAINED, 600)).into_edits();
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::MintedCached);
    gateway
}

#[test]
fn ends_a_tenth_or_fifteen_seconds_early() {
    for way in WAYS {
        let mut gateway = warmed(way);
        gateway.pass_secs(584);
        let _ = gateway.forward(&ask());
        gateway.pass_secs(1);
        let _ = gateway.call(&ask());
    }
}

#[test]
fn never_outlives_the_subject_token() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let ask = Ask::bearing(&Token::valid().with("exp", NOW + 100).sign());
        let call = gateway.call(&ask);
        let _ = answer(&mut gateway, call, way.good(OBTAINED, 90_000)).into_edits();
        gateway.pass_secs(89);
        let _ = gateway.forward(&ask);
        gateway.pass_secs(1);
        let _ = gateway.call(&ask);
    }
}

#[test]
fn what_others_give_never_outlives_the_binding() {
    for change in [(|wire: &mut Wire| wire.bindings[0].until = Some(NOW + 100)) as fn(&mut Wire), |wire| {
        wire.bindings[0].ttl = 100;
    }] {
        let mut gateway = Gateway::new(Way::External.wire(change));
        let edits = serve(&mut gateway, Way::External.good(OBTAINED, 90_000)).into_edits();
        assert_eq!(edits.report.event().minted.as_ref().unwrap().exp, NOW + 100);
        gateway.pass_secs(89);
        let _ = gateway.forward(&ask());
    }
}

#[test]
fn what_does_not_say_when_it_ends_is_asked_for_every_time() {
    let mut gateway = Way::External.gateway();
    let unending = || json_answer(200, &json!({ "access_token": OBTAINED, "token_type": "Bearer" }));
    for _ in 0..2 {
        assert_eq!(serve(&mut gateway, unending()).into_edits().report.counted, Counted::MintedExternal);
    }
}

#[test]
fn a_token_of_the_control_plane_that_has_ended_is_none() {
    for seconds in [0, -1] {
        let remote = Way::ControlPlane.good(OBTAINED, seconds);
        let denial = serve(&mut Way::ControlPlane.gateway(), remote).into_denial();
        assert_eq!(denial, Denial::UpstreamStsUnavailable);
    }
}

#[test]
fn a_refusal_is_remembered_for_seconds() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let (remote, denial) = way.refusal();
        let _ = serve(&mut gateway, remote).into_denial();
        gateway.pass_millis(4_999);
        assert_eq!(gateway.denial(&ask()), denial);
        gateway.pass_millis(1);
        let _ = gateway.call(&ask());
    }
}

#[test]
fn an_outage_is_remembered_for_a_second() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let _ = serve(&mut gateway, Remote::default()).into_denial();
        gateway.pass_millis(999);
        assert_eq!(gateway.denial(&ask()), Denial::UpstreamStsUnavailable);
        gateway.pass_millis(1);
        assert_eq!(serve(&mut gateway, way.good(OBTAINED, 600)).into_edits().report.counted, way.counted());
        let _ = gateway.forward(&ask());
    }
}

#[test]
fn a_refusal_goes_with_any_change_of_what_it_came_from() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let (remote, denial) = way.refusal();
        let _ = serve(&mut gateway, remote).into_denial();
        assert_eq!(gateway.denial(&ask()), denial);
        gateway.adopt(|wire| wire.bindings[0].ttl = 800);
        let _ = gateway.call(&ask());
    }
    let mut gateway = Way::External.gateway();
    let _ = serve(&mut gateway, Way::External.refusal().0).into_denial();
    gateway.adopt(rotate_secret);
    let _ = gateway.call(&ask());
}

fn rotate_secret(wire: &mut Wire) {
    let mut changed = endpoint();
    changed["login"]["secret"] = json!({ "value": "rotated" });
    wire.external_endpoints = vec![serde_json::from_value(changed).unwrap()];
}

#[test]
fn a_changed_endpoint_drops_its_entries() {
    let mut gateway = warmed(Way::External);
    gateway.adopt(rotate_secret);
    let _ = gateway.call(&ask());
}

#[test]
fn a_changed_binding_drops_its_entries_and_no_neighbours() {
    for way in WAYS {
        let mut gateway = Gateway::new(way.wire(|wire| wire.add_neighbour("neighbour")));
        let neighbour = Ask::bearing(&Token::valid().with("sub", "neighbour").sign());
        for ask in [&ask(), &neighbour] {
            let call = gateway.call(ask);
            let _ = answer(&mut gateway, call, way.good(OBTAINED, 600)).into_edits();
        }
        gateway.adopt(|wire| wire.bindings[0].ttl = 800);
        let _ = gateway.call(&ask());
        assert_eq!(gateway.forward(&neighbour).report.counted, Counted::MintedCached, "{way:?}");
    }
}

#[test]
fn who_is_revoked_is_refused_also_when_cached() {
    for way in WAYS {
        let mut gateway = warmed(way);
        gateway.revoke(Revoked { clients: [String::from("cl_shop")].into(), ..Revoked::default() });
        assert_eq!(gateway.denial(&ask()), Denial::IdentityRevoked);
    }
}

fn revoke_jti(gateway: &mut Gateway, jti: &str) {
    let jtis = vec![RevokedJti { jti: jti.into(), exp: NOW + 3_600 }];
    gateway.state.denylist.apply(Changes { epoch: 9, jtis, ..Changes::default() }, gateway.now);
}

#[test]
fn a_revoked_access_token_is_not_served_and_not_taken_again() {
    for way in WAYS {
        let mut gateway = warmed(way);
        let name = if way == Way::External { name_of(OBTAINED) } else { "jti-1".into() };
        revoke_jti(&mut gateway, &name);
        let step = serve(&mut gateway, way.good(OBTAINED, 600));
        assert_eq!(step.into_denial(), Denial::IdentityRevoked, "{way:?}");
        // Another one is none the worse for it.
        if way == Way::External {
            let _ = serve(&mut gateway, way.good("another.token", 600)).into_edits();
        }
    }
}

#[test]
fn a_token_whose_key_the_authority_withdrew_is_minted_again() {
    let signer = Signer::numbered(FLEET_KEY);
    let minted = Token::valid().header("kid", signer.kid.as_str()).with("sub", SUBJECT).sign_with(FLEET_KEY);
    let published = |wire: &mut Wire, kids: &[&str]| {
        let keys: vec::Vec<_> = kids.iter().map(|kid| json!({ "kid": kid })).collect();
        wire.authority_jwks = Some(json!({ "keys": keys }));
    };
    let way = Way::ControlPlane;
    let mut gateway = Gateway::new(way.wire(|wire| published(wire, &[&signer.kid])));
    let _ = serve(&mut gateway, way.good(&minted, 600)).into_edits();
    // Another key beside it changes nothing.
    gateway.adopt(|wire| published(wire, &["next", &signer.kid]));
    assert_eq!(gateway.forward(&ask()).report.counted, Counted::MintedCached);
    gateway.adopt(|wire| published(wire, &["next"]));
    let _ = gateway.call(&ask());
}

#[test]
fn all_who_waited_are_served_by_one_answer() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let waiting: vec::Vec<_> = (0..3).map(|_| gateway.call(&ask())).collect();
        assert!(waiting.iter().all(|(_, call)| *call == waiting[0].1), "{way:?}: different calls");
        let counted: vec::Vec<Counted> = waiting
            .into_iter()
            .map(|(flow, call)| {
                let step = gateway.resume(&flow, &Answer::Remote(call, way.good(OBTAINED, 600)));
                step.into_edits().report.counted
            })
            .collect();
        assert_eq!(counted, [way.counted(), Counted::MintedCached, Counted::MintedCached]);
    }
}

#[test]
fn entries_are_weighed() {
    for way in WAYS {
        let mut gateway = way.gateway();
        let call = gateway.call(&ask());
        let before = gateway.state.verified.bytes();
        let _ = answer(&mut gateway, call, way.good(&"x".repeat(9_000), 600)).into_edits();
        assert!(gateway.state.verified.bytes() > before + 9_000, "{way:?}");
        let mut gateway = way.gateway();
        let call = gateway.call(&ask());
        let before = gateway.state.verified.bytes();
        let _ = answer(&mut gateway, call, way.refusal().0).into_denial();
        assert!(gateway.state.verified.bytes() > before, "{way:?}");
    }
}
