//! What can be asked on the command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Shows that what is done with secrets takes constant time.
#[derive(Parser)]
#[command(name = "roger-timing")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Compares run times for fixed and random secrets, in every backend.
    Statistics(Statistics),
    /// Compares the generated code with the list of what may depend on public values.
    Code(Code),
    /// Runs a single test in this process.
    #[command(hide = true)]
    One {
        /// Its name.
        test: String,
        /// Measurements.
        #[arg(long)]
        samples: usize,
    },
}

/// Which tests, and how many measurements each.
#[derive(Args)]
pub(crate) struct Statistics {
    /// A tenth of the measurements.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measurements of an operation in a field.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) field_samples: usize,
    /// Measurements of an operation on P-256.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) signature_samples: usize,
    /// Measurements of an operation of SAKKE; of a batch of sixteen a fifth.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) pairing_samples: usize,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) only: String,
    /// Only this backend.
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<String>,
}

/// What to look at.
#[derive(Args)]
pub(crate) struct Code {
    /// The program whose code is looked at; by default this one.
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Folder of the sources.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) sources: PathBuf,
    /// List every function and every place, the permitted ones too.
    #[arg(long)]
    pub(crate) list: bool,
}
