//! SIGN, the signature (RFC 3830 6.5, RFC 6509 4.3); always the last payload.
//!
//! ```text
//! S type(4 bits) = 2 | signature len(12 bits) = 129   signature(129)
//! ```
//! There is no `next payload`. The signed octets are the message up to and including the two octets before
//! the signature (TS 33.180 cl. E.1.2).

use crate::Field;
use crate::wire::{DecodeError, Fault, Reader};

/// Octets of an ECCSI signature over P-256; the "32" printed in TS 33.180 cl. E.1.2 cannot be.
pub const SIGNATURE: usize = 129;
/// Octets of SIGN before the signature.
pub const SIGNATURE_HEADER: usize = 2;
/// S type ECCSI.
const S_TYPE_ECCSI: u8 = 2;
/// S type ECCSI and the length 129.
pub(crate) const SIGN_HEADER: [u8; SIGNATURE_HEADER] = [0x20, 0x81];

/// Reads SIGN.
pub(crate) fn read_sign(reader: &mut Reader<'_, '_>) -> Result<[u8; SIGNATURE], DecodeError> {
    reader.heading("SIGN", "RFC 3830 6.5, RFC 6509 4.3");
    let first = reader.u16(Field::SignatureTypeAndLength)?;
    let s_type = (first >> 12) as u8;
    if s_type != S_TYPE_ECCSI {
        return Err(reader.error_before(2, Fault::SignatureType(s_type)));
    }
    let length = first & 0x0FFF;
    if usize::from(length) != SIGNATURE {
        return Err(reader.error_before(2, Fault::SignatureLength(length)));
    }
    reader.array(Field::Signature)
}
