//! Processes of this program, where they run and what they cost.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// This process on the second processor.
pub fn pin_self() {
    pin(&std::process::id().to_string(), "1");
}

/// A process that runs, on one processor.
pub fn pin(process: &str, processor: &str) {
    let pinned = Command::new("taskset")
        .args(["-acp", processor, process])
        .output();
    if !pinned.is_ok_and(|output| output.status.success()) {
        eprintln!("no taskset, or one processor only: nothing is pinned");
    }
}

/// Another process of this program, on one processor, as nice as said.
pub fn spawn(processor: &str, nice: &str, words: &[String]) -> Child {
    let own = std::env::current_exe().unwrap();
    let pinned = Command::new("taskset").arg("-V").output().is_ok();
    let mut command = if pinned {
        let mut command = Command::new("taskset");
        command.args(["-c", processor, "nice", "-n", nice]).arg(own);
        command
    } else {
        Command::new(own)
    };
    let piped = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    piped.spawn().unwrap()
}

/// Resident memory of this process in octets.
pub fn resident() -> usize {
    memory("self", "VmRSS:")
}

fn memory(process: &str, field: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    let kibibytes = line.split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}

/// Time on the processor (0), or ready to run while others had it (1).
pub fn scheduled(process: &str, field: usize) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap();
    let nanoseconds = text.split_whitespace().nth(field).unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}

/// A core that runs.
pub struct Core {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

/// What a core says of itself.
#[derive(Debug, Default, Clone, Copy)]
pub struct State {
    pub transactions: usize,
    pub registrations: usize,
    pub overloaded: u64,
    pub unanswered: u64,
    pub shed: u64,
    pub panics: u64,
}

impl Core {
    /// `authentication` is `digest` or `none`; `cost` is what looking a subscriber up takes, in microseconds.
    pub fn start(authentication: &str, cost: u32, transactions: usize) -> Self {
        let words = [
            "serve".into(),
            authentication.into(),
            cost.to_string(),
            transactions.to_string(),
        ];
        let mut child = spawn("0", "0", &words);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            address: line.trim().parse().unwrap(),
            child,
            output,
        }
    }

    pub fn state(&mut self) -> State {
        self.input.write_all(b"state\n").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut numbers = line
            .split_whitespace()
            .map(|word| word.parse::<u64>().unwrap());
        let mut next = || numbers.next().unwrap();
        State {
            transactions: next() as usize,
            registrations: next() as usize,
            overloaded: next(),
            unanswered: next(),
            shed: next(),
            panics: next(),
        }
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Duration {
        self.scheduled(0)
    }

    /// How long the core was ready to run so far while others had its processor.
    pub fn waited(&self) -> Duration {
        self.scheduled(1)
    }

    fn scheduled(&self, field: usize) -> Duration {
        scheduled(&self.child.id().to_string(), field)
    }

    /// Resident memory in octets, `VmRSS` now or `VmHWM` at most.
    pub fn memory(&self, field: &str) -> usize {
        memory(&self.child.id().to_string(), field)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
