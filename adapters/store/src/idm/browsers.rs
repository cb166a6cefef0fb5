//! Sessions of browsers and consents.

use crate::fault::{seconds, time};
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_base::UnixTime;
use roger_idm::ports::{BrowserSession, BrowserSessionRepository, ConsentRepository, StoreError};
use roger_oidc::{Amr, OauthClientId, ScopeSet, SessionId, Subject, TokenDigest};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("browser session");

type BrowserRow = (String, String, i64, String, i64);

fn read(row: BrowserRow) -> Result<BrowserSession, StoreFault> {
    let (session, subject, authenticated_at, amr, expires_at) = row;
    Ok(BrowserSession {
        id: SessionId::new(session).map_err(|_| CORRUPT)?,
        subject: Subject::new(subject).map_err(|_| CORRUPT)?,
        authenticated_at: time(authenticated_at)?,
        amr: Amr::from_name(&amr).ok_or(CORRUPT)?,
        expires_at: time(expires_at)?,
    })
}

impl Store {
    fn end_browsers(&self, sql: &'static str, name: String) -> Result<(), StoreFault> {
        self.worker.write(async move |connection| {
            query(sql).bind(&name).execute(connection).await?;
            Ok(())
        })
    }
}

impl BrowserSessionRepository for Store {
    fn put_browser(
        &self,
        key: &TokenDigest,
        session: &BrowserSession,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let (key, session) = (*key, session.clone());
        Ok(self.worker.write(async move |connection| {
            query("DELETE FROM browsers WHERE expires_at <= ?")
                .bind(seconds(now)?)
                .execute(&mut *connection)
                .await?;
            query(
                "INSERT INTO browsers (digest, session, subject, authenticated_at, amr, expires_at) \
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(key.octets().as_slice())
            .bind(session.id.as_str())
            .bind(session.subject.as_str())
            .bind(seconds(session.authenticated_at)?)
            .bind(session.amr.name())
            .bind(seconds(session.expires_at)?)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn browser(
        &self,
        key: &TokenDigest,
        now: UnixTime,
    ) -> Result<Option<BrowserSession>, StoreError> {
        let key = *key;
        Ok(self.worker.read(async move |connection| {
            let row: Option<BrowserRow> = query_as(
                "SELECT session, subject, authenticated_at, amr, expires_at FROM browsers \
                 WHERE digest = ? AND expires_at > ?",
            )
            .bind(key.octets().as_slice())
            .bind(seconds(now)?)
            .fetch_optional(connection)
            .await?;
            row.map(read).transpose()
        })?)
    }

    fn browsers_of(
        &self,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<Vec<BrowserSession>, StoreError> {
        let subject = subject.as_str().to_owned();
        Ok(self.worker.read(async move |connection| {
            let rows: Vec<BrowserRow> = query_as(
                "SELECT session, subject, authenticated_at, amr, expires_at FROM browsers \
                 WHERE subject = ? AND expires_at > ? ORDER BY authenticated_at DESC, session",
            )
            .bind(&subject)
            .bind(seconds(now)?)
            .fetch_all(connection)
            .await?;
            rows.into_iter().map(read).collect()
        })?)
    }

    fn end_browser(&self, id: &SessionId) -> Result<(), StoreError> {
        let sql = "DELETE FROM browsers WHERE session = ?";
        Ok(self.end_browsers(sql, id.as_str().to_owned())?)
    }

    fn end_browsers_of(&self, subject: &Subject) -> Result<(), StoreError> {
        let sql = "DELETE FROM browsers WHERE subject = ?";
        Ok(self.end_browsers(sql, subject.as_str().to_owned())?)
    }
}

impl ConsentRepository for Store {
    fn consent(&self, subject: &Subject, client: &OauthClientId) -> Result<ScopeSet, StoreError> {
        let (subject, client) = (subject.as_str().to_owned(), client.as_str().to_owned());
        Ok(self.worker.read(async move |connection| {
            let sql = "SELECT scopes FROM consents WHERE subject = ? AND client_id = ?";
            let row: Option<(String,)> = query_as(sql)
                .bind(&subject)
                .bind(&client)
                .fetch_optional(connection)
                .await?;
            let scopes = row.map(|(scopes,)| ScopeSet::parse(&scopes)).transpose();
            let scopes = scopes.map_err(|_| StoreFault::LocalCorrupt("consent"))?;
            Ok(scopes.unwrap_or_default())
        })?)
    }

    fn put_consent(
        &self,
        subject: &Subject,
        client: &OauthClientId,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError> {
        let (subject, client) = (subject.as_str().to_owned(), client.as_str().to_owned());
        let scopes = scopes.to_string();
        Ok(self.worker.write(async move |connection| {
            query(
                "INSERT INTO consents (subject, client_id, scopes) VALUES (?, ?, ?) \
                 ON CONFLICT (subject, client_id) DO UPDATE SET scopes = excluded.scopes",
            )
            .bind(&subject)
            .bind(&client)
            .bind(&scopes)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }
}
