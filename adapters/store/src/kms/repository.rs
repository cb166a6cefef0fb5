//! Accounts, replay memory, External certificates and the audit log.

use super::{account, certificate};
use crate::fault::{seconds, time};
use crate::{SqliteStore, StoreFault};
use roger_base::UnixTime;
use roger_documents::kms::KmsCertificate;
use roger_kms::KeyAccount;
use roger_kms::ports::{AuditEntry, AuditLog, KeyRepository, StoreError};

const ACCOUNTS: &str = "kms_accounts";

impl SqliteStore {
    /// Puts an account in place of the one of the same user.
    ///
    /// # Errors
    /// [`StoreFault`] when the record cannot be, or another account has its certificate.
    pub fn put_key_account(&self, account: &KeyAccount) -> Result<(), StoreFault> {
        account
            .check()
            .map_err(|_| StoreFault::LocalCorrupt("KMS account"))?;
        let sealed = self.sealed_account(account)?;
        let (user_uri, certificate) = (account.user_uri.clone(), account.certificate.clone());
        self.worker.write(async move |connection| {
            sqlx::query(
                "INSERT INTO kms_accounts (user_uri, certificate, sealed) VALUES (?, ?, ?) \
                 ON CONFLICT (user_uri) DO UPDATE SET certificate = excluded.certificate, sealed = excluded.sealed",
            )
            .bind(user_uri)
            .bind(certificate)
            .bind(sealed)
            .execute(connection)
            .await?;
            Ok(())
        })
    }

    /// Puts an External certificate in place of the one of the same KMS; the number of the cache grows.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn put_external_certificate(&self, external: &KmsCertificate) -> Result<(), StoreFault> {
        let (kms_uri, document) = (
            external.kms_uri.as_str().to_owned(),
            certificate::write(external)?,
        );
        self.worker.write(async move |connection| {
            sqlx::query(
                "INSERT OR REPLACE INTO kms_certificates (kms_uri, document) VALUES (?, ?)",
            )
            .bind(kms_uri)
            .bind(document)
            .execute(&mut *connection)
            .await?;
            sqlx::query("UPDATE kms_cache SET number = number + 1")
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// The audit log, oldest first, at most `limit` entries after entry number `after`, with their numbers.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot be read.
    pub fn audit_entries(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, AuditEntry)>, StoreFault> {
        type Row = (
            i64,
            i64,
            Option<String>,
            String,
            String,
            i64,
            Option<String>,
        );
        let rows: Vec<Row> = self.worker.read(async move |connection| {
            let sql = "SELECT entry, time, caller, path, released, status, refusal FROM kms_audit \
                       WHERE entry > ? ORDER BY entry LIMIT ?";
            Ok(sqlx::query_as(sql)
                .bind(after)
                .bind(limit)
                .fetch_all(connection)
                .await?)
        })?;
        let entries =
            rows.into_iter()
                .map(|(entry, at, caller, path, released, status, refusal)| {
                    const CORRUPT: StoreFault = StoreFault::LocalCorrupt("audit entry");
                    Ok((
                        entry,
                        AuditEntry {
                            time: time(at)?,
                            caller,
                            path,
                            released: serde_json::from_str(&released).map_err(|_| CORRUPT)?,
                            status: u16::try_from(status).map_err(|_| CORRUPT)?,
                            refusal,
                        },
                    ))
                });
        entries.collect()
    }

    fn sealed_account(&self, account: &KeyAccount) -> Result<Vec<u8>, StoreFault> {
        self.sealer
            .seal(ACCOUNTS, &account.user_uri, &account::write(account)?)
    }

    fn key_account(&self, sql: &'static str, name: &str) -> Result<Option<KeyAccount>, StoreFault> {
        let name = name.to_owned();
        let row: Option<(String, Vec<u8>)> = self.worker.read(async move |connection| {
            Ok(sqlx::query_as(sql)
                .bind(name)
                .fetch_optional(connection)
                .await?)
        })?;
        row.map(|(user_uri, sealed)| self.opened_account(&user_uri, &sealed))
            .transpose()
    }

    fn opened_account(&self, user_uri: &str, sealed: &[u8]) -> Result<KeyAccount, StoreFault> {
        account::read(self.sealer.open(ACCOUNTS, user_uri, sealed)?.expose())
    }
}

impl KeyRepository for SqliteStore {
    fn account(&self, user_uri: &str) -> Result<Option<KeyAccount>, StoreError> {
        Ok(self.key_account(
            "SELECT user_uri, sealed FROM kms_accounts WHERE user_uri = ?",
            user_uri,
        )?)
    }

    fn account_of_certificate(&self, certificate: &str) -> Result<Option<KeyAccount>, StoreError> {
        Ok(self.key_account(
            "SELECT user_uri, sealed FROM kms_accounts WHERE certificate = ?",
            certificate,
        )?)
    }

    fn replace_account(&self, from: &KeyAccount, to: &KeyAccount) -> Result<bool, StoreError> {
        if from.user_uri != to.user_uri {
            return Ok(false);
        }
        let (store, from, to) = (self.sealer.clone(), from.clone(), to.clone());
        let sealed = self.sealed_account(&to)?;
        Ok(self.worker.write(async move |connection| {
            let row: Option<(Vec<u8>,)> =
                sqlx::query_as("SELECT sealed FROM kms_accounts WHERE user_uri = ?")
                    .bind(&from.user_uri)
                    .fetch_optional(&mut *connection)
                    .await?;
            let Some((known,)) = row else {
                return Ok(false);
            };
            if account::read(store.open(ACCOUNTS, &from.user_uri, &known)?.expose())? != from {
                return Ok(false);
            }
            sqlx::query("UPDATE kms_accounts SET certificate = ?, sealed = ? WHERE user_uri = ?")
                .bind(&to.certificate)
                .bind(sealed)
                .bind(&to.user_uri)
                .execute(connection)
                .await?;
            Ok(true)
        })?)
    }

    fn remember_request(
        &self,
        digest: &[u8; 32],
        until: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let (digest, until, now) = (digest.to_vec(), seconds(until)?, seconds(now)?);
        Ok(self.worker.write(async move |connection| {
            sqlx::query("DELETE FROM kms_requests WHERE remember_till < ?").bind(now).execute(&mut *connection).await?;
            let done = sqlx::query("INSERT INTO kms_requests (digest, remember_till) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(digest)
                .bind(until)
                .execute(connection)
                .await?;
            Ok(done.rows_affected() == 1)
        })?)
    }

    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError> {
        let (number, rows): ((i64,), Vec<(String,)>) =
            self.worker.read(async move |connection| {
                let number = sqlx::query_as("SELECT number FROM kms_cache")
                    .fetch_one(&mut *connection)
                    .await?;
                let rows = sqlx::query_as("SELECT document FROM kms_certificates ORDER BY kms_uri");
                Ok((number, rows.fetch_all(connection).await?))
            })?;
        let number =
            u64::try_from(number.0).map_err(|_| StoreFault::LocalCorrupt("cache number"))?;
        let certificates = rows.iter().map(|(document,)| certificate::read(document));
        Ok((number, certificates.collect::<Result<_, StoreFault>>()?))
    }
}

impl AuditLog for SqliteStore {
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let at = seconds(entry.time)?;
        let released = serde_json::to_string(&entry.released)
            .map_err(|_| StoreFault::LocalCorrupt("audit entry"))?;
        let entry = entry.clone();
        Ok(self.worker.write(async move |connection| {
            sqlx::query(
                "INSERT INTO kms_audit (time, caller, path, released, status, refusal) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(at)
            .bind(entry.caller)
            .bind(entry.path)
            .bind(released)
            .bind(i64::from(entry.status))
            .bind(entry.refusal)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }
}
