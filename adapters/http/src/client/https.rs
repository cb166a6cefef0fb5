//! A small HTTPS client.

use crate::tls::ClientTls;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use core::time::Duration;
use reqwest::redirect::Policy;
use roger_base::SecretBytes;
use roger_oidc::AccessToken;
use std::net::SocketAddr;
use thiserror::Error;

/// Largest answer read, in octets.
const MAX_ANSWER_OCTETS: usize = 1024 * 1024;

/// Why there is no answer. URLs and bodies, which may hold secrets, are never repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HttpsClientError {
    /// The client cannot be set up.
    #[error("the HTTPS client cannot be set up: {0}")]
    LocalSetup(String),
    /// The URL or a header is malformed, or the URL is not https.
    #[error("the request is malformed or its URL is not https")]
    LocalRequest,
    /// No connection: refused, unreachable, or the certificate does not verify.
    #[error("cannot connect to {host}: {reason}")]
    PeerConnect {
        /// Host of the URL.
        host: String,
        /// What the system or TLS says.
        reason: String,
    },
    /// No answer in time.
    #[error("{host} did not answer in time")]
    PeerTimeout {
        /// Host of the URL.
        host: String,
    },
    /// The answer broke off or is larger than 1 MiB.
    #[error("the answer of {host} is broken or too large")]
    PeerAnswer {
        /// Host of the URL.
        host: String,
    },
}

/// An answer with its whole body.
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// Every header.
    pub headers: HeaderMap,
    /// The body.
    pub body: SecretBytes,
}

impl HttpAnswer {
    /// The value of a header that is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An HTTPS client that trusts one authority.
#[derive(Clone)]
pub struct HttpsClient {
    client: reqwest::Client,
}

impl HttpsClient {
    /// A client; names in `hosts` go to the given addresses, other names to the system's resolver.
    ///
    /// # Errors
    /// [`HttpsClientError::LocalSetup`] when TLS cannot be set up.
    pub fn new(tls: ClientTls, hosts: &[(&str, SocketAddr)]) -> Result<Self, HttpsClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.config())
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30));
        for (name, address) in hosts {
            builder = builder.resolve(name, *address);
        }
        let client = builder
            .build()
            .map_err(|error| HttpsClientError::LocalSetup(error.without_url().to_string()))?;
        Ok(Self { client })
    }

    /// GET, with a token when the resource needs one.
    ///
    /// # Errors
    /// [`HttpsClientError`] when there is no answer; a status of 400 and beyond is an answer.
    pub async fn get(
        &self,
        url: &str,
        token: Option<&AccessToken>,
        headers: &[(HeaderName, &str)],
    ) -> Result<HttpAnswer, HttpsClientError> {
        let request = self.request(Method::GET, url, headers)?;
        self.send(with_token(request, token)?).await
    }

    /// POST of a body of some type, with a token when the resource needs one.
    ///
    /// # Errors
    /// [`HttpsClientError`] when there is no answer; a status of 400 and beyond is an answer.
    pub async fn post(
        &self,
        url: &str,
        token: Option<&AccessToken>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<HttpAnswer, HttpsClientError> {
        let request = self.request(Method::POST, url, &[(CONTENT_TYPE, content_type)])?;
        self.send(with_token(request, token)?.body(body)).await
    }

    /// PUT of a body of some type, such as a group document at an XCAP server.
    ///
    /// # Errors
    /// [`HttpsClientError`] when there is no answer; a status of 400 and beyond is an answer.
    pub async fn put(
        &self,
        url: &str,
        token: Option<&AccessToken>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<HttpAnswer, HttpsClientError> {
        let request = self.request(Method::PUT, url, &[(CONTENT_TYPE, content_type)])?;
        self.send(with_token(request, token)?.body(body)).await
    }

    /// DELETE, with a token when the resource needs one.
    ///
    /// # Errors
    /// [`HttpsClientError`] when there is no answer; a status of 400 and beyond is an answer.
    pub async fn delete(
        &self,
        url: &str,
        token: Option<&AccessToken>,
    ) -> Result<HttpAnswer, HttpsClientError> {
        let request = self.request(Method::DELETE, url, &[])?;
        self.send(with_token(request, token)?).await
    }

    /// POST of a form with further headers.
    ///
    /// # Errors
    /// [`HttpsClientError`] when there is no answer; a status of 400 and beyond is an answer.
    pub async fn post_form(
        &self,
        url: &str,
        headers: &[(HeaderName, &str)],
        body: &[u8],
    ) -> Result<HttpAnswer, HttpsClientError> {
        let form = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
        let headers: Vec<_> = form.into_iter().chain(headers.iter().cloned()).collect();
        self.send(
            self.request(Method::POST, url, &headers)?
                .body(body.to_vec()),
        )
        .await
    }

    fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<reqwest::RequestBuilder, HttpsClientError> {
        let url = reqwest::Url::parse(url).map_err(|_| HttpsClientError::LocalRequest)?;
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| HttpsClientError::LocalRequest)?;
            value.set_sensitive(true);
            request = request.header(name.clone(), value);
        }
        Ok(request)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<HttpAnswer, HttpsClientError> {
        let request = request
            .build()
            .map_err(|_| HttpsClientError::LocalRequest)?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let mut response = self
            .client
            .execute(request)
            .await
            .map_err(|error| no_answer(&host, error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| no_answer(&host, error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER_OCTETS {
                return Err(HttpsClientError::PeerAnswer { host });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer {
            status: response.status(),
            headers: response.headers().clone(),
            body: SecretBytes::new(body),
        })
    }
}

fn with_token(
    request: reqwest::RequestBuilder,
    token: Option<&AccessToken>,
) -> Result<reqwest::RequestBuilder, HttpsClientError> {
    let Some(token) = token else {
        return Ok(request);
    };
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| HttpsClientError::LocalRequest)?;
    value.set_sensitive(true);
    Ok(request.header(AUTHORIZATION, value))
}

fn no_answer(host: &str, error: reqwest::Error) -> HttpsClientError {
    let host = host.to_owned();
    if error.is_builder() {
        return HttpsClientError::LocalRequest;
    }
    if error.is_connect() {
        return HttpsClientError::PeerConnect {
            host,
            reason: innermost(&error.without_url()),
        };
    }
    if error.is_timeout() {
        return HttpsClientError::PeerTimeout { host };
    }
    HttpsClientError::PeerAnswer { host }
}

/// The text of the innermost cause, where TLS and the system say what is wrong.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
