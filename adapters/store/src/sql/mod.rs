//! One way to write SQL for SQLite and PostgreSQL: statements as literals with `?` for values, rows as tuples.
//!
//! A statement has to be one that both understand. They do when columns of yes and no are compared by `NOT column` and
//! set to `TRUE`, values that may be NULL by `IS NOT DISTINCT FROM`, and rows are replaced by `ON CONFLICT … DO UPDATE`.

mod connection;
mod placeholders;
mod query;
mod row;
mod value;

pub(crate) use connection::{Connection, Transaction};
pub(crate) use query::{query, query_as};
pub(crate) use row::{FromRow, Row};
