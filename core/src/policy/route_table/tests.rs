//! Which of several routes is chosen, and which can not stand beside each other.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::{format, string::String, sync::Arc, vec::Vec};

use hashbrown::HashSet;

use super::{PathMatch, Route, RouteTable};
use crate::{
    denial::Denial,
    policy::TokenSources,
    wire::snapshot::{AuditMode, Enforcement, Exchange, ForeignToken, Mode},
};

fn named(id: &str) -> Arc<Route> {
    Arc::new(Route {
        id: id.into(),
        mode: Mode::Require,
        clients: HashSet::new(),
        scopes: Vec::new(),
        scope: String::new(),
        exchange: Exchange::None,
        external: None,
        target: None,
        forward: false,
        cors_preflight: false,
        foreign_token: ForeignToken::Reject,
        sources: TokenSources::default(),
        claims_out: None,
        condition: None,
        condition_enforcement: Enforcement::Enforce,
        audit: AuditMode::Batched,
        resource_metadata: None,
    })
}

/// `=/a` is exact, `/a/{b}` a template, `/a` a prefix.
fn path_of(text: &str) -> PathMatch {
    match text.strip_prefix('=') {
        Some(exact) => PathMatch::Exact(exact.into()),
        None if text.contains('{') => PathMatch::Template(text.into()),
        None => PathMatch::Prefix(text.into()),
    }
}

/// Adds `METHODS host path`, named by itself; `*` for all methods.
fn add(table: &mut RouteTable, line: &str) -> Result<(), String> {
    let [methods, host, path] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let methods: Option<Vec<String>> =
        (methods != "*").then(|| methods.split(',').map(String::from).collect());
    table.insert(host, &path_of(path), methods.as_deref(), &named(line))
}

fn table(lines: &[&str]) -> RouteTable {
    let mut table = RouteTable::default();
    for line in lines {
        add(&mut table, line).unwrap();
    }
    table
}

/// The route that `lines` choose, whatever their order; `None` where the request is refused.
#[track_caller]
fn chooses(lines: &[&str], host: &str, path: &str, expected: Option<&str>) {
    let mut lines = lines.to_vec();
    for _ in 0..lines.len() {
        lines.rotate_left(1);
        let table = table(&lines);
        let found = table.find(host, path, "GET").map(|route| &*route.id);
        assert_eq!(found, expected.ok_or(Denial::RouteUnknown), "{host}{path}");
    }
}

#[test]
fn an_exact_host_comes_before_a_wildcard() {
    let lines = ["* a.b.c /", "* *.b.c =/x", "* *.c =/x", "* * =/x"];
    chooses(&lines, "a.b.c", "/x", Some("* a.b.c /"));
    chooses(&lines, "z.b.c", "/x", Some("* *.b.c =/x"));
    chooses(&lines, "y.z.b.c", "/x", Some("* *.b.c =/x"));
    chooses(&lines, "b.c", "/x", Some("* *.c =/x"));
    chooses(&lines, "c", "/x", Some("* * =/x"));
    chooses(&lines, "xb.c", "/x", Some("* *.c =/x"));
}

#[test]
fn a_host_that_does_not_name_the_path_leaves_it_to_the_next() {
    let lines = ["* a.b.c /only", "* *.b.c /some", "* * /"];
    chooses(&lines, "a.b.c", "/only/x", Some("* a.b.c /only"));
    chooses(&lines, "a.b.c", "/some", Some("* *.b.c /some"));
    chooses(&lines, "a.b.c", "/other", Some("* * /"));
}

#[test]
fn an_exact_path_comes_before_a_template_and_a_template_before_a_prefix() {
    let lines = ["* h =/a/b", "* h /a/{x}", "* h /a/b/", "* h /a", "* h /"];
    chooses(&lines, "h", "/a/b", Some("* h =/a/b"));
    chooses(&lines, "h", "/a/c", Some("* h /a/{x}"));
    chooses(&lines, "h", "/a/b/c", Some("* h /a/b/"));
    chooses(&lines, "h", "/a/c/d", Some("* h /a"));
    chooses(&lines, "h", "/a", Some("* h /a"));
    chooses(&lines, "h", "/ab", Some("* h /"));
    chooses(&lines, "h", "/", Some("* h /"));
}

#[test]
fn a_prefix_covers_whole_segments() {
    let lines = ["* h /a/b"];
    for path in ["/a/b", "/a/b/", "/a/b/c", "/a/b/c/d"] {
        chooses(&lines, "h", path, Some("* h /a/b"));
    }
    for path in ["/", "/a", "/a/", "/a/bc", "/a/b%20", "/A/b", "/x/a/b"] {
        chooses(&lines, "h", path, None);
    }
}

#[test]
fn a_template_matches_one_segment_each() {
    let lines = ["* h /a/{x}/c/{y}"];
    chooses(&lines, "h", "/a/b/c/d", Some("* h /a/{x}/c/{y}"));
    for path in ["/a//c/d", "/a/b/c/", "/a/b/c", "/a/b/c/d/", "/a/b/c/d/e", "/a/b/x/d", "/b/b/c/d"] {
        chooses(&lines, "h", path, None);
    }
}

#[test]
fn a_slash_at_the_end_makes_another_path() {
    let lines = ["* h =/a", "* h =/a/"];
    chooses(&lines, "h", "/a", Some("* h =/a"));
    chooses(&lines, "h", "/a/", Some("* h =/a/"));
    chooses(&lines[..1], "h", "/a/", None);
}

#[test]
fn a_named_method_comes_before_all_methods() {
    let table = table(&["GET,PUT h =/a", "* h =/a"]);
    for (method, expected) in [("GET", "GET,PUT h =/a"), ("PUT", "GET,PUT h =/a"), ("POST", "* h =/a")] {
        assert_eq!(table.find("h", "/a", method).unwrap().id, expected);
    }
}

#[test]
fn a_path_named_for_other_methods_is_refused_even_where_a_wider_route_would_match() {
    for narrow in ["POST h =/a", "POST h /a", "POST h /{x}"] {
        chooses(&[narrow, "* h /", "* * /"], "h", "/a", None);
    }
}

#[test]
fn two_routes_of_one_place_tie() {
    for (first, second) in [
        ("* h =/a", "* h =/a"),
        ("* h /a", "* h /a"),
        ("* h /a", "* h /a/"),
        ("* h /a/{x}", "* h /a/{y}"),
        ("GET h =/a", "PUT,GET h =/a"),
        ("* *.h /", "* *.h /"),
        ("* * /", "* * /"),
    ] {
        let mut table = table(&[first]);
        assert_eq!(add(&mut table, second), Err(first.into()), "{second}");
    }
}

#[test]
fn templates_that_can_match_the_same_path_tie() {
    for (first, second) in
        [("* h /a/{x}", "* h /{y}/b"), ("GET h /a/{x}", "PUT h /{y}/b"), ("* h /{x}/b/{y}", "* h /a/{z}/c")]
    {
        let mut table = table(&[first]);
        assert_eq!(add(&mut table, second), Err(first.into()), "{second}");
    }
    let _ =
        table(&["* h /a/{x}", "* h /b/{x}", "* h /a/{x}/c", "* g /{y}/b", "GET h /c/{x}", "PUT h /c/{y}"]);
}

#[test]
fn places_that_differ_do_not_tie() {
    let _ =
        table(&["* h =/a", "* h /a", "* g =/a", "* *.h =/a", "* * =/a", "GET i =/a", "PUT i =/a", "* i =/a"]);
}

#[test]
fn an_empty_table_refuses_everything() {
    for (host, path, method) in [("", "", ""), ("h", "/", "GET"), ("...", "/", "GET"), (".h", "h", "*")] {
        assert!(RouteTable::default().find(host, path, method).is_err());
    }
}

#[test]
fn long_hosts_and_paths_are_found_out() {
    let table = table(&["* *.z /", "* * /a"]);
    let host = format!("{}z", "a.".repeat(2_000));
    assert!(table.find(&host, "/x", "GET").is_ok());
    let path = "/a".repeat(8_000);
    assert!(table.find("h", &path, "GET").is_ok());
    assert!(table.find("h", &path.replace("/a", "/b"), "GET").is_err());
}

#[test]
fn a_spelling_that_another_rule_names_more_closely_is_refused() {
    let open = "* * /";
    for closer in
        ["* h =/a/b", "* h /a/b", "* h /a/{x}", "* *.i =/a/b", "* * =/A/B/", "POST * =/a/b", "* h /A/{x}/"]
    {
        for path in ["/A/B", "/a/B", "/a/b/", "/A/b/", "/a/b"] {
            let table = table(&[closer, open]);
            let host = if closer.contains("*.i") { "h.i" } else { "h" };
            let found = table.find(host, path, "GET").map(|route| &*route.id);
            assert_ne!(found, Ok(open), "{closer}: {path}");
        }
        for path in ["/a", "/A/", "/x/a/b", "/a.b"] {
            chooses(&[closer, open], "h", path, Some(open));
        }
    }
}

#[test]
fn a_rule_for_every_spelling_lets_each_be() {
    let lines = ["* h =/a", "* h =/a/", "* h =/A", "* h /", "* h /b/{x}", "* h /B/{x}", "* h /c", "* h /C"];
    for (path, expected) in [
        ("/a", "* h =/a"),
        ("/a/", "* h =/a/"),
        ("/A", "* h =/A"),
        ("/b/1", "* h /b/{x}"),
        ("/B/1", "* h /B/{x}"),
        ("/c/d", "* h /c"),
        ("/C/D/", "* h /C"),
        ("/", "* h /"),
        ("/Other/", "* h /"),
    ] {
        chooses(&lines, "h", path, Some(expected));
    }
    chooses(&lines, "h", "/A/", None);
}
