//! What a user types: at a terminal after `p`, elsewhere as lines of standard input.

use super::place::{Place, PlaceError};
use thiserror::Error;

/// How the command for a place begins.
pub(super) const AT: &str = "at ";

/// What is to be done.
pub(super) enum Command {
    /// The UE is there now.
    At(Place),
}

/// Why a line is no command. It does not repeat the line.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum CommandError {
    #[error(
        "there is no such command; there is: at LATITUDE LONGITUDE, which says where this UE is"
    )]
    Unknown,
    #[error(transparent)]
    Place(#[from] PlaceError),
}

impl Command {
    /// Reads a line; an empty one says nothing.
    ///
    /// # Errors
    /// [`CommandError`] in words that say what to type.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, CommandError> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let (name, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        match name {
            "at" => Ok(Some(Self::At(rest.parse()?))),
            _ => Err(CommandError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: &str) -> Option<CommandError> {
        Command::parse(line).err()
    }

    #[test]
    fn a_place_is_said_and_nothing_is_no_fault() {
        assert!(matches!(
            Command::parse(" at 60.1699 24.9384\r\n"),
            Ok(Some(Command::At(_)))
        ));
        assert!(matches!(Command::parse(" \n"), Ok(None)));
    }

    #[test]
    fn what_is_no_command_is_told_what_there_is() {
        assert_eq!(fault("att 60 24"), Some(CommandError::Unknown));
        assert_eq!(fault("60.1699 24.9384"), Some(CommandError::Unknown));
        for line in ["at", "at ", "at home"] {
            let expected = CommandError::Place(PlaceError::NotTwoNumbers);
            assert_eq!(fault(line), Some(expected), "{line}");
        }
        assert!(
            CommandError::Unknown
                .to_string()
                .contains("at LATITUDE LONGITUDE")
        );
    }
}
