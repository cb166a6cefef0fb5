//! Passkeys: public keys, so nothing is sealed.

use crate::fault::{seconds, time};
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_base::UnixTime;
use roger_idm::ports::{PasskeyRepository, StoreError};
use roger_idm::{Passkey, PasskeyId, PasskeyName, PasskeyUse};
use roger_oidc::Subject;

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("passkey");

type Row = (Vec<u8>, String, String, String, String, i64, Option<i64>);

const fn usage_name(usage: PasskeyUse) -> &'static str {
    match usage {
        PasskeyUse::Alone => "alone",
        PasskeyUse::AfterPassword => "after-password",
    }
}

fn read(row: Row) -> Result<Passkey, StoreFault> {
    let (id, subject, name, usage, credential, created_at, used_at) = row;
    let usages = [PasskeyUse::Alone, PasskeyUse::AfterPassword];
    let usage = usages.into_iter().find(|one| usage_name(*one) == usage);
    Ok(Passkey {
        id: PasskeyId::new(id).ok_or(CORRUPT)?,
        subject: Subject::new(subject).map_err(|_| CORRUPT)?,
        name: PasskeyName::new(&name).ok_or(CORRUPT)?,
        usage: usage.ok_or(CORRUPT)?,
        credential,
        created_at: time(created_at)?,
        used_at: used_at.map(time).transpose()?,
    })
}

impl PasskeyRepository for Store {
    fn add_passkey(&self, passkey: &Passkey) -> Result<(), StoreError> {
        let passkey = passkey.clone();
        Ok(self.worker.write(async move |connection| {
            query(
                "INSERT INTO passkeys (id, subject, name, usage, credential, created_at, used_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(passkey.id.octets())
            .bind(passkey.subject.as_str())
            .bind(passkey.name.as_str())
            .bind(usage_name(passkey.usage))
            .bind(passkey.credential.as_str())
            .bind(seconds(passkey.created_at)?)
            .bind(passkey.used_at.map(seconds).transpose()?)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn passkey(&self, id: &PasskeyId) -> Result<Option<Passkey>, StoreError> {
        let id = id.octets().to_vec();
        Ok(self.worker.read(async move |connection| {
            let row: Option<Row> = query_as(
                "SELECT id, subject, name, usage, credential, created_at, used_at FROM passkeys \
                 WHERE id = ?",
            )
            .bind(&id)
            .fetch_optional(connection)
            .await?;
            row.map(read).transpose()
        })?)
    }

    fn passkeys_of(&self, subject: &Subject) -> Result<Vec<Passkey>, StoreError> {
        let subject = subject.as_str().to_owned();
        Ok(self.worker.read(async move |connection| {
            let rows: Vec<Row> = query_as(
                "SELECT id, subject, name, usage, credential, created_at, used_at FROM passkeys \
                 WHERE subject = ? ORDER BY created_at, id",
            )
            .bind(&subject)
            .fetch_all(connection)
            .await?;
            rows.into_iter().map(read).collect()
        })?)
    }

    fn passkey_used(
        &self,
        before: &Passkey,
        credential: &str,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let (before, credential) = (before.clone(), credential.to_owned());
        Ok(self.worker.write(async move |connection| {
            let sql =
                "UPDATE passkeys SET credential = ?, used_at = ? WHERE id = ? AND credential = ?";
            let query = query(sql)
                .bind(&credential)
                .bind(seconds(now)?)
                .bind(before.id.octets())
                .bind(before.credential.as_str());
            Ok(query.execute(connection).await? == 1)
        })?)
    }

    fn remove_passkey(&self, subject: &Subject, id: &PasskeyId) -> Result<bool, StoreError> {
        let (subject, id) = (subject.as_str().to_owned(), id.octets().to_vec());
        Ok(self.worker.write(async move |connection| {
            let sql = "DELETE FROM passkeys WHERE subject = ? AND id = ?";
            let query = query(sql).bind(&subject).bind(&id);
            Ok(query.execute(connection).await? == 1)
        })?)
    }
}
