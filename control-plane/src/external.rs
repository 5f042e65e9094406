//! Secrets of external endpoints: sealed where they are stored, masked where they are shown, open in snapshots alone.
//!
//! A stored document is the wire record with `{"sealed": …}` in the place of a secret, so that rows, exports and audit
//! rows can be made of it without anybody thinking of secrets.

use cambist_core::wire::snapshot::{ClientLogin, ExternalEndpoint, PrivateKey, SecretText};
use data_encoding::BASE64;
use serde::de::Deserialize as _;
use serde_json::{Map, json, value::Value};
use zeroize::Zeroizing;

use crate::{
    fault::Faults,
    keys::seal::{Kek, Place, SealError},
    store::{
        StoreError,
        records::{Kind, Object},
    },
};

/// The members of a login that are secret.
const SECRETS: [&str; 2] = ["secret", "private_key"];
const SEALED: &str = "sealed";

/// Seals the secrets of a document that is about to be stored.
pub fn seal(kek: &Kek, tenant: &str, id: &str, document: &mut Value) -> Result<(), SealError> {
    for name in SECRETS {
        let Some(secret) = member_mut(document, name) else { continue };
        let clear = Zeroizing::new(secret.to_string().into_bytes());
        let sealed = kek.seal(place(&[tenant, Kind::ExternalEndpoint.name(), id], name), &clear)?;
        *secret = json!({ SEALED: BASE64.encode(&sealed) });
    }
    Ok(())
}

/// The endpoint with its secrets, for those who may have them.
pub fn opened(kek: &Kek, tenant: &str, object: &Object) -> Result<ExternalEndpoint, StoreError> {
    let document = open(kek, tenant, &object.id, &object.doc)?;
    ExternalEndpoint::deserialize(&document)
        .map_err(|_| StoreError::new("an external endpoint cannot be read"))
}

/// The endpoint as if it knew nobody, for those who may not have its secrets, and for checking everything else.
pub fn without_login(object: &Object) -> Result<ExternalEndpoint, StoreError> {
    let mut document = object.doc.clone();
    if let Some(members) = document.as_object_mut() {
        members.remove("login");
    }
    ExternalEndpoint::deserialize(&document)
        .map_err(|_| StoreError::new("an external endpoint cannot be read"))
}

/// Says of each secret of a document of `kind` only that it is set.
pub fn mask(kind: Kind, document: &mut Value) {
    if kind == Kind::ExternalEndpoint {
        for name in SECRETS {
            if let Some(secret) = member_mut(document, name) {
                *secret = json!({ "set": true });
            }
        }
    }
}

/// Puts the stored secrets where a new document says that they are set, so that what was read can be sent back.
pub fn keep(
    kek: &Kek,
    tenant: &str,
    stored: Option<&Object>,
    members: &mut Map<String, Value>,
    faults: &mut Faults,
) -> Result<(), StoreError> {
    let Some(login) = members.get_mut("login").and_then(Value::as_object_mut) else { return Ok(()) };
    for name in SECRETS {
        let Some(given) = login.get_mut(name).filter(|given| **given == json!({ "set": true })) else {
            continue;
        };
        let known = match stored {
            Some(object) => {
                open(kek, tenant, &object.id, &object.doc)?.pointer(&format!("/login/{name}")).cloned()
            }
            None => None,
        };
        match known {
            Some(known) => *given = known,
            None => faults.push(format!("/login/{name}"), "there is none yet; give it"),
        }
    }
    Ok(())
}

/// Refuses what only an inline snapshot may hold.
pub fn check(endpoint: &ExternalEndpoint, faults: &mut Faults) {
    const ADVICE: &str = "give the secret itself; it is sealed. Variables are for inline snapshots";
    match &endpoint.login {
        ClientLogin::ClientSecretBasic { secret, .. } | ClientLogin::ClientSecretPost { secret, .. } => {
            faults.demand(matches!(secret, SecretText::Value(_)), "/login/secret", ADVICE);
        }
        ClientLogin::PrivateKeyJwt { private_key, .. } => {
            faults.demand(matches!(private_key, PrivateKey::Pkcs8(_)), "/login/private_key", ADVICE);
        }
        ClientLogin::None => {}
    }
}

fn open(kek: &Kek, tenant: &str, id: &str, document: &Value) -> Result<Value, StoreError> {
    let mut document = document.clone();
    for name in SECRETS {
        let Some(secret) = member_mut(&mut document, name) else { continue };
        let sealed =
            secret.get(SEALED).and_then(Value::as_str).and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let sealed = sealed.ok_or_else(|| StoreError::new("a secret of an external endpoint is damaged"))?;
        let row = [tenant, Kind::ExternalEndpoint.name(), id];
        let clear = kek.open(place(&row, name), &sealed).map_err(StoreError::new)?;
        *secret = serde_json::from_slice(clear.expose())
            .map_err(|_| StoreError::new("a secret of an external endpoint is damaged"))?;
    }
    Ok(document)
}

fn member_mut<'d>(document: &'d mut Value, name: &str) -> Option<&'d mut Value> {
    document.get_mut("login")?.get_mut(name)
}

const fn place<'a>(row: &'a [&'a str], name: &'a str) -> Place<'a> {
    Place { table: "objects", row, column: name }
}
