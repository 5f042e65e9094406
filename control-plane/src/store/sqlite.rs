//! The store on `SQLite`: one writer, a pool of readers, and nothing acknowledged before it is on disk.
//!
//! Deliberately absent: a second process on the same file; the head is kept in memory and a lock held by `serve`
//! keeps others out.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use cambist_core::{
    time::Timestamp,
    wire::{admission::Verdict, changes::Changes},
};
use serde_json::value::Value;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

mod admission;
mod audit;
mod census;
mod consumptions;
mod epoch;
mod events;
mod gateways;
mod held;
mod identities;
mod keys;
mod objects;
mod opening;
mod revocations;
mod schema;
mod secrets;
mod sequences;
mod tenants;

pub use self::opening::Pragma;
use super::{
    ChangeError, Store, StoreError,
    chain::{Link, Verification},
    records::{
        AdminToken, AuditFilter, Author, Census, Change, Check, ClientSecret, Configuration, Delivery,
        Deployment, Digest, Expectation, Gap, GatewayToken, Head, Heads, HeldKeys, HeldSet, Identity,
        IdentityFilter, Instance, Kind, Object, OwnEvent, Page, PendingIdentity, RevokedToken, StoredKey,
        Tenant, TokenUse, Trail, Tuple,
    },
};

/// The store on `SQLite`.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    heads: watch::Sender<Heads>,
}

/// A writing transaction.
type Tx = Transaction<'static, Sqlite>;

// === impl SqliteStore ===

impl SqliteStore {
    /// Starts a transaction that holds the write lock from the start, so that it never fails half-way for want of it.
    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Commits, then tells everyone who waits.
    async fn commit(&self, tx: Tx, tenant: &str, head: Head) -> Result<(), StoreError> {
        tx.commit().await?;
        self.heads.send_if_modified(|heads| {
            // The next writer may get here first: a head only moves forward.
            let newer = heads.get(tenant).is_none_or(|known| known.epoch < head.epoch);
            if newer {
                heads.insert(tenant.to_owned(), head);
            }
            newer
        });
        Ok(())
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM tenants LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(())
    }

    async fn initialise(&self, deployment: Deployment, author: Author) -> Result<Head, ChangeError> {
        let mut tx = self.begin().await?;
        let head = tenants::initialise(&mut tx, &deployment, &author).await?;
        self.commit(tx, &deployment.tenant.tenant, head).await?;
        Ok(head)
    }

    async fn start(&self, author: Author) -> Result<(), StoreError> {
        for Tenant { tenant, .. } in self.tenants().await? {
            let mut tx = self.begin().await?;
            let head = tenants::start(&mut tx, &tenant, &author).await?;
            self.commit(tx, &tenant, head).await?;
        }
        Ok(())
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        tenants::setting(&mut *self.readers.acquire().await?, name).await
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        tenants::all(&mut *self.readers.acquire().await?).await
    }

    async fn admin_token(&self, token: Digest) -> Result<Option<AdminToken>, StoreError> {
        tenants::admin_token(&mut *self.readers.acquire().await?, token).await
    }

    async fn gateway_token(&self, token: Digest) -> Result<Option<GatewayToken>, StoreError> {
        gateways::by_token(&mut *self.readers.acquire().await?, token).await
    }

    async fn object(&self, tenant: &str, kind: Kind, id: &str) -> Result<Option<Object>, StoreError> {
        objects::one(&mut *self.readers.acquire().await?, tenant, kind, id).await
    }

    async fn objects(
        &self,
        tenant: &str,
        kind: Kind,
        parent: &str,
        page: Page,
    ) -> Result<Vec<Object>, StoreError> {
        objects::page(&mut *self.readers.acquire().await?, tenant, kind, parent, page).await
    }

    async fn configuration(&self, tenant: &str) -> Result<Configuration, StoreError> {
        let mut tx = self.readers.begin().await?;
        Ok(Configuration {
            head: epoch::head(&mut tx, tenant).await?,
            objects: objects::configuration(&mut tx, tenant).await?,
            held: held::all(&mut tx, tenant).await?,
            secrets: secrets::all(&mut tx, tenant).await?,
        })
    }

    async fn change(&self, change: Change, check: Check<'_>) -> Result<Option<Object>, ChangeError> {
        let mut tx = self.begin().await?;
        let (object, head) = objects::change(&mut tx, &change, check).await?;
        self.commit(tx, &change.tenant, head).await?;
        Ok(object)
    }

    async fn held(&self, tenant: &str, issuer: &str) -> Result<Option<HeldKeys>, StoreError> {
        held::one(&mut *self.readers.acquire().await?, tenant, issuer).await
    }

    async fn hold(
        &self,
        tenant: &str,
        issuer: &str,
        set: HeldSet,
        expected: Expectation,
        author: Author,
        check: Check<'_>,
    ) -> Result<HeldKeys, ChangeError> {
        let mut tx = self.begin().await?;
        let (keys, head) = held::hold(&mut tx, tenant, issuer, set, expected, &author, check).await?;
        match head {
            Some(head) => self.commit(tx, tenant, head).await?,
            None => tx.commit().await?,
        }
        Ok(keys)
    }

    async fn release(
        &self,
        tenant: &str,
        issuer: &str,
        expected: Expectation,
        author: Author,
    ) -> Result<(), ChangeError> {
        let mut tx = self.begin().await?;
        let head = held::release(&mut tx, tenant, issuer, expected, &author).await?;
        Ok(self.commit(tx, tenant, head).await?)
    }

    async fn identity(&self, tenant: &str, id: &str) -> Result<Option<Identity>, StoreError> {
        identities::one(&mut *self.readers.acquire().await?, tenant, id).await
    }

    async fn identities(
        &self,
        tenant: &str,
        filter: IdentityFilter,
        page: Page,
    ) -> Result<Vec<Identity>, StoreError> {
        identities::page(&mut *self.readers.acquire().await?, tenant, filter, page).await
    }

    async fn admit(&self, tenant: &str, asking: PendingIdentity) -> Result<Verdict, StoreError> {
        let PendingIdentity { id, tuple, binding, last_asked, .. } = &asking;
        let mut reader = self.readers.begin().await?;
        let verdict = admission::verdict(&mut reader, tenant, id, tuple, binding).await?;
        let is_news =
            verdict == Verdict::Pending && admission::is_news(&mut reader, tenant, id, *last_asked).await?;
        drop(reader);
        if is_news {
            let mut tx = self.begin().await?;
            admission::ask(&mut tx, tenant, &asking).await?;
            tx.commit().await?;
        }
        Ok(verdict)
    }

    async fn pending(
        &self,
        tenant: &str,
        page: Page,
        now: Timestamp,
    ) -> Result<Vec<PendingIdentity>, StoreError> {
        admission::pending(&mut *self.readers.acquire().await?, tenant, page, now).await
    }

    async fn approve(&self, tenant: &str, id: &str, author: Author) -> Result<Identity, ChangeError> {
        let mut tx = self.begin().await?;
        let (identity, head) = admission::approve(&mut tx, tenant, id, &author).await?;
        if let Some(head) = head {
            self.commit(tx, tenant, head).await?;
        }
        Ok(identity)
    }

    async fn register(
        &self,
        tenant: &str,
        id: &str,
        tuple: Tuple,
        author: Author,
    ) -> Result<Identity, ChangeError> {
        let mut tx = self.begin().await?;
        let (identity, head) = identities::register(&mut tx, tenant, id, &tuple, &author).await?;
        self.commit(tx, tenant, head).await?;
        Ok(identity)
    }

    async fn forget(&self, tenant: &str, id: &str, author: Author) -> Result<(), ChangeError> {
        let mut tx = self.begin().await?;
        let head = identities::forget(&mut tx, tenant, id, &author).await?;
        Ok(self.commit(tx, tenant, head).await?)
    }

    async fn revoke(
        &self,
        tenant: &str,
        kind: Kind,
        id: &str,
        revoked: bool,
        author: Author,
    ) -> Result<(), ChangeError> {
        let mut tx = self.begin().await?;
        match revocations::set(&mut tx, tenant, kind, id, revoked, &author).await? {
            Some(head) => Ok(self.commit(tx, tenant, head).await?),
            None => Ok(()),
        }
    }

    async fn selected(&self, tenant: &str, filter: &IdentityFilter) -> Result<Vec<String>, StoreError> {
        identities::selected(&mut *self.readers.acquire().await?, tenant, filter).await
    }

    async fn revoke_selected(
        &self,
        tenant: &str,
        filter: &IdentityFilter,
        selector: &Value,
        author: Author,
    ) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let (count, head) = revocations::set_selected(&mut tx, tenant, filter, selector, &author).await?;
        if let Some(head) = head {
            self.commit(tx, tenant, head).await?;
        }
        Ok(count)
    }

    async fn revoke_token(
        &self,
        tenant: &str,
        token: RevokedToken,
        author: Author,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        match revocations::set_token(&mut tx, tenant, &token, &author).await? {
            Some(head) => self.commit(tx, tenant, head).await,
            None => Ok(()),
        }
    }

    async fn forget_tokens(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        revocations::forget_tokens(&mut tx, now).await?;
        Ok(tx.commit().await?)
    }

    async fn label(
        &self,
        tenant: &str,
        id: &str,
        labels: BTreeMap<String, Option<String>>,
        author: Author,
    ) -> Result<Identity, ChangeError> {
        let mut tx = self.begin().await?;
        let (identity, head) = identities::label(&mut tx, tenant, id, labels, &author).await?;
        if let Some(head) = head {
            self.commit(tx, tenant, head).await?;
        }
        Ok(identity)
    }

    async fn is_revoked(&self, tenant: &str, kind: Kind, id: &str) -> Result<bool, StoreError> {
        revocations::is_revoked(&mut *self.readers.acquire().await?, tenant, kind, id).await
    }

    async fn changes(&self, tenant: &str, since: u64) -> Result<Changes, StoreError> {
        let mut tx = self.readers.begin().await?;
        revocations::changes(&mut tx, tenant, since).await
    }

    async fn consume(&self, uses: &[TokenUse]) -> Result<Vec<bool>, StoreError> {
        let mut tx = self.begin().await?;
        let first = consumptions::add(&mut tx, uses).await?;
        tx.commit().await?;
        Ok(first)
    }

    async fn purge_uses(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let purged = consumptions::purge(&mut tx, before, most).await?;
        tx.commit().await?;
        Ok(purged)
    }

    async fn record(&self, deliveries: &[Delivery], at: Timestamp) -> Result<u64, StoreError> {
        let mut tenants: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            tenants.entry(&delivery.tenant).or_default().push(delivery);
        }
        let mut tx = self.begin().await?;
        let mut stored = 0_u64;
        for (tenant, deliveries) in tenants {
            stored = stored.saturating_add(events::record(&mut tx, tenant, &deliveries, at).await?);
        }
        tx.commit().await?;
        Ok(stored)
    }

    async fn record_own(&self, tenant: &str, events: &[OwnEvent], at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        events::record_own(&mut tx, tenant, events, at).await?;
        Ok(tx.commit().await?)
    }

    async fn note(&self, instances: Vec<(String, String, Instance)>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (tenant, gateway, instance) in &instances {
            gateways::note(&mut tx, tenant, gateway, instance).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn instances(&self, tenant: &str, gateway: &str) -> Result<Vec<Instance>, StoreError> {
        gateways::instances(&mut *self.readers.acquire().await?, tenant, gateway).await
    }

    async fn every_instance(&self, tenant: &str) -> Result<Vec<(String, Instance)>, StoreError> {
        gateways::every_instance(&mut *self.readers.acquire().await?, tenant).await
    }

    async fn missing(&self, tenant: &str) -> Result<HashMap<(String, String), u64>, StoreError> {
        sequences::missing(&mut *self.readers.acquire().await?, tenant).await
    }

    async fn census(&self, tenant: &str) -> Result<Census, StoreError> {
        census::take(&mut *self.readers.acquire().await?, tenant).await
    }

    async fn keys(&self, tenant: &str) -> Result<Vec<StoredKey>, StoreError> {
        keys::all(&mut *self.readers.acquire().await?, tenant).await
    }

    async fn add_key(&self, tenant: &str, key: StoredKey, author: Author) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        keys::insert(&mut tx, tenant, &key).await?;
        let head = keys::changed(&mut tx, tenant, &key.kid, Some(&key), &author).await?;
        self.commit(tx, tenant, head).await
    }

    async fn is_signed_with(&self, tenant: &str, alg: &str) -> Result<bool, StoreError> {
        objects::is_signed_with(&mut *self.readers.acquire().await?, tenant, alg).await
    }

    async fn succeed(
        &self,
        tenant: &str,
        key: StoredKey,
        end: Timestamp,
        author: Author,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        keys::end(&mut tx, tenant, key.role, &key.alg, end).await?;
        keys::insert(&mut tx, tenant, &key).await?;
        let head = keys::changed(&mut tx, tenant, &key.kid, Some(&key), &author).await?;
        self.commit(tx, tenant, head).await
    }

    async fn client_secrets(&self, tenant: &str, client: &str) -> Result<Vec<ClientSecret>, StoreError> {
        secrets::of(&mut *self.readers.acquire().await?, tenant, client).await
    }

    async fn add_client_secret(
        &self,
        tenant: &str,
        secret: ClientSecret,
        author: Author,
    ) -> Result<(), ChangeError> {
        let mut tx = self.begin().await?;
        let head = secrets::add(&mut tx, tenant, &secret, &author).await?;
        Ok(self.commit(tx, tenant, head).await?)
    }

    async fn remove_client_secret(
        &self,
        tenant: &str,
        client: &str,
        id: &str,
        author: Author,
    ) -> Result<(), ChangeError> {
        let mut tx = self.begin().await?;
        let head = secrets::remove(&mut tx, tenant, client, id, &author).await?;
        Ok(self.commit(tx, tenant, head).await?)
    }

    async fn remove_key(&self, tenant: &str, kid: &str, author: Author) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        keys::delete(&mut tx, tenant, kid).await?;
        let head = keys::changed(&mut tx, tenant, kid, None, &author).await?;
        self.commit(tx, tenant, head).await
    }

    async fn trail(
        &self,
        tenant: &str,
        filter: &AuditFilter,
        from: Option<i64>,
        limit: u32,
    ) -> Result<Trail, StoreError> {
        audit::trail(&mut *self.readers.acquire().await?, tenant, filter, from, limit).await
    }

    async fn verify(&self, tenant: &str, from: Link, most: u32) -> Result<Verification, StoreError> {
        let mut tx = self.readers.begin().await?;
        audit::verify(&mut tx, tenant, from, most).await
    }

    async fn gaps(&self, tenant: &str, gateway: Option<&str>, limit: u32) -> Result<Vec<Gap>, StoreError> {
        audit::gaps(&mut *self.readers.acquire().await?, tenant, gateway, limit).await
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        gateways::prune(&mut tx, before).await?;
        revocations::prune(&mut tx, before).await?;
        Ok(tx.commit().await?)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error)
    }
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A count as `SQLite` keeps it. Epochs and sequences never come near the end of the range.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as it was before [`signed`].
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
