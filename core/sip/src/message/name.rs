//! Header field names: full and compact form, compared without case (RFC 3261 7.3.1, 7.3.3).

use crate::header::scan::is_token;
use crate::message::BuildError;
use core::fmt;

/// The name of a header field; equal to any spelling of its case and to its compact form.
#[derive(Clone, Copy)]
pub struct HeaderName<'a> {
    full: &'a str,
    compact: Option<u8>,
}

macro_rules! names {
    ($($constant:ident $text:literal $($compact:literal)?;)*) => {
        impl HeaderName<'static> {
            $(
                #[doc = concat!("`", $text, "`.")]
                pub const $constant: Self = Self { full: $text, compact: names!(@ $($compact)?) };
            )*
            const COMPACT: &'static [Self] = &[$($(names!(% $constant $compact),)?)*];
        }
    };
    (@) => { None };
    (@ $compact:literal) => { Some($compact) };
    (% $constant:ident $compact:literal) => { Self::$constant };
}

names! {
    VIA "Via" b'v';
    FROM "From" b'f';
    TO "To" b't';
    CALL_ID "Call-ID" b'i';
    CONTACT "Contact" b'm';
    CONTENT_TYPE "Content-Type" b'c';
    CONTENT_LENGTH "Content-Length" b'l';
    CONTENT_ENCODING "Content-Encoding" b'e';
    SUBJECT "Subject" b's';
    SUPPORTED "Supported" b'k';
    EVENT "Event" b'o';
    ALLOW_EVENTS "Allow-Events" b'u';
    REFER_TO "Refer-To" b'r';
    REFERRED_BY "Referred-By" b'b';
    ACCEPT_CONTACT "Accept-Contact" b'a';
    REJECT_CONTACT "Reject-Contact" b'j';
    REQUEST_DISPOSITION "Request-Disposition" b'd';
    SESSION_EXPIRES "Session-Expires" b'x';
    IDENTITY "Identity" b'y';
    CSEQ "CSeq";
    MAX_FORWARDS "Max-Forwards";
    ROUTE "Route";
    RECORD_ROUTE "Record-Route";
    PATH "Path";
    SERVICE_ROUTE "Service-Route";
    REQUIRE "Require";
    PROXY_REQUIRE "Proxy-Require";
    UNSUPPORTED "Unsupported";
    ALLOW "Allow";
    ACCEPT "Accept";
    ACCEPT_ENCODING "Accept-Encoding";
    ACCEPT_LANGUAGE "Accept-Language";
    EXPIRES "Expires";
    MIN_EXPIRES "Min-Expires";
    MIN_SE "Min-SE";
    SUBSCRIPTION_STATE "Subscription-State";
    CONTENT_DISPOSITION "Content-Disposition";
    CONTENT_ID "Content-ID";
    CONTENT_LANGUAGE "Content-Language";
    CONTENT_TRANSFER_ENCODING "Content-Transfer-Encoding";
    MIME_VERSION "MIME-Version";
    DATE "Date";
    TIMESTAMP "Timestamp";
    WARNING "Warning";
    REASON "Reason";
    RETRY_AFTER "Retry-After";
    SERVER "Server";
    USER_AGENT "User-Agent";
    PRIVACY "Privacy";
    P_PREFERRED_IDENTITY "P-Preferred-Identity";
    P_ASSERTED_IDENTITY "P-Asserted-Identity";
    P_PREFERRED_SERVICE "P-Preferred-Service";
    P_ASSERTED_SERVICE "P-Asserted-Service";
    P_ANSWER_STATE "P-Answer-State";
    P_ACCESS_NETWORK_INFO "P-Access-Network-Info";
    P_VISITED_NETWORK_ID "P-Visited-Network-ID";
    P_CHARGING_VECTOR "P-Charging-Vector";
    P_ASSOCIATED_URI "P-Associated-URI";
    P_CALLED_PARTY_ID "P-Called-Party-ID";
    ANSWER_MODE "Answer-Mode";
    PRIV_ANSWER_MODE "Priv-Answer-Mode";
    RESOURCE_PRIORITY "Resource-Priority";
    ACCEPT_RESOURCE_PRIORITY "Accept-Resource-Priority";
    SIP_ETAG "SIP-ETag";
    SIP_IF_MATCH "SIP-If-Match";
    AUTHORIZATION "Authorization";
    WWW_AUTHENTICATE "WWW-Authenticate";
    PROXY_AUTHORIZATION "Proxy-Authorization";
    PROXY_AUTHENTICATE "Proxy-Authenticate";
    AUTHENTICATION_INFO "Authentication-Info";
    RSEQ "RSeq";
    RACK "RAck";
    REPLACES "Replaces";
    JOIN "Join";
    TARGET_DIALOG "Target-Dialog";
    REFER_SUB "Refer-Sub";
    INFO_PACKAGE "Info-Package";
    RECV_INFO "Recv-Info";
    GEOLOCATION "Geolocation";
    FEATURE_CAPS "Feature-Caps";
    CONFERENCE_INFO "Conference-Info";
    IN_REPLY_TO "In-Reply-To";
    ORGANIZATION "Organization";
    PRIORITY "Priority";
}

impl<'a> HeaderName<'a> {
    /// A name that has no constant here. A known name or compact form gives the known one.
    ///
    /// # Errors
    /// [`BuildError::Name`] when the text is not a token.
    pub fn new(name: &'a str) -> Result<Self, BuildError> {
        if !is_token(name.as_bytes()) {
            return Err(BuildError::Name);
        }
        let known = HeaderName::COMPACT
            .iter()
            .find(|known| known.matches(name.as_bytes()));
        Ok(match known {
            Some(known) => *known,
            None => Self {
                full: name,
                compact: None,
            },
        })
    }

    /// The full form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.full
    }

    /// Whether a received name is this one, in full or compact form, in any case.
    #[must_use]
    pub fn matches(&self, received: &[u8]) -> bool {
        if let [letter] = received
            && self.compact == Some(letter.to_ascii_lowercase())
        {
            return true;
        }
        received.eq_ignore_ascii_case(self.full.as_bytes())
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.full.eq_ignore_ascii_case(other.full)
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.full)
    }
}

impl fmt::Debug for HeaderName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_and_full_forms_are_one_name() {
        assert!(HeaderName::VIA.matches(b"v"));
        assert!(HeaderName::VIA.matches(b"V"));
        assert!(HeaderName::VIA.matches(b"vIA"));
        assert!(!HeaderName::VIA.matches(b"f"));
        assert_eq!(HeaderName::new("x").unwrap(), HeaderName::SESSION_EXPIRES);
        assert_eq!(HeaderName::new("call-id").unwrap(), HeaderName::CALL_ID);
    }

    #[test]
    fn a_name_that_is_no_token_is_refused() {
        assert!(HeaderName::new("").is_err());
        assert!(HeaderName::new("A:B").is_err());
        assert!(HeaderName::new("A\r\nB").is_err());
        assert!(HeaderName::new("X-Any").is_ok());
    }
}
