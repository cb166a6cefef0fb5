//! `roger admin`: what operators do with a store, its secrets and its audit log.
//!
//! * [`session`] opens the store of a configuration; what changes something or gives a secret out is recorded in the
//!   audit log before and after ([`session::Session::act`]), and is not done when it cannot be;
//! * one module for each noun: `init`, `keeper`, `kms`, `user`, `server`, `client`, `agency`, `audit`;
//! * every command gives an [`answer::Answer`]: a text for people, a JSON document for scripts.

mod agency;
mod answer;
mod audit;
mod client;
mod error;
mod init;
mod keeper;
mod kms;
mod moment;
mod new_file;
mod passphrase;
mod progress;
mod server;
mod session;
mod table;
mod user;

pub use error::AdminError;

use clap::{Args, Subcommand};
use roger_serve::plug::Ask;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `roger admin`.
#[derive(Args)]
pub struct AdminArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Common {
    /// The configuration; docs/roger.toml is the reference.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/roger/roger.toml"
    )]
    config: PathBuf,
    /// Answer with a JSON document.
    #[arg(long, global = true)]
    json: bool,
    /// Who works, for the audit log; without it, the name that the system knows.
    #[arg(long, global = true, value_name = "NAME")]
    operator: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the key of the store, the database and the audit log.
    Init,
    /// The keeper of the key of the store: passphrase or token.
    #[command(subcommand)]
    Keeper(keeper::Command),
    /// Master keys of the KMS: ceremony, change, backup; key sets.
    #[command(subcommand)]
    Kms(kms::Command),
    /// Users: who can log in, and with which identities.
    #[command(subcommand)]
    User(user::Command),
    /// MCX servers that fetch keys at the KMS.
    #[command(subcommand)]
    Server(server::Command),
    /// Applications that log users in.
    #[command(subcommand)]
    Client(client::Command),
    /// Agencies and their groups.
    #[command(subcommand)]
    Agency(agency::Command),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Command),
}

/// Does one command and writes its answer to `out`; passphrases and passwords come from `ask`.
///
/// # Errors
/// [`AdminError`] in words for the operator.
pub fn run(args: &AdminArgs, ask: Ask<'_>, out: &mut dyn Write) -> Result<(), AdminError> {
    let common = &args.common;
    let answer = match &args.command {
        Command::Init => init::run(common, ask),
        Command::Keeper(command) => keeper::run(command, common, ask),
        Command::Kms(command) => kms::run(command, common, ask),
        Command::User(command) => user::run(command, common, ask),
        Command::Server(command) => server::run(command, common, ask),
        Command::Client(command) => client::run(command, common, ask),
        Command::Agency(command) => agency::run(command, common, ask),
        Command::Audit(command) => audit::run(command, common, ask),
    }?;
    answer.show(common.json, out)
}
