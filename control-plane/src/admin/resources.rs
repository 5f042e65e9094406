//! The six kinds of configuration objects.

use cambist_core::wire::snapshot::{Binding, ExternalEndpoint, Issuer, Record, Route};
use serde_json::{json, value::Value};

use super::resource::{Naming, Resource};
use crate::{
    documents::{ClientDocument, GatewayDocument},
    external,
    fault::Faults,
    store::records::{Kind, Reference},
    text::{self, NoRandomness},
    validate,
};

impl Resource for Issuer {
    const KIND: Kind = Kind::Issuer;
    const ID: &'static str = "id";
    const NAMING: Naming = Naming::Optional(|| slug("iss"));
    const PATH: &'static str = "/v1/issuers";

    fn sample() -> Value {
        json!({ "id": "a", "iss": "https://issuer.example" })
    }

    fn check(&self, faults: &mut Faults) {
        validate::issuer(self, faults);
    }

    fn record(&self) -> Option<Record> {
        Some(Record::Issuer(self.clone()))
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Resource for ClientDocument {
    const KIND: Kind = Kind::Client;
    const ID: &'static str = "client_id";
    const NAMING: Naming = Naming::Generated(client_id);
    const PATH: &'static str = "/v1/clients";

    fn sample() -> Value {
        json!({ "client_id": "cl_a", "name": "a" })
    }

    fn check(&self, faults: &mut Faults) {
        validate::client(self, faults);
    }

    fn record(&self) -> Option<Record> {
        Some(Record::Client(self.wire()))
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Resource for Binding {
    const KIND: Kind = Kind::Binding;
    const ID: &'static str = "id";
    const NAMING: Naming = Naming::Optional(|| slug("bnd"));
    const PATH: &'static str = "/v1/clients/{client}/bindings";

    fn sample() -> Value {
        json!({ "id": "a", "client_id": "cl_a", "issuer": "a", "audiences": [] })
    }

    fn check(&self, faults: &mut Faults) {
        validate::binding(self, faults);
    }

    fn record(&self) -> Option<Record> {
        Some(Record::Binding(self.clone()))
    }

    fn references(&self) -> Vec<Reference> {
        vec![
            reference("/client_id", Kind::Client, &self.client_id),
            reference("/issuer", Kind::Issuer, &self.issuer),
        ]
    }
}

impl Resource for ExternalEndpoint {
    const KIND: Kind = Kind::ExternalEndpoint;
    const ID: &'static str = "id";
    const NAMING: Naming = Naming::Optional(|| slug("ext"));
    const PATH: &'static str = "/v1/external-endpoints";

    fn sample() -> Value {
        json!({ "id": "a", "uri": "https://sts.example/token", "grant": "jwt-bearer" })
    }

    fn check(&self, faults: &mut Faults) {
        external::check(self, faults);
    }

    fn record(&self) -> Option<Record> {
        Some(Record::ExternalEndpoint(self.clone()))
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Resource for Route {
    const KIND: Kind = Kind::Route;
    const ID: &'static str = "id";
    const NAMING: Naming = Naming::Optional(|| slug("rt"));
    const PATH: &'static str = "/v1/routes";

    fn sample() -> Value {
        json!({ "id": "a", "host": "*", "path": { "prefix": "/" } })
    }

    fn check(&self, _: &mut Faults) {}

    fn record(&self) -> Option<Record> {
        Some(Record::Route(self.clone()))
    }

    fn references(&self) -> Vec<Reference> {
        let named = |(index, id): (usize, &String)| reference(format!("/clients/{index}"), Kind::Client, id);
        let external = self.external.iter().map(|id| reference("/external", Kind::ExternalEndpoint, id));
        self.clients.iter().enumerate().map(named).chain(external).collect()
    }
}

impl Resource for GatewayDocument {
    const KIND: Kind = Kind::Gateway;
    const ID: &'static str = "name";
    const NAMING: Naming = Naming::Required;
    const PATH: &'static str = "/v1/gateways";

    fn sample() -> Value {
        json!({ "name": "a" })
    }

    fn check(&self, faults: &mut Faults) {
        validate::gateway(self, faults);
    }

    fn record(&self) -> Option<Record> {
        None
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

fn reference(pointer: impl Into<String>, kind: Kind, id: &str) -> Reference {
    Reference { pointer: pointer.into(), kind, id: id.to_owned() }
}

fn slug(prefix: &str) -> Result<String, NoRandomness> {
    Ok(format!("{prefix}-{}", text::base32(&text::random::<10>()?)))
}

/// 26 characters of base32 hold 130 bits; the last two are zero.
fn client_id() -> Result<String, NoRandomness> {
    Ok(format!("cl_{}", text::base32(&text::random::<16>()?)))
}
