//! The `cambist` command.
#![forbid(unsafe_code)]

use core::error::Error;
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use cambist_control_plane::{
    args::{
        Arguments, AuditCommand, ClientCommand, Command, ExternalCommand, GatewayCommand, IdentityCommand,
        IssuerCommand, KeyCommand, SecretCommand, TokenCommand,
    },
    clock::Clock,
    command::{Shown, audit, external, gateway, identity, issuer, key, secret, token, verify},
    init, logs, presets, serve,
};
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to tell when even this fails.
            writeln!(io::stderr(), "cambist: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    let clock = Clock::system();
    match command {
        Command::Init(arguments) => {
            let summary = init::run(arguments, &clock).await?;
            print(summary.expose())?;
        }
        Command::Preset(command) => {
            print(&presets::print(&command)?)?;
        }
        Command::Serve(arguments) => {
            logs::install(arguments.log, io::stderr).map_err(|error| error.to_string())?;
            serve::run(arguments, clock).await?;
        }
        Command::Issuer(IssuerCommand::Test(arguments)) => return show(&issuer::test(arguments).await?),
        Command::Issuer(IssuerCommand::Push(arguments)) => return show(&issuer::push(arguments).await?),
        Command::Token(TokenCommand::Inspect(arguments)) => {
            return show(&token::inspect(arguments, clock.now())?);
        }
        Command::Verify(arguments) => return show(&verify::verify(arguments, clock.now()).await?),
        Command::Gateway(GatewayCommand::List(arguments)) => {
            return show(&gateway::list_all(arguments).await?);
        }
        Command::Gateway(GatewayCommand::Keys(arguments)) => return show(&gateway::keys(arguments).await?),
        Command::Client(ClientCommand::Secret(SecretCommand::Add(arguments))) => {
            print(secret::add(arguments).await?.expose())?;
        }
        Command::Client(ClientCommand::Secret(SecretCommand::List(arguments))) => {
            return show(&secret::list(arguments).await?);
        }
        Command::Client(ClientCommand::Secret(SecretCommand::Remove(arguments))) => {
            return show(&secret::remove(arguments).await?);
        }
        Command::Key(KeyCommand::List(arguments)) => return show(&key::list(arguments).await?),
        Command::Key(KeyCommand::Rotate(arguments)) => return show(&key::rotate(arguments).await?),
        Command::Identity(IdentityCommand::List(arguments)) => {
            return show(&identity::list(arguments, clock.now()).await?);
        }
        Command::Identity(IdentityCommand::Label(arguments)) => {
            return show(&identity::label(arguments).await?);
        }
        Command::Identity(IdentityCommand::Revoke(arguments)) => {
            return show(&identity::revoke(arguments).await?);
        }
        Command::Identity(IdentityCommand::Reinstate(arguments)) => {
            return show(&identity::reinstate(arguments).await?);
        }
        Command::Identity(IdentityCommand::Pending(arguments)) => {
            return show(&identity::admission::pending(arguments).await?);
        }
        Command::Identity(IdentityCommand::Approve(arguments)) => {
            return show(&identity::admission::approve(arguments).await?);
        }
        Command::Identity(IdentityCommand::Register(arguments)) => {
            return show(&identity::admission::register(arguments).await?);
        }
        Command::Audit(AuditCommand::Verify(arguments)) => return show(&audit::verify(arguments).await?),
        Command::Audit(AuditCommand::Tail(arguments)) => {
            audit::tail(arguments, &mut |text| io::stdout().write_all(text.as_bytes())).await?;
        }
        Command::External(ExternalCommand::List(arguments)) => {
            return show(&external::list(arguments).await?);
        }
        Command::External(ExternalCommand::Set(arguments)) => return show(&external::set(arguments).await?),
        Command::External(ExternalCommand::Remove(arguments)) => {
            return show(&external::remove(arguments).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(Shown { text, content }: &Shown) -> Result<ExitCode, Box<dyn Error>> {
    print(text)?;
    Ok(if *content { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let written = io::stdout().write_all(text.as_bytes());
    Ok(written.map_err(|error| format!("the answer could not be printed: {error}"))?)
}
