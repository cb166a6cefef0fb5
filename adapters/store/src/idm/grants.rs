//! Codes, refresh tokens, revoked grants.

use crate::fault::{octets_32, seconds, time};
use crate::sql::{Connection, Row, query};
use crate::{Store, StoreFault};
use core::time::Duration;
use roger_base::UnixTime;
use roger_oidc::provider::{
    CodeGrant, GrantOwner, GrantRepository, PutOutcome, Redemption, RefreshGrant, Rotation,
    StoreError,
};
use roger_oidc::{
    Acr, Amr, CodeChallenge, GrantId, Nonce, OauthClientId, RedirectUri, Revocations, ScopeSet,
    SessionId, Subject, TokenDigest,
};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("grant");
/// How long used codes and ended families are remembered: longer than any access token lives.
const REMEMBERED: Duration = Duration::from_secs(7200);

fn text(row: &Row, column: &str) -> Result<String, StoreFault> {
    Ok(row.get::<String>(column)?)
}

fn moment(row: &Row, column: &str) -> Result<UnixTime, StoreFault> {
    time(row.get::<i64>(column)?)
}

fn read_code(row: &Row) -> Result<CodeGrant, StoreFault> {
    let challenge: Vec<u8> = row.get("challenge")?;
    let nonce: Option<String> = row.get("nonce")?;
    let base = read_refresh(row)?;
    Ok(CodeGrant {
        grant: base.grant,
        client_id: base.client_id,
        redirect_uri: RedirectUri::new(text(row, "redirect_uri")?).map_err(|_| CORRUPT)?,
        challenge: CodeChallenge::from_octets(octets_32(&challenge, "challenge")?),
        subject: base.subject,
        scopes: base.scopes,
        nonce: nonce.map(Nonce::new).transpose().map_err(|_| CORRUPT)?,
        authenticated_at: base.authenticated_at,
        acr: base.acr,
        amr: base.amr,
        session: base.session,
        expires_at: base.expires_at,
    })
}

/// The columns that both tables have.
fn read_refresh(row: &Row) -> Result<RefreshGrant, StoreFault> {
    let session: Option<String> = row.get("session")?;
    Ok(RefreshGrant {
        grant: GrantId::new(text(row, "grant_id")?).map_err(|_| CORRUPT)?,
        client_id: OauthClientId::new(text(row, "client_id")?).map_err(|_| CORRUPT)?,
        subject: Subject::new(text(row, "subject")?).map_err(|_| CORRUPT)?,
        scopes: ScopeSet::parse(&text(row, "scopes")?).map_err(|_| CORRUPT)?,
        authenticated_at: moment(row, "authenticated_at")?,
        acr: Acr::new(text(row, "acr")?).map_err(|_| CORRUPT)?,
        amr: Amr::from_name(&text(row, "amr")?).ok_or(CORRUPT)?,
        session: session
            .map(SessionId::new)
            .transpose()
            .map_err(|_| CORRUPT)?,
        expires_at: moment(row, "expires_at")?,
    })
}

async fn insert_refresh(
    connection: &mut Connection,
    token: TokenDigest,
    grant: &RefreshGrant,
) -> Result<(), StoreFault> {
    query(
        "INSERT INTO refresh_tokens (digest, grant_id, client_id, subject, scopes, authenticated_at, acr, \
         expires_at, amr, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(token.octets().as_slice())
    .bind(grant.grant.as_str())
    .bind(grant.client_id.as_str())
    .bind(grant.subject.as_str())
    .bind(grant.scopes.to_string())
    .bind(seconds(grant.authenticated_at)?)
    .bind(grant.acr.as_str())
    .bind(seconds(grant.expires_at)?)
    .bind(grant.amr.name())
    .bind(grant.session.as_ref().map(SessionId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

async fn revoked(connection: &mut Connection, grant: &GrantId) -> Result<bool, StoreFault> {
    let query = query("SELECT 1 FROM revoked_grants WHERE grant_id = ?").bind(grant.as_str());
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Marks a row used; `true` for the one caller who did.
async fn use_up(
    connection: &mut Connection,
    sql: &'static str,
    digest: TokenDigest,
) -> Result<bool, StoreFault> {
    let done = query(sql)
        .bind(digest.octets().as_slice())
        .execute(connection)
        .await?;
    Ok(done == 1)
}

impl Store {
    /// Forgets codes and families that ended two hours ago and the revocations that concerned only them.
    /// Gives the number of rows removed.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot do it.
    pub fn forget_ended_grants(&self, now: UnixTime) -> Result<u64, StoreFault> {
        let before = seconds(now - REMEMBERED)?;
        self.worker.write(async move |connection| {
            let codes = query("DELETE FROM codes WHERE expires_at < ?").bind(before);
            let codes = codes.execute(&mut *connection).await?;
            let tokens = query("DELETE FROM refresh_tokens WHERE expires_at < ?").bind(before);
            let tokens = tokens.execute(&mut *connection).await?;
            let grants = query(
                "DELETE FROM revoked_grants WHERE grant_id NOT IN (SELECT grant_id FROM codes) \
                 AND grant_id NOT IN (SELECT grant_id FROM refresh_tokens)",
            );
            let grants = grants.execute(connection).await?;
            Ok(codes + tokens + grants)
        })
    }
}

impl GrantRepository for Store {
    fn put_code(&self, code: &TokenDigest, grant: &CodeGrant) -> Result<(), StoreError> {
        let (code, grant) = (*code, grant.clone());
        Ok(self.worker.write(async move |connection| {
            query(
                "INSERT INTO codes (digest, grant_id, client_id, redirect_uri, challenge, subject, scopes, nonce, \
                 authenticated_at, acr, expires_at, amr, session) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(code.octets().as_slice())
            .bind(grant.grant.as_str())
            .bind(grant.client_id.as_str())
            .bind(grant.redirect_uri.as_str())
            .bind(grant.challenge.octets().as_slice())
            .bind(grant.subject.as_str())
            .bind(grant.scopes.to_string())
            .bind(grant.nonce.as_ref().map(Nonce::as_str))
            .bind(seconds(grant.authenticated_at)?)
            .bind(grant.acr.as_str())
            .bind(seconds(grant.expires_at)?)
            .bind(grant.amr.name())
            .bind(grant.session.as_ref().map(SessionId::as_str))
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn redeem_code(&self, code: &TokenDigest) -> Result<Redemption, StoreError> {
        let code = *code;
        Ok(self.worker.write(async move |connection| {
            let query =
                query("SELECT * FROM codes WHERE digest = ?").bind(code.octets().as_slice());
            let Some(row) = query.fetch_optional(&mut *connection).await? else {
                return Ok(Redemption::Unknown);
            };
            let grant = read_code(&row)?;
            let first = use_up(
                connection,
                "UPDATE codes SET used = TRUE WHERE digest = ? AND NOT used",
                code,
            )
            .await?;
            Ok(if first {
                Redemption::Fresh(Box::new(grant))
            } else {
                Redemption::Replayed(grant.grant)
            })
        })?)
    }

    fn put_refresh(
        &self,
        token: &TokenDigest,
        grant: &RefreshGrant,
    ) -> Result<PutOutcome, StoreError> {
        let (token, grant) = (*token, grant.clone());
        Ok(self.worker.write(async move |connection| {
            if revoked(connection, &grant.grant).await? {
                return Ok(PutOutcome::GrantRevoked);
            }
            insert_refresh(connection, token, &grant).await?;
            Ok(PutOutcome::Stored)
        })?)
    }

    fn refresh(&self, token: &TokenDigest) -> Result<Option<RefreshGrant>, StoreError> {
        let token = *token;
        Ok(self.worker.read(async move |connection| {
            let query = query("SELECT * FROM refresh_tokens WHERE digest = ?")
                .bind(token.octets().as_slice());
            query
                .fetch_optional(connection)
                .await?
                .as_ref()
                .map(read_refresh)
                .transpose()
        })?)
    }

    fn rotate_refresh(&self, old: &TokenDigest, new: &TokenDigest) -> Result<Rotation, StoreError> {
        let (old, new) = (*old, *new);
        Ok(self.worker.write(async move |connection| {
            let query = query("SELECT * FROM refresh_tokens WHERE digest = ?")
                .bind(old.octets().as_slice());
            let Some(row) = query.fetch_optional(&mut *connection).await? else {
                return Ok(Rotation::Unknown);
            };
            let grant = read_refresh(&row)?;
            if revoked(connection, &grant.grant).await? {
                return Ok(Rotation::GrantRevoked);
            }
            let sql = "UPDATE refresh_tokens SET used = TRUE WHERE digest = ? AND NOT used";
            if !use_up(connection, sql, old).await? {
                return Ok(Rotation::Reused);
            }
            insert_refresh(connection, new, &grant).await?;
            Ok(Rotation::Rotated)
        })?)
    }

    fn revoke_grant(&self, grant: &GrantId) -> Result<(), StoreError> {
        let grant = grant.clone();
        Ok(self.worker.write(async move |connection| {
            query("INSERT INTO revoked_grants (grant_id) VALUES (?) ON CONFLICT DO NOTHING")
                .bind(grant.as_str())
                .execute(connection)
                .await?;
            Ok(())
        })?)
    }

    fn revoke_grants_of(&self, owner: &GrantOwner) -> Result<(), StoreError> {
        let (sql, name) = match owner {
            GrantOwner::Session(session) => (
                "INSERT INTO revoked_grants (grant_id) SELECT grant_id FROM codes WHERE session = ? \
                 UNION SELECT grant_id FROM refresh_tokens WHERE session = ? ON CONFLICT DO NOTHING",
                session.as_str().to_owned(),
            ),
            GrantOwner::Subject(subject) => (
                "INSERT INTO revoked_grants (grant_id) SELECT grant_id FROM codes WHERE subject = ? \
                 UNION SELECT grant_id FROM refresh_tokens WHERE subject = ? ON CONFLICT DO NOTHING",
                subject.as_str().to_owned(),
            ),
            GrantOwner::Client(client) => (
                "INSERT INTO revoked_grants (grant_id) SELECT grant_id FROM codes WHERE client_id = ? \
                 UNION SELECT grant_id FROM refresh_tokens WHERE client_id = ? ON CONFLICT DO NOTHING",
                client.as_str().to_owned(),
            ),
        };
        Ok(self.worker.write(async move |connection| {
            let query = query(sql).bind(&name).bind(&name);
            query.execute(connection).await?;
            Ok(())
        })?)
    }

    fn is_revoked(&self, grant: &GrantId) -> Result<bool, StoreError> {
        let grant = grant.clone();
        Ok(self
            .worker
            .read(async move |connection| revoked(connection, &grant).await)?)
    }
}

impl Revocations for Store {
    fn is_revoked(&self, grant: &GrantId) -> bool {
        GrantRepository::is_revoked(self, grant).unwrap_or(true)
    }
}
