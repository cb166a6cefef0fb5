//! Key sets of issuers over HTTPS.

use super::https::{HttpsClient, HttpsClientError};
use crate::tls::{ClientTls, TlsError};
use http::StatusCode;
use roger_oidc::KeyFetch;
use std::collections::HashMap;
use std::path::Path;
use thiserror::Error;
use tokio::runtime::Handle;

/// Why keys of an issuer could never be fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFetchError {
    /// The file of authorities.
    #[error(transparent)]
    LocalTls(#[from] TlsError),
    /// The client.
    #[error(transparent)]
    LocalClient(#[from] HttpsClientError),
}

/// Fetches key sets; each URL has authorities of its own. It is called on threads that may wait.
pub struct HttpsKeyFetch {
    clients: HashMap<String, HttpsClient>,
    runtime: Handle,
}

impl HttpsKeyFetch {
    /// A fetcher of no URL yet, whose connections live in this runtime.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self {
            clients: HashMap::new(),
            runtime,
        }
    }

    /// Lets a URL be fetched from a server that these authorities (a PEM file) have certified.
    ///
    /// # Errors
    /// [`KeyFetchError`] when the file holds no authority.
    pub fn add(&mut self, url: &str, authorities: &Path) -> Result<(), KeyFetchError> {
        let tls = ClientTls::from_pem_file(authorities)?;
        let client = HttpsClient::new(tls, &[])?;
        self.clients.insert(url.to_owned(), client);
        Ok(())
    }
}

impl KeyFetch for HttpsKeyFetch {
    fn fetch(&self, url: &str) -> Option<String> {
        let client = self.clients.get(url)?;
        let answer = self.runtime.block_on(client.get(url, None, &[]));
        let answer = answer
            .inspect_err(
                |error| tracing::warn!(%url, %error, "the keys of an issuer cannot be had"),
            )
            .ok()?;
        if answer.status != StatusCode::OK {
            tracing::warn!(%url, status = %answer.status, "the keys of an issuer cannot be had");
            return None;
        }
        String::from_utf8(answer.body.expose().to_vec()).ok()
    }
}
