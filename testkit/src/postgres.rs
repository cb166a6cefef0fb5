//! A PostgreSQL server of its own for a test process.

use crate::skip;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// The owner of every database, and the password.
const OWNER: &str = "roger";
/// What no error and no log may show.
const PASSWORD: &str = "geheim-4711";
/// Who the server runs as when the tests run as the administrator, whom PostgreSQL refuses.
const UNPRIVILEGED: &str = "postgres";
/// How often it is asked whether it lets somebody in, and how long between.
const ASKED: usize = 600;
const PAUSE: Duration = Duration::from_millis(50);

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// A running server on a socket in a temporary folder; it ends and its folder goes when nobody has it any more. What it
/// has answered is on the disk.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    running: Mutex<Option<JoinHandle<()>>>,
    databases: AtomicUsize,
}

impl Postgres {
    /// The server of this process, started when there is none; `None` after saying that the test is skipped.
    ///
    /// # Panics
    /// When PostgreSQL is missing under continuous integration, or does not start.
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = lock(&SHARED);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let Some(programs) = programs() else {
            skip("PostgreSQL is not installed (packages.txt lists what the tests need)");
            return None;
        };
        let server = Arc::new(Self::new(programs));
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    #[allow(clippy::expect_used)]
    fn new(programs: PathBuf) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("roger-postgres")
            .tempdir()
            .expect("a temporary folder can be made");
        give_away(folder.path());
        let server = Self {
            programs,
            folder,
            running: Mutex::new(None),
            databases: AtomicUsize::new(0),
        };
        let password = server.path("password");
        std::fs::write(&password, PASSWORD).expect("the temporary folder can be written");
        give_away(&password);
        let made = server
            .program("initdb")
            .arg("--pgdata")
            .arg(server.path("data"))
            .args(["--username", OWNER, "--auth", "scram-sha-256", "--no-sync"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
            .arg("--pwfile")
            .arg(password)
            .output();
        succeeded("initdb", &made.expect("initdb can be run"));
        server.start();
        server
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name, PASSWORD)
    }

    /// The password in every URL of [`Self::database`].
    #[must_use]
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The URL of a database with a password.
    #[must_use]
    pub fn url(&self, database: &str, password: &str) -> String {
        let socket = self.folder.path().display();
        format!("postgres://{OWNER}:{password}@localhost/{database}?host={socket}")
    }

    /// Runs statements in the database of a URL and gives what they answer, a line for each row.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn run(&self, database: &str, statements: &str) -> String {
        let mut psql = self.client("psql", database);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--set", "ON_ERROR_STOP=1", "--command", statements]);
        text("psql", psql)
    }

    /// Everything in the database of a URL; octets are in hexadecimal.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        text("pg_dump", self.client("pg_dump", database))
    }

    /// Ends every connection, the server, and starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self) {
        self.stop("fast");
        self.start();
    }

    /// Ends the server as a loss of power would, and starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn crash(&self) {
        self.stop("immediate");
        self.start();
    }

    /// Ends the server.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self, mode: &str) {
        text("pg_ctl", self.ending(mode));
        if let Some(running) = lock(&self.running).take() {
            let _ = running.join();
        }
    }

    /// Starts the server.
    ///
    /// # Panics
    /// When it lets nobody in.
    #[allow(clippy::expect_used, clippy::panic)]
    pub fn start(&self) {
        let log = std::fs::File::create(self.path("log")).expect("the log can be written");
        let errors = log.try_clone().expect("the log can be written");
        let mut postgres = self.program("postgres");
        postgres.arg("-D").arg(self.path("data"));
        postgres.arg("-k").arg(self.folder.path());
        postgres.args(["-c", "listen_addresses=", "-c", "shared_buffers=16MB"]);
        postgres.args(["-c", "log_statement=all", "-c", "max_connections=200"]);
        postgres.stdin(Stdio::null()).stdout(log).stderr(errors);
        // The system ends it with the thread that began it: a thread that does nothing else.
        let running = std::thread::spawn(move || {
            let _ = postgres.status();
        });
        *lock(&self.running) = Some(running);
        for _ in 0..ASKED {
            let mut psql = self.client("psql", "postgres");
            psql.args(["--no-psqlrc", "--quiet", "--command", "SELECT 1"]);
            if psql.output().is_ok_and(|done| done.status.success()) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }

    /// What the server has logged since it started: every statement.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of the server, as somebody whom it accepts; it does not outlive this process.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if administrator() {
            command.args([
                "--reuid",
                UNPRIVILEGED,
                "--regid",
                UNPRIVILEGED,
                "--clear-groups",
            ]);
        }
        command.arg(program).current_dir(self.folder.path());
        command
    }

    /// A client program; `database` is a name or a URL of this server.
    fn client(&self, name: &str, database: &str) -> Command {
        let database = match database.split_once("@localhost/") {
            Some((_, rest)) => rest.split('?').next().unwrap_or_default(),
            None => database,
        };
        let mut command = Command::new(self.programs.join(name));
        command.env("PGPASSWORD", PASSWORD);
        command.args(["--username", OWNER, "--dbname", database, "--host"]);
        command.arg(self.folder.path());
        command
    }

    fn ending(&self, mode: &str) -> Command {
        let mut pg_ctl = self.program("pg_ctl");
        pg_ctl.args(["stop", "--silent", "--wait", "--mode", mode, "--pgdata"]);
        pg_ctl.arg(self.path("data"));
        pg_ctl
    }
}

impl Drop for Postgres {
    /// At once: what it has is thrown away.
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).take() {
            let _ = self.ending("immediate").output();
            let _ = running.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder of the newest server that is installed: Debian has none of its programs on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| {
        let folder = version.ok()?.path();
        let number: u32 = folder.file_name()?.to_str()?.parse().ok()?;
        let programs = folder.join("bin");
        programs
            .join("postgres")
            .is_file()
            .then_some((number, programs))
    });
    folders.max().map(|(_, programs)| programs)
}

fn administrator() -> bool {
    id(&["--user"]) == Some(0)
}

/// Makes a file the property of who the server runs as.
#[allow(clippy::expect_used)]
fn give_away(path: &Path) {
    if administrator() {
        let owner = id(&["--user", UNPRIVILEGED]).expect("the package postgresql makes this user");
        chown(path, Some(owner), None).expect("the administrator may give files away");
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// What a program says.
#[allow(clippy::expect_used)]
fn text(name: &str, mut command: Command) -> String {
    let output = command
        .output()
        .expect("the programs of PostgreSQL can be run");
    succeeded(name, &output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeded(name: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} fails: {said}");
}
