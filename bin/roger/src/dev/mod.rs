//! `roger dev`: the servers of one MC domain stay up on loopback, for people who develop against them.
//!
//! DEVELOPMENT only, by construction: the addresses are loopback or nothing starts, certificates, keys and passwords
//! are drawn for each run, and every line that it prints or logs says so. Nothing here may become reachable from a
//! command that serves real users: this module is named by the command line alone, under `roger dev`, and the system
//! that it starts only by `dev`, `demo` and `ue`. The tests below keep it so.

mod block;
mod log;

use crate::stop::Stop;
use crate::system::{
    Addresses, Dispatcher, MAX_UES, Person, ServiceConfigurationError, ServiceOptions, SipOptions,
    System, SystemError, SystemOptions, group_id, name, switched_off, usual_location_reports,
};
use crate::ue::state::{Account, State, StateError, StateFolder, StateGuard, default_folder};
use block::Block;
use clap::Args;
use log::MARK;
use roger_adapter_http::OsRandom;
use roger_documents::service_config::ServiceConfiguration;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use thiserror::Error;

/// The group that exists from the beginning.
const GROUP: &str = "fire-1";
/// Fewest users: a call needs two.
const FEWEST_USERS: usize = 2;
/// Longest wait for running requests when the servers stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the servers of one MC domain up on loopback, for development. Ctrl-C stops them.
#[derive(Args)]
#[command(after_help = "\
Addresses, in the block of --address (default 127.0.0.0/24); SIP is on TCP and UDP, HTTPS on TCP:
  .10:4431   IdM server (HTTPS)          .13:5060  SIP core
  .11:4432   KMS (HTTPS)                 .14:5060  MCPTT server, participating function
  .12:4433   GMS (HTTPS), :5060 (SIP)    .15:5060  MCPTT server, controlling function
  .100:5060  UE of the first user, .101:5060 of the second, and so on
  Media and floor control use UDP ports 20000 to 27999 of the MCPTT servers and the UEs.

Environment:
  ROGER_LOG  what is logged, such as debug or roger_mcptt=debug; info when absent")]
pub(crate) struct DevArgs {
    /// The /24 block of loopback to use, or any address in it; every other address is refused.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.0/24")]
    address: Block,
    /// Folder of the state file that `roger ue` reads, open to its owner only
    /// [default: $XDG_RUNTIME_DIR/roger, else roger-<uid> in the temporary folder].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Users of the group.
    #[arg(long, value_name = "N", default_value_t = FEWEST_USERS)]
    users: usize,
    #[command(flatten)]
    sip: SipOptions,
    #[command(flatten)]
    service: ServiceOptions,
}

#[derive(Debug, Error)]
enum DevError {
    #[error("--users {0}: at least {FEWEST_USERS} and at most {MAX_UES}")]
    Users(usize),
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    ServiceConfiguration(#[from] ServiceConfigurationError),
    #[error("tokio: {0}")]
    Runtime(io::Error),
}

/// Serves until it is told to stop, and gives the exit status.
pub(crate) fn run(args: &DevArgs) -> ExitCode {
    match start_and_serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn start_and_serve(args: &DevArgs) -> Result<(), DevError> {
    // Refused before anything is started, written or logged.
    let addresses = Addresses::around(args.address.address()).map_err(SystemError::from)?;
    if !(FEWEST_USERS..=MAX_UES).contains(&args.users) {
        return Err(DevError::Users(args.users));
    }
    let service_configuration = args.service.configuration(&args.sip)?;
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        None => default_folder()?,
    };
    let folder = StateFolder::open(&folder)?;
    log::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(DevError::Runtime)?;
    let served = runtime.block_on(serve(addresses, &folder, args, service_configuration));
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn serve(
    addresses: Addresses,
    folder: &StateFolder,
    args: &DevArgs,
    service_configuration: ServiceConfiguration,
) -> Result<(), DevError> {
    let mut stop = Stop::listen().map_err(DevError::Runtime)?;
    say(&format!(
        "starting the servers in {}",
        args_block(&addresses)
    ));
    let system = tokio::select! {
        system = start_system(addresses, args, service_configuration) => system?,
        signal = stop.next() => {
            say(&format!("{signal} before the servers were up"));
            return Ok(());
        }
    };
    let guard = write_state(&system, folder)?;
    announce(&system, &guard);
    let signal = stop.next().await;
    say(&format!("{signal}: stopping"));
    drop(guard);
    if tokio::time::timeout(STOP_PATIENCE, system.stop())
        .await
        .is_err()
    {
        say("running requests were cut off");
    }
    say("stopped; keys, passwords and database are gone");
    Ok(())
}

fn args_block(addresses: &Addresses) -> String {
    Block::of(addresses.idm().ip()).to_string()
}

async fn start_system(
    addresses: Addresses,
    args: &DevArgs,
    service_configuration: ServiceConfiguration,
) -> Result<System, DevError> {
    let draw = |name: &str| Person::draw(name, None, &mut OsRandom);
    let members: Result<Vec<Person>, _> =
        (0..args.users).map(|number| draw(&name(number))).collect();
    let (mut people, dispatcher) = (members?, draw("dispatcher")?);
    let members: Vec<_> = people
        .iter()
        .map(|person| person.mcptt_id.clone())
        .collect();
    people.push(dispatcher.clone());
    let options = SystemOptions {
        capture: None,
        people,
        administrators: BTreeSet::from([dispatcher.mcptt_id.clone()]),
        group_key_delays: None,
        sip: args.sip,
        service_configuration,
        location_reports: Some(usual_location_reports()),
    };
    let system = System::start(addresses, options).await?;
    let group = group_id(GROUP)?;
    Dispatcher::log_in(&system, &dispatcher)
        .await?
        .put_group(&group, &members)
        .await?;
    Ok(system)
}

/// The members of the group, who are the users of the state file; the last one is the dispatcher.
fn users(system: &System) -> impl Iterator<Item = (usize, &Person)> {
    let members = system.people.len().saturating_sub(1);
    system.people.iter().take(members).enumerate()
}

fn write_state(system: &System, folder: &StateFolder) -> Result<StateGuard, DevError> {
    let account = |(number, person): (usize, &Person)| Account {
        sip: system.addresses.ue(number),
        profile: system.ue_profile(person),
    };
    let state = State::new(vec![GROUP.to_owned()], users(system).map(account).collect());
    Ok(folder.write(&state)?)
}

fn announce(system: &System, guard: &StateGuard) {
    let addresses = &system.addresses;
    say("Roger DEVELOPMENT servers are up: not for production, on loopback only");
    for off in switched_off(&system.service_configuration) {
        say(&format!("OFF by the service configuration: {off}"));
    }
    say(&format!(
        "IdM       {}  at {}",
        system.idm_url(),
        addresses.idm()
    ));
    say(&format!(
        "KMS       {}  at {}",
        system.kms_url(),
        addresses.kms()
    ));
    say(&format!(
        "GMS       {}  at {}",
        system.xcap_root(),
        addresses.gms()
    ));
    say(&format!(
        "SIP core  sip:{} ({})",
        addresses.sip_core(),
        system.sip_options.core.name()
    ));
    say(&format!(
        "MCPTT     {} at {}, {} at {}",
        system.domain.participating,
        addresses.participating(),
        system.domain.controlling,
        addresses.controlling(),
    ));
    let members: Vec<&str> = users(system)
        .map(|(_, person)| person.login.as_str())
        .collect();
    say(&format!("group     {GROUP}: {}", members.join(", ")));
    for (number, person) in users(system) {
        say(&format!(
            "user      {:<8} password {}  UE at {}",
            person.login,
            person.password(),
            addresses.ue(number),
        ));
    }
    say(&format!("state     {}", guard.path().display()));
    say(&format!(
        "talk from another terminal: roger ue --user {} --group {GROUP}",
        members.first().copied().unwrap_or_default(),
    ));
    say("Ctrl-C stops the servers");
}

/// A line of the banner. Whoever closed the pipe does not want it.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{MARK} {text}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// Every source file of this program with its text, below `src`.
    fn sources() -> Vec<(PathBuf, String)> {
        fn collect(folder: &Path, root: &Path, found: &mut Vec<(PathBuf, String)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, root, found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    found.push((path.strip_prefix(root).unwrap().to_owned(), text));
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        collect(&root, &root, &mut found);
        assert!(found.len() > 10, "the sources were not found");
        found
    }

    /// Lines of code, without comments, that hold a text.
    fn lines_with<'t>(text: &'t str, wanted: &str) -> Vec<&'t str> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//") && line.contains(wanted))
            .collect()
    }

    #[test]
    fn only_the_dev_subcommand_reaches_this_module() {
        for (path, text) in sources() {
            if path.starts_with("dev") {
                continue;
            }
            let named = lines_with(&text, "dev::");
            let allowed = [
                "Dev(dev::DevArgs),",
                "Command::Dev(args) => dev::run(&args),",
            ];
            match path == Path::new("main.rs") {
                true => assert_eq!(named, allowed),
                false => assert!(named.is_empty(), "{}: {named:?}", path.display()),
            }
        }
    }

    #[test]
    fn only_demo_dev_and_ue_reach_the_system_on_loopback() {
        let allowed = ["system", "demo", "dev", "ue"];
        for (path, text) in sources() {
            if allowed.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let named = lines_with(&text, "system::");
            assert!(named.is_empty(), "{}: {named:?}", path.display());
        }
    }
}
