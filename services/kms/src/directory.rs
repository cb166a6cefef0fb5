//! Several security domains, such as one for each agency, in one server.

use crate::address_index::AddressIndex;
use crate::ports::{AuditEntry, AuditLog};
use crate::refusal::Refusal;
use crate::server::{HttpAnswer, HttpRequest, Kms, MAX_BODY_OCTETS};
use core::time::Duration;
use roger_base::UnixTime;
use roger_documents::kms::{KmsErrorBody, KmsMessage, KmsRequest, KmsResponse, MEDIA_TYPE};
use std::sync::Arc;
use thiserror::Error;

/// Where a domain is asked: the name of the host, and what stands before `/keymanagement` in the path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DomainAddress {
    /// `Host` without port, in small letters; absent when any host is good.
    pub host: Option<String>,
    /// Begin of the path, empty or such as `/fire`.
    pub prefix: String,
}

/// Why a domain cannot be served beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Its KMS URI is served already.
    #[error("the KMS URI is served already")]
    LocalSameKmsUri,
}

/// The domains of one server. Each is a [`Kms`] with ports of its own: accounts, caches, replay memory and audit never
/// meet. This only decides who is asked; that a request is for the domain is checked again there, by its `KmsUri` and
/// URL, under its own accounts.
#[derive(Default)]
pub struct KmsDirectory {
    served: AddressIndex<Arc<Kms>>,
    /// Keeps what was asked of no domain: the log of a domain does not learn of it.
    audit: Option<Arc<dyn AuditLog>>,
}

impl KmsDirectory {
    /// Nobody is served.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One domain, whatever host is asked.
    #[must_use]
    pub fn of_one(kms: Arc<Kms>) -> Self {
        let audit = Some(kms.ports.audit.clone());
        let mut served = AddressIndex::default();
        let uri = kms.kms_uri().clone();
        served.add(DomainAddress::default(), uri.as_str(), kms);
        Self { served, audit }
    }

    /// The same directory with a log for requests that are for none of its domains.
    #[must_use]
    pub fn with_audit(mut self, audit: Arc<dyn AuditLog>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Serves a further domain.
    ///
    /// # Errors
    /// [`DirectoryError`] when its KMS URI is served already.
    pub fn add(&mut self, address: DomainAddress, kms: Arc<Kms>) -> Result<(), DirectoryError> {
        let uri = kms.kms_uri().clone();
        match self.served.add(address, uri.as_str(), kms) {
            true => Ok(()),
            false => Err(DirectoryError::LocalSameKmsUri),
        }
    }

    /// Answers a request in the domain that it is for.
    ///
    /// Host and path decide. Where they leave several domains, the `KmsUri` of the document does: it is not verified
    /// yet, and the domain that it names verifies it.
    #[must_use]
    pub fn handle(&self, request: &HttpRequest<'_>, now: UnixTime) -> HttpAnswer {
        let kms_uri = || KmsRequest::unverified_kms_uri(bounded(request.body));
        let found = self.served.find(request.host, request.path, kms_uri);
        let Some((prefix, kms)) = found else {
            return self.not_found(request, now);
        };
        let mut inner = *request;
        inner.path = request.path.get(prefix.len()..).unwrap_or(request.path);
        kms.handle_below(prefix, &inner, now)
    }

    /// Nobody is asked. The document says so unsigned.
    fn not_found(&self, request: &HttpRequest<'_>, now: UnixTime) -> HttpAnswer {
        let refusal = Refusal::PeerPath;
        let kms_uri = KmsRequest::unverified_kms_uri(bounded(request.body));
        let url = KmsRequest::unverified_url(bounded(request.body));
        if let Some(audit) = &self.audit {
            let entry = AuditEntry {
                time: now,
                kms_uri: String::new(),
                caller: None,
                path: request.path.to_owned(),
                released: Vec::new(),
                status: refusal.status(),
                refusal: Some("no domain is served there".to_owned()),
            };
            // A refusal stays one, also when it cannot be recorded.
            let _ = audit.record(&entry);
        }
        unsigned(&refusal, kms_uri, url.as_deref(), request.path, now)
    }
}

/// The answer to a request that comes too often, of which nothing has been read: 429 and `Retry-After` (RFC 6585 4).
#[must_use]
pub fn too_many_requests(path: &str, wait: Duration, now: UnixTime) -> HttpAnswer {
    let mut answer = unsigned(&Refusal::PeerTooOften, None, None, path, now);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let field = ("Retry-After", seconds.max(1).to_string());
    answer.headers.push(field);
    answer
}

/// A refusal by nobody who could sign it.
fn unsigned(
    refusal: &Refusal,
    kms_uri: Option<String>,
    url: Option<&str>,
    path: &str,
    now: UnixTime,
) -> HttpAnswer {
    let response = KmsResponse {
        user_uri: String::new(),
        kms_uri: kms_uri.unwrap_or_default(),
        time: now,
        kms_id: None,
        client_req_url: url.unwrap_or(path).to_owned(),
        message: KmsMessage::Error(KmsErrorBody {
            code: refusal.status().into(),
            message: refusal.to_string(),
        }),
    };
    HttpAnswer {
        status: refusal.status(),
        headers: vec![
            ("Content-Type", MEDIA_TYPE.to_owned()),
            ("Cache-Control", "no-store".to_owned()),
        ],
        body: response.write().into_bytes(),
    }
}

/// A body that is looked at, or nothing of one that is too long.
fn bounded(body: &[u8]) -> &[u8] {
    if body.len() <= MAX_BODY_OCTETS {
        body
    } else {
        &[]
    }
}
