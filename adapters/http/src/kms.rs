//! The KMS over HTTP (TS 33.180 D.2): POST below `/keymanagement/identity/v1`.

use crate::server::TooManyAnswer;
use crate::service::{Bearer, HttpRequest, HttpResponse, HttpService};
use crate::system::Clock;
use axum::http::header::{CONTENT_TYPE, FORWARDED, HOST, VIA};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use roger_kms::{Channel, Credential, KmsDirectory};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// Whom a proxy has authenticated (TS 24.109).
const ASSERTED: HeaderName = HeaderName::from_static("x-3gpp-asserted-identity");

/// The KMS service with what its front end needs; mount it with [`crate::service::mount`].
///
/// A user is known by the bearer token, an MCX server by its TLS client certificate. A request that brings both is
/// judged by the token alone, and so is one whose `Authorization` header is no token.
///
/// The certificate of a trusted HTTP proxy proves the proxy, nobody who could have keys: users behind it are known by
/// their tokens, and no private key goes to it in clear (TS 33.180 cl. 5.3). When it says whom it has authenticated
/// (`X-3GPP-Asserted-Identity`), the token must be of one of them.
pub struct KmsFrontEnd {
    /// The domains.
    pub domains: Arc<KmsDirectory>,
    /// Names in the TLS client certificates of HTTP proxies.
    pub proxies: Vec<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl HttpService for KmsFrontEnd {
    fn handle(&self, request: HttpRequest) -> HttpResponse {
        let certificate = request.client_certificate.as_ref().and_then(name_of);
        let own_proxy = certificate
            .as_ref()
            .is_some_and(|name| self.proxies.iter().any(|proxy| proxy == name));
        let certificate = certificate.filter(|_| !own_proxy);
        let proxied = own_proxy || passed_a_proxy(&request.headers);
        let credential = match (&request.bearer, certificate.as_deref()) {
            (Bearer::Given(token), _) => Credential::Bearer(token.expose()),
            (Bearer::Malformed, _) => Credential::Bearer(""),
            (Bearer::Missing, Some(name)) => Credential::Certificate(name),
            (Bearer::Missing, None) => Credential::None,
        };
        // From anybody else the field is only octets.
        let asserted = own_proxy.then(|| asserted(&request.headers)).flatten();
        let asked = roger_kms::HttpRequest {
            method: if request.method == Method::POST {
                roger_kms::Method::Post
            } else {
                roger_kms::Method::Other
            },
            path: &request.path,
            host: request.header(&HOST),
            channel: if proxied {
                Channel::Proxy
            } else {
                Channel::Direct
            },
            credential,
            asserted: asserted.as_deref(),
            body: &request.body,
        };
        response(self.domains.handle(&asked, self.clock.now()))
    }
}

impl KmsFrontEnd {
    /// What the KMS answers a request that comes too often; for [`crate::ServerOptions::too_many`].
    #[must_use]
    pub fn too_many_requests(clock: Arc<dyn Clock>) -> TooManyAnswer {
        Arc::new(move |path, wait| response(roger_kms::too_many_requests(path, wait, clock.now())))
    }
}

fn response(answer: roger_kms::HttpAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::empty(status);
    response.body = answer.body;
    for (name, value) in answer.headers {
        match HeaderName::try_from(name) {
            Ok(name) if name == CONTENT_TYPE => response.content_type = Some(value),
            Ok(name) => response.headers.push((name, value)),
            Err(_) => tracing::error!(name, "the KMS answered with a header that is none"),
        }
    }
    response
}

/// The identities of `X-3GPP-Asserted-Identity`: quoted, divided by commas (TS 24.109 G.2); absent without the field.
/// What is not of that form names nobody.
fn asserted(headers: &HeaderMap) -> Option<Vec<String>> {
    let mut lines = headers.get_all(ASSERTED).iter().peekable();
    lines.peek()?;
    let lines = lines.filter_map(|line| line.to_str().ok());
    let entries = lines.flat_map(|line| line.split(',')).map(str::trim);
    let quoted = entries.filter_map(|entry| entry.strip_prefix('"')?.strip_suffix('"'));
    Some(quoted.map(str::to_owned).collect())
}

/// Whether a proxy without certificate says that it stood in between. Who lies here only gets less.
fn passed_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(VIA)
        || headers.contains_key(FORWARDED)
        || headers.contains_key("x-forwarded-for")
}

/// The name that a certificate proves: its first DNS name, else its first URI such as `sip:gms.example.org`.
fn name_of(certificate: &CertificateDer<'static>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let name = certificate
        .valid_dns_names()
        .next()
        .or_else(|| certificate.valid_uri_names().next());
    name.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DevelopmentCa, SystemClock};

    #[test]
    fn the_fields_of_proxies_are_seen() {
        for field in ["via", "forwarded", "x-forwarded-for"] {
            let mut headers = HeaderMap::new();
            assert!(!passed_a_proxy(&headers));
            headers.insert(field, "x".parse().unwrap());
            assert!(passed_a_proxy(&headers), "{field}");
        }
    }

    #[test]
    fn asserted_identities_are_quoted_and_divided_by_commas() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ASSERTED, line.parse().unwrap());
            }
            asserted(&headers)
        };
        assert_eq!(read(&[]), None);
        let both = Some(vec!["sip:a@x".to_owned(), "tel:+1".to_owned()]);
        assert_eq!(read(&[r#""sip:a@x", "tel:+1""#]), both);
        assert_eq!(read(&[r#""sip:a@x""#, r#""tel:+1""#]), both);
        for malformed in ["", "sip:a@x", r#""sip:a@x"#, r#"""#] {
            assert_eq!(read(&[malformed]), Some(Vec::new()), "{malformed}");
        }
    }

    #[test]
    fn a_certificate_proves_its_first_name() {
        let now = SystemClock.now();
        let ca = DevelopmentCa::generate(now).unwrap();
        let name = |names: &[&str]| name_of(&ca.issue(names, now).unwrap().chain[0]);
        assert_eq!(
            name(&["pf.mcptt.example.org", "other.example.org"]).as_deref(),
            Some("pf.mcptt.example.org")
        );
        assert_eq!(name(&["127.0.0.1"]), None);
    }
}
