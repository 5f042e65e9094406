//! What instances of gateways say of the keys they use. In memory: it comes again by itself, and is worth no write.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use cambist_core::{time::Timestamp, wire::keys::IssuerKeys};

/// The largest report of one issuer in bytes of JSON; a larger one is left out.
const MOST_BYTES_EACH: usize = 128 << 10;
/// Bytes of JSON that are remembered in all; what comes on top is left out.
const MOST_BYTES: usize = 128 << 20;

/// The last word of every instance on every issuer.
#[derive(Debug, Default)]
pub struct Reports(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// By (tenant, gateway), then by instance.
    gateways: HashMap<(String, String), BTreeMap<String, Said>>,
    bytes: usize,
}

/// What one instance said.
#[derive(Debug)]
struct Said {
    seen: Timestamp,
    issuers: BTreeMap<String, (IssuerKeys, usize)>,
}

// === impl Reports ===

impl Reports {
    /// Remembers what an instance says at `now`.
    pub fn note(&self, tenant: &str, gateway: &str, instance: &str, keys: Vec<IssuerKeys>, now: Timestamp) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { gateways, bytes } = &mut *memory;
        let gateway = gateways.entry((tenant.to_owned(), gateway.to_owned())).or_default();
        if let Some(said) = gateway.get_mut(instance) {
            said.seen = now;
        }
        for keys in keys {
            let size = serde_json::to_vec(&keys).map_or(usize::MAX, |json| json.len());
            let said = gateway
                .entry(instance.to_owned())
                .or_insert_with(|| Said { seen: now, issuers: BTreeMap::new() });
            let before = said.issuers.get(&keys.issuer).map_or(0, |(_, size)| *size);
            let after = bytes.saturating_sub(before).saturating_add(size);
            if size > MOST_BYTES_EACH || after > MOST_BYTES {
                tracing::warn!(instance, "what an instance says of its keys is too much to remember");
                continue;
            }
            *bytes = after;
            said.issuers.insert(keys.issuer.clone(), (keys, size));
        }
    }

    /// What the instances of a gateway said last, by instance and issuer.
    pub fn of(&self, tenant: &str, gateway: &str) -> Vec<(String, IssuerKeys)> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let instances = memory.gateways.get(&(tenant.to_owned(), gateway.to_owned())).into_iter().flatten();
        let said = |(instance, said): (&String, &Said)| {
            let one = |(keys, _): &(IssuerKeys, usize)| (instance.clone(), keys.clone());
            said.issuers.values().map(one).collect::<Vec<_>>()
        };
        instances.flat_map(said).collect()
    }

    /// What the instances of every gateway of a tenant said last, by gateway.
    pub fn all(&self, tenant: &str) -> Vec<(String, IssuerKeys)> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gateways = memory.gateways.iter().filter(|((of, _), _)| of == tenant);
        let said = |((_, gateway), instances): (&(String, String), &BTreeMap<String, Said>)| {
            let issuers = instances.values().flat_map(|said| said.issuers.values());
            issuers.map(|(keys, _)| (gateway.clone(), keys.clone())).collect::<Vec<_>>()
        };
        gateways.flat_map(said).collect()
    }

    /// Forgets instances that were not heard of since `before`.
    pub fn prune(&self, before: Timestamp) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for instances in memory.gateways.values_mut() {
            instances.retain(|_, said| said.seen >= before);
        }
        memory.gateways.retain(|_, instances| !instances.is_empty());
        let sizes =
            memory.gateways.values().flat_map(BTreeMap::values).flat_map(|said| said.issuers.values());
        memory.bytes = sizes.fold(0, |sum, (_, size)| sum.saturating_add(*size));
    }
}
