//! Several security domains, such as one for each agency, in one server.

use crate::ports::{AuditEntry, AuditLog};
use crate::refusal::Refusal;
use crate::server::{HttpAnswer, HttpRequest, Kms, MAX_BODY_OCTETS};
use roger_base::UnixTime;
use roger_documents::kms::{KmsErrorBody, KmsMessage, KmsRequest, KmsResponse, MEDIA_TYPE};
use std::sync::Arc;
use thiserror::Error;

/// Where a domain is asked: the name of the host, and what stands before `/keymanagement` in the path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainAddress {
    /// `Host` without port, in small letters; absent when any host is good.
    pub host: Option<String>,
    /// Begin of the path, empty or such as `/fire`.
    pub prefix: String,
}

impl DomainAddress {
    fn matches(&self, host: Option<&str>, path: &str) -> bool {
        let host_matches = self.host.as_deref().is_none_or(|own| {
            host.is_some_and(|host| without_port(host).eq_ignore_ascii_case(own))
        });
        host_matches && self.rest(path).is_some()
    }

    /// The path without the begin that belongs to the address.
    fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.prefix.as_str())
            .filter(|rest| rest.starts_with("/keymanagement/"))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Why a domain cannot be served beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Its KMS URI is served already.
    #[error("the KMS URI is served already")]
    LocalSameKmsUri,
}

struct Served {
    address: DomainAddress,
    kms: Arc<Kms>,
}

/// The domains of one server. Each is a [`Kms`] with ports of its own: accounts, caches, replay memory and audit never
/// meet. This only decides who is asked; that a request is for the domain is checked again there, by its `KmsUri` and
/// URL, under its own accounts.
#[derive(Default)]
pub struct KmsDirectory {
    served: Vec<Served>,
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
        let address = DomainAddress::default();
        let served = vec![Served { address, kms }];
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
        if self
            .served
            .iter()
            .any(|served| served.kms.kms_uri() == kms.kms_uri())
        {
            return Err(DirectoryError::LocalSameKmsUri);
        }
        self.served.push(Served { address, kms });
        Ok(())
    }

    /// Answers a request in the domain that it is for.
    ///
    /// Host and path decide. Where they leave several domains, the `KmsUri` of the document does: it is not verified
    /// yet, and the domain that it names verifies it.
    #[must_use]
    pub fn handle(&self, request: &HttpRequest<'_>, now: UnixTime) -> HttpAnswer {
        let mut candidates: Vec<&Served> = self
            .served
            .iter()
            .filter(|served| served.address.matches(request.host, request.path))
            .collect();
        if candidates.len() > 1 {
            let kms_uri = KmsRequest::unverified_kms_uri(request.body);
            candidates.retain(|served| Some(served.kms.kms_uri().as_str()) == kms_uri.as_deref());
        }
        let Some(served) = candidates.first() else {
            return self.not_found(request, now);
        };
        let mut inner = *request;
        inner.path = served.address.rest(request.path).unwrap_or(request.path);
        served.kms.handle_below(&served.address.prefix, &inner, now)
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
        let response = KmsResponse {
            user_uri: String::new(),
            kms_uri: kms_uri.unwrap_or_default(),
            time: now,
            kms_id: None,
            client_req_url: url.unwrap_or_else(|| request.path.to_owned()),
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
}

/// A body that is looked at, or nothing of one that is too long.
fn bounded(body: &[u8]) -> &[u8] {
    if body.len() <= MAX_BODY_OCTETS {
        body
    } else {
        &[]
    }
}
