//! Many accounts at once.

use crate::sql::query;
use crate::{KmsStore, StoreFault};
use roger_kms::KeyAccount;

impl KmsStore {
    /// Removes an account of the domain.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot do it.
    pub fn remove_key_account(&self, user_uri: &str) -> Result<(), StoreFault> {
        let (kms_uri, user_uri) = (self.kms_uri().to_owned(), user_uri.to_owned());
        self.store().worker.write(async move |connection| {
            let sql = "DELETE FROM kms_accounts WHERE kms_uri = ? AND user_uri = ?";
            let query = query(sql).bind(&kms_uri).bind(&user_uri);
            query.execute(connection).await?;
            Ok(())
        })
    }

    /// Puts accounts in place of those of the same users, all in one transaction.
    ///
    /// # Errors
    /// [`StoreFault`] when a record cannot be, or another account has its certificate; then none is kept.
    pub fn put_key_accounts(&self, accounts: &[KeyAccount]) -> Result<(), StoreFault> {
        let mut rows = Vec::with_capacity(accounts.len());
        for account in accounts {
            account
                .check()
                .map_err(|_| StoreFault::LocalCorrupt("KMS account"))?;
            let sealed = self.sealed_account(account)?;
            rows.push((
                account.user_uri.clone(),
                account.certificate.clone(),
                sealed,
            ));
        }
        let kms_uri = self.kms_uri().to_owned();
        self.store().worker.write(async move |connection| {
            for (user_uri, certificate, sealed) in &rows {
                query(
                    "INSERT INTO kms_accounts (kms_uri, user_uri, certificate, bound, sealed) VALUES (?, ?, ?, TRUE, ?) \
                     ON CONFLICT (kms_uri, user_uri) \
                     DO UPDATE SET certificate = excluded.certificate, bound = TRUE, sealed = excluded.sealed",
                )
                .bind(&kms_uri)
                .bind(user_uri)
                .bind(certificate)
                .bind(sealed)
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
    }
}
