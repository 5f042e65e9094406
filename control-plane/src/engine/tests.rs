use std::sync::Arc;

use cambist_core::{denial::Denial, flow::Head, time::Timestamp};

use super::{Caller, Decided, Engine, MOST_FLIGHTS};
use crate::{
    clock::Clock, fetching::Fetcher, keys::seal::Kek, publish::Publisher, store::sqlite::SqliteStore,
};

#[tokio::test]
async fn more_than_it_can_decide_at_once_is_told_to_come_back() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("cambist.db")).await.unwrap());
    let clock = Clock::manual(Timestamp::from_secs(1));
    let kek = Arc::new(Kek::parse(&"0b".repeat(32)).unwrap());
    let publisher = Publisher::new(Arc::<SqliteStore>::clone(&store), kek, clock.clone());
    let engine = Arc::new(Engine::new(store, clock, Fetcher::default()));
    let caller = || Caller { actor: String::from("control-plane"), request: String::new() };
    let ask = async || {
        let head = Head::default();
        engine.answer(&publisher, "default", &head, Vec::new(), caller()).await
    };
    let all = engine.flights.acquire_many(u32::try_from(MOST_FLIGHTS).unwrap()).await.unwrap();
    assert!(matches!(ask().await, Decided::Denied(Denial::Overloaded, None)));
    drop(all);
    // There is no such tenant, so nobody can tell.
    assert!(matches!(ask().await, Decided::Denied(Denial::ConfigStale, None)));
}
