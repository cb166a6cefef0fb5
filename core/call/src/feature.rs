//! The names by which a SIP node knows that a message is MCPTT (TS 24.379 cl. 6.2, Annex D.2).

use roger_sip::message::{HeaderName, Headers};

/// IMS communication service identifier, value of P-Preferred-Service and P-Asserted-Service.
pub const ICSI: &str = "urn:urn-7:3gpp-service.ims.icsi.mcptt";

/// The ICSI as feature tags carry it.
pub const ICSI_ENCODED: &str = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt";

/// Contact parameters of a client: `;+g.3gpp.mcptt;+g.3gpp.icsi-ref="…"`.
pub const CONTACT_PARAMETERS: &str =
    ";+g.3gpp.mcptt;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\"";

/// Contact parameter of a controlling function.
pub const ISFOCUS: &str = "isfocus";

/// First Accept-Contact header field of every MCPTT request.
pub const ACCEPT_CONTACT_MCPTT: &str = "*;+g.3gpp.mcptt;require;explicit";

/// Second Accept-Contact header field of every MCPTT request.
pub const ACCEPT_CONTACT_ICSI: &str =
    "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit";

/// Whether the request asks for an MCPTT client or server in both Accept-Contact header fields
/// (TS 24.379 cl. 6.3.2.1, 6.3.3.1); without them it is refused with 403.
#[must_use]
pub fn accepts_mcptt(headers: &Headers) -> bool {
    let fields: Vec<String> = headers
        .elements(HeaderName::ACCEPT_CONTACT)
        .map(|value| String::from_utf8_lossy(value).to_ascii_lowercase())
        .collect();
    let tag = |name: &str| {
        fields
            .iter()
            .any(|field| field.split(';').any(|part| part.trim() == name))
    };
    let icsi = format!("+g.3gpp.icsi-ref=\"{}\"", ICSI_ENCODED.to_ascii_lowercase());
    tag("+g.3gpp.mcptt") && tag(&icsi)
}

/// Whether the Contact says that the sender is a controlling function.
#[must_use]
pub fn has_isfocus(headers: &Headers) -> bool {
    let contacts = headers.addresses(HeaderName::CONTACT).unwrap_or_default();
    contacts
        .iter()
        .any(|contact| contact.params.contains(ISFOCUS))
}

/// `Expires` that means "until told otherwise": 2^32 - 1 (TS 24.379 cl. 7.2.1A).
pub const EXPIRES_FOREVER: u32 = u32::MAX;

/// Media types of the bodies that Roger sends or reads (TS 24.379 cl. 6, IANA).
pub mod media_type {
    /// Session description.
    pub const SDP: &str = "application/sdp";
    /// Identities and indications (Annex F.1).
    pub const MCPTT_INFO: &str = "application/vnd.3gpp.mcptt-info+xml";
    /// Detached signatures (Annex F.6).
    pub const MCPTT_SIGNED: &str = "application/vnd.3gpp.mcptt-signed+xml";
    /// Called users, or documents to watch.
    pub const RESOURCE_LISTS: &str = "application/resource-lists+xml";
    /// Affiliation.
    pub const PIDF: &str = "application/pidf+xml";
    /// Where a client is, and when it says so (Annex F.3).
    pub const LOCATION_INFO: &str = "application/vnd.3gpp.mcptt-location-info+xml";
    /// What another user would have affiliated (Annex F.4).
    pub const AFFILIATION_COMMAND: &str = "application/vnd.3gpp.mcptt-affiliation-command+xml";
    /// Service settings.
    pub const POC_SETTINGS: &str = "application/poc-settings+xml";
    /// Changed documents.
    pub const XCAP_DIFF: &str = "application/xcap-diff+xml";
    /// A MIKEY message as raw octets.
    pub const MIKEY: &str = "application/mikey";
    /// A complete REGISTER of the UE inside a third-party REGISTER.
    pub const MESSAGE_SIP: &str = "message/sip";
    /// Several parts.
    pub const MULTIPART_MIXED: &str = "multipart/mixed";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> Headers {
        let mut headers = Headers::new();
        for value in values {
            headers.push(HeaderName::ACCEPT_CONTACT, value).unwrap();
        }
        headers
    }

    #[test]
    fn both_accept_contact_fields_are_needed() {
        assert!(accepts_mcptt(&headers(&[
            ACCEPT_CONTACT_MCPTT,
            ACCEPT_CONTACT_ICSI
        ])));
        assert!(!accepts_mcptt(&headers(&[ACCEPT_CONTACT_MCPTT])));
        assert!(!accepts_mcptt(&headers(&[ACCEPT_CONTACT_ICSI])));
        assert!(!accepts_mcptt(&headers(&[])));
        assert!(!accepts_mcptt(&headers(&[
            "*;+g.3gpp.mcptt.x",
            ACCEPT_CONTACT_ICSI
        ])));
    }

    #[test]
    fn isfocus_is_a_parameter_of_the_contact() {
        let mut with = Headers::new();
        with.push(HeaderName::CONTACT, "<sip:s@cf>;+g.3gpp.mcptt;isfocus")
            .unwrap();
        assert!(has_isfocus(&with));
        let mut without = Headers::new();
        without
            .push(HeaderName::CONTACT, "<sip:s@cf;isfocus>;+g.3gpp.mcptt")
            .unwrap();
        assert!(!has_isfocus(&without));
    }
}
