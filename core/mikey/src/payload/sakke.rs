//! SAKKE, the encapsulated key (RFC 6509 4.2).
//!
//! ```text
//! next payload(1) SAKKE params(1) ID scheme(1) SAKKE data length(2) = 273 SED(273)
//! ```

use crate::Field;
use crate::wire::{DecodeError, Fault, Reader, Writer};

/// SAKKE params: parameter set 1 (RFC 6509 Appendix A).
pub const PARAMETER_SET_1: u8 = 1;
/// ID scheme: tel URI with monthly keys (RFC 6509 3.2).
pub const ID_SCHEME_TEL_MONTHLY: u8 = 1;
/// ID scheme: 3GPP MCX hashed UID (TS 33.180 cl. E.1.2, F.2.1).
pub const ID_SCHEME_MCX_HASHED_UID: u8 = 2;
/// Octets of the encapsulated data: a point of 257 and a hint of 16 (RFC 6508 4).
pub const SED: usize = 273;
const SED_LENGTH: u16 = SED as u16;

/// SAKKE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sakke {
    /// SAKKE params.
    pub parameters: u8,
    /// ID scheme.
    pub id_scheme: u8,
    /// SAKKE Encapsulated Data.
    pub data: Box<[u8; SED]>,
}

impl Sakke {
    /// Parameter set 1 with the hashed UID.
    #[must_use]
    pub fn new(data: [u8; SED]) -> Self {
        let id_scheme = ID_SCHEME_MCX_HASHED_UID;
        Self {
            parameters: PARAMETER_SET_1,
            id_scheme,
            data: Box::new(data),
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let parameters = reader.u8(Field::SakkeParameters)?;
        let id_scheme = reader.u8(Field::SakkeIdScheme)?;
        let length = reader.u16(Field::SakkeLength)?;
        if length != SED_LENGTH {
            return Err(reader.error_before(2, Fault::SakkeLength(length)));
        }
        let data = Box::new(reader.array(Field::SakkeData)?);
        Ok(Self {
            parameters,
            id_scheme,
            data,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u8(self.parameters);
        writer.u8(self.id_scheme);
        writer.u16(SED_LENGTH);
        writer.octets(&*self.data);
    }
}
