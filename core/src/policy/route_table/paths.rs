//! Values by path: exact, by template, by prefix. Deliberately absent: hosts and methods.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use hashbrown::HashMap;

use crate::wire::snapshot::PathMatch;

/// Values of paths that rules name.
#[derive(Debug)]
pub(super) struct Paths<T> {
    exact: HashMap<String, T>,
    /// By the number of their segments.
    templates: HashMap<usize, HashMap<Vec<Segment>, T>>,
    prefixes: HashMap<String, T>,
}

/// How closely a rule names a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// By a prefix of so many bytes.
    Prefix(usize),
    /// By a template.
    Template,
    /// By itself.
    Exact,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Segment {
    Literal(String),
    Any,
}

/// The form in which all spellings of a path are the same that some servers take for the same (attack R8): lower
/// case, without a `/` at the end. `None` where `path` has this form.
pub(super) fn fold(path: &str) -> Option<String> {
    let bare = match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/",
        bare => bare,
    };
    let is_folded = bare.len() == path.len() && !path.bytes().any(|byte| byte.is_ascii_uppercase());
    (!is_folded).then(|| bare.to_ascii_lowercase())
}

// === impl Paths ===

impl<T: Default> Paths<T> {
    /// The value of a rule, made if it is new.
    pub(super) fn entry(&mut self, path: &PathMatch) -> &mut T {
        match path {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default(),
            PathMatch::Prefix(prefix) => {
                self.prefixes.entry(prefix.trim_end_matches('/').to_string()).or_default()
            }
            PathMatch::Template(template) => {
                let segments = segments(template);
                self.templates.entry(segments.len()).or_default().entry(segments).or_default()
            }
        }
    }
}

impl<T> Paths<T> {
    /// The value of another template that fits some of the same paths.
    pub(super) fn overlapping(&self, path: &PathMatch) -> Option<&T> {
        let PathMatch::Template(template) = path else { return None };
        let segments = segments(template);
        let mut same_length = self.templates.get(&segments.len())?.iter();
        same_length
            .find(|(known, _)| **known != segments && known.iter().zip(&segments).all(|(a, b)| a.overlaps(b)))
            .map(|(_, value)| value)
    }

    /// The value of the rule that names `path` most closely.
    pub(super) fn find(&self, path: &str) -> Option<(Closeness, &T)> {
        let exact = self.exact.get(path).map(|value| (Closeness::Exact, value));
        exact.or_else(|| self.find_template(path)).or_else(|| self.find_prefix(path))
    }

    fn find_template(&self, path: &str) -> Option<(Closeness, &T)> {
        if self.templates.is_empty() {
            return None;
        }
        let mut same_length = self.templates.get(&path.split('/').skip(1).count())?.iter();
        let fits = |segments: &[Segment]| {
            segments.iter().zip(path.split('/').skip(1)).all(|(segment, text)| segment.matches(text))
        };
        same_length.find(|(segments, _)| fits(segments)).map(|(_, value)| (Closeness::Template, value))
    }

    fn find_prefix(&self, path: &str) -> Option<(Closeness, &T)> {
        let mut rest = path;
        loop {
            if let Some(value) = self.prefixes.get(rest) {
                return Some((Closeness::Prefix(rest.len()), value));
            }
            let cut = rest.rfind('/')?;
            rest = rest.get(..cut)?;
        }
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), templates: HashMap::new(), prefixes: HashMap::new() }
    }
}

// === impl Segment ===

fn segments(template: &str) -> Vec<Segment> {
    template.split('/').skip(1).map(Segment::parse).collect()
}

impl Segment {
    fn parse(text: &str) -> Self {
        if text.starts_with('{') { Self::Any } else { Self::Literal(text.to_owned()) }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Any => !text.is_empty(),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Any, _) | (_, Self::Any) => true,
        }
    }
}
