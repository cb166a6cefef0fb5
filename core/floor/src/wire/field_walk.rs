//! Fields one after the other (TS 24.380 cl. 8.1.3).
//!
//! ```text
//! +--------+--------+----------------+---------------------+
//! |   ID   | Length |  Value, Length |  zeros up to the    |   ID 0 to 191
//! |        |        |  octets        |  next multiple of 4 |
//! +--------+--------+--------+-------+--------+------------+
//! |   ID   |   Length (16)   |  Value         |  zeros     |   ID 192 to 255
//! +--------+-----------------+----------------+------------+
//! ```
//!
//! `Length` counts the value alone. Padding octets are not looked at.

use crate::Error;

/// First id whose length has two octets.
const FIRST_LONG_ID: u8 = 192;
/// Id of the List of SSRCs, whose header form is disputed (see [`ValueForm::CountInsteadOfLength`]).
const LIST_OF_SSRCS: u8 = 16;

/// How the value of a field is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// By its length octets.
    Ordinary,
    /// A List of SSRCs that has its number of entries and 16 spare bits in place of the length; one of the three
    /// readings of TS 24.380 cl. 8.2.3.18, accepted but not sent. The value is the entries alone.
    CountInsteadOfLength,
}

/// A field cut out of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawField<'a> {
    /// Field id as received.
    pub id: u8,
    /// Octet of the field area at which the field begins.
    pub offset: usize,
    /// Octets of the field with header and padding.
    pub octets: usize,
    /// The value.
    pub value: &'a [u8],
    /// How the value was delimited.
    pub form: ValueForm,
}

/// Whether the List of SSRCs of the floor control application may be among the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldNumbering {
    /// `MCPT`.
    FloorControl,
    /// `MCPC`, `MCMC`.
    Other,
}

/// Cuts a field area into fields; ends after the first error.
#[derive(Debug, Clone)]
pub(crate) struct FieldWalk<'a> {
    rest: &'a [u8],
    offset: usize,
    numbering: FieldNumbering,
}

impl<'a> FieldWalk<'a> {
    pub(crate) fn new(area: &'a [u8], name: [u8; 4]) -> Self {
        let numbering = if name == *b"MCPT" {
            FieldNumbering::FloorControl
        } else {
            FieldNumbering::Other
        };
        Self {
            rest: area,
            offset: 0,
            numbering,
        }
    }

    fn measure(&self, id: u8) -> (usize, usize, ValueForm) {
        match *self.rest {
            [_, n, 0, 0, ..]
                if id == LIST_OF_SSRCS && self.numbering == FieldNumbering::FloorControl =>
            {
                (4, usize::from(n) * 4, ValueForm::CountInsteadOfLength)
            }
            [_, l1, l0, ..] if id >= FIRST_LONG_ID => (
                3,
                usize::from(u16::from_be_bytes([l1, l0])),
                ValueForm::Ordinary,
            ),
            [_, length, ..] if id < FIRST_LONG_ID => (2, usize::from(length), ValueForm::Ordinary),
            _ => (3, 0, ValueForm::Ordinary),
        }
    }

    fn cut(&self, id: u8) -> Result<RawField<'a>, Error> {
        let (header, length, form) = self.measure(id);
        let wanted = header + length;
        let overrun = Error::PeerFieldOverrun {
            id,
            offset: self.offset,
            wanted,
            available: self.rest.len(),
        };
        let value = self.rest.get(header..wanted).ok_or(overrun)?;
        let octets = wanted.next_multiple_of(4).min(self.rest.len());
        Ok(RawField {
            id,
            offset: self.offset,
            octets,
            value,
            form,
        })
    }
}

impl<'a> Iterator for FieldWalk<'a> {
    type Item = Result<RawField<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = *self.rest.first()?;
        let field = self.cut(id);
        let taken = field.as_ref().map_or(self.rest.len(), |field| field.octets);
        self.rest = self.rest.get(taken..).unwrap_or_default();
        self.offset += taken;
        Some(field)
    }
}

/// Appends a field with its header and padding.
pub(crate) fn put_field(out: &mut Vec<u8>, id: u8, value: &[u8]) -> Result<(), Error> {
    let too_long = Error::LocalFieldTooLong {
        id,
        length: value.len(),
    };
    out.push(id);
    if id >= FIRST_LONG_ID {
        out.extend_from_slice(
            &u16::try_from(value.len())
                .map_err(|_| too_long)?
                .to_be_bytes(),
        );
    } else {
        out.push(u8::try_from(value.len()).map_err(|_| too_long)?);
    }
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
    Ok(())
}
