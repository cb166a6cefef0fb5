//! `roger-timing`: shows that what is done with secrets takes constant time (docs/constant-time.md).
//!
//! `statistics` runs dudect's test on every operation with a secret, in every backend, and on variants with a leak in
//! them, which must be found. `code` looks at the machine code of the same operations. `one` is what `statistics`
//! runs in processes of their own: a backend is chosen for the life of a process.

// What it finds is what it prints.
#![allow(clippy::print_stdout)]

mod arguments;
mod campaign;
mod code;
mod eccsi;
mod field;
mod leaky;
mod measure;
mod outcome;
mod registry;
mod sakke;
mod source;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Statistics(choice) => campaign::run(&choice),
        Command::Code(choice) => code::run(&choice),
        Command::One { test, samples } => measure::run(&test, samples),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("constant-time: {error}");
            ExitCode::FAILURE
        }
    }
}
