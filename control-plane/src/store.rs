//! Where everything is kept. One trait, so that a second database is one more implementation and the same tests.
//!
//! Every method that changes something does it in one transaction with its audit row and the tenant's new epoch, and
//! returns when that is on disk. Deliberately absent: HTTP, clocks and the meaning of documents.

use std::{
    collections::{BTreeMap, HashMap},
    error, fmt,
};

use async_trait::async_trait;
use cambist_core::{
    time::Timestamp,
    wire::{admission::Verdict, changes::Changes},
};
use serde_json::value::Value;
use tokio::sync::watch;

pub mod chain;
pub mod difference;
pub mod records;
pub mod sqlite;

use chain::{Link, Verification};
use records::{
    AdminToken, AuditFilter, AuditRow, Author, Census, Change, Check, ClientSecret, Configuration, Delivery,
    Deployment, Digest, Expectation, Gap, GatewayToken, Head, Heads, HeldKeys, HeldSet, Identity,
    IdentityFilter, Instance, Kind, Object, OwnEvent, Page, PendingIdentity, Reference, RevokedToken,
    StoredKey, Tenant, TokenUse, Trail, Tuple,
};

use crate::fault::Fault;

/// The store of one deployment.
#[async_trait]
pub trait Store: Send + Sync {
    /// The head of every tenant, which moves as soon as a change is on disk.
    fn heads(&self) -> watch::Receiver<Heads>;

    /// Succeeds when the database answers.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Writes the first tenant, admin token and keys. Fails with [`ChangeError::Exists`] when that was done before.
    async fn initialise(&self, deployment: Deployment, author: Author) -> Result<Head, ChangeError>;

    /// Notes that a service starts on this store. Every tenant gets a new epoch, and gateways that come from before
    /// it get all revocations: the store may have been restored from a backup that knows less than they do.
    async fn start(&self, author: Author) -> Result<(), StoreError>;

    /// A setting of the deployment.
    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Every tenant, by name.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// The admin token with this SHA-256.
    async fn admin_token(&self, token: Digest) -> Result<Option<AdminToken>, StoreError>;

    /// The gateway token with this SHA-256.
    async fn gateway_token(&self, token: Digest) -> Result<Option<GatewayToken>, StoreError>;

    /// One object.
    async fn object(&self, tenant: &str, kind: Kind, id: &str) -> Result<Option<Object>, StoreError>;

    /// Objects of a kind and parent in the byte order of their ids.
    async fn objects(
        &self,
        tenant: &str,
        kind: Kind,
        parent: &str,
        page: Page,
    ) -> Result<Vec<Object>, StoreError>;

    /// All that snapshots hold, as it is at one moment.
    async fn configuration(&self, tenant: &str) -> Result<Configuration, StoreError>;

    /// Changes one object. `check` sees the whole configuration as it would be; any fault undoes the change.
    async fn change(&self, change: Change, check: Check<'_>) -> Result<Option<Object>, ChangeError>;

    /// The keys that are held for an issuer, whatever its document says by now.
    async fn held(&self, tenant: &str, issuer: &str) -> Result<Option<HeldKeys>, StoreError>;

    /// Holds keys for an issuer in the place of others. `check` sees the whole as it would be; any fault undoes the
    /// change. The same set fetched again only moves its times: no audit, no epoch. Fails with
    /// [`ChangeError::Missing`] when there is no such issuer, with [`ChangeError::Stale`] when `expected` is not so.
    async fn hold(
        &self,
        tenant: &str,
        issuer: &str,
        set: HeldSet,
        expected: Expectation,
        author: Author,
        check: Check<'_>,
    ) -> Result<HeldKeys, ChangeError>;

    /// Lets go of the keys of an issuer. Fails with [`ChangeError::Missing`] when none are held.
    async fn release(
        &self,
        tenant: &str,
        issuer: &str,
        expected: Expectation,
        author: Author,
    ) -> Result<(), ChangeError>;

    /// One identity.
    async fn identity(&self, tenant: &str, id: &str) -> Result<Option<Identity>, StoreError>;

    /// Identities in the byte order of their ids.
    async fn identities(
        &self,
        tenant: &str,
        filter: IdentityFilter,
        page: Page,
    ) -> Result<Vec<Identity>, StoreError>;

    /// What becomes of an identity that asks to be let in. One that its binding lets in after approval waits from then
    /// on; nothing else is changed.
    async fn admit(&self, tenant: &str, asking: PendingIdentity) -> Result<Verdict, StoreError>;

    /// Who waits for approval at `now`, in the byte order of their ids.
    async fn pending(
        &self,
        tenant: &str,
        page: Page,
        now: Timestamp,
    ) -> Result<Vec<PendingIdentity>, StoreError>;

    /// Lets in an identity that waits or is known. Without effect when it was let in before. Fails with
    /// [`ChangeError::Missing`] when nobody knows it, with [`ChangeError::Revoked`] while it is revoked.
    async fn approve(&self, tenant: &str, id: &str, author: Author) -> Result<Identity, ChangeError>;

    /// Lets in an identity, seen or not. Fails with [`ChangeError::Exists`] when it was let in before, and with
    /// [`ChangeError::Invalid`] when there is no such client or issuer.
    async fn register(
        &self,
        tenant: &str,
        id: &str,
        tuple: Tuple,
        author: Author,
    ) -> Result<Identity, ChangeError>;

    /// Forgets an identity. Fails with [`ChangeError::Revoked`] while it is revoked.
    async fn forget(&self, tenant: &str, id: &str, author: Author) -> Result<(), ChangeError>;

    /// Revokes or reinstates an identity, client or issuer. An identity need not be known. Without effect, and without
    /// a new epoch, when it is in that state already.
    async fn revoke(
        &self,
        tenant: &str,
        kind: Kind,
        id: &str,
        revoked: bool,
        author: Author,
    ) -> Result<(), ChangeError>;

    /// The ids of the first identities that pass `filter`, one more than may be revoked at once at most.
    async fn selected(&self, tenant: &str, filter: &IdentityFilter) -> Result<Vec<String>, StoreError>;

    /// Revokes all identities that pass `filter`, in one transaction and one epoch, and returns how many that were.
    /// `selector` is what the audit row says of them. Without effect, and without a new epoch, where there are none.
    async fn revoke_selected(
        &self,
        tenant: &str,
        filter: &IdentityFilter,
        selector: &Value,
        author: Author,
    ) -> Result<usize, StoreError>;

    /// Revokes an access token until it ends. Without effect when it is revoked already.
    async fn revoke_token(&self, tenant: &str, token: RevokedToken, author: Author)
    -> Result<(), StoreError>;

    /// Forgets revoked access tokens that have ended.
    async fn forget_tokens(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Sets labels of an identity, or takes those away that are `None`. Without effect when nothing changes. Fails with
    /// [`ChangeError::Missing`] when there is no such identity, with [`ChangeError::Invalid`] when it would have more
    /// than it may.
    async fn label(
        &self,
        tenant: &str,
        id: &str,
        labels: BTreeMap<String, Option<String>>,
        author: Author,
    ) -> Result<Identity, ChangeError>;

    /// Whether an identity, client or issuer is revoked.
    async fn is_revoked(&self, tenant: &str, kind: Kind, id: &str) -> Result<bool, StoreError>;

    /// Revocations after `since`, or all of them when `since` is 0, ahead of the tenant's epoch or too old.
    async fn changes(&self, tenant: &str, since: u64) -> Result<Changes, StoreError>;

    /// Stores events of gateways' instances that are not stored yet, one audit row each, and updates identities, all in
    /// one transaction. Returns how many were new.
    async fn record(&self, deliveries: &[Delivery], at: Timestamp) -> Result<u64, StoreError>;

    /// Stores what the control plane minted and refused itself, one audit row each, and updates identities, in one
    /// transaction.
    async fn record_own(&self, tenant: &str, events: &[OwnEvent], at: Timestamp) -> Result<(), StoreError>;

    /// Updates what instances say of themselves: (tenant, gateway, instance). No change of state: no audit, no epoch.
    async fn note(&self, instances: Vec<(String, String, Instance)>) -> Result<(), StoreError>;

    /// The instances of a gateway by id.
    async fn instances(&self, tenant: &str, gateway: &str) -> Result<Vec<Instance>, StoreError>;

    /// The instances of every gateway, by gateway and id.
    async fn every_instance(&self, tenant: &str) -> Result<Vec<(String, Instance)>, StoreError>;

    /// How many events of each instance never came although later ones did, by the actor and the instance.
    async fn missing(&self, tenant: &str) -> Result<HashMap<(String, String), u64>, StoreError>;

    /// How many there are of what.
    async fn census(&self, tenant: &str) -> Result<Census, StoreError>;

    /// Writes uses of tokens down, in one transaction; for each whether it is the first with its tenant, issuer and key.
    async fn consume(&self, uses: &[TokenUse]) -> Result<Vec<bool>, StoreError>;

    /// Drops up to `most` uses of tokens that ended before `before`; how many that were.
    async fn purge_uses(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;

    /// Every key of a tenant in the order of creation and `kid`.
    async fn keys(&self, tenant: &str) -> Result<Vec<StoredKey>, StoreError>;

    /// Adds a key.
    async fn add_key(&self, tenant: &str, key: StoredKey, author: Author) -> Result<(), StoreError>;

    /// Whether an enabled binding asks for access tokens signed with `alg`.
    async fn is_signed_with(&self, tenant: &str, alg: &str) -> Result<bool, StoreError>;

    /// Adds a key in the place of those of its role and algorithm that have no end: they end at `end`.
    async fn succeed(
        &self,
        tenant: &str,
        key: StoredKey,
        end: Timestamp,
        author: Author,
    ) -> Result<(), StoreError>;

    /// The secrets of a client, by age.
    async fn client_secrets(&self, tenant: &str, client: &str) -> Result<Vec<ClientSecret>, StoreError>;

    /// Adds a secret. Fails with [`ChangeError::Missing`] when there is no such client, with [`ChangeError::Exists`]
    /// when it has two.
    async fn add_client_secret(
        &self,
        tenant: &str,
        secret: ClientSecret,
        author: Author,
    ) -> Result<(), ChangeError>;

    /// Removes a secret. Fails with [`ChangeError::Missing`] when there is none.
    async fn remove_client_secret(
        &self,
        tenant: &str,
        client: &str,
        id: &str,
        author: Author,
    ) -> Result<(), ChangeError>;

    /// Deletes a key.
    async fn remove_key(&self, tenant: &str, kid: &str, author: Author) -> Result<(), StoreError>;

    /// Up to `limit` audit rows that pass `filter`, behind the row `from` in the order that is asked for. Looks at a
    /// bounded number of rows: there may be fewer, and still a next.
    async fn trail(
        &self,
        tenant: &str,
        filter: &AuditFilter,
        from: Option<i64>,
        limit: u32,
    ) -> Result<Trail, StoreError>;

    /// Audit rows after the one with the id `after`.
    async fn audit(&self, tenant: &str, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        Ok(self.trail(tenant, &AuditFilter::default(), Some(after), limit).await?.rows)
    }

    /// Looks at up to `most` audit rows behind `from` and at how they hang together.
    async fn verify(&self, tenant: &str, from: Link, most: u32) -> Result<Verification, StoreError>;

    /// Up to `limit` ranges of events that instances of a gateway, or of all, numbered and that never came.
    async fn gaps(&self, tenant: &str, gateway: Option<&str>, limit: u32) -> Result<Vec<Gap>, StoreError>;

    /// Drops instances and reinstatements that nobody asked about since `before`.
    async fn prune(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// The database did not do what it was asked.
#[derive(Debug)]
pub struct StoreError(Box<dyn error::Error + Send + Sync>);

/// Why a change was not made. Nothing of it is in the store.
#[derive(Debug)]
pub enum ChangeError {
    /// There is one with this id.
    Exists,
    /// There is none with this id.
    Missing,
    /// It has another version by now.
    Stale {
        /// Its version.
        current: u64,
    },
    /// Others name it.
    Referenced(Vec<(Kind, String, Reference)>),
    /// It is revoked.
    Revoked,
    /// The configuration would be wrong.
    Invalid(Vec<Fault>),
    /// The database failed.
    Store(StoreError),
}

// === impl StoreError ===

impl StoreError {
    /// Wraps what the database or its driver said.
    pub fn new(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store failed")
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.0)
    }
}

// === impl ChangeError ===

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "there is one with this id already",
            Self::Missing => "there is none with this id",
            Self::Stale { .. } => "it was changed in the meantime",
            Self::Referenced(_) => "others refer to it",
            Self::Revoked => "it is revoked",
            Self::Invalid(_) => "the configuration would be invalid",
            Self::Store(_) => "the store failed",
        })
    }
}

impl error::Error for ChangeError {}
