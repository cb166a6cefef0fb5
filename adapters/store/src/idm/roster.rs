//! Users in numbers: added, listed and removed by the operator.

use super::users::{read, state_name};
use crate::fault::seconds;
use crate::kms::ACCOUNTS_OF_A_USER;
use crate::sql::{Connection, Row, query, query_as};
use crate::{Store, StoreFault};
use roger_base::KmsUri;
use roger_idm::{LoginName, PasswordHash, User};
use roger_kms::KeyAccount;
use roger_oidc::{McDataId, McVideoId};

/// A user with what other servers know.
pub struct Enlisted {
    /// What the IdM server knows.
    pub user: User,
    /// The agency.
    pub agency: Option<String>,
    /// The account at a KMS domain.
    pub account: Option<(KmsUri, KeyAccount)>,
}

impl Store {
    /// Adds users with their accounts, all or none. Where `skip_known`, a user whose login name is taken is passed over;
    /// gives for each whether it was added.
    ///
    /// # Errors
    /// [`StoreFault::LocalDuplicate`] when an identity is taken.
    pub fn enlist(&self, users: &[Enlisted], skip_known: bool) -> Result<Vec<bool>, StoreFault> {
        let mut sealed = Vec::with_capacity(users.len());
        for enlisted in users {
            let account = enlisted.account.as_ref().map(|(domain, account)| {
                Ok::<_, StoreFault>((
                    domain.as_str().to_owned(),
                    account.user_uri.clone(),
                    self.kms(domain).sealed_account(account)?,
                ))
            });
            let known = (enlisted.user.clone(), enlisted.agency.clone());
            sealed.push((known, account.transpose()?));
        }
        self.worker.write(async move |connection| {
            let mut added = Vec::with_capacity(sealed.len());
            for ((user, agency), account) in &sealed {
                let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE login = ?)";
                let (known,): (bool,) = query_as(sql)
                    .bind(user.login.as_str())
                    .fetch_one(&mut *connection)
                    .await?;
                added.push(!(known && skip_known));
                if known && skip_known {
                    continue;
                }
                insert(connection, user, agency.as_deref()).await?;
                if let Some((kms_uri, user_uri, sealed)) = account {
                    query("INSERT INTO kms_accounts (kms_uri, user_uri, bound, sealed) VALUES (?, ?, TRUE, ?)")
                        .bind(kms_uri)
                        .bind(user_uri)
                        .bind(sealed)
                        .execute(&mut *connection)
                        .await?;
                }
            }
            Ok(added)
        })
    }

    /// A user with the agency, by login name. The state is the user's own, whatever holds for the agency.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn enlisted(
        &self,
        login: &LoginName,
    ) -> Result<Option<(User, Option<String>)>, StoreFault> {
        let login = login.as_str().to_owned();
        self.worker.read(async move |connection| {
            let query = query("SELECT * FROM users WHERE login = ?").bind(&login);
            let row = query.fetch_optional(connection).await?;
            row.as_ref().map(with_agency).transpose()
        })
    }

    /// At most `limit` users whose login names come after `after`, by login name, each with the agency. The state is
    /// the user's own, whatever holds for the agency.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn users(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(User, Option<String>)>, StoreFault> {
        let after = after.to_owned();
        self.worker.read(async move |connection| {
            let sql = "SELECT * FROM users WHERE login > ? ORDER BY login LIMIT ?";
            let query = query(sql).bind(&after).bind(i64::from(limit));
            let rows = query.fetch_all(connection).await?;
            rows.iter().map(with_agency).collect()
        })
    }

    /// Gives a user another password, whatever it was, and forgets wrong attempts; `false` when there is no such user.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn set_password(
        &self,
        login: &LoginName,
        password: &PasswordHash,
    ) -> Result<bool, StoreFault> {
        let (login, password) = (login.as_str().to_owned(), password.clone());
        self.worker.write(async move |connection| {
            let sql = "UPDATE users SET password = ?, failure_count = 0, failure_last = NULL WHERE login = ?";
            let query = query(sql).bind(password.expose_phc()).bind(&login);
            Ok(query.execute(connection).await? == 1)
        })
    }

    /// Removes a user with everything that is known of her: accounts at every KMS domain, second factors, passkeys,
    /// consents.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot do it.
    pub fn remove_user(&self, user: &User) -> Result<(), StoreFault> {
        let subject = user.subject.as_str().to_owned();
        let mcptt_id = user.mcptt_id.as_str().to_owned();
        self.worker.write(async move |connection| {
            for sql in ACCOUNTS_OF_A_USER {
                query(sql).bind(&mcptt_id).execute(&mut *connection).await?;
            }
            for sql in [
                "DELETE FROM second_factors WHERE subject = ?",
                "DELETE FROM passkeys WHERE subject = ?",
                "DELETE FROM consents WHERE subject = ?",
                "DELETE FROM users WHERE subject = ?",
            ] {
                query(sql).bind(&subject).execute(&mut *connection).await?;
            }
            Ok(())
        })
    }
}

fn with_agency(row: &Row) -> Result<(User, Option<String>), StoreFault> {
    Ok((read(row)?, row.get("agency")?))
}

/// Adds one user.
pub(super) async fn insert(
    connection: &mut Connection,
    user: &User,
    agency: Option<&str>,
) -> Result<(), StoreFault> {
    let last = user.failures.last.map(seconds).transpose()?;
    query(
        "INSERT INTO users (subject, login, password, mcptt_id, entitlement, state, failure_count, failure_last, \
         mcvideo_id, mcdata_id, agency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(user.subject.as_str())
    .bind(user.login.as_str())
    .bind(user.password.expose_phc())
    .bind(user.mcptt_id.as_str())
    .bind(user.entitlement.to_string())
    .bind(state_name(user.state))
    .bind(i64::from(user.failures.count))
    .bind(last)
    .bind(user.others.mcvideo.as_ref().map(McVideoId::as_str))
    .bind(user.others.mcdata.as_ref().map(McDataId::as_str))
    .bind(agency)
    .execute(connection)
    .await?;
    Ok(())
}
