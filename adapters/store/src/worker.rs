//! The thread that owns the connection.

use crate::StoreFault;
use core::time::Duration;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};

/// Calls that wait for the thread; one more waits for room.
const QUEUE: usize = 1024;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&Runtime, &mut SqliteConnection) + Send>;

pub(crate) struct Worker {
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

fn migrations() -> Migrator {
    let numbered = [
        (
            1,
            "identity",
            include_str!("../migrations/sqlite/0001_identity.sql"),
        ),
        (
            2,
            "keys",
            include_str!("../migrations/sqlite/0002_keys.sql"),
        ),
        (
            3,
            "groups",
            include_str!("../migrations/sqlite/0003_groups.sql"),
        ),
        (
            4,
            "subscribers",
            include_str!("../migrations/sqlite/0004_subscribers.sql"),
        ),
        (
            5,
            "mark",
            include_str!("../migrations/sqlite/0005_mark.sql"),
        ),
        (
            6,
            "set_aside",
            include_str!("../migrations/sqlite/0006_set_aside.sql"),
        ),
        (
            10,
            "kms_domains",
            include_str!("../migrations/sqlite/0010_kms_domains.sql"),
        ),
        (
            20,
            "sign_on",
            include_str!("../migrations/sqlite/0020_sign_on.sql"),
        ),
        (
            21,
            "registration_permits",
            include_str!("../migrations/sqlite/0021_registration_permits.sql"),
        ),
        (
            22,
            "passkeys",
            include_str!("../migrations/sqlite/0022_passkeys.sql"),
        ),
        (
            30,
            "pre_issued",
            include_str!("../migrations/sqlite/0030_pre_issued.sql"),
        ),
        (
            40,
            "agencies",
            include_str!("../migrations/sqlite/0040_agencies.sql"),
        ),
    ];
    let migrations = numbered.map(|(version, name, sql)| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.into())
}

impl Worker {
    /// Opens the file on a new thread and brings its tables up to date.
    pub(crate) fn start(path: &Path) -> Result<Self, StoreFault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when the call returns: a code or key once answered is never forgotten.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let (opened, opening) = sync_channel(1);
        let unavailable = |error: std::io::Error| StoreFault::LocalUnavailable(error.to_string());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(unavailable)?;
        let thread = std::thread::Builder::new()
            .name("roger-store".to_owned())
            .spawn(move || {
                let connected = runtime.block_on(connect(&options));
                match connected {
                    Ok(connection) => {
                        let _ = opened.send(Ok(()));
                        work(&runtime, connection, &queue);
                    }
                    Err(fault) => {
                        let _ = opened.send(Err(fault));
                    }
                }
            })
            .map_err(unavailable)?;
        opening.recv().map_err(|_| ended())??;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs reads in one transaction and waits for the answer.
    pub(crate) fn read<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFnOnce(&'c mut SqliteConnection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run("BEGIN", work)
    }

    /// Runs writes in one transaction and waits until they are on the disk; an error undoes them.
    pub(crate) fn write<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFnOnce(&'c mut SqliteConnection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run("BEGIN IMMEDIATE", work)
    }

    fn run<T, F>(&self, begin: &'static str, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFnOnce(&'c mut SqliteConnection) -> Result<T, StoreFault> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |runtime, connection| {
            let result = runtime.block_on(async {
                let mut transaction = connection.begin_with(begin).await?;
                let result = work(&mut transaction).await?;
                transaction.commit().await?;
                Ok(result)
            });
            let _ = answer.send(result);
        });
        let jobs = self.jobs.lock().map_err(|_| ended())?.clone();
        jobs.ok_or_else(ended)?.send(job).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

impl Drop for Worker {
    /// Waits for what was asked before, then closes the file.
    fn drop(&mut self) {
        if let Ok(jobs) = self.jobs.get_mut() {
            jobs.take();
        }
        if let Some(thread) = self.thread.get_mut().ok().and_then(Option::take) {
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreFault {
    StoreFault::LocalUnavailable("its thread has ended".to_owned())
}

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreFault> {
    let mut connection = options.connect().await?;
    migrations().run(&mut connection).await?;
    Ok(connection)
}

fn work(runtime: &Runtime, mut connection: SqliteConnection, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        job(runtime, &mut connection);
    }
    if let Err(error) = runtime.block_on(connection.close()) {
        tracing::warn!(%error, "the store did not close cleanly");
    }
}
