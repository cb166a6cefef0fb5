//! A connection that comes back when it was lost, and the transactions on it.

use super::job::Job;
use crate::StoreFault;
use crate::database::Database;
use crate::sql::{Connection, Transaction};
use core::time::Duration;

/// How often writes may get in each other's way before one of them is done alone.
const TRIES_BESIDE_OTHERS: usize = 4;
/// Longest time that a transaction waits for its begin, and longest that it takes from there: after it the connection
/// is given up.
const LONGEST: Duration = Duration::from_secs(90);

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, StoreFault> {
    let silent = |_| StoreFault::LocalUnavailable("the database does not answer".to_owned());
    tokio::time::timeout(LONGEST, work).await.map_err(silent)
}

pub(super) struct Link {
    database: Database,
    connection: Option<Connection>,
}

impl Link {
    pub(super) const fn new(database: Database) -> Self {
        Self {
            database,
            connection: None,
        }
    }

    /// Connects for the first time and brings the tables up to date.
    pub(super) async fn open(&mut self) -> Result<(), StoreFault> {
        self.connection = Some(self.database.open().await?);
        Ok(())
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store did not close cleanly");
        }
    }

    /// How many jobs it takes at once.
    pub(super) const fn at_once(&self) -> usize {
        self.database.at_once()
    }

    /// Does jobs and answers their callers. Reads come first, since their callers need not wait for the disk; what they
    /// see is what was committed before. Writes share one transaction, which is one wait for the disk.
    pub(super) async fn run(&mut self, jobs: Vec<Box<dyn Job>>) {
        let (reads, writes): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .partition(|job| job.transaction().only_reads());
        for read in reads {
            self.run_one(read).await;
        }
        self.write_together(writes).await;
    }

    /// Again when others came in between, at last alone.
    async fn run_one(&mut self, mut job: Box<dyn Job>) {
        let transaction = job.transaction();
        for _ in 0..TRIES_BESIDE_OTHERS {
            match self.attempt(transaction, job.as_mut()).await {
                Err(StoreFault::LocalContended) => {}
                outcome => return job.answer(outcome),
            }
        }
        let outcome = self.attempt(transaction.alone(), job.as_mut()).await;
        job.answer(outcome);
    }

    async fn attempt(
        &mut self,
        transaction: Transaction,
        job: &mut dyn Job,
    ) -> Result<(), StoreFault> {
        self.transact(transaction, async |connection| {
            job.attempt(connection).await
        })
        .await
    }

    /// Writes one after the other in one transaction; one that fails is undone without the others.
    async fn write_together(&mut self, jobs: Vec<Box<dyn Job>>) {
        let jobs = match <[Box<dyn Job>; 1]>::try_from(jobs) {
            Ok([job]) => return self.run_one(job).await,
            Err(jobs) if jobs.is_empty() => return,
            Err(jobs) => jobs,
        };
        let mut jobs: Vec<_> = jobs.into_iter().map(|job| (job, Ok(()))).collect();
        let kept = self
            .transact(Transaction::Write, async |connection| {
                for (job, outcome) in &mut jobs {
                    *outcome = attempt_within(connection, job.as_mut()).await?;
                }
                Ok(())
            })
            .await;
        // Nobody hears of anything before all of it is on the disk.
        for (job, outcome) in jobs {
            job.answer(kept.clone().and(outcome));
        }
    }

    async fn transact(
        &mut self,
        transaction: Transaction,
        work: impl AsyncFnOnce(&mut Connection) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        let mut connection = in_time(self.begun(transaction)).await??;
        let work = async {
            work(&mut connection).await?;
            Ok(connection.commit(transaction).await?)
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

/// Does a job inside a transaction that has others too. One statement undoes itself when it fails.
async fn attempt_within(
    connection: &mut Connection,
    job: &mut dyn Job,
) -> Result<Result<(), StoreFault>, StoreFault> {
    if job.transaction() == Transaction::WriteStatement {
        return Ok(job.attempt(connection).await);
    }
    connection.save().await?;
    let outcome = job.attempt(connection).await;
    if outcome.is_err() {
        connection.undo_to_save().await?;
    }
    connection.forget_save().await?;
    Ok(outcome)
}
