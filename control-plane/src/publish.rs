//! What gateways are told: one snapshot per tenant, kind of gateway and epoch, and the revocations since an epoch.
//! Each is made once and its bytes are shared, so that a thousand waiting gateways cost a thousand writes to a socket.

use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::body::Bytes;
use cambist_core::{
    time::Timestamp,
    wire::snapshot::{AuthorityKeys, End, Place, PrivateKey, Record, SigningKey},
};
use data_encoding::BASE64;
use tokio::sync::Mutex;

use crate::{
    clock::Clock,
    configuration::{self, SNAPSHOT_LIMIT},
    external,
    keys::{authority, fleet, seal::Kek, signing},
    store::{
        Store, StoreError,
        records::{Configuration, Digest, Head, Kind, Object, StoredKey, Tenant},
    },
    text,
};

/// Answers to one `since` that are kept; more are made anew.
const DELTAS: usize = 1024;

/// Compiles and keeps what gateways are told.
pub struct Publisher {
    store: Arc<dyn Store>,
    kek: Arc<Kek>,
    clock: Clock,
    bodies: Mutex<HashMap<(String, Audience), Arc<Body>>>,
    deltas: Mutex<HashMap<String, Deltas>>,
    published: AtomicU64,
}

/// Which gateways a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Those that may mint: with the fleet key.
    Minting,
    /// Those that may not.
    Verifying,
    /// Sidecars: with the routes that are theirs, and nothing of whom else to trust.
    Sidecar,
    /// Those whose connection may be read: without any secret.
    Open,
}

/// A snapshot for one gateway: a header of its own before a body that others share.
pub struct Snapshot {
    /// Quoted hex SHA-256 over everything but the epoch.
    pub etag: String,
    /// The first record.
    pub header: Bytes,
    /// The other records.
    pub body: Bytes,
}

/// All records but the header.
struct Body {
    tenant: Tenant,
    snapshot_epoch: u64,
    digest: Digest,
    bytes: Bytes,
}

/// Answers of one revocation epoch, by `since`.
#[derive(Default)]
struct Deltas {
    revocation_epoch: u64,
    answers: HashMap<u64, Bytes>,
}

/// Why nothing can be published.
#[derive(Debug)]
pub enum PublishError {
    /// The store failed.
    Store(StoreError),
    /// The configuration cannot be written as a snapshot.
    Invalid(String),
}

// === impl Publisher ===

impl Publisher {
    /// A publisher of what `store` holds.
    pub fn new(store: Arc<dyn Store>, kek: Arc<Kek>, clock: Clock) -> Self {
        Self {
            store,
            kek,
            clock,
            bodies: Mutex::default(),
            deltas: Mutex::default(),
            published: AtomicU64::new(0),
        }
    }

    /// The snapshot of `gateway` at `head`, or at a later one.
    pub async fn snapshot(
        &self,
        tenant: &str,
        gateway: &str,
        audience: Audience,
        head: Head,
    ) -> Result<Snapshot, PublishError> {
        let body = self.body(tenant, audience, head).await?;
        let line = |epoch| {
            let header = Record::Header(configuration::header(&body.tenant, gateway, epoch));
            serde_json::to_vec(&header).map(|mut line| {
                line.push(b'\n');
                line
            })
        };
        // The digest of the body stands for it: hashing it again for each gateway would cost more than sending it.
        let mut hashed = line(0)?;
        hashed.extend(body.digest);
        Ok(Snapshot {
            etag: format!("\"{}\"", text::hex(&text::sha256(&hashed))),
            header: line(head.epoch)?.into(),
            body: body.bytes.clone(),
        })
    }

    /// The answer to `changes?since=`, made once for everyone who asks the same.
    pub async fn changes(&self, tenant: &str, since: u64, head: Head) -> Result<Bytes, PublishError> {
        let mut all = self.deltas.lock().await;
        let deltas = all.entry(tenant.to_owned()).or_default();
        if deltas.revocation_epoch != head.revocation_epoch || deltas.answers.len() >= DELTAS {
            *deltas = Deltas { revocation_epoch: head.revocation_epoch, answers: HashMap::new() };
        }
        if let Some(answer) = deltas.answers.get(&since) {
            return Ok(answer.clone());
        }
        let changes = self.store.changes(tenant, since).await?;
        let answer = Bytes::from(serde_json::to_vec(&changes)?);
        deltas.answers.insert(since, answer.clone());
        Ok(answer)
    }

    async fn body(&self, tenant: &str, audience: Audience, head: Head) -> Result<Arc<Body>, PublishError> {
        // Held while compiling: everyone else waits for the one result.
        let mut bodies = self.bodies.lock().await;
        let key = (tenant.to_owned(), audience);
        if let Some(body) = bodies.get(&key).filter(|body| body.snapshot_epoch >= head.snapshot_epoch) {
            return Ok(Arc::clone(body));
        }
        let body = Arc::new(self.compile(tenant, audience).await?);
        bodies.insert(key, Arc::clone(&body));
        self.published.fetch_add(1, Ordering::Relaxed);
        Ok(body)
    }

    async fn compile(&self, name: &str, audience: Audience) -> Result<Body, PublishError> {
        let tenant = self.tenant(name).await?;
        let Configuration { head, objects, held, secrets } = self.store.configuration(name).await?;
        let keys = self.store.keys(name).await?;
        let now = self.clock.now();
        let place = match audience {
            Audience::Minting | Audience::Verifying | Audience::Open => Place::Gateway,
            Audience::Sidecar => Place::Sidecar,
        };
        let mut records = configuration::records(&objects, &held, &secrets, now)?;
        records.retain(|record| configuration::is_for(record, place));
        self.complete_external(name, audience, &objects, &mut records)?;
        if audience == Audience::Minting {
            for key in fleet::signers(&keys, now) {
                records.push(self.signing_key(name, key)?);
            }
        }
        records.push(Record::AuthorityKeys(AuthorityKeys { jwks: signing::jwks(&keys) }));
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX).saturating_add(1);
        records.push(Record::End(End { records: count }));
        let mut bytes = Vec::new();
        for record in &records {
            serde_json::to_writer(&mut bytes, record)?;
            bytes.push(b'\n');
        }
        if bytes.len() > SNAPSHOT_LIMIT {
            return Err(PublishError::Invalid(format!("the snapshot has {} bytes", bytes.len())));
        }
        Ok(Body {
            tenant,
            snapshot_epoch: head.snapshot_epoch,
            digest: text::sha256(&bytes),
            bytes: bytes.into(),
        })
    }

    /// Snapshots that were compiled since the service started.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// What is fixed for a tenant.
    pub async fn tenant(&self, name: &str) -> Result<Tenant, PublishError> {
        let tenants = self.store.tenants().await?;
        let tenant = tenants.into_iter().find(|tenant| tenant.tenant == name);
        tenant.ok_or_else(|| PublishError::Invalid(format!("there is no tenant `{name}`")))
    }

    /// The authority's keys as this service signs with them, and all that are published.
    pub(crate) async fn own_keys(&self, tenant: &str, now: Timestamp) -> Result<Vec<Record>, PublishError> {
        let keys = self.store.keys(tenant).await?;
        let mut records = Vec::new();
        for key in authority::signers(&keys, now) {
            records.push(self.signing_key(tenant, key)?);
        }
        records.push(Record::AuthorityKeys(AuthorityKeys { jwks: signing::jwks(&keys) }));
        Ok(records)
    }

    /// Leaves out the external endpoints that no route names, and gives the others their secrets.
    fn complete_external(
        &self,
        tenant: &str,
        audience: Audience,
        objects: &[Object],
        records: &mut Vec<Record>,
    ) -> Result<(), PublishError> {
        let named: HashSet<String> = records
            .iter()
            .filter_map(
                |record| if let Record::Route(route) = record { route.external.clone() } else { None },
            )
            .collect();
        records.retain(|record| {
            if let Record::ExternalEndpoint(endpoint) = record { named.contains(&endpoint.id) } else { true }
        });
        for record in records {
            let Record::ExternalEndpoint(endpoint) = record else { continue };
            let is_it = |object: &&Object| object.kind == Kind::ExternalEndpoint && object.id == endpoint.id;
            let Some(object) = objects.iter().find(is_it) else { continue };
            if audience == Audience::Open {
                let endpoint = endpoint.id.as_str();
                tracing::warn!(
                    endpoint,
                    "withheld the login of an external endpoint: a gateway asks neither over loopback nor over TLS"
                );
                continue;
            }
            *endpoint = external::opened(&self.kek, tenant, object)?;
        }
        Ok(())
    }

    fn signing_key(&self, tenant: &str, key: &StoredKey) -> Result<Record, PublishError> {
        let document = signing::open(&self.kek, tenant, key)
            .map_err(|error| PublishError::Invalid(format!("key {}: {error}", key.kid)))?;
        Ok(Record::SigningKey(SigningKey {
            kid: Some(key.kid.clone()),
            alg: key.alg.clone(),
            private_key: PrivateKey::Pkcs8(BASE64.encode(document.expose())),
            not_before: Some(key.not_before.secs()),
            not_after: key.not_after.map_or(i64::MAX, Timestamp::secs),
        }))
    }
}

// === impl PublishError ===

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for PublishError {
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}
