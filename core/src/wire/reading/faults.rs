//! What is wrong with a value, and where it stands.

use alloc::{
    format,
    string::{String, ToString as _},
};
use core::fmt;

use serde_json::Value;

/// Members that hold secrets somewhere: what somebody wrote there by mistake, a name included, is not quoted.
const WITH_SECRETS: [&str; 4] = ["signing_key", "signing_keys", "external_endpoint", "external_endpoints"];

/// A value that is not what it must be. Names its place and never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    path: String,
    detail: String,
    /// The member that does not exist; empty where its name is not shown.
    unknown: Option<String>,
}

// === impl Unreadable ===

impl Unreadable {
    /// The value itself is at fault.
    #[cold]
    pub fn new(detail: impl Into<String>) -> Self {
        Self { path: String::new(), detail: detail.into(), unknown: None }
    }

    /// Where: members behind dots and items in brackets, as `snapshot.routes[0].path`; `.` is the document itself.
    pub fn path(&self) -> String {
        let own = self.unknown.as_deref().unwrap_or_default();
        match (&*self.path, own) {
            ("", "") => String::from("."),
            ("", own) => own.to_string(),
            (path, "") => path.to_string(),
            (path, own) => format!("{path}.{own}"),
        }
    }

    /// What.
    pub fn detail(&self) -> String {
        match self.unknown.as_deref() {
            None => self.detail.clone(),
            Some("") => format!("unknown field, {}", self.detail),
            Some(name) => format!("unknown field `{name}`, {}", self.detail),
        }
    }

    /// The same of the object whose member `name` holds the value.
    #[cold]
    #[must_use]
    pub fn within(self, name: &str) -> Self {
        let Self { path, detail, mut unknown } = self;
        let path = match path.as_bytes().first() {
            None => name.to_string(),
            Some(b'[') => format!("{name}{path}"),
            Some(_) => format!("{name}.{path}"),
        };
        if let Some(shown) = &mut unknown
            && WITH_SECRETS.contains(&name)
        {
            shown.clear();
        }
        Self { path, detail, unknown }
    }

    /// The same of the array whose item `index` is the value.
    #[cold]
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        let Self { path, detail, unknown } = self;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Self { path: format!("[{index}]{dot}{path}"), detail, unknown }
    }

    /// A member that is not there.
    #[cold]
    pub fn missing(name: &str) -> Self {
        Self::new(format!("missing field `{name}`"))
    }

    /// A member that does not exist, where only `known` do.
    #[cold]
    pub fn unknown(name: &str, known: &[&str]) -> Self {
        Self { unknown: Some(name.to_string()), ..Self::new(format!("expected {}", any_of(known))) }
    }

    /// A choice that does not exist.
    #[cold]
    pub fn choice(known: &[&str]) -> Self {
        Self::new(format!("must be {}", any_of(known)))
    }

    /// No object with just one of these members.
    #[cold]
    pub fn single(known: &[&str]) -> Self {
        Self::new(format!("must be a JSON object with one member, {}", any_of(known)))
    }

    /// The one of `known` that `value` is.
    pub fn choose(value: &Value, known: &[&'static str]) -> Result<&'static str, Self> {
        let name = value.as_str();
        known.iter().copied().find(|known| Some(*known) == name).ok_or_else(|| Self::choice(known))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.path() {
            "." => f.write_str(&self.detail()),
            path => write!(f, "{path}: {}", self.detail()),
        }
    }
}

/// The names in backquotes: `` `a`, `b` or `c` ``.
fn any_of(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let before = match index {
            0 => "",
            _ if index.saturating_add(1) == names.len() => " or ",
            _ => ", ",
        };
        text.push_str(before);
        text.push('`');
        text.push_str(name);
        text.push('`');
    }
    if text.is_empty() { String::from("none") } else { text }
}
