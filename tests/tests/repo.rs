//! What the repository says about itself is true: the documents name files, tests and commands that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cambist_core::denial::Denial;
use cambist_core::wire::snapshot::GrantType;

/// Lines a Rust file may have.
const LONGEST_FILE: usize = 500;

/// Rows of the checklist in `docs/coverage.md`.
const CHECKLIST: u32 = 144;

/// Attacks in `docs/attacks.md`, by kind.
const ATTACKS: [(&str, u32); 5] = [("A", 18), ("C", 11), ("J", 12), ("R", 17), ("X", 8)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file of the workspace, with its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for member in ["core", "filter", "control-plane", "tests", "fuzz"] {
        collect(&root().join(member), &mut found);
    }
    assert!(found.len() > 10, "found only {} Rust files: is the walk broken?", found.len());
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Names of functions in files that hold tests.
fn test_names() -> BTreeSet<String> {
    let marks = [
        "#[test]",
        "#[tokio::test",
        "#[wasm_bindgen_test]",
        "workers! {",
        "rows! {",
        "attacks! {",
        "proptest! {",
        "#[cfg(test)]",
    ];
    sources()
        .values()
        .filter(|text| marks.iter().any(|mark| text.contains(mark)))
        .flat_map(|text| text.lines())
        .filter_map(|line| {
            let line = line.trim_start().trim_start_matches("async ");
            let name = line.strip_prefix("fn ")?.split(['(', '<']).next()?;
            Some(name.to_owned())
        })
        .collect()
}

/// Words of `text` in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn coverage_has_every_row_and_names_tests_that_exist() {
    let known = test_names();
    let text = read("docs/coverage.md");
    let mut rows = BTreeSet::new();
    let mut faults = Vec::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, row, _, shown, _] = cells[..] else { continue };
        let Ok(row) = row.parse::<u32>() else { continue };
        if !rows.insert(row) {
            faults.push(format!("row {row} stands twice"));
        }
        let tests: Vec<_> = quoted(shown).collect();
        if tests.is_empty() && shown != "planned" {
            faults.push(format!("row {row} names neither a test nor `planned`: {shown}"));
        }
        for test in tests {
            if !known.contains(test) {
                faults.push(format!("row {row} names {test}, which is no test"));
            }
        }
    }
    faults
        .extend((1..=CHECKLIST).filter(|row| !rows.contains(row)).map(|row| format!("row {row} is missing")));
    assert!(faults.is_empty(), "docs/coverage.md:\n{}", faults.join("\n"));
}

#[test]
fn attacks_have_every_id_and_name_tests_that_exist() {
    let known = test_names();
    let text = read("docs/attacks.md");
    let mut ids = BTreeSet::new();
    let mut named = BTreeSet::new();
    let mut faults = Vec::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, id, attack, answer, shown, _] = cells[..] else { continue };
        if matches!(id, "id" | "---") {
            continue;
        }
        if !ids.insert(id.to_owned()) || attack.is_empty() || answer.is_empty() {
            faults.push(format!("{id} stands twice or says nothing"));
        }
        let tests: Vec<_> = quoted(shown).map(str::to_owned).collect();
        // A row without a test has to say why.
        if tests.is_empty() && shown.len() < 20 {
            faults.push(format!("{id} names neither a test nor a reason why there is none: {shown}"));
        }
        faults.extend(
            tests
                .iter()
                .filter(|test| !known.contains(*test))
                .map(|test| format!("{id} names {test}, which is no test")),
        );
        named.extend(tests);
    }
    let wanted =
        ATTACKS.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number}")));
    faults.extend(wanted.filter(|id| !ids.contains(id)).map(|id| format!("{id} is missing")));
    // A row of the suite is named by its attack, and stands in the table.
    for (path, text) in sources() {
        let mark = match &path {
            path if path.contains("e2e/refusals/") => "rows! {",
            path if path.contains("e2e/fetching/") => "attacks! {",
            _ => continue,
        };
        let rows = text.split(mark).nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
        let rows = rows.split(',').map(str::trim).filter(|row| !row.is_empty());
        faults.extend(
            rows.filter(|row| !named.contains(*row)).map(|row| format!("{path}: {row} is in no row")),
        );
    }
    assert!(faults.is_empty(), "docs/attacks.md:\n{}", faults.join("\n"));
}

#[test]
fn the_token_endpoints_page_has_every_denial_with_its_errors() {
    let text = read("docs/token-endpoint.md");
    let rows: BTreeSet<String> =
        text.lines().filter(|line| line.starts_with("| `")).map(String::from).collect();
    let error = |denial: Denial, grant| denial.token_endpoint_row(Some(grant)).error.unwrap();
    let wanted: BTreeSet<String> = Denial::ALL
        .into_iter()
        // Routes alone refuse so; a malformed token is `JwtMalformed` here.
        .filter(|denial| {
            !matches!(denial, Denial::TokenMissing | Denial::TokenMalformed | Denial::RouteUnknown)
        })
        .map(|denial| {
            let status = denial.token_endpoint_row(None).status;
            let (bearer, exchange) =
                (error(denial, GrantType::JwtBearer), error(denial, GrantType::TokenExchange));
            format!("| `{}` | {status} | `{bearer}` | `{exchange}` |", denial.reason())
        })
        .collect();
    assert_eq!(rows, wanted);
}

#[test]
fn architecture_names_files_that_exist() {
    let text = read("ARCHITECTURE.md");
    let files: Vec<_> = quoted(&text)
        .filter(|word| !word.contains([' ', '{', '*', '<', '$']))
        .filter(|word| {
            let path = Path::new(word);
            word.ends_with('/')
                || path.extension().is_some_and(|end| {
                    ["rs", "md", "toml", "yaml", "json", "sh", "py"].iter().any(|known| end == *known)
                })
        })
        .collect();
    assert!(files.len() > 10, "ARCHITECTURE.md names only {} files", files.len());
    let missing: Vec<_> = files.into_iter().filter(|file| !root().join(file).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}

#[test]
fn architecture_names_tests_that_exist() {
    let known = test_names();
    let text = read("ARCHITECTURE.md");
    let laws = text.split("## Laws").nth(1).unwrap();
    let held = laws.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split(" | ").nth(1));
    let named: Vec<_> =
        held.flat_map(quoted).filter(|word| word.contains('_') && !word.contains(['.', '['])).collect();
    assert!(named.len() > 10, "ARCHITECTURE.md names only {} tests", named.len());
    let missing: Vec<_> = named.into_iter().filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is no test: {missing:?}");
}

#[test]
fn documents_link_to_files_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md"] {
        for link in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("https://") {
                assert!(root().join(link).exists(), "{document} links to {link}, which is not there");
            }
        }
    }
}

#[test]
fn only_one_file_of_the_filter_names_the_host() {
    let word = ["host", "calls"].concat();
    let naming: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| path.starts_with("filter/") && text.contains(&word))
        .map(|(path, _)| path)
        .collect();
    assert!(naming.len() <= 1, "more than one file names the host's calls: {naming:?}");
}

#[test]
fn no_source_file_is_too_long_or_badly_named() {
    let vague = ["mod", "util", "utils", "helper", "helpers", "common", "manager"];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            faults.push(format!("{path} has {lines} lines, {LONGEST_FILE} are allowed"));
        }
        let stem = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        if vague.contains(&stem.as_str()) {
            faults.push(format!("{path} has a name that says nothing"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn readme_shows_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo install --locked just && just demo", "cargo install --locked just && just test"] {
        assert!(readme.lines().any(|line| line.trim() == command), "README.md does not show: {command}");
    }
}

#[test]
fn ci_runs_the_readmes_test_command() {
    let script = read(".ci/run");
    assert!(script.contains("cargo install --locked just && just test;"));
    assert!(script.contains("just ci;"));
    assert!(read("justfile").contains("\nci: test-func-e test-kubernetes"));
}

/// `just test` names its test programs, because one needs more than it may ask for: none may be forgotten.
#[test]
fn every_test_program_is_run_by_a_recipe() {
    let recipes = read("justfile");
    let named: BTreeSet<_> =
        recipes.split("--test ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
    let sources = sources();
    let programs: Vec<_> = sources
        .keys()
        .filter_map(|path| match path.split('/').collect::<Vec<_>>()[..] {
            [_, "tests", file] => file.strip_suffix(".rs"),
            _ => None,
        })
        .collect();
    assert!(programs.len() > 5, "found only {programs:?}");
    let missing: Vec<_> = programs.into_iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "no recipe runs {missing:?}");
}

/// Indented lines of the README are commands. Each is a recipe, or is executed word for word by `just test-func-e`.
#[test]
fn readme_shows_only_commands_that_are_executed() {
    let executed = read("scripts/func-e.py");
    let recipes = read("justfile");
    for line in read("README.md").lines().filter_map(|line| line.strip_prefix("    ")) {
        let last = line.rsplit("&& ").next().unwrap();
        let known = last.strip_prefix("just ").map_or_else(
            || executed.contains("README.md"),
            |recipe| {
                let recipe = recipe.split(' ').next().unwrap();
                recipes.lines().any(|line| line.starts_with(recipe) && line.contains(':'))
            },
        );
        assert!(known, "README.md shows a command that nothing executes: {line}");
    }
}

#[test]
fn lock_file_takes_crates_from_one_registry() {
    let other: Vec<String> = read("Cargo.lock")
        .lines()
        .filter(|line| line.starts_with("source = "))
        .filter(|line| !line.ends_with("registry+https://github.com/rust-lang/crates.io-index\""))
        .map(str::to_owned)
        .collect();
    assert!(other.is_empty(), "Cargo.lock names other sources: {other:?}");
}

/// A crate with one feature more is another crate, and so is everything above it: without this, `cargo build` of the
/// programs and `cargo test` build most of the lock file twice.
#[test]
fn builds_with_and_without_tests_share_their_dependencies() {
    let alone = features("normal,build");
    let tested = features("normal,build,dev");
    assert!(alone.len() > 100, "found only {} crates", alone.len());
    let differing: Vec<_> = alone
        .iter()
        .filter(|(name, features)| tested[*name] != **features)
        .map(|(name, features)| format!("{name}: {features:?} in programs, {:?} in tests", tested[name]))
        .collect();
    assert!(differing.is_empty(), "name these features in tests/Cargo.toml: {differing:#?}");
}

/// The features of every crate in the workspace's tree of dependencies over such edges.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let arguments =
        ["tree", "--locked", "--workspace", "--no-dedupe", "--prefix=none", "--format={p}|{f}", "--edges"];
    let tree = Command::new(env!("CARGO")).args(arguments).arg(edges).current_dir(root()).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(tree.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (name, features) = line.split_once('|').unwrap();
        found.entry(name.to_owned()).or_default().extend(features.split(',').map(str::to_owned));
    }
    found
}
