//! KMS certificate (TS 33.180 D.3.2): the public keys of one security domain.

use super::{NAMESPACE, Release};
use crate::date_time;
use crate::error::DocumentError;
use crate::read::{self, all, attribute, boolean, identity, optional_number, optional_text, text};
use roger_base::{KmsUri, UnixTime};
use roger_xml::Writer;
use roger_xml::markup::{Limits, optional_child, text_of};
use roxmltree::Node;

const NAME: &str = "KmsCertificate";
/// Z_T, `04 || x || y` on the SAKKE curve.
pub const SAKKE_POINT_OCTETS: usize = 257;
/// KPAK, `04 || x || y` on P-256.
pub const KPAK_OCTETS: usize = 65;
/// The hashed UID of TS 33.180 F.2.1; other values are not defined well enough to be used.
const USER_ID_FORMAT: &str = "2";
/// RFC 6509 Appendix A; absent means the same (inferred).
const PARAMETER_SET: u32 = 1;

/// `@Role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateRole {
    /// Of the KMS that serves this client.
    Root,
    /// Of another domain.
    External,
}

impl CertificateRole {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "Root",
            Self::External => "External",
        }
    }
}

/// A KMS certificate. Reading checks lengths; that the points are on their curves is checked where they are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsCertificate {
    /// `@Role`.
    pub role: CertificateRole,
    /// `@IsSecurityGateway`.
    pub is_security_gateway: Option<bool>,
    /// `CertUri`: a new certificate with the same replaces the stored one.
    pub cert_uri: Option<String>,
    /// `KmsUri`: the domain; its octets enter the UID.
    pub kms_uri: KmsUri,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// `ValidFrom`, inclusive; absent is unbounded.
    pub valid_from: Option<UnixTime>,
    /// `ValidTo`, inclusive; absent is unbounded.
    pub valid_to: Option<UnixTime>,
    /// `Revoked`: never use for new messages.
    pub revoked: bool,
    /// `UserKeyPeriod`, seconds, above 0.
    pub user_key_period: u64,
    /// `UserKeyOffset`, seconds, below the period.
    pub user_key_offset: u64,
    /// `PubEncKey`: Z_T.
    pub pub_enc_key: [u8; SAKKE_POINT_OCTETS],
    /// `PubAuthKey`: KPAK.
    pub pub_auth_key: [u8; KPAK_OCTETS],
    /// `KmsDomainList`: domains whose users this certificate serves.
    pub domains: Vec<String>,
}

impl KmsCertificate {
    /// Whether the certificate may be used at this time.
    #[must_use]
    pub fn is_valid_at(&self, time: UnixTime) -> bool {
        !self.revoked
            && self.valid_from.is_none_or(|from| from <= time)
            && self.valid_to.is_none_or(|to| time <= to)
    }

    /// Reads a certificate that stands alone: what the operators of two domains exchange.
    ///
    /// # Errors
    /// [`DocumentError`] when it is none.
    pub fn read_document(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = roger_xml::markup::parse(octets, &Limits::MESSAGE)?;
        let root = document.root_element();
        if root.has_tag_name((NAMESPACE, NAME)) {
            Self::read_node(root)
        } else {
            Err(DocumentError::PeerRoot(NAME))
        }
    }

    /// Writes it as a document of its own.
    #[must_use]
    pub fn write_document(&self) -> String {
        let mut w = Writer::new();
        self.write_with(&mut w, Some(NAMESPACE), Release::Rel14);
        w.finish()
    }

    pub(crate) fn read_node(node: Node<'_, '_>) -> Result<Self, DocumentError> {
        if text(node, NAMESPACE, "UserIdFormat")? != USER_ID_FORMAT {
            return Err(DocumentError::PeerValue("UserIdFormat"));
        }
        if optional_number::<u32>(node, NAMESPACE, "ParameterSet")?
            .is_some_and(|set| set != PARAMETER_SET)
        {
            return Err(DocumentError::PeerValue("ParameterSet"));
        }
        let (user_key_period, user_key_offset) = read_period(node)?;
        let gateway = node.attribute("IsSecurityGateway");
        Ok(Self {
            role: read_role(attribute(node, "Role")?)?,
            is_security_gateway: gateway
                .map(|text| boolean(text, "IsSecurityGateway"))
                .transpose()?,
            cert_uri: optional_text(node, NAMESPACE, "CertUri")?,
            kms_uri: identity(&text(node, NAMESPACE, "KmsUri")?, "KmsUri")?,
            issuer: optional_text(node, NAMESPACE, "Issuer")?,
            valid_from: optional_time(node, "ValidFrom")?,
            valid_to: optional_time(node, "ValidTo")?,
            revoked: read::optional_boolean(node, NAMESPACE, "Revoked")?.unwrap_or(false),
            user_key_period,
            user_key_offset,
            pub_enc_key: point(node, "PubEncKey")?,
            pub_auth_key: point(node, "PubAuthKey")?,
            domains: read_domains(node)?,
        })
    }

    pub(crate) fn write_into(&self, w: &mut Writer, release: Release) {
        self.write_with(w, None, release);
    }

    fn write_with(&self, w: &mut Writer, namespace: Option<&str>, release: Release) {
        // That the first release has 1.0.0 and no security gateways is inferred (TS 33.179 D.3.1).
        let (version, gateway) = match release {
            Release::Rel13 => ("1.0.0", None),
            Release::Rel14 => ("1.1.0", self.is_security_gateway),
        };
        w.start(NAME);
        w.optional_attribute("xmlns", namespace);
        w.attribute("Role", self.role.as_str())
            .attribute("Version", version);
        w.optional_attribute("IsSecurityGateway", gateway.map(super::key_set::truth));
        w.optional_leaf("CertUri", self.cert_uri.as_deref())
            .leaf("KmsUri", self.kms_uri.as_str());
        w.optional_leaf("Issuer", self.issuer.as_deref());
        w.optional_leaf(
            "ValidFrom",
            self.valid_from.map(date_time::write).as_deref(),
        );
        w.optional_leaf("ValidTo", self.valid_to.map(date_time::write).as_deref());
        w.leaf("Revoked", super::key_set::truth(self.revoked))
            .leaf("UserIdFormat", USER_ID_FORMAT);
        w.leaf("UserKeyPeriod", &self.user_key_period.to_string());
        w.leaf("UserKeyOffset", &self.user_key_offset.to_string());
        w.leaf("PubEncKey", &hex::encode_upper(self.pub_enc_key));
        w.leaf("PubAuthKey", &hex::encode_upper(self.pub_auth_key));
        w.leaf("ParameterSet", &PARAMETER_SET.to_string());
        if !self.domains.is_empty() {
            w.start("KmsDomainList");
            for domain in &self.domains {
                w.leaf("KmsDomain", domain);
            }
            w.end("KmsDomainList");
        }
        w.end(NAME);
    }
}

fn read_role(text: &str) -> Result<CertificateRole, DocumentError> {
    match text {
        "Root" => Ok(CertificateRole::Root),
        "External" => Ok(CertificateRole::External),
        _ => Err(DocumentError::PeerValue("Role")),
    }
}

fn read_period(node: Node<'_, '_>) -> Result<(u64, u64), DocumentError> {
    let number =
        |name| optional_number(node, NAMESPACE, name)?.ok_or(DocumentError::PeerMissing(name));
    let (period, offset) = (number("UserKeyPeriod")?, number("UserKeyOffset")?);
    if period == 0 {
        return Err(DocumentError::PeerValue("UserKeyPeriod"));
    }
    if offset >= period {
        return Err(DocumentError::PeerValue("UserKeyOffset"));
    }
    Ok((period, offset))
}

fn read_domains(node: Node<'_, '_>) -> Result<Vec<String>, DocumentError> {
    const NAME: &str = "KmsDomain";
    let Some(list) = optional_child(node, NAMESPACE, "KmsDomainList")? else {
        return Ok(Vec::new());
    };
    all(list, NAMESPACE, NAME)
        .map(|domain| Ok(text_of(domain, NAME)?))
        .collect()
}

fn point<const N: usize>(node: Node<'_, '_>, name: &'static str) -> Result<[u8; N], DocumentError> {
    let mut octets = [0; N];
    let text = text(node, NAMESPACE, name)?;
    hex::decode_to_slice(text, &mut octets).map_err(|_| DocumentError::PeerValue(name))?;
    if octets.first() == Some(&4) {
        Ok(octets)
    } else {
        Err(DocumentError::PeerValue(name))
    }
}

pub(crate) fn optional_time(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<UnixTime>, DocumentError> {
    optional_text(node, NAMESPACE, name)?
        .map(|text| read::date_time(&text, name))
        .transpose()
}
