//! A clock for Envoy, or another process, that tests can set.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Setup;
use crate::artifact;

/// How far the time of day of those who have it is from ours.
#[derive(Debug)]
pub struct Clock {
    file: fs::File,
    folder: TempDir,
}

// === impl Clock ===

impl Clock {
    /// A clock that is right. A C compiler makes what puts it between Envoy and the system.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(library(folder.path()))
            .arg(artifact::root().join("tests/src/envoy/clock.c"))
            .output()
            .expect("there is a C compiler");
        assert!(run.status.success(), "cc: {}", String::from_utf8_lossy(&run.stderr));
        let path = jump(folder.path());
        fs::write(&path, 0_i64.to_ne_bytes()).expect("a file can be written");
        let file = fs::File::options().write(true).open(path).expect("a file can be opened");
        Self { file, folder }
    }

    /// Gives this clock to the Envoy that is set up.
    pub fn wind(&self, setup: Setup) -> Setup {
        self.environment().iter().fold(setup, |setup, (name, value)| setup.env(name, value))
    }

    /// What gives this clock to a process.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD".to_owned(), text(&library(self.folder.path()))),
            ("CAMBIST_TEST_CLOCK".to_owned(), text(&jump(self.folder.path()))),
        ]
    }

    /// From now on it is `seconds` later there than it is here.
    pub fn set(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).expect("a file can be written");
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn library(folder: &Path) -> PathBuf {
    folder.join("jump.so")
}

fn jump(folder: &Path) -> PathBuf {
    folder.join("jump")
}
