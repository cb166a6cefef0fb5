//! Pre-issued key sets: sealed, each under its domain, master secrets, key period and identity.

use super::repository::period_number;
use crate::sql::{query, query_as};
use crate::{KmsStore, StoreFault};
use roger_base::Secret;
use roger_ibc::IssuedKeys;
use roger_ibc::uid::Uid;
use roger_kms::ports::StoreError;
use roger_kms::pre_issue::{Enrolled, PreIssuedSets, RootId};
use zeroize::Zeroizing;

const TABLE: &str = "kms_pre_issued";
const CORRUPT: StoreFault = StoreFault::LocalCorrupt("pre-issued key set");
/// Rows that one transaction removes.
const REMOVED: i64 = 8192;

/// ```text
/// octets 0..32     UID
/// octets 32..64    SSK
/// octets 64..129   PVT
/// octets 129..386  RSK
/// ```
const OCTETS: usize = 386;
const SSK: core::ops::Range<usize> = 32..64;
const PVT: core::ops::Range<usize> = 64..129;

/// What a set is sealed under: it opens in no other place.
fn row_name(kms_uri: &str, root: RootId, period: u64, identity: &str) -> String {
    format!("{kms_uri}\n{}\n{period}\n{identity}", hex::encode(root.0))
}

fn written(set: &IssuedKeys) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let mut octets = Zeroizing::new(Vec::with_capacity(OCTETS));
    octets.extend_from_slice(&set.uid.0);
    octets.extend_from_slice(set.ssk.expose());
    octets.extend_from_slice(&set.pvt);
    octets.extend_from_slice(set.rsk.expose());
    if octets.len() == OCTETS {
        Ok(octets)
    } else {
        Err(CORRUPT)
    }
}

fn read(octets: &[u8], identity: &str, period_number: u64) -> Result<IssuedKeys, StoreFault> {
    let part = |range| octets.get(range).ok_or(CORRUPT);
    Ok(IssuedKeys {
        identity: identity.to_owned(),
        period_number,
        uid: Uid(part(0..SSK.start)?.try_into().map_err(|_| CORRUPT)?),
        ssk: Secret::try_from(part(SSK)?).map_err(|_| CORRUPT)?,
        pvt: part(PVT)?.to_vec(),
        rsk: Secret::try_from(octets.get(PVT.end..).ok_or(CORRUPT)?).map_err(|_| CORRUPT)?,
    })
}

impl PreIssuedSets for KmsStore {
    fn enrolled_after(&self, after: &str, limit: usize) -> Result<Vec<Enrolled>, StoreError> {
        let (kms_uri, after) = (self.kms_uri().to_owned(), after.to_owned());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<(String, Vec<u8>)> = self.store().worker.read(async move |connection| {
            let sql = "SELECT user_uri, sealed FROM kms_accounts WHERE kms_uri = ? AND user_uri > ? \
                       ORDER BY user_uri LIMIT ?";
            let query = query_as(sql).bind(&kms_uri).bind(&after).bind(limit);
            Ok(query.fetch_all(connection).await?)
        })?;
        let enrolled = rows.into_iter().map(|(user_uri, sealed)| {
            let account = self.opened_account(&user_uri, &sealed)?;
            Ok(Enrolled {
                user_uri,
                identities: account.identities,
            })
        });
        Ok(enrolled.collect::<Result<_, StoreFault>>()?)
    }

    fn count_enrolled_after(&self, after: &str) -> Result<u64, StoreError> {
        let (kms_uri, after) = (self.kms_uri().to_owned(), after.to_owned());
        let (count,): (i64,) = self.store().worker.read(async move |connection| {
            let sql = "SELECT count(*) FROM kms_accounts WHERE kms_uri = ? AND user_uri > ?";
            let query = query_as(sql).bind(&kms_uri).bind(&after);
            Ok(query.fetch_one(connection).await?)
        })?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    fn revoked_in(&self, period: u64) -> Result<Vec<String>, StoreError> {
        let (kms_uri, period) = (self.kms_uri().to_owned(), period_number(period)?);
        let rows: Vec<(String,)> = self.store().worker.read(async move |connection| {
            let sql = "SELECT identity FROM kms_revocations WHERE kms_uri = ? AND period = ?";
            let query = query_as(sql).bind(&kms_uri).bind(period);
            Ok(query.fetch_all(connection).await?)
        })?;
        Ok(rows.into_iter().map(|(identity,)| identity).collect())
    }

    fn missing(
        &self,
        root: RootId,
        period: u64,
        identities: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let (kms_uri, root) = (self.kms_uri().to_owned(), hex::encode(root.0));
        let period = period_number(period)?;
        Ok(self.store().worker.read(async move |connection| {
            let mut missing = Vec::new();
            for identity in &identities {
                let sql = "SELECT s.period FROM kms_pre_issued s JOIN kms_pre_issued_roots r ON r.entry = s.root \
                           WHERE r.kms_uri = ? AND r.root = ? AND s.period = ? AND s.identity = ?";
                let query = query_as(sql).bind(&kms_uri).bind(&root).bind(period);
                let found: Option<(i64,)> =
                    query.bind(identity).fetch_optional(&mut *connection).await?;
                if found.is_none() {
                    missing.push(identity.clone());
                }
            }
            Ok(missing)
        })?)
    }

    fn keep(&self, root: RootId, sets: &[IssuedKeys]) -> Result<(), StoreError> {
        let kms_uri = self.kms_uri().to_owned();
        let mut rows = Vec::with_capacity(sets.len());
        for set in sets {
            let name = row_name(&kms_uri, root, set.period_number, &set.identity);
            let sealed = self.store().sealer.seal(TABLE, &name, &written(set)?)?;
            rows.push((
                period_number(set.period_number)?,
                set.identity.clone(),
                sealed,
            ));
        }
        let root = hex::encode(root.0);
        Ok(self.store().worker.write(async move |connection| {
            let sql = "INSERT INTO kms_pre_issued_roots (kms_uri, root) VALUES (?, ?) ON CONFLICT DO NOTHING";
            let known = query(sql).bind(&kms_uri).bind(&root);
            known.execute(&mut *connection).await?;
            let sql = "SELECT entry FROM kms_pre_issued_roots WHERE kms_uri = ? AND root = ?";
            let known = query_as(sql).bind(&kms_uri).bind(&root);
            let (entry,): (i64,) = known.fetch_one(&mut *connection).await?;
            for (period, identity, sealed) in &rows {
                let sql = "INSERT INTO kms_pre_issued (root, period, identity, sealed) VALUES (?, ?, ?, ?) \
                           ON CONFLICT DO NOTHING";
                let query = query(sql).bind(entry).bind(period);
                let query = query.bind(identity).bind(sealed);
                query.execute(&mut *connection).await?;
            }
            Ok(())
        })?)
    }

    fn pre_issued(
        &self,
        root: RootId,
        period: u64,
        identity: &str,
    ) -> Result<Option<IssuedKeys>, StoreError> {
        let name = row_name(self.kms_uri(), root, period, identity);
        let (kms_uri, root) = (self.kms_uri().to_owned(), hex::encode(root.0));
        let (number, wanted) = (period_number(period)?, identity.to_owned());
        let row: Option<(Vec<u8>,)> = self.store().worker.read(async move |connection| {
            let sql = "SELECT s.sealed FROM kms_pre_issued s JOIN kms_pre_issued_roots r ON r.entry = s.root \
                       WHERE r.kms_uri = ? AND r.root = ? AND s.period = ? AND s.identity = ?";
            let query = query_as(sql).bind(&kms_uri).bind(&root).bind(number);
            Ok(query.bind(&wanted).fetch_optional(connection).await?)
        })?;
        let Some((sealed,)) = row else {
            return Ok(None);
        };
        let octets = self.store().sealer.open(TABLE, &name, &sealed)?;
        Ok(Some(read(octets.expose(), identity, period)?))
    }

    fn forget_all_but(&self, kept: &[(RootId, u64)]) -> Result<u64, StoreError> {
        let kms_uri = self.kms_uri().to_owned();
        let kept = kept
            .iter()
            .map(|(root, period)| Ok((hex::encode(root.0), period_number(*period)?)))
            .collect::<Result<Vec<_>, StoreFault>>()?;
        Ok(self.store().worker.write(async move |connection| {
            let sql = "SELECT entry, root FROM kms_pre_issued_roots WHERE kms_uri = ?";
            let known = query_as(sql).bind(&kms_uri);
            let roots: Vec<(i64, String)> = known.fetch_all(&mut *connection).await?;
            let mut removed = 0;
            for (entry, root) in roots {
                let oldest = kept.iter().find(|(known, _)| *known == root);
                // Of master secrets no longer in use nothing stays.
                let before = oldest.map_or(i64::MAX, |(_, period)| *period);
                let sql = "DELETE FROM kms_pre_issued WHERE root = ? AND (period, identity) IN \
                           (SELECT period, identity FROM kms_pre_issued WHERE root = ? AND period < ? LIMIT ?)";
                let query = query(sql).bind(entry).bind(entry).bind(before);
                let done = query.bind(REMOVED).execute(&mut *connection).await?;
                removed += done;
            }
            Ok(removed)
        })?)
    }
}
