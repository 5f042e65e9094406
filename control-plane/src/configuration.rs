//! The whole configuration of a tenant as the records of a snapshot, and what is wrong with it as a whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cambist_core::{
    policy::{self, Policy, Secrets, compile_records},
    secret::Secret,
    time::Timestamp,
    wire::snapshot::{self, Binding, Client, ExternalEndpoint, Header, Issuer, Place, Record, Route},
};
use serde::de::DeserializeOwned;

use crate::{
    carried,
    documents::ClientDocument,
    external,
    fault::Fault,
    store::{
        StoreError,
        records::{ClientSecret, HeldKeys, Kind, Object, Tenant},
    },
    text,
};

/// The largest snapshot in bytes: Envoy takes 32 MiB from a callout, and room is left.
pub const SNAPSHOT_LIMIT: usize = 24 << 20;

/// The first record of a snapshot.
pub fn header(tenant: &Tenant, gateway: &str, epoch: u64) -> Header {
    Header {
        schema: String::from(snapshot::SCHEMA),
        gateway: gateway.to_owned(),
        tenant: tenant.tenant.clone(),
        authority: tenant.authority.clone(),
        epoch,
        max_staleness: tenant.max_staleness,
    }
}

/// Issuers, clients, bindings, external endpoints and routes in this order, each after what it refers to; issuers with
/// those of the `held` keys that may be used at `now`, clients with their `secrets`, external endpoints without their
/// logins.
pub fn records(
    objects: &[Object],
    held: &[HeldKeys],
    secrets: &[ClientSecret],
    now: Timestamp,
) -> Result<Vec<Record>, StoreError> {
    let held: HashMap<&str, &HeldKeys> = held.iter().map(|keys| (keys.issuer.as_str(), keys)).collect();
    let mut digests: HashMap<&str, Vec<String>> = HashMap::new();
    for secret in secrets {
        digests.entry(&secret.client_id).or_default().push(text::hex(&secret.secret_sha256));
    }
    let mut records = Vec::with_capacity(objects.len());
    for kind in [Kind::Issuer, Kind::Client, Kind::Binding, Kind::ExternalEndpoint, Kind::Route] {
        for object in objects.iter().filter(|object| object.kind == kind) {
            records.extend(record(object, &held, &mut digests, now)?);
        }
    }
    Ok(records)
}

/// Whether a record is for gateways or sidecars of this place. Sidecars trust our authority alone: nothing that says
/// whom else to trust is for them.
pub fn is_for(record: &Record, place: Place) -> bool {
    match (record, place) {
        (Record::Route(route), place) => route.place == place,
        (Record::Issuer(_) | Record::Binding(_) | Record::ExternalEndpoint(_), Place::Sidecar) => false,
        _ => true,
    }
}

/// The document of an issuer.
pub fn issuer(object: &Object) -> Result<Issuer, StoreError> {
    document(object)
}

/// Issuers alone, compiled as a gateway would.
pub fn policy_of(issuers: Vec<Issuer>) -> Result<Policy, String> {
    let header = Record::Header(header(&nobody(), "", 0));
    let records = [header].into_iter().chain(issuers.into_iter().map(Record::Issuer));
    compile_records(records, &NoSecrets).map_err(|faults| faults.to_string())
}

/// What is wrong with the whole, told to the author of `subject`.
pub fn faults(objects: &[Object], held: &[HeldKeys], now: Timestamp, subject: (Kind, &str)) -> Vec<Fault> {
    match records(objects, held, &[], now) {
        Ok(records) => {
            let mut faults = too_large(&records);
            let beside = |record: &&Record| is_for(record, Place::Sidecar);
            let sidecar: Vec<Record> = records.iter().filter(beside).cloned().collect();
            let gateway = records.into_iter().filter(|record| is_for(record, Place::Gateway)).collect();
            faults.extend(compile(gateway, subject));
            // Clients are for both, and told once.
            for fault in compile(sidecar, subject) {
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
            faults
        }
        Err(_) => vec![Fault::new("", "the stored configuration cannot be read; see the log")],
    }
}

/// What is wrong with one record by itself: it is compiled among stand-ins for what it names.
pub fn faults_alone(record: Record, subject: (Kind, &str)) -> Vec<Fault> {
    let mut records = Vec::new();
    match &record {
        Record::Binding(Binding { client_id, issuer, .. }) => {
            records.push(stand_in_issuer(issuer));
            records.push(stand_in_client(client_id));
        }
        Record::Route(Route { clients, external, .. }) => {
            records.extend(external.as_deref().map(stand_in_endpoint));
            // Once each: what is named twice would be defined twice.
            let distinct: BTreeSet<&String> = clients.iter().collect();
            records.extend(distinct.into_iter().map(|id| stand_in_client(id)));
        }
        Record::Header(_)
        | Record::ExternalEndpoint(_)
        | Record::Issuer(_)
        | Record::Client(_)
        | Record::SigningKey(_)
        | Record::AuthorityKeys(_)
        | Record::End(_) => {}
    }
    records.push(record);
    let mut faults = compile(records, subject);
    // What is said of the stand-ins is for nobody.
    faults.retain(|fault| !fault.pointer.is_empty());
    faults
}

fn too_large(records: &[Record]) -> Vec<Fault> {
    let line = |record| serde_json::to_vec(record).map_or(0, |line| line.len());
    let size = records.iter().map(line).fold(0, usize::saturating_add);
    if size <= SNAPSHOT_LIMIT {
        return Vec::new();
    }
    let detail = format!("the snapshot would have {size} bytes, more than gateways take ({SNAPSHOT_LIMIT})");
    vec![Fault::new("", detail)]
}

fn compile(records: Vec<Record>, subject: (Kind, &str)) -> Vec<Fault> {
    let header = Record::Header(header(&nobody(), "", 0));
    match compile_records([header].into_iter().chain(records), &NoSecrets) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.listed().iter().map(|fault| translate(fault, subject)).collect(),
    }
}

fn nobody() -> Tenant {
    Tenant { tenant: String::new(), authority: String::new(), max_staleness: 0 }
}

/// A fault of the subject gets a pointer into its document; one of another object names that.
fn translate(fault: &policy::Fault, (kind, id): (Kind, &str)) -> Fault {
    let own = fault
        .path
        .strip_prefix(kind.name())
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(id))
        .filter(|rest| rest.starts_with('/'));
    match own {
        Some(pointer) => Fault::new(pointer, fault.detail.clone()),
        None => Fault::new("", format!("{}: {}", fault.path, fault.detail)),
    }
}

fn stand_in_issuer(id: &str) -> Record {
    Record::Issuer(Issuer {
        id: id.to_owned(),
        iss: String::from("https://issuer.example"),
        cluster: None,
        keys: snapshot::KeySource::Discovery,
        algorithms: snapshot::default_algorithms(),
        typ: None,
        audience: snapshot::AudienceRule::AnyOf,
        clock_skew: 0,
        exp_leeway: 0,
        max_lifetime: 3600,
        max_age: None,
        max_stale: 3600,
        refetch_floor_ms: 1000,
        refresh_least_ms: 60_000,
        refresh_most_ms: 3_600_000,
        identity_fields: BTreeMap::new(),
        audit_fields: BTreeMap::new(),
        preset: None,
        userinfo: None,
        replay: snapshot::Replay::Off,
        replay_enforcement: snapshot::Enforcement::Enforce,
        enforcement: snapshot::Enforcement::Enforce,
        allow_http: false,
        enabled: true,
    })
}

fn stand_in_client(client_id: &str) -> Record {
    Record::Client(Client {
        client_id: client_id.to_owned(),
        name: String::from("a"),
        grant_types: Vec::new(),
        authentication: snapshot::ClientAuthentication::None,
        secrets: Vec::new(),
        credentials: None,
        enabled: true,
    })
}

fn stand_in_endpoint(id: &str) -> Record {
    Record::ExternalEndpoint(ExternalEndpoint {
        id: id.to_owned(),
        uri: String::from("https://sts.example/token"),
        grant: snapshot::ExternalGrant::JwtBearer,
        login: snapshot::ClientLogin::None,
        target_parameter: snapshot::TargetParameter::Audience,
        timeout_ms: 2_000,
        allow_http: false,
    })
}

/// Stored configurations name no secrets.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn env(&self, _: &str) -> Option<Secret<Vec<u8>>> {
        None
    }
}

fn record(
    object: &Object,
    held: &HashMap<&str, &HeldKeys>,
    digests: &mut HashMap<&str, Vec<String>>,
    now: Timestamp,
) -> Result<Option<Record>, StoreError> {
    Ok(match object.kind {
        Kind::Issuer => Some(Record::Issuer(carried::carry(
            document(object)?,
            held.get(object.id.as_str()).copied(),
            now,
        ))),
        Kind::Client => {
            let secrets = digests.remove(object.id.as_str()).unwrap_or_default();
            Some(Record::Client(Client { secrets, ..document::<ClientDocument>(object)?.wire() }))
        }
        Kind::Binding => Some(Record::Binding(document(object)?)),
        Kind::ExternalEndpoint => Some(Record::ExternalEndpoint(external::without_login(object)?)),
        Kind::Route => Some(Record::Route(document(object)?)),
        Kind::Gateway | Kind::Identity | Kind::Key | Kind::Tenant => None,
    })
}

fn document<T: DeserializeOwned>(object: &Object) -> Result<T, StoreError> {
    T::deserialize(&object.doc).map_err(StoreError::new)
}
