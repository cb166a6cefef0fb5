//! A connection to either database, and transactions on it.

use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

/// What runs the statements.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// How a transaction shall see and keep out others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Reads what was committed when it began.
    Read,
    /// Writes beside others where the database can; one that would not have the outcome of one after the other fails.
    Write,
    /// Writes while nobody else does: it cannot fail on account of others.
    WriteAlone,
    /// One statement that reads.
    ReadStatement,
    /// One statement that writes.
    WriteStatement,
}

impl Transaction {
    /// Whether nothing is written.
    pub(crate) const fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadStatement)
    }

    /// The same when others get in the way again and again.
    pub(crate) const fn alone(self) -> Self {
        match self {
            Self::Read | Self::ReadStatement => self,
            Self::Write | Self::WriteAlone | Self::WriteStatement => Self::WriteAlone,
        }
    }

    /// SQLite has one writer at a time anyway: `IMMEDIATE` waits for its turn before anything is read. There one
    /// statement is a transaction without a word around it.
    const fn on_sqlite(self) -> Option<&'static str> {
        match self {
            Self::Read => Some("BEGIN"),
            Self::Write | Self::WriteAlone => Some("BEGIN IMMEDIATE"),
            Self::ReadStatement | Self::WriteStatement => None,
        }
    }

    /// Writers hold a lock on one table that lets in one another, but not somebody who wants to write alone. `LOCK`
    /// comes first, since what a transaction sees is fixed by the first statement after it.
    const fn on_postgres(self) -> &'static str {
        match self {
            Self::Read | Self::ReadStatement => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write | Self::WriteStatement => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE store_mark IN ROW EXCLUSIVE MODE"
            }
            Self::WriteAlone => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE store_mark IN EXCLUSIVE MODE"
            }
        }
    }
}

impl Connection {
    /// Begins a transaction.
    pub(crate) async fn begin(&mut self, transaction: Transaction) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => match transaction.on_sqlite() {
                Some(begin) => connection.execute(begin).await.map(drop),
                None => Ok(()),
            },
            Self::Postgres(connection) => {
                let begun = connection.execute(transaction.on_postgres()).await;
                begun.map(drop)
            }
        }
    }

    /// Makes what was written last.
    pub(crate) async fn commit(&mut self, transaction: Transaction) -> Result<(), sqlx::Error> {
        self.end(transaction, "COMMIT").await
    }

    /// Undoes what was written.
    pub(crate) async fn roll_back(&mut self, transaction: Transaction) -> Result<(), sqlx::Error> {
        self.end(transaction, "ROLLBACK").await
    }

    /// Marks a point in the transaction.
    pub(crate) async fn save(&mut self) -> Result<(), sqlx::Error> {
        self.run("SAVEPOINT one").await
    }

    /// Undoes what was written since the point.
    pub(crate) async fn undo_to_save(&mut self) -> Result<(), sqlx::Error> {
        self.run("ROLLBACK TO one").await
    }

    /// Forgets the point; what was written since belongs to the transaction.
    pub(crate) async fn forget_save(&mut self) -> Result<(), sqlx::Error> {
        self.run("RELEASE one").await
    }

    /// Says goodbye.
    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }

    async fn end(
        &mut self,
        transaction: Transaction,
        statement: &'static str,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) if transaction.on_sqlite().is_none() => Ok(()),
            connection => connection.run(statement).await,
        }
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.execute(statement).await.map(drop),
            Self::Postgres(connection) => connection.execute(statement).await.map(drop),
        }
    }
}
