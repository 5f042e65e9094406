//! A child process that cannot outlive us, with its output in a file that is shown when a test fails.
//!
//! Every child is started through `cambist-dev leash`, which asks the kernel to kill it when its parent dies.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{io, thread};

use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getppid};

use crate::artifact;
use crate::wait;

/// Lines of a child's output that a failing test shows.
const SHOWN_LINES: usize = 60;

/// A running child in a process group of its own. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What to start.
#[derive(Debug)]
pub struct Start<'a> {
    /// How messages call it.
    pub name: &'a str,
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Added to our own environment.
    pub environment: &'a [(String, String)],
    /// Where its output goes.
    pub log: &'a Path,
    /// The folder it runs in.
    pub folder: &'a Path,
}

// === impl Process ===

impl Process {
    /// Starts a child.
    pub fn start(start: &Start<'_>) -> Self {
        let log = File::options().create(true).append(true).open(start.log).expect("a log file can be made");
        let child = Command::new(artifact::cambist_dev())
            .arg("leash")
            .arg(std::process::id().to_string())
            .arg(start.program)
            .args(start.arguments)
            .envs(start.environment.iter().cloned())
            .current_dir(start.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", start.name));
        Self { name: start.name.to_owned(), child, log: start.log.to_owned() }
    }

    /// The operating system's number for it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said so far.
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Fails the test if it has ended.
    pub fn demand_running(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} ended with {status}:\n{}", self.name, self.last_lines());
        }
    }

    /// Asks it to end in good order and waits for that.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let name = self.name.clone();
        wait::until_some(&format!("{name} ends"), Duration::from_secs(15), async || self.ended()).await
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Takes its processor time away.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Gives it back.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit"));
        // Gone already is as good.
        let _ = killpg(group, signal);
    }

    fn end(&mut self) {
        // Once it was waited for, its number may be another's.
        if self.ended().is_none() {
            self.signal(Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }

    fn last_lines(&self) -> String {
        let output = self.output();
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("--- the last of {}:\n{}\n---", self.name, self.last_lines());
        }
    }
}

/// Becomes `program`, to be killed when the parent `parent` dies. Returns only if that is impossible.
pub fn leash(parent: &str, program: &str, arguments: &[String]) -> io::Error {
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        return error.into();
    }
    // The parent may have died before the request was made.
    if getppid().to_string() != parent {
        return io::Error::other(format!("the parent {parent} is gone"));
    }
    Command::new(program).args(arguments).exec()
}
