//! wolfSSL as a process of its own, built on the spot against the system's library.

use crate::domain::Domain;
use crate::error::BenchError;
use crate::operation::PeerOperation;
use core::time::Duration;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const SOURCE: &str = include_str!("../../../benches/peers/wolfssl_ibc.c");

/// The process; it ends when its input is closed. It runs on the cores that its starter was allowed.
pub(crate) struct Peer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    version: String,
    _folder: TempDir,
}

/// What the peer says of a run.
pub(crate) struct PeerRun {
    /// CPU time of the operations.
    pub(crate) time: Duration,
    /// How many succeeded.
    pub(crate) successes: u64,
    /// The input of the last one.
    pub(crate) index: usize,
    /// Results of the last one.
    pub(crate) results: Vec<Vec<u8>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.requests.take();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// Builds and starts it, with the domain's KMS.
    ///
    /// # Errors
    /// [`BenchError::PeerMissing`] without a compiler or the library's headers.
    pub(crate) fn start(domain: &Domain) -> Result<Self, BenchError> {
        let missing = |error: std::io::Error| BenchError::PeerMissing(error.to_string());
        let folder = tempfile::tempdir().map_err(missing)?;
        let program = compile(folder.path())?;
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(missing)?;
        let requests = child.stdin.take();
        let answers = child.stdout.take().ok_or_else(|| broken("no output"))?;
        let mut peer = Self {
            child,
            requests,
            answers: BufReader::new(answers),
            version: String::new(),
            _folder: folder,
        };
        peer.version = peer.ask("version", &[])?;
        let (ksak, z_t) = (domain.auth.to_secret(), domain.enc.to_secret());
        let kpak = domain.auth.public().as_octets();
        let public = domain.enc.public().as_octets();
        peer.tell("kms", &[ksak.expose(), kpak, z_t.expose(), public])?;
        Ok(peer)
    }

    /// Version of the library.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Replaces the inputs of the operations that follow.
    pub(crate) fn set_inputs<'i>(
        &mut self,
        inputs: impl IntoIterator<Item = &'i [Vec<u8>]>,
    ) -> Result<(), BenchError> {
        self.tell("inputs", &[])?;
        for input in inputs {
            let words: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
            self.tell("input", &words)?;
        }
        Ok(())
    }

    /// Makes so many operations over the inputs in turn.
    pub(crate) fn run(
        &mut self,
        operation: PeerOperation,
        count: usize,
    ) -> Result<PeerRun, BenchError> {
        let answer = self.ask(&format!("run {} {count}", operation.name()), &[])?;
        read_run(&answer).ok_or_else(|| broken(&answer))
    }

    fn tell(&mut self, request: &str, words: &[&[u8]]) -> Result<(), BenchError> {
        match self.ask(request, words)?.as_str() {
            "ok" => Ok(()),
            answer => Err(broken(answer)),
        }
    }

    fn ask(&mut self, request: &str, words: &[&[u8]]) -> Result<String, BenchError> {
        let words = words
            .iter()
            .map(|octets| format!(" {}", hex::encode(octets)));
        let line = format!("{request}{}\n", words.collect::<String>());
        let requests = self.requests.as_mut().ok_or_else(|| broken("ended"))?;
        let sent = requests.write_all(line.as_bytes());
        sent.map_err(|error| broken(&error.to_string()))?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer) {
            Ok(0) => Err(broken("it ended; its message is above")),
            Ok(_) => Ok(answer.trim_end().to_owned()),
            Err(error) => Err(broken(&error.to_string())),
        }
    }
}

fn read_run(answer: &str) -> Option<PeerRun> {
    let mut words = answer.split(' ');
    let time = Duration::from_nanos(words.next()?.parse().ok()?);
    let successes = words.next()?.parse().ok()?;
    let index = words.next()?.parse().ok()?;
    let results = words.map(hex::decode).collect::<Result<_, _>>().ok()?;
    Some(PeerRun {
        time,
        successes,
        index,
        results,
    })
}

fn compile(folder: &Path) -> Result<PathBuf, BenchError> {
    let missing = |reason: String| BenchError::PeerMissing(reason);
    let (source, program) = (folder.join("wolfssl_ibc.c"), folder.join("wolfssl_ibc"));
    std::fs::write(&source, SOURCE).map_err(|error| missing(error.to_string()))?;
    let mut command = Command::new("cc");
    command.arg("-O2").arg("-o").arg(&program).arg(&source);
    let output = command.args(["-lwolfssl", "-lm"]).output();
    let output = output.map_err(|error| missing(format!("cc: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| line.contains("error"));
        return Err(missing(first.unwrap_or("cc failed").to_owned()));
    }
    Ok(program)
}

fn broken(reason: &str) -> BenchError {
    BenchError::PeerBroken(reason.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::read_run;
    use core::time::Duration;

    #[test]
    fn an_answer_is_time_successes_index_and_results() {
        let run = read_run("1500 3 2 00ff 7f").unwrap();
        assert_eq!(run.time, Duration::from_nanos(1500));
        assert_eq!((run.successes, run.index), (3, 2));
        assert_eq!(run.results, [vec![0, 255], vec![127]]);
        assert!(read_run("1500 3 2").unwrap().results.is_empty());
    }

    #[test]
    fn other_lines_are_no_answers() {
        for line in ["", "ok", "1500 3", "1500 3 2 0", "-1 3 2", "1500 3 2 xx"] {
            assert!(read_run(line).is_none(), "{line}");
        }
    }
}
