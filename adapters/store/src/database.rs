//! Where a store rests, and how it is reached.

use crate::StoreFault;
use crate::migrations::{Dialect, migrations};
use crate::sql::Connection;
use core::net::IpAddr;
use core::str::FromStr as _;
use core::time::Duration;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use std::path::Path;

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(10);
/// How long a server may take to let us in.
const LET_IN: Duration = Duration::from_secs(10);
/// Connections to a server: writers wait for its disk, and their commits share one wait.
const CONNECTIONS: usize = 8;
/// Calls that SQLite commits together at most.
const AT_ONCE: usize = 64;
/// What a URL may say after its question mark.
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
];
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
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("postgres" | "postgresql")) {
            return Err(StoreFault::LocalUrl("does not begin with postgres://"));
        }
        let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
        let names = parameters
            .split('&')
            .filter_map(|pair| pair.split('=').next());
        // An unknown one would be passed over, and logged with its value.
        if !names
            .filter(|name| !name.is_empty())
            .all(|name| PARAMETERS.contains(&name))
        {
            return Err(StoreFault::LocalUrl("has an unknown parameter"));
        }
        let options = PgConnectOptions::from_str(url);
        let options = options.map_err(|_| StoreFault::LocalUrl("is malformed"))?;
        if !is_protected(&options) {
            return Err(StoreFault::LocalUrl(
                "names another machine and needs sslmode=verify-full",
            ));
        }
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

    /// How many calls share one wait for the disk on one connection. PostgreSQL has its connections commit together.
    pub(crate) const fn at_once(&self) -> usize {
        match self {
            Self::Sqlite(_) => AT_ONCE,
            Self::Postgres(_) => 1,
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

/// Whether nobody in between can read or change what is said: passwords of users and whose they are go this way.
fn is_protected(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    let is_loopback = address.is_ok_and(|address: IpAddr| address.is_loopback());
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || is_loopback
        || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

async fn let_in(options: &PgConnectOptions) -> Result<PgConnection, StoreFault> {
    let connecting = PgConnection::connect_with(options);
    let connected = tokio::time::timeout(LET_IN, connecting).await;
    let silent = |_| StoreFault::LocalUnavailable("PostgreSQL does not answer".to_owned());
    Ok(connected.map_err(silent)??)
}

#[cfg(test)]
mod tests {
    use super::Database;
    use crate::StoreFault;

    #[test]
    fn what_goes_to_another_machine_is_encrypted_to_who_it_is_for() {
        for good in [
            "postgres://roger@localhost/roger",
            "postgresql://roger:secret@127.0.0.1:5433/roger",
            "postgres://roger@[::1]/roger",
            "postgres://roger@db.example.org/roger?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://roger@localhost/roger?host=/run/postgresql",
        ] {
            assert!(Database::url(good).is_ok(), "{good}");
        }
        for bad in [
            "postgres://roger@db.example.org/roger",
            "postgres://roger@db.example.org/roger?sslmode=require",
            "postgres://roger@db.example.org/roger?sslmode=verify-ca",
            "postgres://roger@localhost/roger?host=db.example.org",
            "postgres://roger@localhost/roger?hostaddr=192.0.2.1",
        ] {
            let needs = "names another machine and needs sslmode=verify-full";
            assert_eq!(
                Database::url(bad).err(),
                Some(StoreFault::LocalUrl(needs)),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        for (bad, why) in [
            (
                "mysql://roger@localhost/roger",
                "does not begin with postgres://",
            ),
            ("roger.sqlite", "does not begin with postgres://"),
            ("postgres://lo cal/roger", "is malformed"),
            ("postgres://localhost/roger?sslmode=no", "is malformed"),
            (
                "postgres://localhost/roger?pasword=secret",
                "has an unknown parameter",
            ),
        ] {
            assert_eq!(
                Database::url(bad).err(),
                Some(StoreFault::LocalUrl(why)),
                "{bad}"
            );
        }
    }
}
