//! What the author of a binding should consider. Deliberately absent: refusing it.

use cambist_core::{
    attribute::Attribute,
    wire::snapshot::{Binding, Condition},
};
use serde::Serialize;
use serde_json::value::Value;

use super::{Named, Pin, Preset, Suspect};

/// Something that a binding leaves open which its issuer's tokens could close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// JSON pointer into the binding.
    pub pointer: String,
    /// What to do, and why.
    pub text: String,
}

/// What is to be said of a binding whose issuer has `preset`.
pub fn advice(preset: &Preset, binding: &Binding) -> Vec<Advice> {
    let Preset { contents, .. } = preset;
    let open = contents.pin.iter().filter(|pin| pin.is_open(binding)).map(Pin::advice);
    let subjects = binding.subjects.iter().enumerate().flat_map(|(index, subject)| {
        let suspect = contents.suspect_subjects.iter().filter(|suspect| suspect.fits(subject));
        suspect.map(move |suspect| Advice {
            pointer: format!("/subjects/{index}"),
            text: suspect.advice.clone(),
        })
    });
    open.chain(subjects).collect()
}

// === impl Pin ===

impl Pin {
    fn is_open(&self, binding: &Binding) -> bool {
        let Self { when, any_of, advice: _ } = self;
        let Binding { subjects, condition, .. } = binding;
        let condition = condition.as_ref();
        let concerned = when.is_empty()
            || when
                .iter()
                .any(|Named(attribute)| condition.is_some_and(|condition| reads(condition, attribute)));
        let pinned = |Named(attribute): &Named| {
            condition.is_some_and(|condition| demands(condition, attribute))
                || !subjects.is_empty() && is_subject(attribute)
        };
        concerned && !any_of.iter().any(pinned)
    }

    fn advice(&self) -> Advice {
        let by_subject = self.any_of.first().is_some_and(|Named(attribute)| is_subject(attribute));
        let pointer = String::from(if by_subject { "/subjects" } else { "/condition" });
        Advice { pointer, text: self.advice.clone() }
    }
}

// === impl Suspect ===

impl Suspect {
    fn fits(&self, subject: &str) -> bool {
        subject.ends_with(&self.suffix)
    }
}

fn is_subject(attribute: &Attribute) -> bool {
    matches!(attribute, Attribute::Claim(path) if *path.steps() == ["sub"])
}

/// Whether the condition is true only of tokens whose attribute has one of some values. A pattern is no such demand,
/// nor is that something be false.
fn demands(condition: &Condition, attribute: &Attribute) -> bool {
    let Condition { all, any, attribute: name, equals, one_of, .. } = condition;
    let no = Value::Bool(false);
    let exact = equals.as_ref().is_some_and(|value| *value != no)
        || one_of.as_ref().is_some_and(|values| !values.contains(&no));
    exact && is_named(name.as_deref(), attribute)
        || all.iter().flatten().any(|part| demands(part, attribute))
        || any
            .as_ref()
            .is_some_and(|parts| !parts.is_empty() && parts.iter().all(|part| demands(part, attribute)))
}

/// Whether the condition looks at the attribute anywhere.
fn reads(condition: &Condition, attribute: &Attribute) -> bool {
    let Condition { all, any, not, attribute: name, .. } = condition;
    let mut parts = all.iter().chain(any).flatten().chain(not.as_deref());
    is_named(name.as_deref(), attribute) || parts.any(|part| reads(part, attribute))
}

/// Compared by what they mean: a path can be written in two ways.
fn is_named(name: Option<&str>, attribute: &Attribute) -> bool {
    name.and_then(|name| Attribute::parse(name).ok()).is_some_and(|named| named == *attribute)
}
