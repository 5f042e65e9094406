//! Presets: what is known of the issuers that many have, as data files that are part of the program.
//!
//! A preset fills in what the author of an issuer left out, so that what is stored says everything and gateways need to
//! know no preset. Of a binding it knows what its tokens should be pinned by. Deliberately absent: deciding anything.

mod advice;
mod command;
mod filling;
mod pattern;

use std::{collections::BTreeMap, sync::LazyLock};

use cambist_core::{
    attribute::{Attribute, InvalidAttribute},
    wire::snapshot::KeySource,
};
use serde::{Deserialize, Serialize};
use serde_json::value::Value;

pub use self::{
    advice::{Advice, advice},
    command::print,
    filling::{fill_binding, fill_issuer, spell_out},
};

/// The files, in the order in which they are listed.
const FILES: [&str; 7] = [
    include_str!("../presets/eks.json"),
    include_str!("../presets/gke.json"),
    include_str!("../presets/gcp.json"),
    include_str!("../presets/kubernetes.json"),
    include_str!("../presets/github.json"),
    include_str!("../presets/gitlab.json"),
    include_str!("../presets/generic.json"),
];

static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| FILES.into_iter().filter_map(|text| Preset::parse(text).ok()).collect());

/// What is known of a kind of issuer.
#[derive(Debug)]
pub struct Preset {
    /// The file.
    pub text: &'static str,
    /// The file as JSON.
    pub document: Value,
    contents: Contents,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    name: String,
    title: String,
    /// Forms of `iss`, with `{…}` for what varies; empty: any.
    iss: Vec<String>,
    audience: Audience,
    issuer: Defaults,
    pin: Vec<Pin>,
    /// For readers; what follows from it stands in `pin`.
    #[serde(rename = "never_alone")]
    _never_alone: Vec<Weak>,
    suspect_subjects: Vec<Suspect>,
    #[serde(rename = "notes")]
    _notes: String,
}

/// What a binding's `audiences` are when its author left them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Audience {
    /// The client's id.
    ClientId,
    /// Nothing: its author has to say.
    Configured,
}

/// Members of an issuer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    keys: KeySource,
    algorithms: Vec<String>,
    max_lifetime: u32,
    identity_fields: BTreeMap<String, String>,
    audit_fields: BTreeMap<String, String>,
}

/// A demand that a binding should make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    /// It should only where its condition looks at one of these; empty: always.
    #[serde(default)]
    when: Vec<Named>,
    /// One of these should be demanded exactly.
    any_of: Vec<Named>,
    advice: String,
}

/// What should never be relied on alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weak {
    #[serde(rename = "attribute")]
    _attribute: Named,
    #[serde(rename = "why")]
    _why: String,
}

/// Subjects that are seldom meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suspect {
    suffix: String,
    advice: String,
}

/// An attribute by its name.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Named(Attribute);

/// All presets.
pub fn all() -> &'static [Preset] {
    &PRESETS
}

/// The preset with this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name() == name)
}

/// The names, for whoever asked for another.
pub fn names() -> String {
    all().iter().map(Preset::name).collect::<Vec<_>>().join(", ")
}

// === impl Preset ===

impl Preset {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.contents.name
    }

    /// What it is for.
    pub fn title(&self) -> &str {
        &self.contents.title
    }

    fn parse(text: &'static str) -> Result<Self, serde_json::Error> {
        Ok(Self { text, document: serde_json::from_str(text)?, contents: serde_json::from_str(text)? })
    }
}

// === impl Named ===

impl TryFrom<String> for Named {
    type Error = InvalidAttribute;

    fn try_from(name: String) -> Result<Self, InvalidAttribute> {
        Attribute::parse(&name).map(Self)
    }
}

#[cfg(test)]
mod tests;
