//! Accounts, replay memory, External certificates and the audit log.

use super::{account, certificate};
use crate::fault::{seconds, time};
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{KmsCertificate, KrrList};
use roger_kms::KeyAccount;
use roger_kms::ports::{AuditEntry, AuditLog, KeyRepository, StoreError};

const ACCOUNTS: &str = "kms_accounts";
/// What goes with a user, by her URI, in every domain. Revocations stay: a user of the same name must not have them undone.
pub(crate) const ACCOUNTS_OF_A_USER: [&str; 2] = [
    "DELETE FROM kms_accounts WHERE user_uri = ?",
    "DELETE FROM kms_user_domains WHERE user_uri = ?",
];
/// Most uploaded lists of redirect responses that a domain keeps; older ones are forgotten.
const MAX_REDIRECTS: i64 = 1024;

/// What one KMS domain has in a store. Nothing of another domain can be reached through it.
#[derive(Clone)]
pub struct KmsStore {
    store: Store,
    domain: KmsUri,
}

impl Store {
    /// The part of a KMS domain.
    #[must_use]
    pub fn kms(&self, domain: &KmsUri) -> KmsStore {
        KmsStore {
            store: self.clone(),
            domain: domain.clone(),
        }
    }

    /// Accounts sealed before there were domains are sealed again, bound to theirs.
    pub(crate) fn bind_accounts_to_domains(&self) -> Result<(), StoreFault> {
        let sealer = self.sealer.clone();
        self.worker.write(async move |connection| {
            let rows: Vec<(String, String, Vec<u8>)> =
                query_as("SELECT kms_uri, user_uri, sealed FROM kms_accounts WHERE NOT bound")
                    .fetch_all(&mut *connection)
                    .await?;
            for (kms_uri, user_uri, sealed) in rows {
                let account = sealer.open(ACCOUNTS, &user_uri, &sealed)?;
                let sealed = sealer.seal(ACCOUNTS, &row_name(&kms_uri, &user_uri), account.expose())?;
                query("UPDATE kms_accounts SET sealed = ?, bound = TRUE WHERE kms_uri = ? AND user_uri = ?")
                    .bind(sealed)
                    .bind(kms_uri)
                    .bind(user_uri)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }
}

/// What an account is sealed under: neither another user nor another domain opens it.
fn row_name(kms_uri: &str, user_uri: &str) -> String {
    format!("{kms_uri}\n{user_uri}")
}

impl KmsStore {
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) const fn domain(&self) -> &KmsUri {
        &self.domain
    }

    pub(super) fn kms_uri(&self) -> &str {
        self.domain.as_str()
    }

    /// Revokes the key set of an identity and key period.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn revoke_key_set(&self, identity: &str, period: u64) -> Result<(), StoreFault> {
        let period = period_number(period)?;
        let (kms_uri, identity) = (self.kms_uri().to_owned(), identity.to_owned());
        self.store.worker.write(async move |connection| {
            query("INSERT INTO kms_revocations (kms_uri, identity, period) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(&kms_uri)
                .bind(&identity)
                .bind(period)
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// Tells the domains of a user, in place of what was told before.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn put_user_domains(&self, user_uri: &str, domains: &[KmsUri]) -> Result<(), StoreFault> {
        let (kms_uri, user_uri, domains) = (
            self.kms_uri().to_owned(),
            user_uri.to_owned(),
            domains.to_vec(),
        );
        self.store.worker.write(async move |connection| {
            query("DELETE FROM kms_user_domains WHERE kms_uri = ? AND user_uri = ?")
                .bind(&kms_uri)
                .bind(&user_uri)
                .execute(&mut *connection)
                .await?;
            for (domain, place) in domains.iter().zip(0_i64..) {
                query("INSERT INTO kms_user_domains (kms_uri, user_uri, place, domain) VALUES (?, ?, ?, ?)")
                    .bind(&kms_uri)
                    .bind(&user_uri)
                    .bind(place)
                    .bind(domain.as_str())
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }

    /// The lists of redirect responses that clients uploaded, oldest first, with who uploaded them.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot be read.
    pub fn redirects(&self) -> Result<Vec<(String, KrrList)>, StoreFault> {
        let kms_uri = self.kms_uri().to_owned();
        let rows: Vec<(String, String)> = self.store.worker.read(async move |connection| {
            let sql =
                "SELECT from_uri, document FROM kms_redirects WHERE kms_uri = ? ORDER BY entry";
            Ok(query_as(sql).bind(&kms_uri).fetch_all(connection).await?)
        })?;
        let lists = rows.into_iter().map(|(from, document)| {
            let list = KrrList::new(document);
            Ok((
                from,
                list.map_err(|_| StoreFault::LocalCorrupt("redirect responses"))?,
            ))
        });
        lists.collect()
    }

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
        let kms_uri = self.kms_uri().to_owned();
        self.store.worker.write_statement(async move |connection| {
            query(
                "INSERT INTO kms_accounts (kms_uri, user_uri, certificate, bound, sealed) VALUES (?, ?, ?, TRUE, ?) \
                 ON CONFLICT (kms_uri, user_uri) \
                 DO UPDATE SET certificate = excluded.certificate, bound = TRUE, sealed = excluded.sealed",
            )
            .bind(&kms_uri)
            .bind(&user_uri)
            .bind(&certificate)
            .bind(&sealed)
            .execute(connection)
            .await?;
            Ok(())
        })
    }

    /// Puts an External certificate in place of the one of the same KMS and `CertUri`; the number of the cache grows.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn put_external_certificate(&self, external: &KmsCertificate) -> Result<(), StoreFault> {
        let (other, document) = (
            external.kms_uri.as_str().to_owned(),
            certificate::write(external)?,
        );
        let cert_uri = external.cert_uri.clone().unwrap_or_default();
        let kms_uri = self.kms_uri().to_owned();
        self.store.worker.write(async move |connection| {
            query(
                "INSERT INTO kms_certificates (kms_uri, external, cert_uri, document) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (kms_uri, external, cert_uri) DO UPDATE SET document = excluded.document",
            )
            .bind(&kms_uri)
            .bind(&other)
            .bind(&cert_uri)
            .bind(&document)
            .execute(&mut *connection)
            .await?;
            query(
                "INSERT INTO kms_cache (kms_uri, number) VALUES (?, 1) \
                 ON CONFLICT (kms_uri) DO UPDATE SET number = kms_cache.number + 1",
            )
            .bind(&kms_uri)
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
        let kms_uri = self.kms_uri().to_owned();
        let rows: Vec<Row> = self.store.worker.read(async move |connection| {
            let sql = "SELECT entry, time, caller, path, released, status, refusal FROM kms_audit \
                       WHERE kms_uri = ? AND entry > ? ORDER BY entry LIMIT ?";
            Ok(query_as(sql)
                .bind(&kms_uri)
                .bind(after)
                .bind(i64::from(limit))
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
                            kms_uri: self.kms_uri().to_owned(),
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

    fn forget_requests(&self, now: UnixTime) -> Result<(), StoreFault> {
        let now = seconds(now)?;
        self.store.worker.write_statement(async move |connection| {
            let sql = "DELETE FROM kms_requests WHERE remember_till < ?";
            query(sql).bind(now).execute(connection).await?;
            Ok(())
        })
    }

    pub(crate) fn sealed_account(&self, account: &KeyAccount) -> Result<Vec<u8>, StoreFault> {
        let name = row_name(self.kms_uri(), &account.user_uri);
        self.store
            .sealer
            .seal(ACCOUNTS, &name, &account::write(account)?)
    }

    fn key_account(&self, sql: &'static str, name: &str) -> Result<Option<KeyAccount>, StoreFault> {
        let (kms_uri, name) = (self.kms_uri().to_owned(), name.to_owned());
        let row: Option<(String, Vec<u8>)> =
            self.store.worker.read_statement(async move |connection| {
                Ok(query_as(sql)
                    .bind(&kms_uri)
                    .bind(&name)
                    .fetch_optional(connection)
                    .await?)
            })?;
        row.map(|(user_uri, sealed)| self.opened_account(&user_uri, &sealed))
            .transpose()
    }

    pub(super) fn opened_account(
        &self,
        user_uri: &str,
        sealed: &[u8],
    ) -> Result<KeyAccount, StoreFault> {
        let name = row_name(self.kms_uri(), user_uri);
        account::read(self.store.sealer.open(ACCOUNTS, &name, sealed)?.expose())
    }
}

impl KeyRepository for KmsStore {
    fn account(&self, user_uri: &str) -> Result<Option<KeyAccount>, StoreError> {
        Ok(self.key_account(
            "SELECT user_uri, sealed FROM kms_accounts WHERE kms_uri = ? AND user_uri = ?",
            user_uri,
        )?)
    }

    fn account_of_certificate(&self, certificate: &str) -> Result<Option<KeyAccount>, StoreError> {
        Ok(self.key_account(
            "SELECT user_uri, sealed FROM kms_accounts WHERE kms_uri = ? AND certificate = ?",
            certificate,
        )?)
    }

    fn replace_account(&self, from: &KeyAccount, to: &KeyAccount) -> Result<bool, StoreError> {
        if from.user_uri != to.user_uri {
            return Ok(false);
        }
        let (store, from, to) = (self.store.sealer.clone(), from.clone(), to.clone());
        let kms_uri = self.kms_uri().to_owned();
        let sealed = self.sealed_account(&to)?;
        Ok(self.store.worker.write(async move |connection| {
            let row: Option<(Vec<u8>,)> =
                query_as("SELECT sealed FROM kms_accounts WHERE kms_uri = ? AND user_uri = ?")
                    .bind(&kms_uri)
                    .bind(&from.user_uri)
                    .fetch_optional(&mut *connection)
                    .await?;
            let Some((known,)) = row else {
                return Ok(false);
            };
            if account::read(store.open(ACCOUNTS, &row_name(&kms_uri, &from.user_uri), &known)?.expose())? != from {
                return Ok(false);
            }
            query(
                "UPDATE kms_accounts SET certificate = ?, sealed = ? WHERE kms_uri = ? AND user_uri = ?",
            )
                .bind(&to.certificate)
                .bind(&sealed)
                .bind(&kms_uri)
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
        // What is over is swept away now and then; until it is, it does not count.
        if digest.first() == Some(&0) {
            self.forget_requests(now)?;
        }
        let (digest, until, now) = (digest.to_vec(), seconds(until)?, seconds(now)?);
        let kms_uri = self.kms_uri().to_owned();
        Ok(self.store.worker.write_statement(async move |connection| {
            let sql = "INSERT INTO kms_requests (kms_uri, digest, remember_till) VALUES (?, ?, ?) \
                       ON CONFLICT (kms_uri, digest) DO UPDATE SET remember_till = excluded.remember_till \
                       WHERE kms_requests.remember_till < ?";
            let query = query(sql).bind(&kms_uri).bind(&digest);
            Ok(query.bind(until).bind(now).execute(connection).await? == 1)
        })?)
    }

    fn is_revoked(&self, identity: &str, period: u64) -> Result<bool, StoreError> {
        let period = period_number(period)?;
        let (kms_uri, identity) = (self.kms_uri().to_owned(), identity.to_owned());
        let found: Option<(i64,)> = self.store.worker.read_statement(async move |connection| {
            let sql = "SELECT period FROM kms_revocations WHERE kms_uri = ? AND identity = ? AND period = ?";
            let query = query_as(sql).bind(&kms_uri).bind(&identity).bind(period);
            Ok(query.fetch_optional(connection).await?)
        })?;
        Ok(found.is_some())
    }

    fn domains_of(&self, user_uri: &str) -> Result<Vec<KmsUri>, StoreError> {
        let (kms_uri, user_uri) = (self.kms_uri().to_owned(), user_uri.to_owned());
        let rows: Vec<(String,)> = self.store.worker.read(async move |connection| {
            let sql = "SELECT domain FROM kms_user_domains WHERE kms_uri = ? AND user_uri = ? ORDER BY place";
            let query = query_as(sql).bind(&kms_uri).bind(&user_uri);
            Ok(query.fetch_all(connection).await?)
        })?;
        let domains = rows.into_iter().map(|(domain,)| {
            KmsUri::new(domain).map_err(|_| StoreFault::LocalCorrupt("domain of a user"))
        });
        Ok(domains.collect::<Result<_, _>>()?)
    }

    fn keep_redirects(&self, from: &str, list: &KrrList, now: UnixTime) -> Result<(), StoreError> {
        let now = seconds(now)?;
        let (kms_uri, from, document) = (
            self.kms_uri().to_owned(),
            from.to_owned(),
            list.as_str().to_owned(),
        );
        Ok(self.store.worker.write(async move |connection| {
            query("INSERT INTO kms_redirects (kms_uri, from_uri, time, document) VALUES (?, ?, ?, ?)")
                .bind(&kms_uri)
                .bind(&from)
                .bind(now)
                .bind(&document)
                .execute(&mut *connection)
                .await?;
            query(
                "DELETE FROM kms_redirects WHERE kms_uri = ? AND entry <= \
                 (SELECT entry FROM kms_redirects WHERE kms_uri = ? ORDER BY entry DESC LIMIT 1 OFFSET ?)",
            )
            .bind(&kms_uri)
            .bind(&kms_uri)
            .bind(MAX_REDIRECTS)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn external_certificates(&self) -> Result<(u64, Vec<KmsCertificate>), StoreError> {
        let kms_uri = self.kms_uri().to_owned();
        let (number, rows): (Option<(i64,)>, Vec<(String,)>) =
            self.store.worker.read(async move |connection| {
                let number = query_as("SELECT number FROM kms_cache WHERE kms_uri = ?")
                    .bind(&kms_uri)
                    .fetch_optional(&mut *connection)
                    .await?;
                let sql = "SELECT document FROM kms_certificates WHERE kms_uri = ? ORDER BY external, cert_uri";
                let rows = query_as(sql).bind(&kms_uri);
                Ok((number, rows.fetch_all(connection).await?))
            })?;
        let number = u64::try_from(number.map_or(0, |(number,)| number))
            .map_err(|_| StoreFault::LocalCorrupt("cache number"))?;
        let certificates = rows.iter().map(|(document,)| certificate::read(document));
        Ok((number, certificates.collect::<Result<_, StoreFault>>()?))
    }
}

impl AuditLog for KmsStore {
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let at = seconds(entry.time)?;
        let released = serde_json::to_string(&entry.released)
            .map_err(|_| StoreFault::LocalCorrupt("audit entry"))?;
        let entry = entry.clone();
        let kms_uri = self.kms_uri().to_owned();
        Ok(self.store.worker.write_statement(async move |connection| {
            query(
                "INSERT INTO kms_audit (kms_uri, time, caller, path, released, status, refusal) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&kms_uri)
            .bind(at)
            .bind(&entry.caller)
            .bind(&entry.path)
            .bind(&released)
            .bind(i64::from(entry.status))
            .bind(&entry.refusal)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }
}

pub(super) fn period_number(period: u64) -> Result<i64, StoreFault> {
    i64::try_from(period).map_err(|_| StoreFault::LocalCorrupt("number of a key period"))
}
