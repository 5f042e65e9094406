//! `docs/kubernetes.md`: its code blocks by name, and a shell that executes them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use cambist_tests::artifact;
use tempfile::TempDir;

/// The blocks of the page, each by the word behind its language.
#[derive(Debug)]
pub(crate) struct Page(BTreeMap<String, String>);

/// A shell that keeps its folder and its exported variables from one block to the next.
#[derive(Debug)]
pub(crate) struct Shell {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

// === impl Page ===

impl Page {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(artifact::root().join("docs/kubernetes.md")).unwrap();
        let mut blocks = BTreeMap::new();
        for block in text.split("\n```").skip(1).step_by(2) {
            let (head, body) = block.split_once('\n').unwrap();
            let (_, name) = head.split_once(' ').unwrap_or_else(|| panic!("a block has no name: {body}"));
            assert!(blocks.insert(name.to_owned(), body.to_owned()).is_none(), "two blocks named {name}");
        }
        Self(blocks)
    }

    /// The block `name`, without changes.
    pub(crate) fn block(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no block {name} in {:?}", self.0.keys()))
    }
}

// === impl Shell ===

impl Shell {
    pub(crate) fn new(environment: Vec<(String, String)>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment }
    }

    /// The path of a file that a block made.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Executes `script`, which must succeed, and returns what it printed.
    pub(crate) fn run(&self, script: &str) -> String {
        let whole = format!("[ ! -f .variables ] || . ./.variables\n{script}\nexport -p >.variables");
        let run = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &whole])
            .envs(self.environment.iter().cloned())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).trim().to_owned();
        assert!(run.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&run.stderr));
        said
    }

    /// The value of an exported variable.
    pub(crate) fn variable(&self, name: &str) -> String {
        self.run(&format!("printf %s \"${name}\""))
    }
}
