//! Where a talker is.

use super::value::{FieldValue, take, take_array, take_octet};
use crate::Error;
use crate::error::FieldProblem;
use core::fmt;

/// Location, field 19: a type octet and a value of the length of that type (TS 24.380 cl. 8.2.3.21).
///
/// ```text
/// +----------------+----------------+----------------+----------------+
/// |  ID = 19       |  Length        |  type          |  value ...     |
/// +----------------+----------------+----------------+----------------+
/// ```
/// MCC and MNC are three octets as in TS 24.008; coordinates are coded as in TS 23.032 cl. 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// Type 0: not provided.
    NotProvided,
    /// Type 1: E-UTRAN cell.
    Ecgi {
        /// Country and network code.
        plmn: [u8; 3],
        /// Cell identity.
        eci: u32,
    },
    /// Type 2: tracking area.
    TrackingArea {
        /// Country and network code.
        plmn: [u8; 3],
        /// Tracking area code.
        tac: u16,
    },
    /// Type 3: network.
    Plmn([u8; 3]),
    /// Type 4: MBMS service area.
    MbmsServiceArea(u16),
    /// Type 5: MBSFN area.
    MbsfnArea(u8),
    /// Type 6: point on the globe.
    Coordinate {
        /// Latitude.
        latitude: [u8; 3],
        /// Longitude.
        longitude: [u8; 3],
    },
    /// Type 7 (altitude, release 18) and types not in the table: up to fifteen octets are kept, the layout is not
    /// known here.
    Other {
        /// Type octet.
        kind: u8,
        /// Octets of the value that count.
        length: u8,
        /// The value, zeros behind it.
        value: [u8; 15],
    },
}

impl Location {
    /// Reads an entry of a list. Types of unknown length cannot be told from what follows and are refused.
    pub(super) fn read_entry(rest: &mut &[u8]) -> Result<Self, FieldProblem> {
        let kind = take_octet(rest)?;
        match kind {
            0..=6 => Self::read_value(kind, rest),
            other => Err(FieldProblem::Number(other.into())),
        }
    }

    fn read_value(kind: u8, rest: &mut &[u8]) -> Result<Self, FieldProblem> {
        Ok(match kind {
            0 => Self::NotProvided,
            1 => Self::Ecgi {
                plmn: take_array(rest)?,
                eci: u32::from_be_bytes(take_array(rest)?),
            },
            2 => Self::TrackingArea {
                plmn: take_array(rest)?,
                tac: u16::from_be_bytes(take_array(rest)?),
            },
            3 => Self::Plmn(take_array(rest)?),
            4 => Self::MbmsServiceArea(u16::from_be_bytes(take_array(rest)?)),
            5 => Self::MbsfnArea(take_octet(rest)?),
            6 => Self::Coordinate {
                latitude: take_array(rest)?,
                longitude: take_array(rest)?,
            },
            kind => Self::read_other(kind, rest)?,
        })
    }

    fn read_other(kind: u8, rest: &mut &[u8]) -> Result<Self, FieldProblem> {
        let octets = take(rest, rest.len())?;
        let mut value = [0; 15];
        let too_long = FieldProblem::Length(octets.len() + 1);
        value
            .get_mut(..octets.len())
            .ok_or(too_long)?
            .copy_from_slice(octets);
        Ok(Self::Other {
            kind,
            length: octets.len() as u8,
            value,
        })
    }
}

impl FieldValue for Location {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let mut rest = value;
        let kind = take_octet(&mut rest).map_err(|_| FieldProblem::Length(0))?;
        let location = Self::read_value(kind, &mut rest)?;
        if !rest.is_empty() {
            return Err(FieldProblem::Length(value.len()));
        }
        Ok(location)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::NotProvided => out.push(0),
            Self::Ecgi { plmn, eci } => put(out, 1, &[plmn, &eci.to_be_bytes()]),
            Self::TrackingArea { plmn, tac } => put(out, 2, &[plmn, &tac.to_be_bytes()]),
            Self::Plmn(plmn) => put(out, 3, &[plmn]),
            Self::MbmsServiceArea(area) => put(out, 4, &[&area.to_be_bytes()]),
            Self::MbsfnArea(area) => put(out, 5, &[&[*area]]),
            Self::Coordinate {
                latitude,
                longitude,
            } => put(out, 6, &[latitude, longitude]),
            Self::Other {
                kind,
                length,
                value,
            } => {
                put(
                    out,
                    *kind,
                    &[value.get(..usize::from(*length)).unwrap_or(value)],
                );
            }
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    out.push(kind);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProvided => f.write_str("not provided"),
            Self::Ecgi { plmn, eci } => write!(f, "cell {eci:08X} of network {}", Hex(plmn)),
            Self::TrackingArea { plmn, tac } => {
                write!(f, "tracking area {tac:04X} of network {}", Hex(plmn))
            }
            Self::Plmn(plmn) => write!(f, "network {}", Hex(plmn)),
            Self::MbmsServiceArea(area) => write!(f, "MBMS service area {area}"),
            Self::MbsfnArea(area) => write!(f, "MBSFN area {area}"),
            Self::Coordinate {
                latitude,
                longitude,
            } => {
                write!(
                    f,
                    "latitude {}, longitude {}",
                    Hex(latitude),
                    Hex(longitude)
                )
            }
            Self::Other {
                kind,
                length,
                value,
            } => {
                write!(
                    f,
                    "type {kind}, value {}",
                    Hex(value.get(..usize::from(*length)).unwrap_or(value))
                )
            }
        }
    }
}
