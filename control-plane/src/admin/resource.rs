//! What a kind of configuration object must say of itself to be created, listed, read, replaced and deleted.

use cambist_core::wire::snapshot::Record;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::Value;

use crate::{
    fault::Faults,
    store::records::{Kind, Reference},
    text::NoRandomness,
};

/// Who chooses the id of a new object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Naming {
    /// The operator, or a generator if the operator does not.
    Optional(fn() -> Result<String, NoRandomness>),
    /// The operator.
    Required,
    /// The generator, always.
    Generated(fn() -> Result<String, NoRandomness>),
}

/// A kind of configuration object.
pub(super) trait Resource: Serialize + DeserializeOwned + Send + 'static {
    /// Its kind.
    const KIND: Kind;
    /// The member that holds its id.
    const ID: &'static str;
    /// Who chooses its id.
    const NAMING: Naming;
    /// Its collection, with `{client}` where it belongs to a client.
    const PATH: &'static str;

    /// A valid document with the required members only.
    fn sample() -> Value;

    /// Checks what its types and core's compiler leave open.
    fn check(&self, faults: &mut Faults);

    /// Its record in snapshots, if it has one.
    fn record(&self) -> Option<Record>;

    /// Whom it names.
    fn references(&self) -> Vec<Reference>;
}
