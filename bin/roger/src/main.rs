//! `roger`: demo, development servers, UE and inspection in one program.

mod capture;
mod inspect;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Mission-critical push-to-talk with the security built in.
#[derive(Parser)]
#[command(name = "roger", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Explains a message field by field, with clause references.
    Inspect(inspect::InspectArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Inspect(args) => inspect::run(args),
    }
}
