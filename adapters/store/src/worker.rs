//! The threads that own the connections.

use crate::StoreFault;
use crate::database::Database;
use crate::sql::{Connection, Transaction};
use core::time::Duration;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};

/// Calls that wait for a thread; one more waits for room.
const QUEUE: usize = 1024;
/// How often writes may get in each other's way before one of them is done alone.
const TRIES_BESIDE_OTHERS: usize = 4;
/// Longest time that a transaction waits for its begin, and longest that it takes from there: after it the connection
/// is given up.
const LONGEST: Duration = Duration::from_secs(90);

type Job = Box<dyn FnOnce(&Runtime, &mut Link) + Send>;

pub(crate) struct Worker {
    jobs: Mutex<Option<SyncSender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Worker {
    /// Connects on threads of its own and brings the tables up to date.
    pub(crate) fn start(database: Database) -> Result<Self, StoreFault> {
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let (opened, opening) = sync_channel(1);
        let first = Link::new(database);
        let mut threads = Vec::new();
        for _ in 1..first.database.connections() {
            // These connect when there is something to do.
            let link = Link::new(first.database.clone());
            threads.push(spawn(link, Arc::clone(&queue), None)?);
        }
        threads.push(spawn(first, queue, Some(opened))?);
        opening.recv().map_err(|_| ended())??;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            threads: Mutex::new(threads),
        })
    }

    /// Runs reads in one transaction and waits for the answer.
    pub(crate) fn read<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run(Transaction::Read, work)
    }

    /// Runs writes in one transaction and waits until they are on the disk; an error undoes them. The outcome is that
    /// of one write after the other; for that the work may be done more than once, each time after it was undone.
    /// It has to pass on every error of the database.
    pub(crate) fn write<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run(Transaction::Write, work)
    }

    /// Reads by one statement.
    pub(crate) fn read_statement<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run(Transaction::ReadStatement, work)
    }

    /// The same as [`Self::write`] for one statement.
    pub(crate) fn write_statement<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        self.run(Transaction::WriteStatement, work)
    }

    fn run<T, F>(&self, transaction: Transaction, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |runtime, link| {
            let _ = answer.send(runtime.block_on(link.run(transaction, &work)));
        });
        let jobs = self.jobs.lock().map_err(|_| ended())?.clone();
        jobs.ok_or_else(ended)?.send(job).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

impl Drop for Worker {
    /// Waits for what was asked before, then closes the connections.
    fn drop(&mut self) {
        if let Ok(jobs) = self.jobs.get_mut() {
            jobs.take();
        }
        for thread in self
            .threads
            .get_mut()
            .into_iter()
            .flat_map(|threads| threads.drain(..))
        {
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreFault {
    StoreFault::LocalUnavailable("its thread has ended".to_owned())
}

/// A thread that works off the queue; one that is to tell first opens the database.
fn spawn(
    mut link: Link,
    queue: Arc<Mutex<Receiver<Job>>>,
    tell: Option<SyncSender<Result<(), StoreFault>>>,
) -> Result<JoinHandle<()>, StoreFault> {
    let unavailable = |error: std::io::Error| StoreFault::LocalUnavailable(error.to_string());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unavailable)?;
    std::thread::Builder::new()
        .name("roger-store".to_owned())
        .spawn(move || {
            if let Some(tell) = tell {
                let opened = runtime.block_on(link.open());
                let failed = opened.is_err();
                let _ = tell.send(opened);
                if failed {
                    return;
                }
            }
            while let Some(job) = next(&queue) {
                job(&runtime, &mut link);
            }
            runtime.block_on(link.close());
        })
        .map_err(unavailable)
}

/// The next job; none when the store is no longer used.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().ok()?.recv().ok()
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, StoreFault> {
    let silent = |_| StoreFault::LocalUnavailable("the database does not answer".to_owned());
    tokio::time::timeout(LONGEST, work).await.map_err(silent)
}

/// A connection that comes back when it was lost.
struct Link {
    database: Database,
    connection: Option<Connection>,
}

impl Link {
    const fn new(database: Database) -> Self {
        Self {
            database,
            connection: None,
        }
    }

    async fn open(&mut self) -> Result<(), StoreFault> {
        self.connection = Some(self.database.open().await?);
        Ok(())
    }

    async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store did not close cleanly");
        }
    }

    /// Does the work in a transaction, again when others came in between, at last alone.
    async fn run<T, F>(&mut self, transaction: Transaction, work: &F) -> Result<T, StoreFault>
    where
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault>,
    {
        for _ in 0..TRIES_BESIDE_OTHERS {
            match self.once(transaction, work).await {
                Err(StoreFault::LocalContended) => {}
                done => return done,
            }
        }
        self.once(transaction.alone(), work).await
    }

    async fn once<T, F>(&mut self, transaction: Transaction, work: &F) -> Result<T, StoreFault>
    where
        F: for<'c> AsyncFn(&'c mut Connection) -> Result<T, StoreFault>,
    {
        let mut connection = in_time(self.begun(transaction)).await??;
        let work = async {
            let result = work(&mut connection).await?;
            connection.commit(transaction).await?;
            Ok(result)
        };
        // What a connection is still doing that gave no answer in time nobody can say: it is not used again.
        let done = in_time(work).await?;
        // A connection that cannot undo what was begun is lost, or has undone it with the failure; the next call
        // begins with a new one.
        if done.is_ok() || connection.roll_back(transaction).await.is_ok() {
            self.connection = Some(connection);
        }
        done
    }

    /// The connection with a transaction begun. One that was lost while nobody used it is replaced.
    async fn begun(&mut self, transaction: Transaction) -> Result<Connection, StoreFault> {
        if let Some(mut connection) = self.connection.take() {
            match (connection.begin(transaction).await, &connection) {
                (Ok(()), _) => return Ok(connection),
                (Err(error), Connection::Sqlite(_)) => {
                    self.connection = Some(connection);
                    return Err(error.into());
                }
                (Err(_), Connection::Postgres(_)) => {}
            }
        }
        let mut connection = self.database.connect().await?;
        connection.begin(transaction).await?;
        Ok(connection)
    }
}
