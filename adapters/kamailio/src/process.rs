//! The child process: started, asked until it serves, ended with everything it forked.

use crate::files;
use crate::settings::KamailioSettings;
use core::time::Duration;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use thiserror::Error;

/// Debian installs it where the path of an ordinary user does not lead.
const BESIDE_THE_PATH: &str = "/usr/sbin";
/// Longest wait until it serves, and between two questions.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for its end before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Shared and private memory in megabytes.
const MEMORY: [&str; 4] = ["-m", "64", "-M", "8"];
/// Lines of its log in an error.
const LINES: usize = 6;

/// Why Kamailio does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KamailioError {
    /// The program is missing: install the package.
    #[error("the program kamailio is not installed; on Debian: apt-get install kamailio")]
    LocalNotInstalled,
    /// A value that has a meaning of its own in the configuration.
    #[error("{0:?} cannot stand in Kamailio's configuration")]
    LocalSetting(String),
    /// Files of the run, or the start of a process.
    #[error("Kamailio: {0}")]
    LocalSystem(#[from] std::io::Error),
    /// It ended at once; the end of its log says why.
    #[error("Kamailio ended at its start: {0}")]
    LocalEnded(String),
    /// It runs and does not answer.
    #[error("Kamailio does not serve at {at}: {log}")]
    LocalSilent {
        /// Where it should.
        at: SocketAddr,
        /// The end of its log.
        log: String,
    },
}

/// A running Kamailio. It ends when this is dropped, and with this process however that ends.
#[derive(Debug)]
pub struct Kamailio {
    group: Pid,
    ended: mpsc::Receiver<ExitStatus>,
    keeper: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl Kamailio {
    /// Starts it and waits until it serves; blocks for a second or so.
    ///
    /// # Errors
    /// [`KamailioError`] in words for the user.
    pub fn start(settings: &KamailioSettings) -> Result<Self, KamailioError> {
        let program = program()?;
        let folder = tempfile::Builder::new()
            .prefix("roger-kamailio-")
            .tempdir()?;
        files::write(settings, folder.path())?;
        let command = command(&program, folder.path())?;
        let (group, ended, keeper) = spawn(command)?;
        let running = Self {
            group,
            ended,
            keeper: Some(keeper),
            folder,
        };
        running.wait_until_it_serves(settings.address)?;
        Ok(running)
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Number of its process group, to measure what it costs.
    #[must_use]
    pub fn process_group(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    fn wait_until_it_serves(&self, at: SocketAddr) -> Result<(), KamailioError> {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if self.ended.recv_timeout(PAUSE).is_ok() {
                return Err(KamailioError::LocalEnded(self.end_of_log()));
            }
            if serves(at) {
                return Ok(());
            }
        }
        let log = self.end_of_log();
        Err(KamailioError::LocalSilent { at, log })
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let telling = |line: &&str| line.contains("ERROR") || line.contains("CRITICAL");
        let mut lines: Vec<&str> = log.lines().filter(telling).collect();
        if lines.is_empty() {
            lines = log.lines().collect();
        }
        let from = lines.len().saturating_sub(LINES);
        lines.split_off(from).join(" | ")
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = kill_process_group(self.group, Signal::TERM);
        if self.ended.recv_timeout(END_PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn program() -> Result<PathBuf, KamailioError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    program_in(std::env::split_paths(&path).chain([PathBuf::from(BESIDE_THE_PATH)]))
}

fn program_in(folders: impl Iterator<Item = PathBuf>) -> Result<PathBuf, KamailioError> {
    let mut files = folders.map(|folder| folder.join("kamailio"));
    let found = files.find(|file| file.is_file());
    found.ok_or(KamailioError::LocalNotInstalled)
}

/// In a process group of its own: the terminal's Ctrl-C comes to this process, which ends the group in order.
fn command(program: &Path, folder: &Path) -> Result<Command, KamailioError> {
    let log = File::create(folder.join("log"))?;
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command.arg("-f").arg(folder.join("kamailio.cfg"));
    command.arg("-P").arg(folder.join("pid"));
    command.arg("-w").arg(folder).arg("-Y").arg(folder);
    // In the foreground, with its children, and its log on standard error.
    command.args(["-DD", "-E"]).args(MEMORY);
    command.stdin(Stdio::null()).stdout(log.try_clone()?);
    command.stderr(log).process_group(0);
    Ok(command)
}

type Spawned = (Pid, mpsc::Receiver<ExitStatus>, JoinHandle<()>);

/// The system ends it with the thread that began it: a thread that does nothing else.
fn spawn(mut command: Command) -> Result<Spawned, KamailioError> {
    let (begun, begin) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let keeper = std::thread::spawn(move || {
        let spawned = command.spawn();
        let pid = spawned.as_ref().map(Pid::from_child);
        let _ = begun.send(pid.map_err(|error| std::io::Error::from(error.kind())));
        if let Ok(status) = spawned.and_then(wait) {
            let _ = end.send(status);
        }
    });
    let gone = |_| std::io::Error::other("the thread that starts it ended");
    let pid = begin.recv().map_err(gone)??;
    Ok((pid, ended, keeper))
}

fn wait(mut child: Child) -> std::io::Result<ExitStatus> {
    child.wait()
}

/// Whether OPTIONS gets its 200.
fn serves(at: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&at, PAUSE) else {
        return false;
    };
    let from = stream
        .local_addr()
        .map_or_else(|_| at.to_string(), |own| own.to_string());
    let request = format!(
        "OPTIONS sip:{at} SIP/2.0\r\nVia: SIP/2.0/TCP {from};branch=z9hG4bKstart\r\nMax-Forwards: 1\r\n\
         From: <sip:{from}>;tag=1\r\nTo: <sip:{at}>\r\nCall-ID: start-{from}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    // All of it: an end with something unread would be a reset, which Kamailio reports as an error.
    let mut answer = [0; 2_048];
    let asked = stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read(&mut answer));
    asked.is_ok() && answer.starts_with(b"SIP/2.0 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_program_the_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let look = || program_in([folder.path().to_owned()].into_iter());
        let error = look().unwrap_err().to_string();
        assert!(error.contains("apt-get install kamailio"), "{error}");
        let program = folder.path().join("kamailio");
        std::fs::write(&program, "").unwrap();
        assert_eq!(look().unwrap(), program);
    }
}
