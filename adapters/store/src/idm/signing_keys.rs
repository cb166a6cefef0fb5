//! Signing keys of the IdM server, sealed.

use crate::fault::{seconds, time};
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_idm::StoredSigningKey;
use roger_idm::ports::{SigningKeyRepository, StoreError};
use roger_oidc::Algorithm;

const TABLE: &str = "signing_keys";

impl SigningKeyRepository for Store {
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows: Vec<(String, String, i64, Vec<u8>)> = self.worker.read(async move |connection| {
            let sql = "SELECT kid, algorithm, created_at, sealed FROM signing_keys ORDER BY created_at, kid";
            Ok(query_as(sql).fetch_all(connection).await?)
        })?;
        let keys = rows
            .into_iter()
            .map(|(kid, algorithm, created_at, sealed)| {
                Ok(StoredSigningKey {
                    pkcs8: self.sealer.open(TABLE, &kid, &sealed)?,
                    algorithm: Algorithm::from_name(&algorithm)
                        .map_err(|_| StoreFault::LocalCorrupt("signing key"))?,
                    created_at: time(created_at)?,
                    kid,
                })
            });
        Ok(keys.collect::<Result<_, StoreFault>>()?)
    }

    fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(TABLE, &key.kid, key.pkcs8.expose())?;
        let (kid, algorithm, created_at) = (
            key.kid.clone(),
            key.algorithm.name(),
            seconds(key.created_at)?,
        );
        Ok(self.worker.write(async move |connection| {
            query(
                "INSERT INTO signing_keys (kid, algorithm, created_at, sealed) VALUES (?, ?, ?, ?)",
            )
            .bind(&kid)
            .bind(algorithm)
            .bind(created_at)
            .bind(&sealed)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn remove_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        let kid = kid.to_owned();
        Ok(self.worker.write(async move |connection| {
            query("DELETE FROM signing_keys WHERE kid = ?")
                .bind(&kid)
                .execute(connection)
                .await?;
            Ok(())
        })?)
    }
}
