//! `cambist init`: a deployment from nothing. Run again after it was cut short, it starts over.

use cambist_core::{jose::alg::Alg, secret::Secret, time::Timestamp};
use serde_json::json;

use crate::{
    args::{self, InitArguments},
    auth,
    clock::Clock,
    data::{DataFolder, StartError},
    keys::{
        fleet,
        seal::{CHECK_SETTING, Kek},
        signing::{self, Period},
    },
    store::{
        ChangeError, Store,
        records::{Author, Deployment, KeyRole, Tenant},
        sqlite::SqliteStore,
    },
    validate,
};

/// The tenant an install starts with.
pub const TENANT: &str = "default";
/// Seconds for which gateways serve a snapshot without hearing from us.
const MAX_STALENESS: u32 = 3600;

/// Makes a deployment and returns what to print.
pub async fn run(arguments: InitArguments, clock: &Clock) -> Result<Secret<String>, StartError> {
    let InitArguments { authority, data, print_json } = arguments;
    validate::authority(&authority).map_err(StartError::Authority)?;
    let folder = DataFolder::create(&data)?;
    let kek = folder.kek_or_new()?;
    let store = SqliteStore::open(&folder.database()).await?;
    let token = initialise(&store, &kek, &authority, clock.now()).await.map_err(|error| match error {
        ChangeError::Exists => StartError::AlreadyInitialised(data.clone()),
        ChangeError::Store(error) => StartError::Store(error),
        ChangeError::Missing
        | ChangeError::Stale { .. }
        | ChangeError::Referenced(_)
        | ChangeError::Revoked
        | ChangeError::Invalid(_) => StartError::Internal(error.to_string()),
    })?;
    store.close().await;
    let data = folder.path().display();
    Ok(Secret::new(if print_json {
        let summary = json!({
            "authority": authority,
            "tenant": TENANT,
            "data": data.to_string(),
            "admin_token": token.expose(),
        });
        format!("{summary}\n")
    } else {
        let token = token.expose();
        let kek = match args::kek_variable() {
            Some(_) => String::from("CAMBIST_KEK"),
            None => format!("{data}/kek"),
        };
        format!(
            "Made a deployment for {authority} in {data}.\n\n\
             Admin token, shown this once:\n\n    {token}\n\n\
             Keep a copy of {kek} apart from the database: without it the signing keys are lost.\n\
             Start it with: cambist serve --data {data}\n"
        )
    }))
}

/// Writes the first tenant, its keys and the first admin token, and returns that.
pub async fn initialise(
    store: &dyn Store,
    kek: &Kek,
    authority: &str,
    now: Timestamp,
) -> Result<Secret<String>, ChangeError> {
    let internal =
        |error: &dyn core::error::Error| ChangeError::Store(crate::store::StoreError::new(error.to_string()));
    let forever = Period { created: now, not_before: now, not_after: None };
    let mut keys = Vec::new();
    for (role, period) in [(KeyRole::Authority, forever), (KeyRole::Fleet, fleet::first(now))] {
        keys.push(
            signing::generate(kek, TENANT, role, Alg::Es256, period).map_err(|error| internal(&error))?,
        );
    }
    let token = auth::admin_token()
        .map_err(|_| ChangeError::Store(crate::store::StoreError::new("the system gave no randomness")))?;
    let deployment = Deployment {
        tenant: Tenant {
            tenant: String::from(TENANT),
            authority: authority.to_owned(),
            max_staleness: MAX_STALENESS,
        },
        admin_token: auth::digest(&token),
        settings: vec![(String::from(CHECK_SETTING), kek.check_record().map_err(|error| internal(&error))?)],
        keys,
    };
    let author = Author { actor: String::from("system"), request: String::new(), at: now };
    store.initialise(deployment, author).await?;
    Ok(token)
}
