//! The tables, step by step: the same numbered steps for both databases.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// A step by its number, its name and its file, of which there is one in each folder.
macro_rules! step {
    ($version:literal, $name:literal, $file:literal) => {
        Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }
    };
}

const STEPS: [Step; 12] = [
    step!(1, "identity", "0001_identity.sql"),
    step!(2, "keys", "0002_keys.sql"),
    step!(3, "groups", "0003_groups.sql"),
    step!(4, "subscribers", "0004_subscribers.sql"),
    step!(5, "mark", "0005_mark.sql"),
    step!(6, "set_aside", "0006_set_aside.sql"),
    step!(10, "kms_domains", "0010_kms_domains.sql"),
    step!(20, "sign_on", "0020_sign_on.sql"),
    step!(21, "registration_permits", "0021_registration_permits.sql"),
    step!(22, "passkeys", "0022_passkeys.sql"),
    step!(30, "pre_issued", "0030_pre_issued.sql"),
    step!(40, "agencies", "0040_agencies.sql"),
];

/// The steps for a database.
pub(crate) fn migrations(dialect: Dialect) -> Migrator {
    let migrations = STEPS.map(|step| {
        let sql = match dialect {
            Dialect::Sqlite => step.sqlite,
            Dialect::Postgres => step.postgres,
        };
        let name = step.name.into();
        Migration::new(
            step.version,
            name,
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.into())
}

#[cfg(test)]
mod tests {
    use super::STEPS;
    use std::path::Path;

    /// Numbers and names are one list for both; a file that is in a folder but not in the list would be forgotten.
    #[test]
    fn both_folders_hold_the_listed_files_and_no_other() {
        for folder in ["sqlite", "postgres"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(folder);
            let files = std::fs::read_dir(path).unwrap();
            let mut files: Vec<_> = files
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let listed = STEPS.map(|step| format!("{:04}_{}.sql", step.version, step.name));
            assert_eq!(files, listed, "{folder}");
        }
    }

    #[test]
    fn every_step_says_something_of_its_own_in_each_dialect() {
        for step in STEPS {
            assert!(step.sqlite.contains("CREATE ") && step.postgres.contains("CREATE "));
            assert!(!step.postgres.contains("STRICT"), "{}", step.name);
        }
    }
}
