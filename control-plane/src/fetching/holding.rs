//! What becomes of an answer: a set in the store, or words for the operator.

use cambist_core::{
    time::Timestamp,
    wire::snapshot::{Carrier, Issuer, KeySource},
};

use super::{request::Answer, trial};
use crate::{
    app::App,
    carried, configuration, judgement,
    store::{
        ChangeError,
        records::{Author, Expectation, HeldKeys, HeldSet, Kind, Object},
    },
};

/// Stores a set that the keyring took.
pub(super) async fn hold(
    app: &App,
    tenant: &str,
    issuer: &Issuer,
    answer: &Answer,
    usable_until: Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    let judged = judgement::judge(&answer.body).map_err(|invalid| invalid.to_string())?;
    let set = HeldSet {
        carrier: Carrier::ControlPlane,
        origin: carried::origin(issuer),
        jwks: judged.jwks,
        skipped: judged.skipped,
        // So that whoever changes `max_stale` changes it for these keys, too.
        fresh_until: Some(usable_until.plus_secs(i64::from(issuer.max_stale).saturating_neg())),
    };
    let check = |objects: &[Object], held: &[HeldKeys]| {
        configuration::faults(objects, held, now, (Kind::Issuer, &issuer.id))
    };
    match app.store.hold(tenant, &issuer.id, set, Expectation::Anything, author(now), &check).await {
        Ok(_) => Ok(()),
        Err(ChangeError::Invalid(faults)) => {
            let first = faults.into_iter().next().map(|fault| fault.detail).unwrap_or_default();
            Err(format!("the keys cannot be published: {first}"))
        }
        Err(error) => Err(format!("the keys could not be stored: {error}")),
    }
}

/// Why the keyring did not take an answer.
pub(super) fn why(issuer: &Issuer, answer: &Answer) -> String {
    let stop = trial::misfit(&issuer.iss, answer);
    match judgement::judge(&answer.body) {
        Ok(_) => String::from("keys: the key set holds no usable key"),
        // Either it should have been a document, or it is no key set.
        Err(_) if matches!(issuer.keys, KeySource::ControlPlane { uri: None, .. }) => {
            format!("{}: {}", stop.step.name(), stop.error)
        }
        Err(invalid) => format!("keys: {invalid}"),
    }
}

/// The author of what nobody asked for.
pub(super) fn author(now: Timestamp) -> Author {
    Author { actor: String::from("system"), request: String::new(), at: now }
}
