//! `roger admin`: the commands of an operator, on the terminal.

use crate::{complain, passphrase};
use roger_admin::{AdminArgs, AdminError};
use std::io::Write as _;
use std::process::ExitCode;

/// Does one command.
pub(crate) fn run(args: &AdminArgs) -> ExitCode {
    match roger_admin::run(args, &passphrase::ask, &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(AdminError::LocalConfig(error)) => {
            let _ = writeln!(std::io::stderr(), "{:?}", miette::Report::new(*error));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}
