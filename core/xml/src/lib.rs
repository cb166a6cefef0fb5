//! The XML protection profile of TS 33.180 clause 9 and Annex D.
//!
//! Three protections, each with fixed algorithms and no options that an attacker could choose from:
//!
//! * element content: AES-128-GCM under the confidentiality key of the hop ([`element`], [`protect`]);
//! * URIs in attributes: the same cipher in the form of one SIP URI ([`uri`]);
//! * integrity: HMAC-SHA-256 in XML signatures, detached over MIME parts ([`signed_body`]) or over the sibling
//!   element of a KMS document ([`sibling`]).
//!
//! Keys of KMS documents are wrapped with AES-256 ([`key_wrap`]).
//!
//! Every document is bounded before it is parsed ([`markup`]): no document type, no entity, no processing
//! instruction, and limits on octets, depth, elements and attributes. What a signature covers is read again from the
//! canonical octets that were authenticated, so that no second parser can see something else.

pub mod canonical;
pub mod element;
mod encoding;
pub mod key_wrap;
mod keys;
pub mod markup;
mod misplaced;
pub mod protect;
pub mod sibling;
pub mod signed_body;
mod signed_info;
pub mod uri;
mod writer;

pub use encoding::decode_base64;
pub use keys::{BoundKeys, XmlKeys, key_id_of_name};
pub use writer::Writer;

/// Names of namespaces and algorithms (IANA registries).
pub mod names {
    /// XML encryption.
    pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    /// XML signature.
    pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    /// The signed body of TS 24.379 F.6.
    pub const SIGNED_DOC: &str = "urn:3gpp:ns:mcpttSignedDoc:1.0";
    /// `Type` of encrypted element content.
    pub const CONTENT: &str = "http://www.w3.org/2001/04/xmlenc#Content";
    /// AES-128-GCM.
    pub const AES128_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
    /// HMAC-SHA-256.
    pub const HMAC_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    /// SHA-256.
    pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
    /// The transform that leaves the signature itself out of the digest.
    pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    /// XML Schema instance, for `xsi:type`.
    pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
}
