//! Where the CPU time of the server goes: thread clocks around the marks that the servers set (`roger::cpu`), and the
//! threads of database and audit log by their names.

use crate::error::BenchError;
use crate::system::thread_time;
use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::OnceLock;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// The target of the marks.
const TARGET: &str = "roger::cpu";

/// The marks, in the order of their spans' numbers.
const MARKS: [&str; 7] = [
    "crypto", "wrap", "xml", "token", "password", "tls", "socket",
];

/// CPU time inside each mark, without the marks inside it, in nanoseconds.
static TIMES: [AtomicU64; MARKS.len()] = [const { AtomicU64::new(0) }; MARKS.len()];

/// Only while it is measured are clocks read.
static RUNNING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Marks that are open on this thread, and when the innermost one began or went on.
    static OPEN: RefCell<(Vec<usize>, Duration)> = const { RefCell::new((Vec::new(), Duration::ZERO)) };
}

/// Adds up what is between entering and leaving a mark.
struct Adder;

impl Subscriber for Adder {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.target() == TARGET {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let name = span.metadata().name();
        let place = MARKS.iter().position(|mark| *mark == name);
        // One beyond the marks for a name that is not among them: it is not counted.
        Id::from_u64(place.unwrap_or(MARKS.len()) as u64 + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        let place = usize::try_from(span.into_u64()).unwrap_or(usize::MAX) - 1;
        turn(|open| open.push(place));
    }

    fn exit(&self, _: &Id) {
        turn(|open| {
            open.pop();
        });
    }
}

/// Books the time since the last turn to the innermost mark, then changes what is open.
fn turn(change: impl FnOnce(&mut Vec<usize>)) {
    OPEN.with_borrow_mut(|(open, since)| {
        if RUNNING.load(Ordering::Relaxed) {
            let now = thread_time();
            let innermost = open.last().and_then(|place| TIMES.get(*place));
            if let Some(time) = innermost {
                let spent = now.saturating_sub(*since).as_nanos();
                time.fetch_add(u64::try_from(spent).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
            *since = now;
        } else {
            *since = thread_time();
        }
        change(open);
    });
}

/// CPU times since [`Clocks::start`].
pub(super) struct Clocks {
    process: Duration,
    own: Duration,
    threads: Threads,
}

/// What was used.
pub(super) struct Used {
    /// All threads of the process.
    process: Duration,
    /// This thread.
    own: Duration,
    /// The threads of the database.
    pub(super) store: Duration,
    /// The thread of the audit log.
    pub(super) audit: Duration,
    marks: [Duration; MARKS.len()],
}

impl Used {
    /// What is left for the server: without the generator, and without this thread, which waits.
    pub(super) fn server(&self, generator: Duration) -> Duration {
        let both = generator.saturating_add(self.own);
        self.process.saturating_sub(both)
    }

    /// Inside a mark.
    pub(super) fn mark(&self, name: &str) -> Duration {
        let place = MARKS.iter().position(|mark| *mark == name);
        let time = place.and_then(|place| self.marks.get(place));
        time.copied().unwrap_or_default()
    }
}

impl Clocks {
    /// Begins to count.
    ///
    /// # Errors
    /// [`BenchError::LocalSystem`] when the system does not tell CPU times, or another subscriber is installed.
    pub(super) fn start() -> Result<Self, BenchError> {
        static INSTALLED: OnceLock<bool> = OnceLock::new();
        let installed =
            *INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Adder).is_ok());
        if !installed {
            let taken = std::io::Error::other("another subscriber of spans is installed");
            return Err(BenchError::system("CPU marks")(taken));
        }
        for time in &TIMES {
            time.store(0, Ordering::Relaxed);
        }
        RUNNING.store(true, Ordering::Relaxed);
        Ok(Self {
            process: crate::system::process_time(),
            own: thread_time(),
            threads: Threads::now()?,
        })
    }

    /// What was used since.
    ///
    /// # Errors
    /// [`BenchError::LocalSystem`] when the system does not tell CPU times.
    pub(super) fn stop(self) -> Result<Used, BenchError> {
        RUNNING.store(false, Ordering::Relaxed);
        let now = Threads::now()?;
        let load = |time: &AtomicU64| Duration::from_nanos(time.load(Ordering::Relaxed));
        Ok(Used {
            process: crate::system::process_time().saturating_sub(self.process),
            own: thread_time().saturating_sub(self.own),
            store: now.store.saturating_sub(self.threads.store),
            audit: now.audit.saturating_sub(self.threads.audit),
            marks: TIMES.each_ref().map(load),
        })
    }
}

/// CPU times of threads with a known name.
struct Threads {
    store: Duration,
    audit: Duration,
}

impl Threads {
    fn now() -> Result<Self, BenchError> {
        let mut threads = Self {
            store: Duration::ZERO,
            audit: Duration::ZERO,
        };
        let folder = std::fs::read_dir("/proc/self/task");
        for task in folder.map_err(BenchError::system("/proc/self/task"))? {
            let path = task.map_err(BenchError::system("/proc/self/task"))?.path();
            // A thread may have ended since; then it was none of these.
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            let time = match name.trim_end() {
                // Ours, and the one in which the library of the database runs (names have 15 octets).
                "roger-store" | "sqlx-sqlite-wor" => &mut threads.store,
                "roger-audit" => &mut threads.audit,
                _ => continue,
            };
            let text = std::fs::read_to_string(path.join("schedstat"));
            let text = text.map_err(BenchError::system("schedstat"))?;
            let on_cpu = text.split(' ').next().and_then(|text| text.parse().ok());
            *time += Duration::from_nanos(on_cpu.unwrap_or_default());
        }
        Ok(threads)
    }
}
