//! Contact (RFC 3261 20.10, RFC 5626 4.1, RFC 3840) and Accept-Contact, Reject-Contact (RFC 3841 9.2).

use crate::header::scan::{self, number_u32, split, trim};
use crate::header::{HeaderError, NameAddr, Params};
use crate::message::{HeaderName, Headers};
use crate::uri::unescape;
use core::fmt;

/// The Contact headers of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// `*`, all bindings (REGISTER with Expires 0 only).
    All,
    /// Addresses in order, maybe none.
    List(Vec<NameAddr>),
}

impl NameAddr {
    /// Contact parameter `q` in thousandths, 1000 when absent; `None` when malformed (RFC 3261 20.10).
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        self.params.raw("q").map_or(Some(1000), thousandths)
    }

    /// Contact parameter `expires`; a malformed one counts as 3600 (RFC 3261 10.2.1.1), a number beyond
    /// 32 bits as the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.raw("expires")?.as_bytes();
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        Some(number_u32(text).unwrap_or(if digits { u32::MAX } else { 3600 }))
    }

    /// `+sip.instance` without its angle brackets, a `urn:uuid:` (RFC 5626 4.1).
    #[must_use]
    pub fn instance(&self) -> Option<String> {
        let value = self.params.get("+sip.instance")?;
        let inside = value
            .strip_prefix('<')
            .and_then(|value| value.strip_suffix('>'))
            .unwrap_or(&value);
        (!inside.is_empty()).then(|| inside.to_owned())
    }

    /// Whether the contact has a media feature tag such as `+g.3gpp.mcptt` or `isfocus`, not set to FALSE.
    #[must_use]
    pub fn has_feature(&self, tag: &str) -> bool {
        has_feature(&self.params, tag)
    }

    /// The IMS communication services of `+g.3gpp.icsi-ref`, escapes resolved (TS 24.229 cl. 7.9.2).
    #[must_use]
    pub fn icsi_refs(&self) -> Vec<String> {
        icsi_refs(&self.params)
    }
}

fn has_feature(params: &Params, tag: &str) -> bool {
    params
        .get(tag)
        .is_some_and(|value| !value.eq_ignore_ascii_case("FALSE"))
}

fn icsi_refs(params: &Params) -> Vec<String> {
    let Some(list) = params.get("+g.3gpp.icsi-ref") else {
        return Vec::new();
    };
    list.split(',')
        .map(|item| unescape(item.trim()))
        .filter(|item| !item.is_empty())
        .collect()
}

/// Reads a qvalue, `0`, `0.5`, `1.000`, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !matches!(whole, "0" | "1" | "") || text.is_empty() || text == "." {
        return None;
    }
    let padded = format!("{fraction:0<3}");
    let value = if whole == "1" { 1000 } else { 0 }
        + u16::try_from(scan::number(padded.as_bytes())?).ok()?;
    (value <= 1000).then_some(value)
}

/// One Accept-Contact or Reject-Contact: `*;+g.3gpp.mcptt;require;explicit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptContact {
    /// Feature parameters and `require`, `explicit`.
    pub params: Params,
}

impl AcceptContact {
    /// Reads one element.
    ///
    /// # Errors
    /// [`HeaderError::Malformed`] when it does not begin with `*`.
    pub fn parse(element: &[u8]) -> Result<Self, HeaderError> {
        let params = trim(element)
            .strip_prefix(b"*")
            .ok_or(HeaderError::Malformed("Accept-Contact"))?;
        Ok(Self {
            params: Params::parse(params)?,
        })
    }

    /// Whether the feature is asked for.
    #[must_use]
    pub fn has_feature(&self, tag: &str) -> bool {
        has_feature(&self.params, tag)
    }

    /// The IMS communication services asked for, escapes resolved.
    #[must_use]
    pub fn icsi_refs(&self) -> Vec<String> {
        icsi_refs(&self.params)
    }

    /// Whether `require` is there.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.params.contains("require")
    }

    /// Whether `explicit` is there.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.params.contains("explicit")
    }
}

impl fmt::Display for AcceptContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*{}", self.params)
    }
}

impl Headers {
    /// All Contacts.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed or `*` is not alone.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        let all: Vec<&[u8]> = self.elements(HeaderName::CONTACT).collect();
        match all.as_slice() {
            [b"*"] => Ok(Contacts::All),
            list => list
                .iter()
                .map(|element| NameAddr::parse(element))
                .collect::<Result<_, _>>()
                .map(Contacts::List),
        }
    }

    /// The only Contact of a message that creates or refreshes a dialog (RFC 3261 8.1.1.8); `None` when absent.
    ///
    /// # Errors
    /// [`HeaderError`] when it is malformed, `*`, or there are two.
    pub fn contact(&self) -> Result<Option<NameAddr>, HeaderError> {
        match self.contacts()? {
            Contacts::All => Err(HeaderError::Malformed("Contact")),
            Contacts::List(list) if list.len() > 1 => Err(HeaderError::Repeated("Contact")),
            Contacts::List(list) => Ok(list.into_iter().next()),
        }
    }

    /// All Accept-Contacts.
    ///
    /// # Errors
    /// [`HeaderError`] when one is malformed.
    pub fn accept_contacts(&self) -> Result<Vec<AcceptContact>, HeaderError> {
        self.values(HeaderName::ACCEPT_CONTACT)
            .flat_map(|value| split(value, b','))
            .map(AcceptContact::parse)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MCPTT: &[u8] = br#"<sip:u1@10.0.0.21:5061;transport=tls>;+g.3gpp.mcptt;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt,urn%3Ax";+sip.instance="<urn:uuid:2f6b>";expires=600;q=0.7;isfocus"#;

    fn headers(value: &[u8]) -> Headers {
        let mut headers = Headers::new();
        headers.push(HeaderName::CONTACT, value).unwrap();
        headers
    }

    #[test]
    fn reads_the_contact_of_a_client() {
        let contact = headers(MCPTT).contact().unwrap().unwrap();
        assert!(contact.has_feature("+g.3gpp.mcptt") && contact.has_feature("isfocus"));
        assert!(!contact.has_feature("+g.3gpp.mcvideo"));
        assert_eq!(
            contact.icsi_refs(),
            ["urn:urn-7:3gpp-service.ims.icsi.mcptt", "urn:x"]
        );
        assert_eq!(contact.instance().unwrap(), "urn:uuid:2f6b");
        assert_eq!((contact.expires(), contact.q()), (Some(600), Some(700)));
    }

    #[test]
    fn odd_numbers_have_defined_meanings() {
        let contact = |text: &str| NameAddr::parse(text.as_bytes()).unwrap();
        assert_eq!(contact("<sip:h>").expires(), None);
        assert_eq!(contact("<sip:h>;expires=x").expires(), Some(3600));
        assert_eq!(contact("<sip:h>;expires=").expires(), Some(3600));
        assert_eq!(
            contact("<sip:h>;expires=280297596632815").expires(),
            Some(u32::MAX)
        );
        assert_eq!(contact("<sip:h>").q(), Some(1000));
        for (q, value) in [
            ("0", Some(0)),
            ("1.0", Some(1000)),
            (".5", Some(500)),
            ("1.001", None),
            ("2", None),
            ("0.1234", None),
            ("", None),
            ("0.x", None),
        ] {
            assert_eq!(contact(&format!("<sip:h>;q={q}")).q(), value, "{q}");
        }
    }

    #[test]
    fn a_star_is_alone() {
        assert_eq!(headers(b"*").contacts(), Ok(Contacts::All));
        assert!(headers(b"*, <sip:h>").contacts().is_err());
        assert!(headers(b"*").contact().is_err());
        assert_eq!(
            headers(b"<sip:a>, <sip:b>").contact(),
            Err(HeaderError::Repeated("Contact"))
        );
        assert_eq!(Headers::new().contact(), Ok(None));
    }

    #[test]
    fn reads_accept_contact() {
        let mut headers = Headers::new();
        headers
            .push(
                HeaderName::ACCEPT_CONTACT,
                "*;+g.3gpp.mcptt;require;explicit",
            )
            .unwrap();
        headers
            .push(
                HeaderName::ACCEPT_CONTACT,
                r#"* ; +g.3gpp.icsi-ref="urn%3Aa";require, *;audio="FALSE""#,
            )
            .unwrap();
        let list = headers.accept_contacts().unwrap();
        assert_eq!(list.len(), 3);
        assert!(
            list[0].has_feature("+G.3gpp.mcptt") && list[0].is_required() && list[0].is_explicit()
        );
        assert_eq!(list[1].icsi_refs(), ["urn:a"]);
        assert!(!list[1].is_explicit() && !list[2].has_feature("audio"));
        assert_eq!(
            AcceptContact::parse(list[0].to_string().as_bytes()).unwrap(),
            list[0]
        );
        assert!(AcceptContact::parse(b"sip:h").is_err());
        assert!(AcceptContact::parse(b"").is_err());
    }
}
