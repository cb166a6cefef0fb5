//! The threads that own the connections.

mod job;
mod link;

use crate::StoreFault;
use crate::database::Database;
use crate::sql::{Connection, Transaction};
use job::{Call, Job};
use link::Link;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::runtime::Builder;

/// Calls that wait for a thread; one more waits for room.
const QUEUE: usize = 1024;

pub(crate) struct Worker {
    jobs: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Worker {
    /// Connects on threads of its own and brings the tables up to date.
    pub(crate) fn start(database: Database) -> Result<Self, StoreFault> {
        let (jobs, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let (opened, opening) = sync_channel(1);
        let mut threads = Vec::new();
        for _ in 1..database.connections() {
            // These connect when there is something to do.
            let link = Link::new(database.clone());
            threads.push(spawn(link, Arc::clone(&queue), None)?);
        }
        threads.push(spawn(Link::new(database), queue, Some(opened))?);
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
        let (caller, answered) = sync_channel(1);
        let call = Call {
            transaction,
            work,
            found: None,
            caller,
        };
        let jobs = self.jobs.lock().map_err(|_| ended())?.clone();
        let jobs = jobs.ok_or_else(ended)?;
        jobs.send(Box::new(call)).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

impl Drop for Worker {
    /// Waits for what was asked before, then closes the connections.
    fn drop(&mut self) {
        if let Ok(jobs) = self.jobs.get_mut() {
            jobs.take();
        }
        if let Ok(threads) = self.threads.get_mut() {
            for thread in threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}

fn ended() -> StoreFault {
    StoreFault::LocalUnavailable("its thread has ended".to_owned())
}

/// A thread that works off the queue; one that is to tell first opens the database.
fn spawn(
    mut link: Link,
    queue: Arc<Mutex<Receiver<Box<dyn Job>>>>,
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
            while let Some(jobs) = next(&queue, link.at_once()) {
                runtime.block_on(link.run(jobs));
            }
            runtime.block_on(link.close());
        })
        .map_err(unavailable)
}

/// The next job with those that wait behind it, at most so many; none when the store is no longer used.
fn next(queue: &Mutex<Receiver<Box<dyn Job>>>, at_once: usize) -> Option<Vec<Box<dyn Job>>> {
    let queue = queue.lock().ok()?;
    let mut jobs = vec![queue.recv().ok()?];
    jobs.extend(queue.try_iter().take(at_once.saturating_sub(1)));
    Some(jobs)
}
