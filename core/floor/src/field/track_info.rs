//! The way of a request through non-controlling functions.

use super::value::{FieldValue, exactly, take, take_octet, text};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;

const ID: u8 = 11;

/// Queueing capability of the client (TS 24.380 cl. 8.2.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queueing {
    /// 0, and any number but 1.
    NotSupported,
    /// 1.
    Supported,
}

/// Track Info, field 11, present only when a non-controlling function is on the path (TS 24.380 cl. 8.2.3.13).
/// Each such function appends one reference to the client's request; answers carry all of them back.
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 11       |  Length        |  queueing      |  P             |
/// +----------------+----------------+----------------+----------------+
/// |  participant type, P octets of UTF-8, zeros up to a multiple of 4 |
/// +-------------------------------------------------------------------+
/// |  reference of 32 bits, one for each function on the way           |
/// +-------------------------------------------------------------------+
/// ```
/// No zeros follow a participant type whose length is a multiple of four (inferred).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInfo {
    /// Whether the client can be queued.
    pub queueing: Queueing,
    /// Type of the participant, such as `dispatcher`.
    pub participant_type: String,
    /// References, the one of the function nearest to the client first.
    pub references: Vec<u32>,
}

fn inner_padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

impl FieldValue for TrackInfo {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let mut rest = value;
        let queueing = match take_octet(&mut rest)? {
            1 => Queueing::Supported,
            _ => Queueing::NotSupported,
        };
        let length = usize::from(take_octet(&mut rest)?);
        let participant_type = text(take(&mut rest, length)?)?.to_owned();
        take(&mut rest, inner_padding(length))?;
        if !rest.len().is_multiple_of(4) {
            return Err(FieldProblem::Length(value.len()));
        }
        let reference = |chunk: &[u8]| exactly(chunk).map(u32::from_be_bytes);
        let references = rest
            .chunks_exact(4)
            .map(reference)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            queueing,
            participant_type,
            references,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let length = self.participant_type.len();
        let octet =
            u8::try_from(length).map_err(|_| Error::LocalFieldTooLong { id: ID, length })?;
        out.push(match self.queueing {
            Queueing::NotSupported => 0,
            Queueing::Supported => 1,
        });
        out.push(octet);
        out.extend_from_slice(self.participant_type.as_bytes());
        out.resize(out.len() + inner_padding(length), 0);
        self.references
            .iter()
            .for_each(|reference| out.extend_from_slice(&reference.to_be_bytes()));
        Ok(())
    }
}

impl fmt::Display for TrackInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queueing = match self.queueing {
            Queueing::NotSupported => "no queueing",
            Queueing::Supported => "queueing",
        };
        write!(
            f,
            "{queueing}, type \"{}\"",
            self.participant_type.escape_debug()
        )?;
        self.references
            .iter()
            .try_for_each(|reference| write!(f, ", reference {reference:08X}"))
    }
}
