//! The conformance suite of the store: every implementation passes every test of `SUITE`.

use std::sync::Arc;

use cambist_control_plane::{
    fault::Fault,
    store::{
        ChangeError, Store,
        records::{
            Action, Author, Change, Delivery, Deployment, Expectation, HeldKeys, HeldSet, Identity,
            IdentityFilter, IdentityKind, Instance, Kind, Object, Page, Reference, StoredEvent, Tenant,
            TokenUse, Tuple,
        },
        sqlite::{Pragma, SqliteStore},
    },
};
use cambist_core::{
    time::Timestamp,
    wire::{keys::UnusedKey, snapshot::Carrier},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const TENANT: &str = "default";
const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn mk_author() -> Author {
    Author { actor: String::from("admin:test"), request: String::from("r"), at: NOW }
}

fn mk_deployment() -> Deployment {
    Deployment {
        tenant: Tenant {
            tenant: String::from(TENANT),
            authority: String::from("https://auth.example"),
            max_staleness: 60,
        },
        admin_token: [7; 32],
        settings: vec![(String::from("a"), vec![1, 2])],
        keys: Vec::new(),
    }
}

fn mk_change(kind: Kind, id: &str, action: Action) -> Change {
    Change {
        tenant: String::from(TENANT),
        kind,
        id: id.to_owned(),
        parent: String::new(),
        action,
        author: mk_author(),
    }
}

fn mk_create(doc: Value, references: Vec<Reference>) -> Action {
    Action::Create { doc, references, token: None }
}

fn fits(_: &[Object], _: &[HeldKeys]) -> Vec<Fault> {
    Vec::new()
}

async fn create(store: &dyn Store, kind: Kind, id: &str) {
    store.change(mk_change(kind, id, mk_create(json!({}), Vec::new())), &fits).await.unwrap();
}

async fn initialises_once(store: &dyn Store) {
    let again = store.initialise(mk_deployment(), mk_author()).await;
    assert!(matches!(again, Err(ChangeError::Exists)));
    assert_eq!(store.setting("a").await.unwrap(), Some(vec![1, 2]));
    assert_eq!(store.setting("b").await.unwrap(), None);
    assert_eq!(store.tenants().await.unwrap(), [mk_deployment().tenant]);
    assert_eq!(store.admin_token([7; 32]).await.unwrap().unwrap().name, "first");
    assert_eq!(store.admin_token([8; 32]).await.unwrap(), None);
}

async fn epochs_only_grow(store: &dyn Store) {
    let heads = store.heads();
    let head = || *heads.borrow().get(TENANT).unwrap();
    let first = head().epoch;
    assert_eq!(first, 1_000_000);
    create(store, Kind::Issuer, "a").await;
    assert_eq!((head().epoch, head().snapshot_epoch), (first + 1, first + 1));
    let mut back = mk_change(Kind::Issuer, "b", mk_create(json!({}), Vec::new()));
    back.author.at = Timestamp::from_millis(5);
    store.change(back, &fits).await.unwrap();
    assert_eq!(head().epoch, first + 2);
    store.revoke(TENANT, Kind::Issuer, "a", true, mk_author()).await.unwrap();
    assert_eq!((head().snapshot_epoch, head().revocation_epoch), (first + 2, first + 3));
}

async fn a_start_tells_everyone_everything(store: &dyn Store) {
    store.revoke(TENANT, Kind::Identity, "idn_a", true, mk_author()).await.unwrap();
    let before = *store.heads().borrow().get(TENANT).unwrap();
    assert!(!store.changes(TENANT, before.epoch).await.unwrap().full);
    store.start(mk_author()).await.unwrap();
    let after = *store.heads().borrow().get(TENANT).unwrap();
    assert!(after.epoch > before.epoch && after.revocation_epoch == after.epoch);
    let changes = store.changes(TENANT, before.epoch).await.unwrap();
    assert_eq!((changes.full, changes.revoke.identities), (true, vec![String::from("idn_a")]));
    assert!(!store.changes(TENANT, after.epoch).await.unwrap().full);
}

async fn keeps_versions(store: &dyn Store) {
    create(store, Kind::Issuer, "a").await;
    let replace =
        |expected| Action::Replace { doc: json!({ "n": expected }), references: Vec::new(), expected };
    let change = |action| mk_change(Kind::Issuer, "a", action);
    let replaced = store.change(change(replace(1)), &fits).await.unwrap().unwrap();
    assert_eq!((replaced.version, replaced.doc), (2, json!({ "n": 1 })));
    let stale = store.change(change(replace(1)), &fits).await;
    assert!(matches!(stale, Err(ChangeError::Stale { current: 2 })));
    let stale = store.change(change(Action::Delete { expected: Some(1) }), &fits).await;
    assert!(matches!(stale, Err(ChangeError::Stale { current: 2 })));
    let exists = store.change(change(mk_create(json!({}), Vec::new())), &fits).await;
    assert!(matches!(exists, Err(ChangeError::Exists)));
    assert_eq!(store.change(change(Action::Delete { expected: None }), &fits).await.unwrap(), None);
    let missing = store.change(change(Action::Delete { expected: None }), &fits).await;
    assert!(matches!(missing, Err(ChangeError::Missing)));
}

async fn keeps_references_whole(store: &dyn Store) {
    let reference = Reference { pointer: String::from("/issuer"), kind: Kind::Issuer, id: String::from("a") };
    let binding = || mk_change(Kind::Binding, "b", mk_create(json!({}), vec![reference.clone()]));
    let Err(ChangeError::Invalid(faults)) = store.change(binding(), &fits).await else { panic!() };
    assert_eq!(faults[0].pointer, "/issuer");
    create(store, Kind::Issuer, "a").await;
    store.change(binding(), &fits).await.unwrap();
    let delete = |kind, id| mk_change(kind, id, Action::Delete { expected: None });
    let Err(ChangeError::Referenced(by)) = store.change(delete(Kind::Issuer, "a"), &fits).await else {
        panic!()
    };
    assert_eq!(by, [(Kind::Binding, String::from("b"), reference.clone())]);
    store.change(delete(Kind::Binding, "b"), &fits).await.unwrap();
    store.change(delete(Kind::Issuer, "a"), &fits).await.unwrap();
}

async fn undoes_what_the_check_refuses(store: &dyn Store) {
    let before = (*store.heads().borrow().get(TENANT).unwrap(), store.audit(TENANT, 0, 100).await.unwrap());
    let refuse = |objects: &[Object], _: &[HeldKeys]| {
        assert_eq!(objects.len(), 1, "the check sees the change");
        vec![Fault::new("/x", "no")]
    };
    let change = mk_change(Kind::Issuer, "a", mk_create(json!({}), Vec::new()));
    assert!(matches!(store.change(change, &refuse).await, Err(ChangeError::Invalid(_))));
    assert_eq!(store.object(TENANT, Kind::Issuer, "a").await.unwrap(), None);
    let after = (*store.heads().borrow().get(TENANT).unwrap(), store.audit(TENANT, 0, 100).await.unwrap());
    assert_eq!(before, after);
}

async fn keeps_tenants_apart(store: &dyn Store) {
    create(store, Kind::Issuer, "a").await;
    let id = "idn_a";
    store.revoke(TENANT, Kind::Identity, id, true, mk_author()).await.unwrap();
    assert_eq!(store.object("other", Kind::Issuer, "a").await.unwrap(), None);
    assert_eq!(store.identity("other", id).await.unwrap(), None);
    assert!(!store.is_revoked("other", Kind::Identity, id).await.unwrap());
    assert!(store.audit("other", 0, 100).await.unwrap().is_empty());
    let page = Page { after: None, limit: 10 };
    assert!(store.objects("other", Kind::Issuer, "", page.clone()).await.unwrap().is_empty());
    assert!(store.identities("other", IdentityFilter::default(), page).await.unwrap().is_empty());
}

async fn finds_gateways_by_token(store: &dyn Store) {
    let action =
        Action::Create { doc: json!({ "name": "edge" }), references: Vec::new(), token: Some([1; 32]) };
    store.change(mk_change(Kind::Gateway, "edge", action), &fits).await.unwrap();
    assert_eq!(store.gateway_token([1; 32]).await.unwrap().unwrap().gateway, "edge");
    let rotate = Action::RotateToken { token: [2; 32] };
    store.change(mk_change(Kind::Gateway, "edge", rotate), &fits).await.unwrap();
    assert_eq!(store.gateway_token([1; 32]).await.unwrap(), None);
    assert_eq!(store.gateway_token([2; 32]).await.unwrap().unwrap().doc, json!({ "name": "edge" }));
    let delete = Action::Delete { expected: None };
    store.change(mk_change(Kind::Gateway, "edge", delete), &fits).await.unwrap();
    assert_eq!(store.gateway_token([2; 32]).await.unwrap(), None);
}

async fn records_events_once(store: &dyn Store) {
    let tuple = Tuple {
        client_id: String::from("cl_a"),
        issuer: String::from("a"),
        audience: String::from("b"),
        subject: String::from("c"),
    };
    let event = |sequence, at| StoredEvent {
        sequence,
        at: Timestamp::from_millis(at),
        epoch: 1,
        action: "mint",
        identity: Some((String::from("idn_a"), tuple.clone())),
        kind: IdentityKind::Workload,
        fields: String::from("{}"),
        detail: String::from("{}"),
    };
    let instance = || Instance {
        instance: String::from("n/1"),
        running_epoch: 1,
        last_error: None,
        last_seen: NOW,
        dropped: 0,
    };
    let record = async |events| {
        let author = Author { actor: String::from("gateway:edge"), ..mk_author() };
        let (tenant, gateway, instance) = (String::from(TENANT), String::from("edge"), instance());
        store.record(&[Delivery { tenant, gateway, instance, events, author }], NOW).await.unwrap()
    };
    assert_eq!(record(vec![event(1, 20), event(2, 30)]).await, 2);
    assert_eq!(record(vec![event(2, 30), event(3, 10), event(3, 10)]).await, 1);
    let Identity { count, first_seen, last_seen, .. } =
        store.identity(TENANT, "idn_a").await.unwrap().unwrap();
    assert_eq!(count, 3);
    assert_eq!((first_seen, last_seen), (Some(Timestamp::from_millis(10)), Some(Timestamp::from_millis(30))));
    assert_eq!(store.instances(TENANT, "edge").await.unwrap(), [instance()]);
    store.prune(NOW.plus_millis(1)).await.unwrap();
    assert_eq!(store.instances(TENANT, "edge").await.unwrap(), []);
}

async fn writers_do_not_get_in_each_others_way(store: &dyn Store) {
    let ids: Vec<String> = (0..50).map(|number| format!("i{number}")).collect();
    let mut set = Vec::new();
    for id in &ids {
        set.push(create(store, Kind::Issuer, id));
    }
    let mut all = std::pin::pin!(async {
        let mut pending: Vec<_> = set.into_iter().map(Box::pin).collect();
        core::future::poll_fn(|context| {
            pending.retain_mut(|future| future.as_mut().poll(context).is_pending());
            if pending.is_empty() { core::task::Poll::Ready(()) } else { core::task::Poll::Pending }
        })
        .await;
    });
    all.as_mut().await;
    let rows = store.audit(TENANT, 0, 1000).await.unwrap();
    let mut epochs: Vec<u64> = rows.iter().map(|row| row.epoch).collect();
    epochs.dedup();
    assert_eq!(epochs.len(), 51, "every change has an epoch of its own");
    assert_eq!(Some(&store.heads().borrow().get(TENANT).unwrap().epoch), epochs.last());
}

fn mk_use(issuer: &str, key: u8, exp: i64) -> TokenUse {
    TokenUse { tenant: String::from(TENANT), issuer: issuer.to_owned(), key: [key; 32], exp }
}

async fn says_who_was_first(store: &dyn Store) {
    let consume = async |uses: &[TokenUse]| store.consume(uses).await.unwrap();
    let uses = [mk_use("a", 1, 50), mk_use("a", 2, 60), mk_use("a", 1, 50), mk_use("b", 1, 50)];
    assert_eq!(consume(&uses).await, [true, true, false, true]);
    assert_eq!(consume(&uses).await, [false; 4]);
    assert_eq!(consume(&[]).await, [] as [bool; 0]);
    // What another tenant used is another matter, and there is none.
    let foreign = TokenUse { tenant: String::from("other"), ..mk_use("a", 1, 50) };
    assert!(store.consume(&[foreign]).await.is_err());
    let purge =
        async |before: i64, most: u32| store.purge_uses(Timestamp::from_secs(before), most).await.unwrap();
    assert_eq!(purge(50, 10).await, 0);
    assert_eq!(purge(51, 1).await, 1, "a step is bounded");
    assert_eq!(purge(51, 10).await, 1);
    assert_eq!(consume(&[mk_use("a", 2, 60), mk_use("b", 1, 50)]).await, [false, true]);
}

fn mk_held(kid: &str, carrier: Carrier) -> HeldSet {
    HeldSet {
        carrier,
        origin: [1; 32],
        jwks: json!({ "keys": [{ "kid": kid }] }),
        skipped: vec![UnusedKey { index: 1, kid: None, reason: String::from("r") }],
        fresh_until: Some(NOW),
    }
}

async fn holds_keys_of_issuers(store: &dyn Store) {
    let hold = async |set: HeldSet, expected: Expectation, at: Timestamp| {
        let author = Author { at, ..mk_author() };
        store.hold(TENANT, "a", set, expected, author, &fits).await
    };
    let pushed = || mk_held("k", Carrier::Pushed);
    let missing = hold(pushed(), Expectation::Nothing, NOW).await;
    assert!(matches!(missing, Err(ChangeError::Missing)), "{missing:?}");
    create(store, Kind::Issuer, "a").await;
    let kept = hold(pushed(), Expectation::Nothing, NOW).await.unwrap();
    assert_eq!((kept.version, &kept.set, kept.at), (1, &pushed(), NOW));
    assert_eq!(store.held(TENANT, "a").await.unwrap().as_ref(), Some(&kept));
    assert_eq!(store.held("other", "a").await.unwrap(), None);
    for expected in [Expectation::Nothing, Expectation::Version(2)] {
        let stale = hold(pushed(), expected, NOW).await;
        assert!(matches!(stale, Err(ChangeError::Stale { current: 1 })), "{stale:?}");
    }
    // What was fetched again is no change; whatever was pushed is one.
    let head = || *store.heads().borrow().get(TENANT).unwrap();
    let fetched = || mk_held("k", Carrier::ControlPlane);
    for (set, version, moved) in [
        (pushed(), 2, true),
        (fetched(), 3, true),
        (fetched(), 3, false),
        (mk_held("l", Carrier::ControlPlane), 4, true),
    ] {
        let before = head();
        let later = NOW.plus_secs(i64::try_from(version).unwrap());
        let kept = hold(set, Expectation::Anything, later).await.unwrap();
        assert_eq!((kept.version, kept.at), (version, later));
        assert_eq!(head().snapshot_epoch > before.snapshot_epoch, moved, "{version}");
    }
    let refuse = |_: &[Object], held: &[HeldKeys]| vec![Fault::new("", held.len().to_string())];
    let refused = store.hold(TENANT, "a", pushed(), Expectation::Anything, mk_author(), &refuse).await;
    assert!(matches!(refused, Err(ChangeError::Invalid(faults)) if faults[0].detail == "1"));
    assert_eq!(store.held(TENANT, "a").await.unwrap().unwrap().version, 4);
    assert_eq!(store.configuration(TENANT).await.unwrap().held.len(), 1);

    let release =
        async |version| store.release(TENANT, "a", Expectation::Version(version), mk_author()).await;
    assert!(matches!(release(3).await, Err(ChangeError::Stale { current: 4 })));
    release(4).await.unwrap();
    assert!(matches!(release(4).await, Err(ChangeError::Missing)));
    hold(pushed(), Expectation::Nothing, NOW).await.unwrap();
    store.change(mk_change(Kind::Issuer, "a", Action::Delete { expected: None }), &fits).await.unwrap();
    assert_eq!(store.held(TENANT, "a").await.unwrap(), None);
    let rows = store.audit(TENANT, 0, 100).await.unwrap();
    let acts =
        rows.iter().map(|row| row.action.as_str()).filter(|act| act.ends_with("_keys")).collect::<Vec<_>>();
    assert_eq!(acts, ["push_keys", "push_keys", "fetch_keys", "fetch_keys", "withdraw_keys", "push_keys"]);
}

/// Runs each test of the suite on a store of its own.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    let folder = super::TempDir::new().unwrap();
                    let store = super::mk_sqlite(&folder).await;
                    super::$test(&*store).await;
                }
            )*
        }
    };
}

suite![
    initialises_once,
    epochs_only_grow,
    a_start_tells_everyone_everything,
    keeps_versions,
    keeps_references_whole,
    undoes_what_the_check_refuses,
    keeps_tenants_apart,
    finds_gateways_by_token,
    holds_keys_of_issuers,
    records_events_once,
    says_who_was_first,
    writers_do_not_get_in_each_others_way,
];

async fn mk_sqlite(folder: &TempDir) -> Arc<SqliteStore> {
    let store = Arc::new(SqliteStore::open(&folder.path().join("cambist.db")).await.unwrap());
    store.initialise(mk_deployment(), mk_author()).await.unwrap();
    store
}

#[tokio::test]
async fn sqlite_waits_for_the_disk() {
    let folder = TempDir::new().unwrap();
    let store = mk_sqlite(&folder).await;
    assert_eq!(store.writer_pragma(Pragma::Synchronous).await.unwrap(), "2");
    assert_eq!(store.writer_pragma(Pragma::JournalMode).await.unwrap(), "wal");
}

#[tokio::test]
async fn sqlite_keeps_everything_when_opened_again() {
    let folder = TempDir::new().unwrap();
    let store = mk_sqlite(&folder).await;
    create(&*store, Kind::Issuer, "a").await;
    let head = *store.heads().borrow().get(TENANT).unwrap();
    store.close().await;
    let store = SqliteStore::open(&folder.path().join("cambist.db")).await.unwrap();
    assert_eq!(store.heads().borrow().get(TENANT), Some(&head));
    assert!(store.object(TENANT, Kind::Issuer, "a").await.unwrap().is_some());
}
