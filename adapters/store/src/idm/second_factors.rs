//! Second factors: the secret sealed, recovery codes as digests.

use crate::fault::octets_32;
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_idm::ports::{SecondFactorRepository, StoreError};
use roger_idm::{SecondFactor, TotpSecret};
use roger_oidc::{Subject, TokenDigest};

const TABLE: &str = "second_factors";
const CORRUPT: StoreFault = StoreFault::LocalCorrupt("second factor");

fn step(step: u64) -> Result<i64, StoreFault> {
    i64::try_from(step).map_err(|_| CORRUPT)
}

impl SecondFactorRepository for Store {
    fn second_factor(&self, subject: &Subject) -> Result<Option<SecondFactor>, StoreError> {
        let name = subject.as_str().to_owned();
        let found = self.worker.read(async move |connection| {
            let sql = "SELECT sealed, last_step FROM second_factors WHERE subject = ?";
            let row: Option<(Vec<u8>, i64)> = query_as(sql)
                .bind(&name)
                .fetch_optional(&mut *connection)
                .await?;
            let sql = "SELECT digest FROM recovery_codes WHERE subject = ? ORDER BY digest";
            let codes: Vec<(Vec<u8>,)> = query_as(sql).bind(&name).fetch_all(connection).await?;
            Ok(row.map(|(sealed, last)| (sealed, last, codes)))
        })?;
        let Some((sealed, last, codes)) = found else {
            return Ok(None);
        };
        let digest = |(octets,): (Vec<u8>,)| {
            octets_32(&octets, "recovery code").map(TokenDigest::from_octets)
        };
        let opened = self.sealer.open(TABLE, subject.as_str(), &sealed)?;
        Ok(Some(SecondFactor {
            secret: TotpSecret::from_octets(opened),
            last_step: u64::try_from(last).map_err(|_| CORRUPT)?,
            recovery: codes.into_iter().map(digest).collect::<Result<_, _>>()?,
        }))
    }

    fn put_second_factor(
        &self,
        subject: &Subject,
        factor: Option<&SecondFactor>,
    ) -> Result<(), StoreError> {
        let name = subject.as_str().to_owned();
        let sealed = factor.map(|factor| {
            let octets = factor.secret.octets().expose();
            let sealed = self.sealer.seal(TABLE, subject.as_str(), octets)?;
            Ok::<_, StoreFault>((sealed, step(factor.last_step)?, factor.recovery.clone()))
        });
        let sealed = sealed.transpose()?;
        Ok(self.worker.write(async move |connection| {
            query("DELETE FROM second_factors WHERE subject = ?")
                .bind(&name)
                .execute(&mut *connection)
                .await?;
            let Some((sealed, last, recovery)) = &sealed else {
                return Ok(());
            };
            query("INSERT INTO second_factors (subject, sealed, last_step) VALUES (?, ?, ?)")
                .bind(&name)
                .bind(sealed)
                .bind(last)
                .execute(&mut *connection)
                .await?;
            for code in recovery {
                query("INSERT INTO recovery_codes (subject, digest) VALUES (?, ?)")
                    .bind(&name)
                    .bind(code.octets().as_slice())
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })?)
    }

    fn use_step(&self, subject: &Subject, used: u64) -> Result<bool, StoreError> {
        let (name, used) = (subject.as_str().to_owned(), step(used)?);
        Ok(self.worker.write(async move |connection| {
            let sql = "UPDATE second_factors SET last_step = ? WHERE subject = ? AND last_step < ?";
            let query = query(sql).bind(used).bind(&name).bind(used);
            Ok(query.execute(connection).await? == 1)
        })?)
    }

    fn use_recovery_code(&self, subject: &Subject, code: &TokenDigest) -> Result<bool, StoreError> {
        let (name, code) = (subject.as_str().to_owned(), *code);
        Ok(self.worker.write(async move |connection| {
            let sql = "DELETE FROM recovery_codes WHERE subject = ? AND digest = ?";
            let query = query(sql).bind(&name).bind(code.octets().as_slice());
            Ok(query.execute(connection).await? == 1)
        })?)
    }
}
