//! Choosing the route of a request: exact host before wildcard; exact path, then template, then longest prefix.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use hashbrown::HashMap;

use super::route::Route;
use crate::{denial::Denial, wire::snapshot::PathMatch};

/// Routes by host, path and method.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<String, HostRoutes>,
    /// `.suffix` of `*.suffix` hosts; longer suffixes are looked up first.
    suffixes: HashMap<String, HostRoutes>,
    any: HostRoutes,
}

#[derive(Debug, Default)]
struct HostRoutes {
    exact: HashMap<String, Methods>,
    templates: HashMap<usize, Vec<(Vec<Segment>, Methods)>>,
    prefixes: HashMap<String, Methods>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

/// The routes of one host and path, by method.
#[derive(Debug, Default)]
struct Methods {
    any: Option<Arc<Route>>,
    by_name: Vec<(String, Arc<Route>)>,
}

// === impl RouteTable ===

impl RouteTable {
    /// Adds a route; refuses one that ties with an earlier one, naming it.
    pub(super) fn insert(
        &mut self,
        host: &str,
        path: &PathMatch,
        methods: Option<&[String]>,
        route: &Arc<Route>,
    ) -> Result<(), String> {
        let routes = match host.strip_prefix('*') {
            Some("") => &mut self.any,
            Some(suffix) => self.suffixes.entry(suffix.to_owned()).or_default(),
            None => self.exact.entry(host.to_owned()).or_default(),
        };
        routes.insert(path, methods, route)
    }

    /// The route of a request. `host` is lower case without port, `path` canonical.
    ///
    /// A path that is named only for other methods is refused, even where a less specific route would match.
    pub fn find(&self, host: &str, path: &str, method: &str) -> Result<&Arc<Route>, Denial> {
        let mut hosts = self.exact.get(host).into_iter().chain(self.wildcards(host));
        hosts
            .find_map(|routes| routes.find(path))
            .and_then(|methods| methods.find(method))
            .ok_or(Denial::RouteUnknown)
    }

    fn wildcards<'a, 'h>(&'a self, host: &'h str) -> impl Iterator<Item = &'a HostRoutes> + use<'a, 'h> {
        // `a.b.c` tries `.b.c`, then `.c`: the longest suffix wins.
        let suffixes = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        suffixes.filter_map(|suffix| self.suffixes.get(suffix)).chain(core::iter::once(&self.any))
    }
}

// === impl HostRoutes ===

impl HostRoutes {
    fn insert(
        &mut self,
        path: &PathMatch,
        methods: Option<&[String]>,
        route: &Arc<Route>,
    ) -> Result<(), String> {
        match path {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default().insert(methods, route),
            PathMatch::Prefix(prefix) => {
                let key = prefix.trim_end_matches('/').to_string();
                self.prefixes.entry(key).or_default().insert(methods, route)
            }
            PathMatch::Template(template) => {
                let segments: Vec<Segment> = template.split('/').skip(1).map(Segment::parse).collect();
                self.insert_template(segments, methods, route)
            }
        }
    }

    fn insert_template(
        &mut self,
        segments: Vec<Segment>,
        methods: Option<&[String]>,
        route: &Arc<Route>,
    ) -> Result<(), String> {
        let same_length = self.templates.entry(segments.len()).or_default();
        if let Some((_, known)) = same_length.iter_mut().find(|(known, _)| *known == segments) {
            return known.insert(methods, route);
        }
        let overlapping =
            same_length.iter().find(|(known, _)| known.iter().zip(&segments).all(|(a, b)| a.overlaps(b)));
        if let Some((_, known)) = overlapping {
            return Err(known.first_id());
        }
        let mut entry = Methods::default();
        entry.insert(methods, route)?;
        same_length.push((segments, entry));
        Ok(())
    }

    fn find(&self, path: &str) -> Option<&Methods> {
        self.exact.get(path).or_else(|| self.find_template(path)).or_else(|| self.find_prefix(path))
    }

    fn find_template(&self, path: &str) -> Option<&Methods> {
        if self.templates.is_empty() {
            return None;
        }
        let same_length = self.templates.get(&path.split('/').skip(1).count())?;
        let fits = |segments: &[Segment]| {
            segments.iter().zip(path.split('/').skip(1)).all(|(s, text)| s.matches(text))
        };
        same_length.iter().find(|(segments, _)| fits(segments)).map(|(_, methods)| methods)
    }

    fn find_prefix(&self, path: &str) -> Option<&Methods> {
        let mut rest = path;
        loop {
            if let Some(methods) = self.prefixes.get(rest) {
                return Some(methods);
            }
            let cut = rest.rfind('/')?;
            rest = rest.get(..cut)?;
        }
    }
}

// === impl Segment ===

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

// === impl Methods ===

impl Methods {
    fn insert(&mut self, methods: Option<&[String]>, route: &Arc<Route>) -> Result<(), String> {
        let Some(methods) = methods else {
            if let Some(known) = &self.any {
                return Err(known.id.clone());
            }
            self.any = Some(Arc::clone(route));
            return Ok(());
        };
        for method in methods {
            if let Some((_, known)) = self.by_name.iter().find(|(name, _)| name == method) {
                return Err(known.id.clone());
            }
            self.by_name.push((method.clone(), Arc::clone(route)));
        }
        Ok(())
    }

    fn find(&self, method: &str) -> Option<&Arc<Route>> {
        self.by_name.iter().find(|(name, _)| name == method).map(|(_, route)| route).or(self.any.as_ref())
    }

    fn first_id(&self) -> String {
        let named = self.by_name.first().map(|(_, route)| route);
        self.any.as_ref().or(named).map(|route| route.id.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
