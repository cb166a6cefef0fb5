//! `roger ue`: one user with her UE in a terminal. She logs in, fetches her keys, registers, is authorised, takes the
//! group key, affiliates, and talks: by the space bar, or a recording with `--say`.
//!
//! The servers are those of `roger dev`; [`state`] says where they are and holds the user's account.

mod arrival;
mod calls;
mod command;
mod events;
mod keep;
mod keyboard;
mod lines;
mod news;
mod password;
mod place;
mod plan;
mod screen;
mod session;
pub(crate) mod state;
mod talking;
mod typing;

use crate::stop::Stop;
use crate::system::{MC_DOMAIN, SystemError, group_id, mcptt_id};
use arrival::{Arrival, ArrivalError, OnAir};
use clap::Args;
use core::time::Duration;
use keep::Keep;
use keyboard::Keyboard;
use lines::Lines;
use news::{News, name_of};
use password::{Ask, Password};
use place::Place;
use roger_audio::WavFault;
use roger_base::{GroupId, McpttId};
use roger_ue::shell::{Speech, SpeechError, Taps};
use screen::{Audience, OutputFormat, Screen, visible};
use session::{Kit, Say, Session, Wishes};
use state::{Account, State, StateError, file_named, servers_ended};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use talking::Recording;
use thiserror::Error;

/// Longest stay, so that the end is a point in time.
const MAX_STAY_SECONDS: u64 = 366 * 86_400;

/// Goes on the air as one user of `roger dev`: joins the group call, hears it, talks.
#[derive(Args)]
#[command(after_help = "\
At a terminal the space bar is the push-to-talk button; what it says is the recording of --say, else the program's
own speech. The key p asks where the UE is. Elsewhere each line on standard input is a command:
  at LATITUDE LONGITUDE   the UE is there now, such as: at 60.1699 24.9384
Where it is, it reports when the MCPTT server wants it, and to nobody else.

The password comes from ROGER_PASSWORD, else from the state file, else it is asked for.

Exit status: 0 when everything wanted was done, 1 when something was refused, 2 when a file or an argument is unusable.")]
pub(crate) struct UeArgs {
    /// Log-in name of the user.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Group to affiliate to: its name, or its whole ID.
    #[arg(long, value_name = "GROUP", required_unless_present = "call")]
    group: Option<String>,
    /// Says this WAV file (any rate, mono or stereo) as soon as the floor is granted: joins the call, or starts one.
    #[arg(long, value_name = "FILE")]
    say: Option<PathBuf>,
    /// Calls this user privately.
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    /// Saves every heard talk burst as a WAV file in this folder, named by time and speaker.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Leaves after so many seconds on the air; without it, Ctrl-C leaves.
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=MAX_STAY_SECONDS))]
    stay: Option<u64>,
    /// Where this UE is, in degrees, such as 60.1699,24.9384; south and west are negative.
    #[arg(long, value_name = "LATITUDE,LONGITUDE", allow_hyphen_values = true)]
    at: Option<Place>,
    /// State file of `roger dev`, or its folder [default: where `roger dev` writes it].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Asks for the password, whatever the state file says.
    #[arg(long)]
    ask_password: bool,
    /// Prints one JSON object a line instead of text.
    #[arg(long)]
    json: bool,
}

/// Why a user is not, or not as she wanted, on the air.
#[derive(Debug, Error)]
enum UeCommandError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{}: {fault}", path.display())]
    Wav { path: PathBuf, fault: WavFault },
    #[error("{}: {error}", path.display())]
    Folder { path: PathBuf, error: io::Error },
    #[error("{what} {text:?} is not usable: {error}")]
    Name {
        what: &'static str,
        text: String,
        error: String,
    },
    #[error("{user} cannot call herself")]
    Herself { user: String },
    #[error(transparent)]
    Codec(#[from] SpeechError),
    #[error("the account of {user} in the state file: {error}")]
    Account { user: String, error: SystemError },
    #[error("password of {user}: {error}")]
    Password { user: String, error: io::Error },
    #[error("the terminal: {0}")]
    Terminal(io::Error),
    #[error("tokio: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Arrival(#[from] ArrivalError),
    #[error("the recording was not said to its end, or the call did not come about")]
    NotSaid,
    #[error("the UE has stopped")]
    Stopped,
    #[error("the development servers have ended")]
    ServersEnded,
}

impl UeCommandError {
    /// Exit status: 2 for what the user of the command line can mend, 1 for what others refused.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Arrival(_) | Self::NotSaid | Self::Stopped | Self::ServersEnded => {
                ExitCode::FAILURE
            }
            _ => ExitCode::from(2),
        }
    }
}

/// Goes on the air, and gives the exit status.
pub(crate) fn run(args: &UeArgs) -> ExitCode {
    match prepare_and_go(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&visible(&error.to_string()));
            error.exit_code()
        }
    }
}

fn prepare_and_go(args: &UeArgs) -> Result<(), UeCommandError> {
    // Everything that can be wrong on this side is found before anything is sent.
    let path = file_named(args.state.as_deref())?;
    let state = State::read(&path)?;
    let account = state.account(&args.user, &path)?.clone();
    let format = match args.json {
        true => OutputFormat::Json,
        false => OutputFormat::Text,
    };
    let mut screen = Screen::new(Audience::of_stdout(format));
    let wishes = wishes(args, &path)?;
    let kit = kit(args, &screen)?;
    let ask = match args.ask_password {
        true => Ask::Always,
        false => Ask::WhenNeeded,
    };
    let found = Password::find(&args.user, &account.profile.password, ask);
    let password = found.map_err(|error| UeCommandError::Password {
        user: args.user.clone(),
        error,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(UeCommandError::Runtime)?;
    let gone = runtime.block_on(go(&account, wishes, kit, &password, &mut screen));
    runtime.shutdown_timeout(Duration::from_secs(1));
    gone
}

fn wishes(args: &UeArgs, path: &Path) -> Result<Wishes, UeCommandError> {
    let group = args.group.as_deref().map(named_group).transpose()?;
    let callee = args.call.as_deref().map(named_user).transpose()?;
    if callee.as_ref() == Some(&named_user(&args.user)?) {
        return Err(UeCommandError::Herself {
            user: args.user.clone(),
        });
    }
    Ok(Wishes {
        group,
        callee,
        say: match args.say {
            Some(_) => Say::Once,
            None => Say::ByButton,
        },
        stay: args.stay.map(Duration::from_secs),
        place: args.at.clone(),
        servers: path.to_owned(),
    })
}

/// The codec is loaded only for what needs it.
fn kit(args: &UeArgs, screen: &Screen) -> Result<Kit, UeCommandError> {
    let by_button = screen.audience() == Audience::Person;
    let talks = args.say.is_some() || by_button;
    let codec = match talks || args.keep.is_some() {
        true => Some(Speech::load()?),
        false => None,
    };
    let recording = match codec.as_ref().filter(|_| talks) {
        Some(codec) => Some(Recording::load(codec, args.say.as_deref())?),
        None => None,
    };
    Ok(Kit {
        codec,
        recording,
        keep: args.keep.as_deref().map(Keep::open).transpose()?,
        keyboard: None,
        lines: None,
    })
}

async fn go(
    account: &Account,
    wishes: Wishes,
    mut kit: Kit,
    password: &Password,
    screen: &mut Screen,
) -> Result<(), UeCommandError> {
    let mut stop = Stop::listen().map_err(UeCommandError::Runtime)?;
    let ended = servers_ended(wishes.servers.clone());
    let arriving = arrive(account, &wishes, password, screen);
    let air = tokio::select! {
        air = arriving => air?,
        () = ended => return Err(UeCommandError::ServersEnded),
        _ = stop.next() => return Ok(()),
    };
    if screen.audience() == Audience::Person {
        kit.keyboard = Some(Keyboard::open().map_err(UeCommandError::Terminal)?);
    } else {
        kit.lines = Lines::of_stdin();
    }
    screen.tell(&News::OnAir {
        user: name_of(&air.user),
        party: match &wishes.group {
            Some(group) => format!("affiliated to {group}"),
            None => "for private calls".to_owned(),
        },
    });
    Session::new(air, wishes, kit, screen).run(&mut stop).await
}

async fn arrive(
    account: &Account,
    wishes: &Wishes,
    password: &Password,
    screen: &Screen,
) -> Result<OnAir, UeCommandError> {
    let login = &account.profile.login;
    let config = account.profile.config(account.sip, Taps::default());
    let config = config.map_err(|error| UeCommandError::Account {
        user: login.clone(),
        error,
    })?;
    let arrival = Arrival::start(account, config, screen).await?;
    let user = named_user(login)?;
    Ok(arrival.go(&user, password, wishes.group.as_ref()).await?)
}

/// `fire-1` or `sip:fire-1@mcptt.example.org`.
fn named_group(text: &str) -> Result<GroupId, UeCommandError> {
    let group = match text.starts_with("sip:") {
        true => GroupId::new(text).map_err(SystemError::from),
        false => group_id(text),
    };
    group.map_err(|error| unusable("group", text, &error))
}

/// `bob` or `sip:bob@mcptt.example.org`.
fn named_user(text: &str) -> Result<McpttId, UeCommandError> {
    let user = match text.starts_with("sip:") {
        true => McpttId::new(text).map_err(SystemError::from),
        false => mcptt_id(text),
    };
    user.map_err(|error| unusable("user", text, &error))
}

fn unusable(what: &'static str, text: &str, error: &SystemError) -> UeCommandError {
    UeCommandError::Name {
        what,
        text: text.to_owned(),
        error: format!("{error} (its ID would be sip:{text}@{MC_DOMAIN})"),
    }
}
