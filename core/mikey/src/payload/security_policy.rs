//! SP, the security policy (RFC 3830 6.10).
//!
//! ```text
//! next payload(1) policy no(1) prot type(1) policy param length(2) { type(1) length(1) value }*
//! ```

use crate::Field;
use crate::wire::{DecodeError, EncodeError, Reader, Writer};

/// Types of SRTP policy parameters (RFC 3830 6.10.1, RFC 4771, RFC 7714).
pub mod parameter {
    /// Encryption algorithm.
    pub const ENCRYPTION: u8 = 0;
    /// Session encryption key length.
    pub const ENCRYPTION_KEY_LENGTH: u8 = 1;
    /// Authentication algorithm.
    pub const AUTHENTICATION: u8 = 2;
    /// Session authentication key length.
    pub const AUTHENTICATION_KEY_LENGTH: u8 = 3;
    /// Session salt length.
    pub const SALT_LENGTH: u8 = 4;
    /// SRTP pseudo-random function.
    pub const PRF: u8 = 5;
    /// Key derivation rate.
    pub const KEY_DERIVATION_RATE: u8 = 6;
    /// SRTP encryption off or on.
    pub const SRTP_ENCRYPTION: u8 = 7;
    /// SRTCP encryption off or on.
    pub const SRTCP_ENCRYPTION: u8 = 8;
    /// Sender's FEC order.
    pub const FEC_ORDER: u8 = 9;
    /// SRTP authentication off or on.
    pub const SRTP_AUTHENTICATION: u8 = 10;
    /// Authentication tag length.
    pub const TAG_LENGTH: u8 = 11;
    /// SRTP prefix length.
    pub const PREFIX_LENGTH: u8 = 12;
    /// ROC transmission rate (RFC 4771).
    pub const ROC_RATE: u8 = 13;
    /// SRTP authentication tag length: the ROC.
    pub const SRTP_TAG_LENGTH: u8 = 18;
    /// SRTCP authentication tag length.
    pub const SRTCP_TAG_LENGTH: u8 = 19;
    /// AEAD authentication tag length.
    pub const AEAD_TAG_LENGTH: u8 = 20;
}

/// One parameter of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyParameter {
    /// Type, see [`parameter`].
    pub kind: u8,
    /// Value, at most 255 octets.
    pub value: Vec<u8>,
}

/// SP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// Number by which sessions name the policy.
    pub number: u8,
    /// Protocol, 0 = SRTP.
    pub protocol: u8,
    /// Parameters in the order of the wire.
    pub parameters: Vec<PolicyParameter>,
}

impl SecurityPolicy {
    /// An SRTP policy of one-octet parameters.
    #[must_use]
    pub fn srtp(number: u8, parameters: &[(u8, u8)]) -> Self {
        let parameters = parameters
            .iter()
            .map(|(kind, value)| PolicyParameter {
                kind: *kind,
                value: vec![*value],
            })
            .collect();
        Self {
            number,
            protocol: 0,
            parameters,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let number = reader.u8(Field::PolicyNumber)?;
        let protocol = reader.u8(Field::PolicyProtocol)?;
        let mut part = reader.part(Field::PolicyLength)?;
        let mut parameters = Vec::new();
        while part.left() > 0 {
            parameters.push(PolicyParameter::read(&mut part)?);
        }
        Ok(Self {
            number,
            protocol,
            parameters,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        let mut parameters = Writer::default();
        for parameter in &self.parameters {
            parameters.u8(parameter.kind);
            parameters.short(Field::ParameterLength, &parameter.value)?;
        }
        writer.u8(self.number);
        writer.u8(self.protocol);
        writer.long(Field::PolicyLength, &parameters.0)
    }
}

impl PolicyParameter {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let kind = reader.u8(Field::ParameterType)?;
        let length = reader.u8(Field::ParameterLength)?;
        let value = reader
            .take(Field::ParameterValue, usize::from(length))?
            .to_vec();
        Ok(Self { kind, value })
    }
}
