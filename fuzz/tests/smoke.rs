//! Every target for ten seconds, as many at a time as there are cores. `just fuzz` goes on for longer.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cambist_fuzz::{TARGETS, Target, driver};

/// How long each target runs.
const SPAN: Duration = Duration::from_secs(10);

/// The same inputs in every run, as far as the time allows.
const SEED: u64 = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

fn corpus(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(name)
}

#[track_caller]
fn survives(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let folder = target_folder().join("fuzz").join(name);
    match driver::run(*target, &corpus(name), &folder, SPAN, SEED) {
        Ok(run) => {
            println!("{name}: {} inputs, the slowest took {:?}", run.executions, run.slowest);
            // Far less than any machine manages: a target that hangs or a corpus that is all too large.
            assert!(run.executions > 300, "{name}: only {} inputs in {SPAN:?}", run.executions);
        }
        Err(finding) => panic!("{name}: {finding}"),
    }
}

#[test]
fn token_survives_mutated_inputs() {
    survives("token");
}

#[test]
fn claims_survive_mutated_inputs() {
    survives("claims");
}

#[test]
fn jwk_survives_mutated_inputs() {
    survives("jwk");
}

#[test]
fn path_survives_mutated_inputs() {
    survives("path");
}

#[test]
fn condition_survives_mutated_inputs() {
    survives("condition");
}

#[test]
fn template_survives_mutated_inputs() {
    survives("template");
}

#[test]
fn snapshot_survives_mutated_inputs() {
    survives("snapshot");
}

#[test]
fn header_map_survives_mutated_inputs() {
    survives("header_map");
}

#[test]
fn shared_record_survives_mutated_inputs() {
    survives("shared_record");
}

#[test]
fn exchange_form_survives_mutated_inputs() {
    survives("exchange_form");
}

#[test]
fn a_target_that_panics_is_found_and_its_input_saved() {
    let target: Target = |data| assert!(!data.contains(&b'%'), "planted");
    let folder = target_folder().join("fuzz/planted");
    let finding = driver::run(target, &corpus("header_map"), &folder, SPAN, SEED).unwrap_err();
    assert!(finding.what.contains("planted"), "{}", finding.what);
    assert!(fs::read(&finding.saved).unwrap().contains(&b'%'));
}

#[test]
fn every_target_has_a_corpus_a_libfuzzer_program_and_a_test() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz/corpus"), targets);
    assert_eq!(names("fuzz/libfuzzer/fuzz_targets"), targets);
    let own = include_str!("smoke.rs");
    let manifest = fs::read_to_string(root().join("fuzz/libfuzzer/Cargo.toml")).unwrap();
    for name in &targets {
        assert!(own.contains(&format!("survives(\"{name}\")")), "{name} has no test");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no libFuzzer program");
    }
}
