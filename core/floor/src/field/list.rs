//! Fields with several entries, for groups with several talkers.
//!
//! ```text
//! +----------------+----------------+----------------+----------------+
//! |  ID            |  Length        |  N             | length of URI 1|
//! +----------------+----------------+----------------+----------------+
//! |  URI 1 ... | length of URI 2 | URI 2 ... | zeros                  |
//! +-------------------------------------------------------------------+
//! ```
//! There is no padding between entries. A List of Locations has locations in place of length and URI.

use super::value::{FieldValue, exactly, take, take_octet, text};
use super::{FunctionalAlias, Location};
use crate::error::FieldProblem;
use crate::wire::{RawField, ValueForm};
use crate::{Error, Ssrc};
use core::fmt;
use roger_base::McpttId;

fn count(entries: usize) -> Result<u8, Error> {
    u8::try_from(entries).map_err(|_| Error::LocalListLength(entries))
}

/// Reads N entries, which must fill the value.
fn entries<T>(
    value: &[u8],
    mut entry: impl FnMut(&mut &[u8]) -> Result<T, FieldProblem>,
) -> Result<Vec<T>, FieldProblem> {
    let mut rest = value;
    let count = take_octet(&mut rest).map_err(|_| FieldProblem::Length(value.len()))?;
    // An entry has at least one octet: this bounds what is reserved by what was received.
    if usize::from(count) > rest.len() {
        return Err(FieldProblem::ListCount(count));
    }
    let list = (0..count)
        .map(|_| entry(&mut rest))
        .collect::<Result<_, _>>()?;
    if !rest.is_empty() {
        return Err(FieldProblem::ListCount(count));
    }
    Ok(list)
}

fn write_text(out: &mut Vec<u8>, id: u8, entry: &str) -> Result<(), Error> {
    let length = u8::try_from(entry.len()).map_err(|_| Error::LocalFieldTooLong {
        id,
        length: entry.len(),
    })?;
    out.push(length);
    out.extend_from_slice(entry.as_bytes());
    Ok(())
}

fn read_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, FieldProblem> {
    let length = take_octet(rest)?;
    text(take(rest, length.into())?)
}

fn join<T: fmt::Display>(f: &mut fmt::Formatter<'_>, list: &[T]) -> fmt::Result {
    write!(f, "{} entries", list.len())?;
    for (index, entry) in list.iter().enumerate() {
        write!(f, "{} {entry}", if index == 0 { ":" } else { "," })?;
    }
    Ok(())
}

macro_rules! uri_list {
    ($(#[$doc:meta])* $name:ident, $id:literal, $entry:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub Vec<$entry>);

        impl FieldValue for $name {
            fn read(value: &[u8]) -> Result<Self, FieldProblem> {
                entries(value, |rest| Ok(<$entry>::new(read_text(rest)?)?)).map(Self)
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
                out.push(count(self.0.len())?);
                self.0.iter().try_for_each(|entry| write_text(out, $id, entry.as_str()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                join(f, &self.0)
            }
        }
    };
}

uri_list!(
    /// List of Granted Users, field 15: MCPTT IDs of the talkers (TS 24.380 cl. 8.2.3.17).
    ListOfGrantedUsers, 15, McpttId
);
uri_list!(
    /// List of Functional Aliases, field 18, in the order of field 15 (TS 24.380 cl. 8.2.3.20).
    ListOfFunctionalAliases, 18, FunctionalAlias
);
uri_list!(
    /// List of Queued Users, field 22: whose requests are meant (TS 24.380 cl. 8.2.3.24).
    ListOfQueuedUsers, 22, McpttId
);

/// List of Locations, field 20, in the order of field 15 (TS 24.380 cl. 8.2.3.22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOfLocations(pub Vec<Location>);

impl FieldValue for ListOfLocations {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        entries(value, Location::read_entry).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(count(self.0.len())?);
        self.0.iter().try_for_each(|location| location.write(out))
    }
}

impl fmt::Display for ListOfLocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.0)
    }
}

/// List of SSRCs, field 16, in the order of field 15 (TS 24.380 cl. 8.2.3.18).
///
/// The header form is disputed. Form B is sent; A and C are read too.
///
/// ```text
///    +--------+--------+-----------------+
/// A  |  16    |  N     |  spare, 0       |  N x SSRC                        no length octet
///    +--------+--------+--------+--------+
/// B  |  16    |  2+4N  |  N     |spare, 0|  N x SSRC                        sent
///    +--------+--------+--------+--------+--------+
/// C  |  16    |  3+4N  |  N     |  spare, 0       |  N x SSRC, padding
///    +--------+--------+--------+--------+--------+
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOfSsrcs(pub Vec<Ssrc>);

impl ListOfSsrcs {
    fn from_octets(octets: &[u8]) -> Result<Self, FieldProblem> {
        if octets.is_empty() || !octets.len().is_multiple_of(4) {
            return Err(FieldProblem::Length(octets.len()));
        }
        let ssrc = |chunk: &[u8]| exactly(chunk).map(u32::from_be_bytes).map(Ssrc);
        octets
            .chunks_exact(4)
            .map(ssrc)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FieldValue for ListOfSsrcs {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let (count, rest) = value.split_first().ok_or(FieldProblem::Length(0))?;
        let octets = usize::from(*count) * 4;
        let spare = rest
            .len()
            .checked_sub(octets)
            .ok_or(FieldProblem::ListCount(*count))?;
        if !(1..=2).contains(&spare) {
            return Err(FieldProblem::ListCount(*count));
        }
        Self::from_octets(rest.get(spare..).unwrap_or_default())
    }

    fn read_field(raw: &RawField<'_>) -> Result<Self, FieldProblem> {
        match raw.form {
            ValueForm::Ordinary => Self::read(raw.value),
            ValueForm::CountInsteadOfLength => Self::from_octets(raw.value),
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        // An empty list in form B begins like form A with two entries.
        if self.0.is_empty() {
            return Err(Error::LocalListLength(0));
        }
        out.extend_from_slice(&[count(self.0.len())?, 0]);
        self.0
            .iter()
            .for_each(|ssrc| out.extend_from_slice(&ssrc.0.to_be_bytes()));
        Ok(())
    }
}

impl fmt::Display for ListOfSsrcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.0)
    }
}
