//! Registered clients.

use crate::fault::octets_32;
use crate::{SqliteStore, StoreFault};
use roger_oidc::provider::{Client, ClientKind, ClientRepository, StoreError};
use roger_oidc::{OauthClientId, RedirectUri, ScopeSet, TokenDigest};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("client");

type ClientRow = (String, Option<Vec<u8>>, String);

fn read(
    id: OauthClientId,
    row: ClientRow,
    redirect_uris: Vec<(String,)>,
) -> Result<Client, StoreFault> {
    let (name, secret, scopes) = row;
    let kind = match secret {
        None => ClientKind::Public,
        Some(secret) => ClientKind::Confidential {
            secret: TokenDigest::from_octets(octets_32(&secret, "client")?),
        },
    };
    let redirect_uris: Result<_, _> = redirect_uris
        .into_iter()
        .map(|(uri,)| RedirectUri::new(uri))
        .collect();
    Ok(Client {
        id,
        name,
        kind,
        redirect_uris: redirect_uris.map_err(|_| CORRUPT)?,
        scopes: ScopeSet::parse(&scopes).map_err(|_| CORRUPT)?,
    })
}

impl SqliteStore {
    /// Registers a client, replacing one of the same id.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn put_client(&self, client: &Client) -> Result<(), StoreFault> {
        let client = client.clone();
        self.worker.write(async move |connection| {
            let secret = match &client.kind {
                ClientKind::Public => None,
                ClientKind::Confidential { secret } => Some(secret.octets().to_vec()),
            };
            let id = client.id.as_str();
            sqlx::query("DELETE FROM clients WHERE client_id = ?")
                .bind(id)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO clients (client_id, name, secret, scopes) VALUES (?, ?, ?, ?)",
            )
            .bind(id)
            .bind(&client.name)
            .bind(secret)
            .bind(client.scopes.to_string())
            .execute(&mut *connection)
            .await?;
            for uri in &client.redirect_uris {
                sqlx::query(
                    "INSERT INTO client_redirect_uris (client_id, redirect_uri) VALUES (?, ?)",
                )
                .bind(id)
                .bind(uri.as_str())
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
    }
}

impl ClientRepository for SqliteStore {
    fn client(&self, id: &OauthClientId) -> Result<Option<Client>, StoreError> {
        let id = id.clone();
        Ok(self.worker.read(async move |connection| {
            let row: Option<ClientRow> =
                sqlx::query_as("SELECT name, secret, scopes FROM clients WHERE client_id = ?")
                    .bind(id.as_str())
                    .fetch_optional(&mut *connection)
                    .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let uris =
                sqlx::query_as("SELECT redirect_uri FROM client_redirect_uris WHERE client_id = ?")
                    .bind(id.as_str())
                    .fetch_all(connection)
                    .await?;
            read(id, row, uris).map(Some)
        })?)
    }
}
