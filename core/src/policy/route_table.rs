//! Choosing the route of a request: exact host before wildcard; exact path, then template, then longest prefix.
//!
//! A path is refused where another spelling of it, of other case or with or without a `/` at the end, is named more
//! closely than its own: a server that takes the two for one would serve under the wider rule what the closer one
//! protects (attack R8).

mod paths;

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use hashbrown::HashMap;

use self::paths::{Paths, fold};
use super::route::Route;
use crate::{denial::Denial, wire::snapshot::PathMatch};

/// Routes by host, path and method.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<String, HostRoutes>,
    /// `.suffix` of `*.suffix` hosts; longer suffixes are looked up first.
    suffixes: HashMap<String, HostRoutes>,
    any: HostRoutes,
    /// Whether a rule's own path is not in folded form.
    has_unfolded: bool,
}

#[derive(Debug, Default)]
struct HostRoutes {
    named: Paths<Methods>,
    /// The same rules in folded form.
    folded: Paths<()>,
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
        let folded = fold_rule(path);
        self.has_unfolded |= folded.is_some();
        let routes = match host.strip_prefix('*') {
            Some("") => &mut self.any,
            Some(suffix) => self.suffixes.entry(suffix.to_owned()).or_default(),
            None => self.exact.entry(host.to_owned()).or_default(),
        };
        routes.folded.entry(folded.as_ref().unwrap_or(path));
        match routes.named.overlapping(path) {
            Some(other) => Err(other.first_id()),
            None => routes.named.entry(path).insert(methods, route),
        }
    }

    /// The route of a request. `host` is lower case without port, `path` canonical.
    ///
    /// A path that is named only for other methods is refused, even where a less specific route would match. So is
    /// one of which another spelling is named more closely.
    pub fn find(&self, host: &str, path: &str, method: &str) -> Result<&Arc<Route>, Denial> {
        let folded = fold(path).or_else(|| self.has_unfolded.then(|| path.to_string()));
        for routes in self.exact.get(host).into_iter().chain(self.wildcards(host)) {
            let found = routes.named.find(path);
            if let Some(folded) = &folded {
                let closest = routes.folded.find(folded).map(|(closeness, ())| closeness);
                if closest > found.map(|(closeness, _)| closeness) {
                    return Err(Denial::RouteUnknown);
                }
            }
            if let Some((_, methods)) = found {
                return methods.find(method).ok_or(Denial::RouteUnknown);
            }
        }
        Err(Denial::RouteUnknown)
    }

    fn wildcards<'a, 'h>(&'a self, host: &'h str) -> impl Iterator<Item = &'a HostRoutes> + use<'a, 'h> {
        // `a.b.c` tries `.b.c`, then `.c`: the longest suffix wins.
        let suffixes = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        suffixes.filter_map(|suffix| self.suffixes.get(suffix)).chain(core::iter::once(&self.any))
    }
}

/// A rule whose path is in folded form; `None` where it already is.
fn fold_rule(path: &PathMatch) -> Option<PathMatch> {
    match path {
        PathMatch::Exact(path) => fold(path).map(PathMatch::Exact),
        PathMatch::Template(template) => fold(template).map(PathMatch::Template),
        PathMatch::Prefix(prefix) => {
            fold(prefix).filter(|folded| folded != prefix.trim_end_matches('/')).map(PathMatch::Prefix)
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
