//! A JWK set from outside: which of its keys may be used, and what of them is kept.

use cambist_core::{
    jose::{
        alg::Alg,
        key_set::{InvalidKeySet, KeySet, SkippedKey},
    },
    keyring,
    wire::keys::{UnusedKey, UsedKey},
};
use serde_json::{Map, json, value::Value};

/// What is kept of a key: all that verifying needs, nothing that is private, no certificates.
const MEMBERS: [&str; 10] = ["kty", "kid", "alg", "use", "key_ops", "n", "e", "crv", "x", "y"];

/// A JWK set after a look at each of its keys.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The usable keys as a JWK set, in their order, public members only.
    pub jwks: Value,
    /// The keys that are not usable, and why.
    pub skipped: Vec<UnusedKey>,
    /// Whether a key holds what its owner alone may know.
    pub gives_secrets_away: bool,
}

/// Judges the keys of `document`.
pub fn judge(document: &[u8]) -> Result<Judgement, InvalidKeySet> {
    let set = KeySet::parse(document)?;
    let members: Map<String, Value> = serde_json::from_slice(document).map_err(|_| InvalidKeySet::NotJson)?;
    let entries = members.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let usable = |(index, _): &(usize, &Value)| set.skipped().iter().all(|skipped| skipped.index != *index);
    let keys = entries.iter().enumerate().filter(usable).map(|(_, entry)| public(entry)).collect::<Vec<_>>();
    Ok(Judgement {
        jwks: json!({ "keys": keys }),
        skipped: keyring::unused(&set),
        gives_secrets_away: set.skipped().iter().any(SkippedKey::is_secret),
    })
}

/// The keys of a JWK set that was judged, with those of `algorithms` that each may verify.
pub fn used(jwks: &Value, algorithms: &[String]) -> Vec<UsedKey> {
    let algorithms = algorithms.iter().filter_map(|name| Alg::from_name(name)).collect::<Vec<_>>();
    keyring::used(&KeySet::from_value(jwks).unwrap_or_default(), &algorithms)
}

fn public(entry: &Value) -> Value {
    let members = entry.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| MEMBERS.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::judge;

    #[test]
    fn keeps_public_members_of_usable_keys_only() {
        let document = json!({ "keys": [
            { "kty": "oct", "k": "c2VjcmV0", "kid": "shared" },
            { "kty": "EC", "crv": "P-256", "kid": "good", "x5c": ["MIIB"], "key_ops": ["verify"],
              "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
              "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
        ], "note": "x" });
        let judged = judge(document.to_string().as_bytes()).unwrap();
        assert_eq!(judged.jwks["keys"].as_array().unwrap().len(), 1);
        assert_eq!(judged.jwks["keys"][0]["kid"], "good");
        assert!(judged.jwks["keys"][0].get("x5c").is_none());
        assert_eq!((judged.skipped[0].index, judged.skipped[0].kid.as_deref()), (0, Some("shared")));
        assert!(judged.gives_secrets_away);
        assert!(!format!("{judged:?}").contains("c2VjcmV0"));
    }
}
