//! `cambist-dev`: programs for people who work on Cambist or try it.

use std::env;
use std::process::ExitCode;

use cambist_tests::process;

const USAGE: &str = "usage: cambist-dev demo | up | issuer | bench [--rounds N] [--seconds N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let error = match words[..] {
        // Not for people: how the harness starts its children.
        ["leash", parent, program, ..] => process::leash(parent, program, &arguments[3..]).to_string(),
        _ => USAGE.to_owned(),
    };
    eprintln!("{error}");
    ExitCode::FAILURE
}
