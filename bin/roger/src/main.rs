//! `roger`: demo, development servers, UE and inspection in one program.

mod capture;
mod demo;
mod inspect;
mod system;

use clap::{Parser, Subcommand};
use std::io::Write as _;
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
    /// Plays a story of secured calls on loopback and proves from the captured bytes that nobody else can listen.
    Demo(demo::DemoArgs),
    /// Explains a message field by field, with clause references.
    Inspect(inspect::InspectArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Inspect(args) => inspect::run(args),
    }
}

/// Says on standard error what went wrong.
fn complain(error: &dyn core::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "roger: {error}");
}
