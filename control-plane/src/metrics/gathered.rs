//! The page: what was counted, and what the store, the issuers and the instances say now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use cambist_core::{denial::Denial, flow::Counted, time::Timestamp, wire::snapshot::Carrier};

use super::{
    Counts, MINTS, Metrics, OUTCOMES, PASSED, SURFACES, Stopwatch, WRITES, add,
    text::{Page, seconds},
};
use crate::{
    app::App,
    carried, configuration,
    keys::upkeep,
    problem::Problem,
    status::{self, Status},
    store::StoreError,
};

/// The page of a tenant.
pub async fn render(app: &App, tenant: &str) -> Result<String, Problem> {
    let mut page = Page::default();
    counted(&app.metrics, &mut page);
    gateways(app, tenant, &mut page).await?;
    let head = app.head(tenant);
    let epochs =
        [("any", head.epoch), ("snapshot", head.snapshot_epoch), ("revocations", head.revocation_epoch)];
    page.write("cambist_epoch", epochs.map(|(of, epoch)| (vec![of.to_owned()], epoch)));
    page.write_one("cambist_snapshots_published", app.publisher.published());
    keys(app, tenant, &mut page).await?;
    store(app, tenant, &mut page).await?;
    let queues = [
        ("audit", app.engine.unrecorded()),
        ("decisions", app.engine.in_flight()),
        ("sightings", app.sightings.waiting()),
    ];
    page.write("cambist_queue", queues.map(|(queue, length)| (vec![queue.to_owned()], length)));
    let started = app.started;
    page.write_one("cambist_process_start_time_seconds", started.secs());
    page.write("cambist_build_info", [(vec![env!("CARGO_PKG_VERSION").to_owned()], 1)]);
    Ok(page.into_text())
}

/// What was counted since the service started; everything is there from the start, so that the first shows as a rise.
fn counted(metrics: &Metrics, page: &mut Page) {
    let Counts { mut decisions, mut shadows, mut mints, events, duplicates, mut refusals } =
        metrics.counts().clone();
    for reason in Denial::ALL.map(Denial::reason) {
        for counts in [&mut decisions, &mut shadows, &mut refusals] {
            add(counts, reason, 0);
        }
    }
    for name in Counted::GOOD {
        add(&mut decisions, name, 0);
    }
    add(&mut shadows, PASSED, 0);
    for mint in MINTS {
        add(&mut mints, mint, 0);
    }
    page.write_by_reason("cambist_decision_<reason>", decisions);
    page.write_by_reason("cambist_shadow_<reason>", shadows);
    let mints =
        mints.into_iter().map(|((way, grant), count)| (vec![way.to_owned(), grant.to_owned()], count));
    page.write("cambist_mints", mints);
    let refusals = refusals.into_iter().map(|(reason, count)| (vec![reason.to_owned()], count));
    page.write("cambist_gateway_refusals", refusals);
    let mut by_outcome = events;
    let gateways: BTreeSet<String> = by_outcome.keys().map(|(gateway, _)| gateway.clone()).collect();
    for gateway in gateways {
        for outcome in OUTCOMES {
            add(&mut by_outcome, (gateway.clone(), outcome), 0);
        }
    }
    let events =
        by_outcome.into_iter().map(|((gateway, outcome), count)| (vec![gateway, outcome.to_owned()], count));
    page.write("cambist_gateway_events", events);
    let duplicates = duplicates.into_iter().map(|(gateway, count)| (vec![gateway], count));
    page.write("cambist_gateway_events_duplicate", duplicates);
    for (name, values, histograms) in [
        ("cambist_request_seconds", SURFACES, &metrics.requests),
        ("cambist_store_write_seconds", WRITES, &metrics.writes),
    ] {
        let mut histograms = histograms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for value in values {
            histograms.entry(value).or_default();
        }
        page.write_histograms(name, histograms);
    }
}

async fn gateways(app: &App, tenant: &str, page: &mut Page) -> Result<(), Problem> {
    let all = status::all(app, tenant).await?;
    let mut write = |name: &str, value: fn(&Status) -> u64| {
        let samples: Vec<(Vec<String>, u64)> =
            all.iter().map(|(gateway, status)| (vec![gateway.clone()], value(status))).collect();
        page.write(name, samples);
    };
    write("cambist_gateway_events_missing", |status| status.missing);
    write("cambist_gateway_events_dropped", |status| status.dropped);
    write("cambist_gateway_instances", |status| status.instances);
    write("cambist_gateway_failing", |status| status.failing);
    write("cambist_gateway_behind", |status| status.behind);
    let heard = all.iter().filter(|(_, status)| status.instances > 0);
    let epochs: Vec<_> =
        heard.map(|(gateway, status)| (vec![gateway.clone()], status.epoch.unwrap_or_default())).collect();
    page.write("cambist_gateway_epoch", epochs);
    let now = app.clock.now();
    let silent: Vec<_> = all
        .iter()
        .filter_map(|(gateway, status)| Some((vec![gateway.clone()], age(status.last_seen?, now))))
        .collect();
    page.write("cambist_gateway_silent_seconds", silent);
    Ok(())
}

/// Ages and failures of the keys of issuers, by who holds them.
async fn keys(app: &App, tenant: &str, page: &mut Page) -> Result<(), Problem> {
    let now = app.clock.now();
    let mut ages: BTreeMap<(String, &str), i64> = BTreeMap::new();
    let mut failing: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut issuers = BTreeSet::new();
    for object in app.issuers(tenant).await? {
        let issuer = configuration::issuer(&object)?;
        issuers.insert(object.id.clone());
        let Some(carrier) = carried::carrier(&issuer) else { continue };
        let key = (object.id.clone(), "control_plane");
        if let Some(held) = app.store.held(tenant, &object.id).await? {
            ages.insert(key.clone(), age(held.at, now));
        }
        let attempt = app.attempts.of(tenant, &object.id).filter(|_| carrier == Carrier::ControlPlane);
        add(&mut failing, key, u64::from(attempt.is_some_and(|attempt| attempt.error.is_some())));
    }
    for (_, said) in app.reports.all(tenant) {
        if !issuers.contains(&said.issuer) {
            continue;
        }
        let key = (said.issuer.clone(), "gateways");
        if let Some(fetched) = said.fetched_at.map(Timestamp::from_millis) {
            let oldest = ages.entry(key.clone()).or_default();
            *oldest = age(fetched, now).max(*oldest);
        }
        add(&mut failing, key, u64::from(said.last_error.is_some()));
    }
    let labels = |(issuer, holder): (String, &str)| vec![issuer, holder.to_owned()];
    page.write("cambist_issuer_keys_age_seconds", ages.into_iter().map(|(key, age)| (labels(key), age)));
    page.write("cambist_issuer_keys_failing", failing.into_iter().map(|(key, count)| (labels(key), count)));
    Ok(())
}

async fn store(app: &App, tenant: &str, page: &mut Page) -> Result<(), StoreError> {
    let watch = Stopwatch::start();
    app.store.ready().await?;
    page.write_one("cambist_store_read_seconds", seconds(watch.elapsed()));
    let census = app.store.census(tenant).await?;
    let samples = |counts: Vec<(String, u64)>| counts.into_iter().map(|(name, count)| (vec![name], count));
    page.write("cambist_identities", samples(census.identities));
    page.write("cambist_revocations", samples(census.revocations));
    let now = app.clock.now();
    let mut keys: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let all = app.store.keys(tenant).await?;
    for key in &all {
        add(&mut keys, (key.role.name(), upkeep::stage(&all, key, now).name()), 1);
    }
    let keys =
        keys.into_iter().map(|((role, state), count)| (vec![role.to_owned(), state.to_owned()], count));
    page.write("cambist_signing_keys", keys);
    Ok(())
}

/// Whole seconds; none for what comes from a clock that is ahead.
fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.millis_since(at).max(0).checked_div(1000).unwrap_or(0)
}
