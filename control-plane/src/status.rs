//! Where gateways stand: what their instances say, in one line for each gateway.

use std::collections::BTreeMap;

use cambist_core::time::Timestamp;

use crate::{
    app::App,
    store::{
        StoreError,
        records::{Instance, Kind, Page},
    },
};

/// Instances that were not heard of for longer do not count; a request of theirs is held for a minute at most.
const STALE: i64 = 300_000;
/// Gateways that are read at once.
const PAGE: u32 = 1000;

/// Where a gateway stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Instances that were heard of lately. What follows is of these, unless it says otherwise.
    pub instances: u64,
    /// Those that refused their last snapshot.
    pub failing: u64,
    /// Those that run an older snapshot than the newest.
    pub behind: u64,
    /// The oldest epoch that runs.
    pub epoch: Option<u64>,
    /// When one of all was last heard of.
    pub last_seen: Option<Timestamp>,
    /// Why the last that refused its snapshot did.
    pub last_error: Option<String>,
    /// Events that all of them lost, as they say.
    pub dropped: u64,
    /// Events of all of them that never came although later ones did.
    pub missing: u64,
}

/// Every gateway of a tenant by name.
pub async fn all(app: &App, tenant: &str) -> Result<BTreeMap<String, Status>, StoreError> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = Page { after: after.take(), limit: PAGE };
        let objects = app.store.objects(tenant, Kind::Gateway, "", page).await?;
        let Some(last) = objects.last() else { break };
        after = Some(last.id.clone());
        all.extend(objects.into_iter().map(|object| (object.id, Status::default())));
    }
    app.sightings.flush(&*app.store).await?;
    let newest = app.head(tenant).snapshot_epoch;
    let now = app.clock.now();
    let missing = app.store.missing(tenant).await?;
    for (gateway, instance) in app.store.every_instance(tenant).await? {
        let Some(status) = all.get_mut(&gateway) else { continue };
        let id = instance.instance.as_str();
        let stream = (format!("gateway:{gateway}"), instance.instance.clone());
        let missing = missing.get(&stream).copied().unwrap_or_default();
        let is_behind = app.standings.confirmed(tenant, &gateway, id).max(instance.running_epoch) < newest;
        status.add(&instance, missing, is_behind, now);
    }
    Ok(all)
}

/// Whether an instance was not heard of for so long that it counts no more.
pub fn is_stale(instance: &Instance, now: Timestamp) -> bool {
    now.millis_since(instance.last_seen) > STALE
}

// === impl Status ===

impl Status {
    fn add(&mut self, instance: &Instance, missing: u64, is_behind: bool, now: Timestamp) {
        let is_later = self.last_seen.is_none_or(|seen| seen <= instance.last_seen);
        self.dropped = self.dropped.saturating_add(instance.dropped);
        self.missing = self.missing.saturating_add(missing);
        self.last_seen = self.last_seen.max(Some(instance.last_seen));
        if is_stale(instance, now) {
            return;
        }
        self.instances = self.instances.saturating_add(1);
        self.behind = self.behind.saturating_add(u64::from(is_behind));
        let epoch = instance.running_epoch;
        self.epoch = Some(self.epoch.map_or(epoch, |known| known.min(epoch)));
        if let Some(error) = &instance.last_error {
            self.failing = self.failing.saturating_add(1);
            if is_later || self.last_error.is_none() {
                self.last_error = Some(error.clone());
            }
        }
    }
}
