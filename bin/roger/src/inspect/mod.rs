//! `roger inspect`: a message field by field, verified and opened where keys are given.
//!
//! The engines are `roger_mikey::describe`, `roger_srtp` and `roger_floor`; here their descriptions become one
//! [`report::Report`], printed for people ([`text`]) or scripts ([`json`]).
//!
//! Exit status: 0 sound (and verified, when keys are given), 1 the message is wrong, 2 there is no message to look at
//! or the key file is unusable.

mod candidates;
mod floor;
mod input;
mod json;
mod key_file;
mod keys;
mod mikey;
mod report;
mod srtp;
mod text;

use clap::{Args, Subcommand};
use input::{Input, InputError};
use key_file::KeyFileError;
use keys::Keys;
use report::Report;
use roger_base::{NtpTime, UnixTime};
use srtp::Protection;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;
use text::{Colour, Printer, ShowSecrets};
use thiserror::Error;

/// The message itself is wrong.
const WRONG_MESSAGE: u8 = 1;
/// There is nothing to look at.
const NO_MESSAGE: u8 = 2;

/// What to explain.
#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// A MIKEY-SAKKE message: GMK, PCK, CSK, `MuSiK` (TS 33.180 Annex E).
    Mikey(Common),
    /// An SRTP or SRTCP packet (TS 33.180 cl. 7.5, 9.4).
    Srtp {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        protection: Protection,
    },
    /// A floor control message, in clear or inside SRTCP (TS 24.380 cl. 8).
    Floor {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        protection: Protection,
    },
}

#[derive(Args)]
struct Common {
    /// A file (binary, hex, base64, SDP), the hex or base64 text itself, an SDP line, or - for standard input.
    input: String,
    /// Keys that verify and open it (TOML, see docs/inspect-keys.md); what they do not verify fails.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Print the keys that were found.
    #[arg(long, requires = "keys")]
    show_secrets: bool,
}

/// Why there is no report.
#[derive(Debug, Error)]
enum InspectError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// Explains and gives the exit status.
pub(crate) fn run(args: InspectArgs) -> ExitCode {
    let outcome = report(&args.kind);
    let common = args.kind.common();
    let shown = match &outcome {
        Ok(report) => show(report, common),
        Err(error) => refuse(error, common),
    };
    match (shown, outcome) {
        (Err(error), _) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot print: {error}"));
            ExitCode::from(NO_MESSAGE)
        }
        (_, Ok(report)) if report.is_sound() => ExitCode::SUCCESS,
        (_, Ok(_)) => ExitCode::from(WRONG_MESSAGE),
        (_, Err(_)) => ExitCode::from(NO_MESSAGE),
    }
}

impl Kind {
    const fn common(&self) -> &Common {
        match self {
            Self::Mikey(common) | Self::Srtp { common, .. } | Self::Floor { common, .. } => common,
        }
    }
}

fn report(kind: &Kind) -> Result<Report, InspectError> {
    let common = kind.common();
    let input = Input::read(&common.input)?;
    let keys = common.keys.as_deref().map(Keys::read).transpose()?;
    let keys = keys.as_ref();
    Ok(match kind {
        Kind::Mikey(_) => mikey::report(&input.mikey()?, keys, now()),
        Kind::Srtp { protection, .. } => srtp::report(&input.packet()?, *protection, keys),
        Kind::Floor { protection, .. } => floor::report(&input.packet()?, *protection, keys),
    })
}

/// Decides only in which era of 136 years a timestamp lies.
fn now() -> NtpTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(since.map_or(0, |since| since.as_secs())).to_ntp()
}

fn show(report: &Report, common: &Common) -> io::Result<()> {
    let complaint = report.complaint();
    let show_secrets = match common.show_secrets {
        true => ShowSecrets::Yes,
        false => ShowSecrets::No,
    };
    let text = match common.json {
        true => format!(
            "{}\n",
            json::of_report(report, complaint.as_deref(), show_secrets)
        ),
        false => Printer::new(colour()).print(report, show_secrets),
    };
    print(&text)?;
    if let Some(complaint) = complaint {
        complain(&complaint);
    }
    Ok(())
}

fn refuse(error: &InspectError, common: &Common) -> io::Result<()> {
    let text = error.to_string();
    if common.json {
        print(&format!("{}\n", json::of_error(&text)))?;
    }
    complain(&text);
    Ok(())
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(text: &str) {
    let shown = text::visible(text);
    let _ = writeln!(io::stderr(), "roger: {shown}");
}

/// Colour on a terminal, unless `NO_COLOR` is set.
fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match wanted && io::stdout().is_terminal() {
        true => Colour::On,
        false => Colour::Off,
    }
}
