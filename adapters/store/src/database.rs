//! Where a store rests, and how it is reached.

use crate::StoreFault;
use crate::migrations::{Dialect, migrations};
use crate::sql::Connection;
use core::str::FromStr as _;
use core::time::Duration;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use std::path::Path;

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(10);
/// How long a server may take to let us in.
const LET_IN: Duration = Duration::from_secs(10);
/// Connections to a server: writers wait for its disk, and their commits share one wait.
const CONNECTIONS: usize = 8;
/// A server that loses sight of us ends what we began, so that nobody waits for our locks; it keeps commits on its disk
/// even where it was told not to.
const SESSION: &str = "SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A database that is not connected yet.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Database {
    /// A file of SQLite.
    pub(crate) fn file(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when the call returns: a code or key once answered is never forgotten.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        Self::Sqlite(options)
    }

    /// A database of a PostgreSQL server. What is wrong with a URL is not repeated, since it may hold a password.
    pub(crate) fn url(url: &str) -> Result<Self, StoreFault> {
        let unusable = || StoreFault::LocalUnavailable("the URL of PostgreSQL is none".to_owned());
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("postgres" | "postgresql")) {
            return Err(unusable());
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| unusable())?;
        let options = options.application_name("roger");
        Ok(Self::Postgres(options.disable_statement_logging()))
    }

    /// How many connections do the work. SQLite has one writer, and reads are short.
    pub(crate) const fn connections(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) => CONNECTIONS,
        }
    }

    /// Connects for the first time: makes the file when it is not there, and brings the tables up to date.
    pub(crate) async fn open(&self) -> Result<Connection, StoreFault> {
        match self {
            Self::Sqlite(options) => {
                let mut connection = options.connect().await?;
                migrations(Dialect::Sqlite).run(&mut connection).await?;
                Ok(Connection::Sqlite(connection))
            }
            Self::Postgres(options) => {
                let mut connection = let_in(options).await?;
                // Under an advisory lock of the server: two programs may start at once.
                migrations(Dialect::Postgres).run(&mut connection).await?;
                connection.execute(SESSION).await?;
                Ok(Connection::Postgres(connection))
            }
        }
    }

    /// Connects again.
    pub(crate) async fn connect(&self) -> Result<Connection, StoreFault> {
        match self {
            Self::Sqlite(options) => {
                let options = options.clone().create_if_missing(false);
                Ok(Connection::Sqlite(options.connect().await?))
            }
            Self::Postgres(options) => {
                let mut connection = let_in(options).await?;
                connection.execute(SESSION).await?;
                Ok(Connection::Postgres(connection))
            }
        }
    }
}

async fn let_in(options: &PgConnectOptions) -> Result<PgConnection, StoreFault> {
    let connecting = PgConnection::connect_with(options);
    let connected = tokio::time::timeout(LET_IN, connecting).await;
    let silent = |_| StoreFault::LocalUnavailable("PostgreSQL does not answer".to_owned());
    Ok(connected.map_err(silent)??)
}
