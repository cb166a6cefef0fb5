//! `roger inspect`: a message field by field, verified and opened where keys are given.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to explain.
#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// A MIKEY-SAKKE message (TS 33.180 Annex E).
    Mikey(Common),
}

#[derive(Args)]
struct Common {
    /// File, hex, base64, an SDP line, or - for standard input.
    input: String,
    /// Keys that verify and open it (TOML).
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Explains and gives the exit status.
pub(crate) fn run(args: InspectArgs) -> ExitCode {
    let Kind::Mikey(common) = args.kind;
    let _ = (common.input, common.keys);
    ExitCode::FAILURE
}
