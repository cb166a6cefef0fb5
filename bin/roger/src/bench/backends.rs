//! Every backend of the field in turn. A process selects its backend once, so each gets its own.

use super::{Failure, IbcArgs};
use roger_bench::Report;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Selects the backend of a process (`roger_fp1024`).
const SELECTION: &str = "ROGER_FP";

/// Measures each backend and puts the rows together.
pub(super) fn run_each(args: &IbcArgs) -> Result<Report, Failure> {
    let mut all: Option<Report> = None;
    for backend in roger_bench::backends() {
        let report = run_one(args, &backend)?;
        match &mut all {
            Some(all) => all.add(report),
            None => all = Some(report),
        }
    }
    all.ok_or_else(|| failure("any", "there is none"))
}

fn run_one(args: &IbcArgs, backend: &str) -> Result<Report, Failure> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.args(["bench", "ibc", "--json"]).args(options(args));
    // The progress bar and complaints of the process are ours.
    command.env(SELECTION, backend).stderr(Stdio::inherit());
    let output = command.output()?;
    if !output.status.success() {
        return Err(failure(backend, &output.status.to_string()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The options that the process has to know.
fn options(args: &IbcArgs) -> Vec<OsString> {
    let mut options = vec![format!("--seconds={}", args.seconds)];
    if args.peer {
        options.push("--peer".to_owned());
    }
    if !args.only.is_empty() {
        let names: Vec<&str> = args.only.iter().map(|operation| operation.name()).collect();
        options.push(format!("--only={}", names.join(",")));
    }
    options.into_iter().map(OsString::from).collect()
}

fn failure(backend: &str, reason: &str) -> Failure {
    Failure::Backend {
        backend: backend.to_owned(),
        reason: reason.to_owned(),
    }
}
