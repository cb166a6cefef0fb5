//! Statements with their values.

use super::placeholders::numbered;
use super::value::{Value, bound};
use super::{Connection, FromRow, Row};
use core::marker::PhantomData;
use sqlx::AssertSqlSafe;

/// A statement; each `?` takes one value, in order.
pub(crate) const fn query(statement: &'static str) -> Query {
    Query {
        statement,
        values: Vec::new(),
    }
}

/// A statement whose rows are read as tuples of `T`.
pub(crate) const fn query_as<T: FromRow>(statement: &'static str) -> QueryAs<T> {
    QueryAs {
        query: query(statement),
        rows: PhantomData,
    }
}

pub(crate) struct Query {
    statement: &'static str,
    values: Vec<Value>,
}

impl Query {
    /// Gives the next `?` its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    fn for_sqlite(
        self,
    ) -> sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
        bound(sqlx::query(self.statement), self.values)
    }

    fn for_postgres(
        self,
    ) -> sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
        // Safe: made from a literal of the program by counting alone.
        let statement = AssertSqlSafe(numbered(self.statement));
        bound(sqlx::query(statement), self.values)
    }

    /// Runs it; the number of rows that it changed.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, sqlx::Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => {
                let done = self.for_sqlite().execute(connection).await?;
                done.rows_affected()
            }
            Connection::Postgres(connection) => {
                let done = self.for_postgres().execute(connection).await?;
                done.rows_affected()
            }
        })
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => {
                let row = self.for_sqlite().fetch_optional(connection).await?;
                row.map(Row::Sqlite)
            }
            Connection::Postgres(connection) => {
                let row = self.for_postgres().fetch_optional(connection).await?;
                row.map(Row::Postgres)
            }
        })
    }

    /// Every row.
    pub(crate) async fn fetch_all(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match connection {
            Connection::Sqlite(connection) => {
                let rows = self.for_sqlite().fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Connection::Postgres(connection) => {
                let rows = self.for_postgres().fetch_all(connection).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}

pub(crate) struct QueryAs<T> {
    query: Query,
    rows: PhantomData<fn() -> T>,
}

impl<T: FromRow> QueryAs<T> {
    /// Gives the next `?` its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// The only row.
    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<T, sqlx::Error> {
        let row = self.fetch_optional(connection).await?;
        row.ok_or(sqlx::Error::RowNotFound)
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<T>, sqlx::Error> {
        let row = self.query.fetch_optional(connection).await?;
        row.as_ref().map(Row::tuple).transpose()
    }

    /// Every row.
    pub(crate) async fn fetch_all(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<T>, sqlx::Error> {
        let rows = self.query.fetch_all(connection).await?;
        rows.iter().map(Row::tuple).collect()
    }
}
