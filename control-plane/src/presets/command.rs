//! `cambist preset`: what the program knows, without a service.

use super::{all, find, names};
use crate::{args::PresetCommand, data::StartError};

/// What the command prints. Fails where there is no preset of that name.
pub fn print(command: &PresetCommand) -> Result<String, StartError> {
    match command {
        PresetCommand::List => {
            let lines = all().iter().map(|preset| format!("{:<12}{}\n", preset.name(), preset.title()));
            Ok(lines.collect())
        }
        PresetCommand::Show { name } => match find(name) {
            Some(preset) => Ok(preset.text.to_owned()),
            None => Err(StartError::Internal(format!("there is no preset `{name}`; there are {}", names()))),
        },
    }
}
