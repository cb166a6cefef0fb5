//! General Extension (RFC 3830 6.15), with SAKKE-to-self (TS 33.180 cl. E.5) and key parameters (cl. E.6).
//!
//! ```text
//! next payload(1) type(1) length(2) data
//! ```

use super::Sakke;
use crate::Field;
use crate::wire::{DecodeError, EncodeError, Fault, Reader, Trace, Writer};

/// Type of the SAKKE-to-self extension (TS 33.180 cl. E.5).
pub const SAKKE_TO_SELF: u8 = 6;
/// Type of the 3GPP key parameters extension (TS 33.180 cl. E.6).
pub const KEY_PARAMETERS: u8 = 7;

/// General Extension; data of unknown types are kept and skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneralExtension {
    /// Type.
    pub kind: u8,
    /// Data.
    pub data: Vec<u8>,
}

impl GeneralExtension {
    /// A SAKKE-to-self: a whole SAKKE payload for the initiator, its `next payload` 0.
    #[must_use]
    pub fn sakke_to_self(sakke: &Sakke) -> Self {
        let mut writer = Writer::default();
        writer.u8(0);
        sakke.write(&mut writer);
        Self {
            kind: SAKKE_TO_SELF,
            data: writer.0,
        }
    }

    /// Reads the data of a SAKKE-to-self; its `next payload` is ignored.
    pub(crate) fn read_sakke_to_self(
        data: &[u8],
        offset: usize,
        trace: &mut dyn Trace,
    ) -> Result<Sakke, DecodeError> {
        let mut reader = Reader::new(data, offset, trace);
        reader.heading("SAKKE-to-self", "TS 33.180 cl. E.5");
        reader.u8(Field::NextPayload)?;
        let sakke = Sakke::read(&mut reader)?;
        match reader.left() {
            0 => Ok(sakke),
            left => Err(reader.error(Fault::TrailingElement(left))),
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Result<Self, DecodeError> {
        let kind = reader.u8(Field::ExtensionType)?;
        let data = reader
            .long(Field::ExtensionLength, Field::ExtensionData)?
            .to_vec();
        Ok(Self { kind, data })
    }

    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.u8(self.kind);
        writer.long(Field::ExtensionLength, &self.data)
    }
}
