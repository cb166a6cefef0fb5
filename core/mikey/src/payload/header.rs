//! HDR, the common header (RFC 3830 6.1).
//!
//! ```text
//! version(1) data type(1) next payload(1) V|PRF func(1) CSB ID(4) #CS(1) map type(1) map info
//! ```

use crate::Field;
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Writer};
use roger_base::KeyId;

/// Version of MIKEY.
pub(crate) const VERSION: u8 = 1;
/// Data type of the SAKKE message (RFC 6509 4.1).
pub const DATA_TYPE_SAKKE: u8 = 26;
/// Data type of a MIKEY error message.
const DATA_TYPE_ERROR: u8 = 6;
/// PRF func MIKEY-1, HMAC-SHA-1: sent before Release 14.
pub const PRF_MIKEY_1: u8 = 0;
/// PRF func PRF-HMAC-SHA-256 (RFC 6043).
pub const PRF_HMAC_SHA_256: u8 = 1;

const V_BIT: u8 = 0x80;
const MAP_SRTP_ID: u8 = 0;
const MAP_EMPTY: u8 = 1;
const MAP_GENERIC_ID: u8 = 2;
const S_BIT: u8 = 0x80;

/// HDR without the fields that follow from the rest of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// V: the sender of a Release 13 message wants an acknowledgement. Sent as false, ignored on receipt.
    pub v: bool,
    /// PRF func, 7 bits.
    pub prf: u8,
    /// CSB ID: the key id, or the GUK-ID for a GMK.
    pub csb_id: KeyId,
    /// The crypto sessions.
    pub map: CsIdMap,
}

/// CS ID map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CsIdMap {
    /// Type 0, SRTP-ID: legacy senders only (RFC 3830 6.1.1).
    SrtpId(Vec<SrtpSession>),
    /// Type 1, empty map: the default profile of the key (RFC 4563).
    Empty,
    /// Type 2, GENERIC-ID (RFC 6043 6.1.1).
    GenericId(Vec<GenericSession>),
}

/// One entry of the SRTP-ID map, 9 octets: policy no(1), SSRC(4), ROC(4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SrtpSession {
    /// Policy number of an SP payload.
    pub policy: u8,
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Current rollover counter.
    pub roc: u32,
}

/// One entry of the GENERIC-ID map.
///
/// ```text
/// CS ID(1) prot type(1) S|#P(1) Ps(#P) session data length(2) session data SPI length(1) SPI
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenericSession {
    /// CS ID (TS 33.180 table E.1.3-1).
    pub cs_id: u8,
    /// Protocol, 0 = SRTP.
    pub protocol: u8,
    /// S: the session data contain ROC and SEQ.
    pub s: bool,
    /// Policy numbers of SP payloads, at most 127.
    pub policies: Vec<u8>,
    /// Session data; empty for a GMK (TS 33.180 cl. 7.5.1).
    pub session_data: Vec<u8>,
    /// SPI: the MKI of the packets.
    pub spi: Vec<u8>,
}

impl Header {
    /// Reads the header; also returns the number of the next payload.
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<(Self, u8), DecodeError> {
        reader.heading("HDR", "RFC 3830 6.1");
        let version = reader.u8(Field::Version)?;
        if version != VERSION {
            return Err(reader.error_before(1, Fault::Version(version)));
        }
        match reader.u8(Field::DataType)? {
            DATA_TYPE_SAKKE => {}
            DATA_TYPE_ERROR => return Err(reader.error_before(1, Fault::ErrorMessage)),
            other => return Err(reader.error_before(1, Fault::DataType(other))),
        }
        let next = reader.u8(Field::NextPayload)?;
        let v_and_prf = reader.u8(Field::VAndPrf)?;
        let csb_id = KeyId::from(reader.u32(Field::CsbId)?);
        let map = CsIdMap::read(reader)?;
        let v = v_and_prf & V_BIT != 0;
        Ok((
            Self {
                v,
                prf: v_and_prf & !V_BIT,
                csb_id,
                map,
            },
            next,
        ))
    }

    /// Writes the header.
    pub(crate) fn write(&self, next: u8, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.u8(VERSION);
        writer.u8(DATA_TYPE_SAKKE);
        writer.u8(next);
        writer.u8((self.prf & !V_BIT) | if self.v { V_BIT } else { 0 });
        writer.octets(&self.csb_id.octets());
        self.map.write(writer)
    }
}

impl CsIdMap {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let count = reader.u8(Field::CsCount)?;
        match reader.u8(Field::MapType)? {
            MAP_SRTP_ID => {
                let sessions = (0..count).map(|_| SrtpSession::read(reader));
                Ok(Self::SrtpId(sessions.collect::<Result<_, _>>()?))
            }
            MAP_EMPTY if count == 0 => Ok(Self::Empty),
            MAP_EMPTY => Err(reader.error_before(2, Fault::EmptyMapWithSessions(count))),
            MAP_GENERIC_ID => {
                let sessions = (0..count).map(|_| GenericSession::read(reader));
                Ok(Self::GenericId(sessions.collect::<Result<_, _>>()?))
            }
            other => Err(reader.error_before(1, Fault::MapType(other))),
        }
    }

    fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        match self {
            Self::SrtpId(sessions) => {
                writer.length8(Field::CsCount, sessions.len())?;
                writer.u8(MAP_SRTP_ID);
                for session in sessions {
                    writer.u8(session.policy);
                    writer.u32(session.ssrc);
                    writer.u32(session.roc);
                }
            }
            Self::Empty => writer.octets(&[0, MAP_EMPTY]),
            Self::GenericId(sessions) => {
                writer.length8(Field::CsCount, sessions.len())?;
                writer.u8(MAP_GENERIC_ID);
                for session in sessions {
                    session.write(writer)?;
                }
            }
        }
        Ok(())
    }

    /// Every policy number that a session names.
    pub(crate) fn policies(&self) -> Vec<u8> {
        match self {
            Self::SrtpId(sessions) => sessions.iter().map(|session| session.policy).collect(),
            Self::Empty => Vec::new(),
            Self::GenericId(sessions) => sessions
                .iter()
                .flat_map(|session| session.policies.iter().copied())
                .collect(),
        }
    }
}

impl SrtpSession {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        Ok(Self {
            policy: reader.u8(Field::SrtpPolicy)?,
            ssrc: reader.u32(Field::SrtpSsrc)?,
            roc: reader.u32(Field::SrtpRoc)?,
        })
    }
}

impl GenericSession {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let cs_id = reader.u8(Field::CsId)?;
        let protocol = reader.u8(Field::CsProtocol)?;
        let flags = reader.u8(Field::CsFlags)?;
        let policies = (0..flags & !S_BIT).map(|_| reader.u8(Field::CsPolicy));
        let policies = policies.collect::<Result<_, _>>()?;
        let session_data = reader
            .long(Field::SessionDataLength, Field::SessionData)?
            .to_vec();
        let spi_length = reader.u8(Field::SpiLength)?;
        let spi = reader.take(Field::Spi, usize::from(spi_length))?.to_vec();
        Ok(Self {
            cs_id,
            protocol,
            s: flags & S_BIT != 0,
            policies,
            session_data,
            spi,
        })
    }

    fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.u8(self.cs_id);
        writer.u8(self.protocol);
        let max = usize::from(!S_BIT);
        let count = u8::try_from(self.policies.len())
            .ok()
            .filter(|count| count & S_BIT == 0);
        let too_many = EncodeError {
            field: Field::CsFlags,
            length: self.policies.len(),
            max,
        };
        let count = count.ok_or(too_many)?;
        writer.u8(count | if self.s { S_BIT } else { 0 });
        writer.octets(&self.policies);
        writer.long(Field::SessionDataLength, &self.session_data)?;
        writer.short(Field::SpiLength, &self.spi)
    }
}
