//! `roger`: demo, development servers, servers, UE, inspection and measurement in one program.

mod admin;
mod bench;
mod capture;
mod demo;
mod dev;
mod inspect;
mod passphrase;
mod serve;
mod stop;
mod system;
mod ue;

use clap::{Parser, Subcommand};
use roger_fp1024::Backend;
use std::io::Write as _;
use std::process::ExitCode;

/// Most of what a SIP server does besides cryptography is small pieces of memory: docs/decisions/allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Keeps the servers of one MC domain up on loopback, for development.
    Dev(dev::DevArgs),
    /// Runs the IdM server and the KMS of a configuration; --check only judges it.
    Serve(serve::ServeArgs),
    /// Keys, users, clients, agencies and the audit log of `roger serve`.
    Admin(roger_admin::AdminArgs),
    /// Goes on the air as one user of `roger dev`.
    Ue(ue::UeArgs),
    /// Explains a message field by field, with clause references.
    Inspect(inspect::InspectArgs),
    /// Measures the cryptography on this machine.
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    if let Err(error) = Backend::check_environment() {
        complain(&error);
        return ExitCode::FAILURE;
    }
    match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Admin(args) => admin::run(&args),
        Command::Ue(args) => ue::run(&args),
        Command::Inspect(args) => inspect::run(args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Says on standard error what went wrong.
fn complain(error: &dyn core::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "roger: {error}");
}
