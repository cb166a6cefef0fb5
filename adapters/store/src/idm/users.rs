//! Users.

use super::roster::insert;
use crate::fault::{seconds, time};
use crate::sql::{Row, query, query_as};
use crate::{Store, StoreFault};
use roger_base::McpttId;
use roger_idm::ports::{StoreError, UserRepository};
use roger_idm::{Failures, LoginName, PasswordHash, User, UserState};
use roger_oidc::{McDataId, McVideoId, OtherServiceIds, ScopeSet, Subject};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("user");

pub(super) fn state_name(state: UserState) -> &'static str {
    match state {
        UserState::Enabled => "enabled",
        UserState::Disabled => "disabled",
    }
}

pub(super) fn read(row: &Row) -> Result<User, StoreFault> {
    let text = |column: &str| row.get::<String>(column);
    let optional = |column: &str| row.get::<Option<String>>(column);
    let last: Option<i64> = row.get("failure_last")?;
    Ok(User {
        subject: Subject::new(text("subject")?).map_err(|_| CORRUPT)?,
        login: LoginName::new(&text("login")?).map_err(|_| CORRUPT)?,
        password: PasswordHash::from_phc(&text("password")?).map_err(|_| CORRUPT)?,
        mcptt_id: McpttId::new(text("mcptt_id")?).map_err(|_| CORRUPT)?,
        others: OtherServiceIds {
            mcvideo: optional("mcvideo_id")?
                .map(McVideoId::new)
                .transpose()
                .map_err(|_| CORRUPT)?,
            mcdata: optional("mcdata_id")?
                .map(McDataId::new)
                .transpose()
                .map_err(|_| CORRUPT)?,
        },
        entitlement: ScopeSet::parse(&text("entitlement")?).map_err(|_| CORRUPT)?,
        state: match text("state")?.as_str() {
            "enabled" => UserState::Enabled,
            "disabled" => UserState::Disabled,
            _ => return Err(CORRUPT),
        },
        failures: Failures {
            count: u32::try_from(row.get::<i64>("failure_count")?).map_err(|_| CORRUPT)?,
            last: last.map(time).transpose()?,
        },
    })
}

impl Store {
    fn user(&self, sql: &'static str, name: String) -> Result<Option<User>, StoreFault> {
        self.worker.read(async move |connection| {
            let row = query(sql).bind(&name).fetch_optional(connection).await?;
            row.as_ref().map(read).transpose()
        })
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn has_users(&self) -> Result<bool, StoreFault> {
        self.worker.read(async |connection| {
            let query = query_as("SELECT EXISTS (SELECT 1 FROM users)");
            let (any,): (bool,) = query.fetch_one(connection).await?;
            Ok(any)
        })
    }

    /// Lets a user in or keeps him out; `false` when there is no such user.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn set_user_state(&self, login: &LoginName, state: UserState) -> Result<bool, StoreFault> {
        let login = login.as_str().to_owned();
        self.worker.write(async move |connection| {
            let query = query("UPDATE users SET state = ? WHERE login = ?")
                .bind(state_name(state))
                .bind(&login);
            Ok(query.execute(connection).await? == 1)
        })
    }
}

impl UserRepository for Store {
    fn by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        Ok(self.user(
            "SELECT * FROM users_in_force WHERE login = ?",
            login.as_str().to_owned(),
        )?)
    }

    fn by_subject(&self, subject: &Subject) -> Result<Option<User>, StoreError> {
        Ok(self.user(
            "SELECT * FROM users_in_force WHERE subject = ?",
            subject.as_str().to_owned(),
        )?)
    }

    fn add(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        let added = self
            .worker
            .write(async move |connection| insert(connection, &user, None).await);
        match added {
            Err(StoreFault::LocalDuplicate) => Err(StoreError::LocalDuplicate("user")),
            other => Ok(other?),
        }
    }

    fn replace_password(
        &self,
        subject: &Subject,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let (subject, from, to) = (subject.as_str().to_owned(), from.clone(), to.clone());
        Ok(self.worker.write(async move |connection| {
            let sql = "UPDATE users SET password = ? WHERE subject = ? AND password = ?";
            let query = query(sql)
                .bind(to.expose_phc())
                .bind(&subject)
                .bind(from.expose_phc());
            Ok(query.execute(connection).await? == 1)
        })?)
    }

    fn replace_failures(
        &self,
        subject: &Subject,
        from: Failures,
        to: Failures,
    ) -> Result<bool, StoreError> {
        let subject = subject.as_str().to_owned();
        Ok(self.worker.write(async move |connection| {
            let (before, after) = (
                from.last.map(seconds).transpose()?,
                to.last.map(seconds).transpose()?,
            );
            let done = query(
                "UPDATE users SET failure_count = ?, failure_last = ? \
                 WHERE subject = ? AND failure_count = ? AND failure_last IS NOT DISTINCT FROM ?",
            )
            .bind(i64::from(to.count))
            .bind(after)
            .bind(&subject)
            .bind(i64::from(from.count))
            .bind(before)
            .execute(connection)
            .await?;
            Ok(done == 1)
        })?)
    }
}
