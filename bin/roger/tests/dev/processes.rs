//! The built program as processes whose lines are awaited.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A wait that is longer than this has hung; it measures nothing.
const PATIENCE: Duration = Duration::from_secs(90);

/// The program under test.
pub fn roger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roger"));
    // What the caller of the tests has set is not for the program under test.
    for variable in ["ROGER_PASSWORD", "ROGER_LOG", "XDG_RUNTIME_DIR", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

/// What a finished process said.
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// Runs to the end.
pub fn finish(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Said {
        status: output.status,
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until something is so.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[derive(Default)]
struct Lines {
    lines: Mutex<(Vec<String>, usize)>,
    news: Condvar,
}

/// A running process.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Lines::default());
        let out = child.stdout.take().unwrap();
        let err = child.stderr.take().unwrap();
        let readers = vec![collect(out, &lines), collect(err, &lines)];
        Self {
            input: child.stdin.take(),
            child,
            lines,
            readers,
        }
    }

    /// Waits for a line, and gives it.
    pub fn expect(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.lines.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.0.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            let ended = lines.1 == self.readers.len();
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !ended && !left.is_zero(),
                "{what} did not come, but:\n{}",
                lines.0.join("\n")
            );
            lines = self.lines.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for an event of a UE with `--json`, and gives it.
    pub fn expect_event(&self, event: &str, who: Option<&str>) -> serde_json::Value {
        let wanted = |line: &str| {
            let value = json(line);
            value["event"] == event && who.is_none_or(|who| value["who"] == who)
        };
        json(&self.expect(event, wanted))
    }

    /// Every line until now.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lines.lock().unwrap().0.clone()
    }

    /// Types at its terminal.
    pub fn press(&mut self, keys: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    pub fn signal(&self, name: &str) {
        // The shell has it built in; the program of that name is not on every Debian.
        let command = format!("kill -s {name} {}", self.child.id());
        let done = Command::new("sh").args(["-c", &command]).status();
        assert!(done.unwrap().success());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.readers
                    .drain(..)
                    .for_each(|reader| reader.join().unwrap());
                return status;
            }
            assert!(
                Instant::now() < until,
                "it did not end:\n{}",
                self.lines().join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ctrl-C, and the end.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("INT");
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, lines: &Arc<Lines>) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lines.lock().unwrap().0.push(line);
            lines.news.notify_all();
        }
        lines.lines.lock().unwrap().1 += 1;
        lines.news.notify_all();
    })
}

/// A line as JSON; nothing for a line that is none.
fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_default()
}

/// Running development servers with a folder of their own.
pub struct Dev {
    pub process: Process,
    pub folder: TempDir,
    pub block: String,
}

impl Dev {
    /// Starts servers with so many users, on a block that nobody has.
    pub fn start(users: usize) -> Self {
        Self::start_with(users, &[])
    }

    /// The same with further options.
    pub fn start_with(users: usize, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for attempt in 0..16u32 {
            let block = block(attempt);
            let mut command = Self::command(&block, &folder.path().join("state"));
            command.args(["--users", &users.to_string()]).args(options);
            let mut process = Process::start(&mut command);
            let line = process.expect("the end of the start", |line| {
                line.contains("Ctrl-C stops") || line.starts_with("roger: ")
            });
            if line.contains("Ctrl-C stops") {
                return Self {
                    process,
                    folder,
                    block,
                };
            }
            assert!(line.contains("in use"), "{line}");
            process.wait();
        }
        panic!("no block of addresses is free");
    }

    /// The command; the database is put beside the state folder, so that what a killed program leaves goes too.
    pub fn command(address: &str, state: &Path) -> Command {
        let mut command = roger();
        command
            .env("TMPDIR", state.parent().unwrap())
            .args(["dev", "--address", address, "--state"])
            .arg(state);
        command
    }

    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn state_file(&self) -> PathBuf {
        self.state_folder().join("dev.json")
    }

    /// `roger ue` for a user of these servers.
    pub fn ue(&self, user: &str) -> Command {
        let mut command = roger();
        command
            .args(["ue", "--user", user, "--state"])
            .arg(self.state_file());
        command
    }

    /// A UE of the group that tells its news as JSON.
    pub fn member(&self, user: &str) -> Command {
        let mut command = self.ue(user);
        command.args(["--group", "fire-1", "--json"]);
        command
    }
}

/// A block that differs from process to process, away from the usual one.
fn block(attempt: u32) -> String {
    let number = std::process::id()
        .wrapping_mul(31)
        .wrapping_add(attempt * 7);
    let (a, b) = (number / 200 % 100 + 100, number % 200 + 20);
    let address = format!("127.{a}.{b}.0/24");
    assert!(
        address[..address.len() - 3]
            .parse::<IpAddr>()
            .unwrap()
            .is_loopback()
    );
    address
}
