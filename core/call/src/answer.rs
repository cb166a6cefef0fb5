//! Answers and identities that every MCPTT server shares (TS 24.379 cl. 4.4, 6.3).

use crate::warning::WarningCode;
use roger_base::Impu;
use roger_sip::message::{HeaderName, Headers, Request, Response, StatusCode};

/// A final answer without body.
#[must_use]
pub fn plain(request: &Request, status: StatusCode) -> Response {
    Response::to(request, status)
}

/// Seconds after which a client may come again that was refused for want of resources.
const RETRY_AFTER_SECONDS: &str = "5";

/// A refusal for want of resources, or of a server behind this one, with the time to come again.
#[must_use]
pub fn come_again(request: &Request, status: StatusCode) -> Response {
    let mut response = Response::to(request, status);
    // A number cannot break a line.
    let _ = response
        .headers_mut()
        .push(HeaderName::RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

/// A refusal with a Warning; `host` is the name of the server that refuses.
#[must_use]
pub fn refusal(
    request: &Request,
    status: StatusCode,
    warning: WarningCode,
    host: &str,
) -> Response {
    let mut response = Response::to(request, status);
    // The value is made of a number, a host name from the configuration and a fixed text: it cannot break a line.
    let _ = response
        .headers_mut()
        .push(HeaderName::WARNING, warning.header_value(host));
    response
}

/// A refusal with the status that the table of warnings gives.
#[must_use]
pub fn warned(request: &Request, warning: WarningCode, host: &str) -> Response {
    let status = StatusCode::new(warning.status()).unwrap_or(StatusCode::FORBIDDEN);
    refusal(request, status, warning, host)
}

/// The Warning code of a received response, when it has one of MCPTT.
#[must_use]
pub fn warning_of(headers: &Headers) -> Option<WarningCode> {
    // A proxy may have put one of its own in front, on the same line.
    let mut values = headers.elements(HeaderName::WARNING);
    values.find_map(|value| WarningCode::from_header_value(core::str::from_utf8(value).ok()?))
}

/// The public user identity that the SIP core asserts; the only name of a sender that a server believes.
#[must_use]
pub fn asserted_identity(headers: &Headers) -> Option<Impu> {
    asserted_identities(headers).into_iter().next()
}

/// Every identity that the SIP core asserts of one sender: a SIP URI and a telephone number may stand there, in either
/// order (RFC 3325 cl. 9.1). The SIP URIs come first here.
#[must_use]
pub fn asserted_identities(headers: &Headers) -> Vec<Impu> {
    let addresses = headers.addresses(HeaderName::P_ASSERTED_IDENTITY);
    let texts = addresses.unwrap_or_default().into_iter();
    let identities = texts.map(|address| Impu::new(address.uri.to_string()));
    let mut identities: Vec<Impu> = identities.flatten().collect();
    identities.sort_by_key(|identity| !is_sip(identity));
    identities
}

fn is_sip(identity: &Impu) -> bool {
    let scheme = identity.as_str().split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName<'_>, value: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push(name, value).unwrap();
        headers
    }

    #[test]
    fn a_warning_is_found_beside_others() {
        let own = "399 pf \"141 user unknown to the participating function\"";
        for value in [
            own.to_owned(),
            format!("307 proxy \"session parameter, not understood\", {own}"),
            format!("399 proxy \"no code \\\", here\", {own}"),
        ] {
            let found = warning_of(&headers(HeaderName::WARNING, &value));
            assert_eq!(found, Some(WarningCode::USER_UNKNOWN), "{value}");
        }
    }

    #[test]
    fn of_two_asserted_identities_the_sip_uri_counts() {
        let impu = |text: &str| Impu::new(text).unwrap();
        for value in [
            "<sip:u@ims.example.org>, <tel:+4989123>",
            "<tel:+4989123>, <sip:u@ims.example.org>",
            "\"U\" <tel:+4989123>, \"U\" <sip:u@ims.example.org>",
        ] {
            let headers = headers(HeaderName::P_ASSERTED_IDENTITY, value);
            let both = [impu("sip:u@ims.example.org"), impu("tel:+4989123")];
            assert_eq!(asserted_identities(&headers), both, "{value}");
        }
        let only = headers(HeaderName::P_ASSERTED_IDENTITY, "<tel:+4989123>");
        assert_eq!(asserted_identity(&only), Some(impu("tel:+4989123")));
    }
}
