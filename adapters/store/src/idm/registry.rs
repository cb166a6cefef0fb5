//! Clients that register themselves.

use crate::Store;
use crate::fault::seconds;
use crate::sql::query;
use roger_base::UnixTime;
use roger_oidc::provider::{Client, ClientRegistry, RegistrationPermit, StoreError};
use roger_oidc::{OauthClientId, TokenDigest};

impl ClientRegistry for Store {
    fn keep_client(&self, client: &Client) -> Result<(), StoreError> {
        Ok(self.put_client(client)?)
    }

    fn remove_client(&self, id: &OauthClientId) -> Result<(), StoreError> {
        let id = id.as_str().to_owned();
        Ok(self.worker.write(async move |connection| {
            query("DELETE FROM clients WHERE client_id = ?")
                .bind(&id)
                .execute(&mut *connection)
                .await?;
            query("DELETE FROM consents WHERE client_id = ?")
                .bind(&id)
                .execute(connection)
                .await?;
            Ok(())
        })?)
    }

    fn put_permit(
        &self,
        token: &TokenDigest,
        permit: &RegistrationPermit,
    ) -> Result<(), StoreError> {
        let (token, permit) = (*token, *permit);
        Ok(self.worker.write(async move |connection| {
            query(
                "INSERT INTO registration_permits (digest, uses, expires_at) VALUES (?, ?, ?) \
                 ON CONFLICT (digest) DO UPDATE SET uses = excluded.uses, expires_at = excluded.expires_at",
            )
            .bind(token.octets().as_slice())
            .bind(i64::from(permit.uses))
            .bind(seconds(permit.expires_at)?)
            .execute(connection)
            .await?;
            Ok(())
        })?)
    }

    fn use_permit(&self, token: &TokenDigest, now: UnixTime) -> Result<bool, StoreError> {
        let token = *token;
        Ok(self.worker.write(async move |connection| {
            let done = query(
                "UPDATE registration_permits SET uses = uses - 1 \
                 WHERE digest = ? AND uses > 0 AND expires_at > ?",
            )
            .bind(token.octets().as_slice())
            .bind(seconds(now)?)
            .execute(connection)
            .await?;
            Ok(done == 1)
        })?)
    }
}
