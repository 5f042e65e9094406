//! The `cambist` command.
#![forbid(unsafe_code)]

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use cambist_control_plane::{
    args::{Arguments, Command},
    clock::Clock,
    data::StartError,
    init, logs, presets, serve,
};
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell when even this fails.
            writeln!(io::stderr(), "cambist: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), StartError> {
    let clock = Clock::system();
    match command {
        Command::Init(arguments) => {
            let summary = init::run(arguments, &clock).await?;
            io::stdout()
                .write_all(summary.expose().as_bytes())
                .map_err(|error| StartError::Internal(format!("the token could not be printed: {error}")))
        }
        Command::Preset(command) => {
            let text = presets::print(&command)?;
            io::stdout()
                .write_all(text.as_bytes())
                .map_err(|error| StartError::Internal(format!("the preset could not be printed: {error}")))
        }
        Command::Serve(arguments) => {
            logs::install(arguments.log, io::stderr)
                .map_err(|error| StartError::Internal(error.to_string()))?;
            serve::run(arguments, clock).await
        }
    }
}
