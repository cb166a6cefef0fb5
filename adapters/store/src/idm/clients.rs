//! Registered clients.

use crate::fault::octets_32;
use crate::sql::{query, query_as};
use crate::{Store, StoreFault};
use roger_oidc::provider::{
    ApplicationType, Client, ClientDetails, ClientKind, ClientRepository, ConsentPolicy, StoreError,
};
use roger_oidc::{OauthClientId, RedirectUri, ScopeSet, TokenDigest};

const CORRUPT: StoreFault = StoreFault::LocalCorrupt("client");

type ClientRow = (
    String,
    Option<Vec<u8>>,
    String,
    bool,
    String,
    String,
    Option<Vec<u8>>,
);

fn read(
    id: OauthClientId,
    row: ClientRow,
    redirect_uris: Vec<(String,)>,
    post_logout_uris: Vec<(String,)>,
) -> Result<Client, StoreFault> {
    let (name, secret, scopes, resource_server, consent, application, registration) = row;
    let digest = |octets: Vec<u8>| octets_32(&octets, "client").map(TokenDigest::from_octets);
    let kind = match (secret.map(digest).transpose()?, resource_server) {
        (None, false) => ClientKind::Public,
        (Some(secret), false) => ClientKind::Confidential { secret },
        (Some(secret), true) => ClientKind::ResourceServer { secret },
        (None, true) => return Err(CORRUPT),
    };
    let details = ClientDetails {
        consent: match consent.as_str() {
            "implied" => ConsentPolicy::Implied,
            "ask" => ConsentPolicy::Ask,
            _ => return Err(CORRUPT),
        },
        application: match application.as_str() {
            "native" => ApplicationType::Native,
            "web" => ApplicationType::Web,
            _ => return Err(CORRUPT),
        },
        post_logout_redirect_uris: uris(post_logout_uris)?,
        registration_token: registration.map(digest).transpose()?,
    };
    Ok(Client {
        id,
        name,
        kind,
        redirect_uris: uris(redirect_uris)?,
        scopes: ScopeSet::parse(&scopes).map_err(|_| CORRUPT)?,
        details,
    })
}

fn uris(rows: Vec<(String,)>) -> Result<Vec<RedirectUri>, StoreFault> {
    let uris = rows.into_iter().map(|(uri,)| RedirectUri::new(uri));
    uris.collect::<Result<_, _>>().map_err(|_| CORRUPT)
}

impl Store {
    /// The ids of all clients, in order.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot answer.
    pub fn client_ids(&self) -> Result<Vec<OauthClientId>, StoreFault> {
        let rows: Vec<(String,)> = self.worker.read(async |connection| {
            let query = query_as("SELECT client_id FROM clients ORDER BY client_id");
            Ok(query.fetch_all(connection).await?)
        })?;
        let ids = rows.into_iter().map(|(id,)| OauthClientId::new(id));
        ids.collect::<Result<_, _>>().map_err(|_| CORRUPT)
    }

    /// Registers a client, replacing one of the same id.
    ///
    /// # Errors
    /// [`StoreFault`] when the store cannot keep it.
    pub fn put_client(&self, client: &Client) -> Result<(), StoreFault> {
        let client = client.clone();
        self.worker.write(async move |connection| {
            let secret = match &client.kind {
                ClientKind::Public => None,
                ClientKind::Confidential { secret } | ClientKind::ResourceServer { secret } => {
                    Some(secret.octets().to_vec())
                }
            };
            let registration = client.details.registration_token;
            let registration = registration.map(|digest| digest.octets().to_vec());
            let id = client.id.as_str();
            query("DELETE FROM clients WHERE client_id = ?")
                .bind(id)
                .execute(&mut *connection)
                .await?;
            query(
                "INSERT INTO clients (client_id, name, secret, scopes, resource_server, consent, \
                 application, registration) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(id)
            .bind(&client.name)
            .bind(secret)
            .bind(client.scopes.to_string())
            .bind(matches!(client.kind, ClientKind::ResourceServer { .. }))
            .bind(match client.details.consent {
                ConsentPolicy::Implied => "implied",
                ConsentPolicy::Ask => "ask",
            })
            .bind(match client.details.application {
                ApplicationType::Native => "native",
                ApplicationType::Web => "web",
            })
            .bind(registration)
            .execute(&mut *connection)
            .await?;
            for uri in &client.redirect_uris {
                query("INSERT INTO client_redirect_uris (client_id, redirect_uri) VALUES (?, ?)")
                    .bind(id)
                    .bind(uri.as_str())
                    .execute(&mut *connection)
                    .await?;
            }
            for uri in &client.details.post_logout_redirect_uris {
                query(
                    "INSERT INTO client_post_logout_uris (client_id, redirect_uri) VALUES (?, ?)",
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

impl ClientRepository for Store {
    fn client(&self, id: &OauthClientId) -> Result<Option<Client>, StoreError> {
        let id = id.clone();
        Ok(self.worker.read(async move |connection| {
            let row: Option<ClientRow> = query_as(
                "SELECT name, secret, scopes, resource_server, consent, application, registration \
                     FROM clients WHERE client_id = ?",
            )
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let uris =
                query_as("SELECT redirect_uri FROM client_redirect_uris WHERE client_id = ?")
                    .bind(id.as_str())
                    .fetch_all(&mut *connection)
                    .await?;
            let sql = "SELECT redirect_uri FROM client_post_logout_uris WHERE client_id = ?";
            let post_logout = query_as(sql)
                .bind(id.as_str())
                .fetch_all(connection)
                .await?;
            read(id.clone(), row, uris, post_logout).map(Some)
        })?)
    }
}
