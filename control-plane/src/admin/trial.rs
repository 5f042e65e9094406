//! Fetching the keys of an issuer once, to see what is wrong.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, State},
};
use cambist_core::wire::snapshot::Issuer;

use super::collection::{Parts, find};
use crate::{
    app::App,
    auth::Admin,
    configuration,
    fetching::trial::{self, Trial},
    problem::Problem,
};

/// Trials under way, by tenant and issuer: one at a time, so that nobody makes this service press an issuer.
#[derive(Debug, Default)]
pub struct Trials(Mutex<HashSet<(String, String)>>);

/// A trial under way, until it is dropped.
struct Permit<'a> {
    trials: &'a Trials,
    key: (String, String),
}

/// `POST /v1/issuers/{id}/test`.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    admin: Admin,
    Path(parts): Path<Parts>,
) -> Result<Json<Trial>, Problem> {
    let object = find::<Issuer>(&app, &admin, &parts).await?;
    let issuer = configuration::issuer(&object)?;
    let _permit = app.trials.begin(&admin.tenant, &issuer.id).ok_or_else(Problem::busy)?;
    let trial = trial::run(&app.fetcher, &issuer, app.clock.now()).await;
    Ok(Json(trial.map_err(|_| Problem::nothing_to_fetch())?))
}

// === impl Trials ===

impl Trials {
    fn begin(&self, tenant: &str, issuer: &str) -> Option<Permit<'_>> {
        let key = (tenant.to_owned(), issuer.to_owned());
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        fresh.then_some(Permit { trials: self, key })
    }
}

// === impl Permit ===

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.trials.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
