//! `roger bench`: how fast the cryptography is on this machine, beside wolfSSL when asked.
//!
//! Everything is measured by `roger_bench`; here are its options, and what is printed.

mod backends;
mod load;

use crate::complain;
use clap::{Args, Subcommand};
use core::num::NonZeroUsize;
use roger_bench::{BenchError, Comparison, Operation, Report, Settings};
use serde::Serialize;
use std::io::{self, Write as _};
use std::process::ExitCode;
use thiserror::Error;

/// What to measure.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// ECCSI, SAKKE and MIKEY operations a second, on one core and on all.
    Ibc(IbcArgs),
    /// A GMK to all members of a large group: time and memory.
    Gmk(GmkArgs),
    /// Users that a KMS provisions a second: server, database, audit log and TLS as in production, on loopback.
    Kms(load::KmsArgs),
    /// Log-ins and refreshes of an IdM server a second: server, database and TLS as in production, on loopback.
    Idm(load::IdmArgs),
    /// Key sets of many users made in the night before a key period: time, database, memory.
    PreIssue(load::PreIssueArgs),
    /// Protected registrations a second at SIP core and participating function, and many clients held.
    Register(load::RegisterArgs),
}

#[derive(Args)]
struct IbcArgs {
    /// Compare with the system's wolfSSL, built on the spot (apt-get install gcc libc6-dev libwolfssl-dev).
    #[arg(long)]
    peer: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// CPU time of each operation, on each side.
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Only these operations, divided by commas.
    #[arg(long, value_name = "OP", value_delimiter = ',')]
    only: Vec<Operation>,
    /// Measure every field backend of this processor in turn, not just the best one.
    #[arg(long)]
    all_backends: bool,
}

#[derive(Args)]
struct GmkArgs {
    /// Members of the group.
    #[arg(long, value_name = "N", default_value = "10000")]
    members: NonZeroUsize,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Why nothing was measured, or not printed.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error("the measurement of backend {backend} failed: {reason}")]
    Backend { backend: String, reason: String },
    #[error("the document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// Measures, prints, and gives the exit status.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    if cfg!(debug_assertions) {
        complain(&"built for development: the figures of a release build are better");
    }
    let outcome = match &args.kind {
        Kind::Ibc(args) => ibc(args),
        Kind::Gmk(args) => gmk(args),
        Kind::Kms(args) => args.run(),
        Kind::Idm(args) => args.run(),
        Kind::PreIssue(args) => args.run(),
        Kind::Register(args) => args.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn ibc(args: &IbcArgs) -> Result<(), Failure> {
    let report: Report = match args.all_backends {
        true => backends::run_each(args)?,
        false => roger_bench::run(&args.settings())?,
    };
    show(&report, args.json)
}

fn gmk(args: &GmkArgs) -> Result<(), Failure> {
    show(&roger_bench::distribute(args.members)?, args.json)
}

impl IbcArgs {
    fn settings(&self) -> Settings {
        let operations = match self.only.as_slice() {
            [] => Operation::ALL.to_vec(),
            only => only.to_vec(),
        };
        let comparison = match self.peer {
            true => Comparison::WolfSsl,
            false => Comparison::Alone,
        };
        Settings {
            operations,
            seconds: self.seconds,
            comparison,
        }
    }
}

fn show<R: Serialize + core::fmt::Display>(report: &R, json: bool) -> Result<(), Failure> {
    let text = match json {
        true => format!("{}\n", serde_json::to_string(report)?),
        false => report.to_string(),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// More than no time and less than an hour.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("a number of seconds, at most 3600".to_owned()),
    }
}
