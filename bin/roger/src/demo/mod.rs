//! `roger demo`: the whole system on loopback, a story of secured calls, and a verdict from the captured bytes.

mod burst;
mod console;
mod facts;
mod opened;
mod player;
mod story;
mod together;
mod voice;
mod wire;

use crate::capture::{Capture, PcapError, write_pcap};
use crate::stop::Stop;
use crate::system::{
    MAX_UES, ServiceConfigurationError, ServiceOptions, SipOptions, SystemError, switched_off,
};
use clap::Args;
use console::{Audience, Console, Fact};
use facts::Evidence;
use roger_audio::WavFault;
use roger_ue::shell::{SpeechError, UeError};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use story::Casting;
use thiserror::Error;
use voice::{Voice, VoiceError};

/// Fewest users of the story: a talker, one who is denied, one who comes late, one who is removed.
const FEWEST_USERS: usize = 4;

/// Plays a story of secured group and private calls and proves from the captured bytes that nobody else can listen.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Users of the group, at least 4.
    #[arg(long, value_name = "N", default_value_t = FEWEST_USERS)]
    users: usize,
    /// Speech to say: a WAV file of any rate, mono or stereo.
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,
    /// Writes every byte that crossed a socket to FILE, and the same with opened floor messages to FILE with
    /// "opened" in its name.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Saves what each listener heard as WAV files in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    sip: SipOptions,
    #[command(flatten)]
    service: ServiceOptions,
    /// Prints a machine-readable summary as the last line.
    #[arg(long)]
    json: bool,
}

/// Comment of a capture.
const COMMENT: &str = "Roger DEVELOPMENT demo: every byte that crossed a socket. The IP, UDP and TCP headers are made \
                       here, since a tap at a socket sees none; SIP by TLS or WebSocket is shown as it is inside.";

/// Why a demo cannot begin, or what it wrote cannot be kept.
#[derive(Debug, Error)]
enum DemoError {
    #[error("--users {0}: the story needs at least {FEWEST_USERS} and at most {most}", most = MAX_UES - 1)]
    Users(usize),
    #[error("{}: {fault}", path.display())]
    Wav { path: PathBuf, fault: WavFault },
    #[error(transparent)]
    Voice(#[from] VoiceError),
    #[error(transparent)]
    ServiceConfiguration(#[from] ServiceConfigurationError),
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: {error}", path.display())]
    Pcap { path: PathBuf, error: PcapError },
    #[error(transparent)]
    Speech(#[from] SpeechError),
    #[error("the story broke off")]
    Story,
    #[error("stopped by {0}; no verdict")]
    Stopped(&'static str),
    #[error("the verdict: {0}")]
    Verdict(#[from] tokio::task::JoinError),
    #[error("tokio: {0}")]
    Runtime(std::io::Error),
}

/// Why the story did not go on.
#[derive(Debug, Error)]
enum StoryError {
    #[error("{who}: {what} did not come; instead: {instead}")]
    Missing {
        who: String,
        what: String,
        instead: String,
    },
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    Ue(#[from] UeError),
    #[error(transparent)]
    Speech(#[from] SpeechError),
    #[error(transparent)]
    Http(#[from] roger_adapter_http::HttpsClientError),
    #[error(transparent)]
    Login(#[from] roger_adapter_http::IdmClientError),
}

/// Plays the demo and gives the exit status.
pub(crate) fn run(args: &DemoArgs) -> ExitCode {
    let mut console = Console::new(Audience::of_stdout());
    let (result, facts) = match prepare(args) {
        Ok((voice, casting)) => play(args, casting, &Arc::new(voice), &mut console),
        Err(error) => (Err(error), Vec::new()),
    };
    let ok = result.is_ok() && !facts.is_empty() && facts.iter().all(|fact| fact.holds);
    if let Err(error) = &result {
        crate::complain(error);
    }
    if args.json {
        console.summary(ok, &facts);
    }
    if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Checks everything that can be wrong before anything is started.
fn prepare(args: &DemoArgs) -> Result<(Voice, Casting), DemoError> {
    // One address is Mallory's.
    if !(FEWEST_USERS..MAX_UES).contains(&args.users) {
        return Err(DemoError::Users(args.users));
    }
    let casting = Casting {
        users: args.users,
        sip: args.sip,
        service_configuration: args.service.configuration(&args.sip)?,
    };
    let voice = Voice::load(args.wav.as_deref())?;
    if let Some(path) = &args.pcap {
        for path in [path.clone(), opened_path(path)] {
            writable(&path)?;
        }
    }
    if let Some(path) = &args.keep {
        std::fs::create_dir_all(path).map_err(|error| DemoError::File {
            path: path.clone(),
            error,
        })?;
    }
    Ok((voice, casting))
}

/// Fails now rather than after the story, and leaves no empty file should there never be anything to write.
fn writable(path: &Path) -> Result<(), DemoError> {
    let is_new = !path.exists();
    let tried = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .and_then(|_| {
            if is_new {
                std::fs::remove_file(path)
            } else {
                Ok(())
            }
        });
    tried.map_err(|error| DemoError::File {
        path: path.to_owned(),
        error,
    })
}

fn play(
    args: &DemoArgs,
    casting: Casting,
    voice: &Arc<Voice>,
    console: &mut Console,
) -> (Result<(), DemoError>, Vec<Fact>) {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return (Err(DemoError::Runtime(error)), Vec::new()),
    };
    console.headline("Roger DEVELOPMENT demo: one MC domain on loopback");
    console.line(&format!(
        "{} users and one outsider; {:.1} s of speech to say",
        args.users,
        voice.seconds()
    ));
    for off in switched_off(&casting.service_configuration) {
        console.headline(&format!("OFF by the service configuration: {off}"));
    }
    let capture = Capture::default();
    let performed = runtime.block_on(perform(casting, voice, &capture, console));
    runtime.shutdown_timeout(core::time::Duration::from_secs(2));
    match performed {
        Ok((evidence, facts)) => {
            let kept = keep(args, voice, &evidence, console);
            console.verdict(&facts);
            (kept, facts)
        }
        Err(error) => {
            console.wipe();
            let kept = broken_off(args, &capture, console);
            (kept.and(Err(error)), Vec::new())
        }
    }
}

/// Plays the story and judges it, unless the user has had enough: what is dropped then takes its database along.
async fn perform(
    casting: Casting,
    voice: &Arc<Voice>,
    capture: &Capture,
    console: &mut Console,
) -> Result<(Evidence, Vec<Fact>), DemoError> {
    let mut stop = Stop::listen().map_err(DemoError::Runtime)?;
    let played = tokio::select! {
        played = story::play(casting, voice, capture, console) => played,
        signal = stop.next() => return Err(DemoError::Stopped(signal)),
    };
    let evidence = played.map_err(|failed| {
        console.failed(&failed.step, &failed.error.to_string());
        DemoError::Story
    })?;
    let begun = console.begin("verdict");
    let judging = tokio::task::spawn_blocking({
        let voice = Arc::clone(voice);
        move || {
            let facts = facts::judge(&evidence, &voice.codec);
            (evidence, facts)
        }
    });
    let (evidence, facts) = tokio::select! {
        judged = judging => judged?,
        signal = stop.next() => return Err(DemoError::Stopped(signal)),
    };
    let holding = facts.iter().filter(|fact| fact.holds).count();
    let detail = format!("{holding} of {} security facts hold", facts.len());
    console.done("verdict", begun, &detail);
    Ok((evidence, facts))
}

/// What crossed the sockets so far helps to find out why.
fn broken_off(args: &DemoArgs, capture: &Capture, console: &Console) -> Result<(), DemoError> {
    if let Some(path) = &args.pcap {
        let comment = format!("{COMMENT} The story broke off.");
        write_pcap(path, &capture.packets(), &comment).map_err(|error| DemoError::Pcap {
            path: path.clone(),
            error,
        })?;
        console.line(&format!("captured so far: {}", path.display()));
    }
    Ok(())
}

/// Writes the files that were asked for.
fn keep(
    args: &DemoArgs,
    voice: &Voice,
    evidence: &Evidence,
    console: &Console,
) -> Result<(), DemoError> {
    if let Some(path) = &args.pcap {
        write_captures(path, evidence)?;
        console.line(&format!(
            "captured: {} ({} packets), floor control opened: {}",
            path.display(),
            evidence.packets.len(),
            opened_path(path).display()
        ));
    }
    if let Some(folder) = &args.keep {
        let files = save_heard(folder, voice, evidence)?;
        console.line(&format!("{files} WAV files in {}", folder.display()));
    }
    Ok(())
}

fn write_captures(path: &Path, evidence: &Evidence) -> Result<(), DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| DemoError::Pcap { path, error }
    };
    write_pcap(path, &evidence.packets, COMMENT).map_err(failed(path))?;
    let opened = opened::opened_packets(evidence);
    let path = opened_path(path);
    write_pcap(&path, &opened, opened::COMMENT).map_err(failed(&path))
}

/// `x.pcap` → `x.opened.pcap`.
fn opened_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
    name.push(".opened");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn save_heard(folder: &Path, voice: &Voice, evidence: &Evidence) -> Result<usize, DemoError> {
    let mut files = 0;
    for (number, burst) in (1..).zip(&evidence.bursts) {
        for copy in &burst.heard {
            let samples = voice.codec.decode(&copy.frames)?;
            let path = folder.join(format!("{number}-{}-{}.wav", burst.title, copy.listener));
            roger_audio::write_wav(&path, &samples).map_err(|fault| DemoError::Wav {
                path: path.clone(),
                fault,
            })?;
            files += 1;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opened_capture_lies_beside_the_other() {
        let opened = |path: &str| opened_path(Path::new(path));
        assert_eq!(opened("a/x.pcap"), Path::new("a/x.opened.pcap"));
        assert_eq!(opened("x"), Path::new("x.opened"));
    }
}
