//! Master secrets with the terms of their certificates.

use super::{KSAK, Z};
use crate::fault::{seconds, time};
use crate::sql::{query, query_as};
use crate::{KmsStore, StoreFault};
use roger_base::{Secret, UnixTime};
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_kms::CertificateTerms;
use zeroize::Zeroizing;

const ROOTS: &str = "kms_roots";
const CORRUPT: StoreFault = StoreFault::LocalCorrupt("KMS certificate");

/// Master secrets and the certificate that they stand for.
pub struct StoredRoot {
    /// KSAK, z_T, KMS URI and key period.
    pub master: KmsMaster,
    /// What the certificate says besides.
    pub terms: CertificateTerms,
}

type Row = (String, Option<i64>, Option<i64>, bool, i64, i64, Vec<u8>);

impl KmsStore {
    fn root_name(&self, cert_uri: &str) -> String {
        format!("{}\n{cert_uri}", self.kms_uri())
    }

    /// Keeps master secrets with their certificate after those that the domain has; they are taken once only.
    ///
    /// # Errors
    /// [`StoreFault::LocalDuplicate`] when the domain has a certificate of this `CertUri`.
    pub fn add_root(&self, root: &StoredRoot) -> Result<(), StoreFault> {
        let (ksak, z) = root.master.to_secrets();
        let secrets = Zeroizing::new([ksak.expose().as_slice(), z.expose()].concat());
        let cert_uri = root.terms.cert_uri.clone().unwrap_or_default();
        let sealed = self
            .store()
            .sealer
            .seal(ROOTS, &self.root_name(&cert_uri), &secrets)?;
        let period = root.master.domain().key_period;
        let number = |value: u64| i64::try_from(value).map_err(|_| CORRUPT);
        let (length, offset) = (number(period.period_secs())?, number(period.offset_secs())?);
        let valid_from = root.terms.valid_from.map(seconds).transpose()?;
        let valid_to = root.terms.valid_to.map(seconds).transpose()?;
        let (kms_uri, revoked) = (self.kms_uri().to_owned(), root.terms.revoked);
        self.store().worker.write(async move |connection| {
            query(
                "INSERT INTO kms_roots (kms_uri, cert_uri, valid_from, valid_to, revoked, key_period, key_offset, sealed) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&kms_uri)
            .bind(&cert_uri)
            .bind(valid_from)
            .bind(valid_to)
            .bind(revoked)
            .bind(length)
            .bind(offset)
            .bind(&sealed)
            .execute(connection)
            .await?;
            Ok(())
        })
    }

    /// Ends the validity of a certificate of the domain; `false` when there is none of this `CertUri`.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn end_root(&self, cert_uri: &str, valid_to: UnixTime) -> Result<bool, StoreFault> {
        let (kms_uri, cert_uri) = (self.kms_uri().to_owned(), cert_uri.to_owned());
        let valid_to = seconds(valid_to)?;
        self.store().worker.write(async move |connection| {
            let sql = "UPDATE kms_roots SET valid_to = ? WHERE kms_uri = ? AND cert_uri = ?";
            let query = query(sql).bind(valid_to).bind(&kms_uri).bind(&cert_uri);
            Ok(query.execute(connection).await? == 1)
        })
    }

    /// Revokes a certificate of the domain; `false` when there is none of this `CertUri`.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn revoke_root(&self, cert_uri: &str) -> Result<bool, StoreFault> {
        let (kms_uri, cert_uri) = (self.kms_uri().to_owned(), cert_uri.to_owned());
        self.store().worker.write(async move |connection| {
            let done =
                query("UPDATE kms_roots SET revoked = TRUE WHERE kms_uri = ? AND cert_uri = ?")
                    .bind(&kms_uri)
                    .bind(&cert_uri)
                    .execute(connection)
                    .await?;
            Ok(done == 1)
        })
    }

    /// The master secrets of the domain in the order in which they came into service.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot be read.
    pub fn roots(&self) -> Result<Vec<StoredRoot>, StoreFault> {
        let kms_uri = self.kms_uri().to_owned();
        let rows: Vec<Row> = self.store().worker.read(async move |connection| {
            let sql = "SELECT cert_uri, valid_from, valid_to, revoked, key_period, key_offset, sealed \
                       FROM kms_roots WHERE kms_uri = ? ORDER BY entry";
            Ok(query_as(sql).bind(&kms_uri).fetch_all(connection).await?)
        })?;
        rows.into_iter().map(|row| self.root_of(row)).collect()
    }

    fn root_of(&self, row: Row) -> Result<StoredRoot, StoreFault> {
        let (cert_uri, valid_from, valid_to, revoked, length, offset, sealed) = row;
        let secrets = self
            .store()
            .sealer
            .open(ROOTS, &self.root_name(&cert_uri), &sealed)?;
        let (ksak, z) = secrets.expose().split_at_checked(KSAK).ok_or(CORRUPT)?;
        let ksak: Secret<KSAK> = Secret::try_from(ksak).map_err(|_| CORRUPT)?;
        let z: Secret<Z> = Secret::try_from(z).map_err(|_| CORRUPT)?;
        let number = |value: i64| u64::try_from(value).map_err(|_| CORRUPT);
        let period = KeyPeriod::new(number(length)?, number(offset)?).map_err(|_| CORRUPT)?;
        let master = KmsMaster::from_secrets(self.domain().clone(), period, &ksak, &z);
        Ok(StoredRoot {
            master: master.map_err(|_| CORRUPT)?,
            terms: CertificateTerms {
                cert_uri: Some(cert_uri).filter(|uri| !uri.is_empty()),
                valid_from: valid_from.map(time).transpose()?,
                valid_to: valid_to.map(time).transpose()?,
                revoked,
            },
        })
    }
}
