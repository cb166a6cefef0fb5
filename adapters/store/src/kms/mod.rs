//! The ports of the KMS, and its master secrets.

mod account;
mod bulk;
mod certificate;
mod pre_issued;
mod repository;
mod roots;

pub use repository::SqliteKms;
pub use roots::StoredRoot;

use crate::{SqliteStore, StoreFault};
use roger_base::{KmsUri, Secret, SecretBytes};
use zeroize::Zeroizing;

const MASTERS: &str = "kms_masters";

/// Octets of KSAK.
const KSAK: usize = 32;
/// Octets of z_T.
const Z: usize = 128;

impl SqliteStore {
    /// Keeps the master secrets of a domain, KSAK and z_T, sealed; they are taken once only.
    ///
    /// # Errors
    /// [`StoreFault::LocalDuplicate`] when the domain has master secrets already.
    pub fn add_kms_master(
        &self,
        domain: &KmsUri,
        ksak: &Secret<KSAK>,
        z: &Secret<Z>,
    ) -> Result<(), StoreFault> {
        let secrets = Zeroizing::new([ksak.expose().as_slice(), z.expose()].concat());
        let sealed = self.sealer.seal(MASTERS, domain.as_str(), &secrets)?;
        let domain = domain.as_str().to_owned();
        self.worker.write(async move |connection| {
            sqlx::query("INSERT INTO kms_masters (kms_uri, sealed) VALUES (?, ?)")
                .bind(domain)
                .bind(sealed)
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// The master secrets of a domain.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot be read.
    pub fn kms_master(
        &self,
        domain: &KmsUri,
    ) -> Result<Option<(Secret<KSAK>, Secret<Z>)>, StoreFault> {
        const CORRUPT: StoreFault = StoreFault::LocalCorrupt("master secret");
        let name = domain.as_str().to_owned();
        let sealed: Option<(Vec<u8>,)> = self.worker.read(async move |connection| {
            let query =
                sqlx::query_as("SELECT sealed FROM kms_masters WHERE kms_uri = ?").bind(name);
            Ok(query.fetch_optional(connection).await?)
        })?;
        let Some((sealed,)) = sealed else {
            return Ok(None);
        };
        let secrets: SecretBytes = self.sealer.open(MASTERS, domain.as_str(), &sealed)?;
        let (ksak, z) = secrets.expose().split_at_checked(KSAK).ok_or(CORRUPT)?;
        Ok(Some((
            Secret::try_from(ksak).map_err(|_| CORRUPT)?,
            Secret::try_from(z).map_err(|_| CORRUPT)?,
        )))
    }
}
