//! The fields of MBMS subchannel control (TS 24.380 cl. 8.4.3).

use super::message::message_name;
use crate::field::set::field_set;
use crate::field::value::{FieldValue, exactly, take_array, take_octet};
use crate::wire::{Profile, RawField};
use crate::{Error, FieldProblem};
use core::fmt;
use core::net::IpAddr;
use roger_base::GroupId;

const IP_VERSION_4: u8 = 0;
const IP_VERSION_6: u8 = 1;

/// Floor channel of a subchannel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubchannelFloor {
    /// Number of the `m=application` line, 1 to 15.
    pub line: u8,
    /// UDP port.
    pub port: u16,
}

/// MBMS Subchannel, field 0 (TS 24.380 cl. 8.4.3). Line numbers refer to the SDP that announced the bearer.
///
/// ```text
/// +----------------+----------------+--------+-------+--------+--------+
/// |  ID = 0        |  Length        | audio  | floor | IP vers. spare  |
/// +----------------+----------------+--------+-------+--------+--------+
/// |  floor port, 32 bits; absent when the floor line is 0             |
/// +-------------------------------------------------------------------+
/// |  media port, 32 bits                                              |
/// +-------------------------------------------------------------------+
/// |  address, 4 octets (IP version 0) or 16 (IP version 1)            |
/// +-------------------------------------------------------------------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MbmsSubchannel {
    /// Number of the `m=audio` line, 0 to 15.
    pub audio_line: u8,
    /// The floor channel; `None` when it is multiplexed or absent.
    pub floor: Option<SubchannelFloor>,
    /// UDP port of the media.
    pub media_port: u16,
    /// Multicast address of both.
    pub address: IpAddr,
}

fn read_port(rest: &mut &[u8]) -> Result<u16, FieldProblem> {
    let port = u32::from_be_bytes(take_array(rest)?);
    u16::try_from(port).map_err(|_| FieldProblem::Number(port))
}

impl FieldValue for MbmsSubchannel {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        let mut rest = value;
        let lines = take_octet(&mut rest)?;
        let version = take_octet(&mut rest)? >> 4;
        let floor = match lines & 0x0F {
            0 => None,
            line => Some(SubchannelFloor {
                line,
                port: read_port(&mut rest)?,
            }),
        };
        let media_port = read_port(&mut rest)?;
        let address = match version {
            IP_VERSION_4 => IpAddr::from(exactly::<4>(rest)?),
            IP_VERSION_6 => IpAddr::from(exactly::<16>(rest)?),
            other => return Err(FieldProblem::Number(other.into())),
        };
        Ok(Self {
            audio_line: lines >> 4,
            floor,
            media_port,
            address,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let floor_line = self.floor.map_or(0, |floor| floor.line & 0x0F);
        let version = if self.address.is_ipv4() {
            IP_VERSION_4
        } else {
            IP_VERSION_6
        };
        out.extend_from_slice(&[(self.audio_line << 4) | floor_line, version << 4]);
        if let Some(floor) = self.floor {
            out.extend_from_slice(&u32::from(floor.port).to_be_bytes());
        }
        out.extend_from_slice(&u32::from(self.media_port).to_be_bytes());
        match self.address {
            IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
        }
        Ok(())
    }
}

impl fmt::Display for MbmsSubchannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "audio line {}, media port {} at {}",
            self.audio_line, self.media_port, self.address
        )?;
        match self.floor {
            Some(floor) => write!(f, ", floor line {}, floor port {}", floor.line, floor.port),
            None => f.write_str(", no floor port"),
        }
    }
}

/// TMGI, field 1: six octets without element id and length (TS 24.008 cl. 10.5.6.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tmgi(pub [u8; 6]);

impl FieldValue for Tmgi {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        exactly(value).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

impl fmt::Display for Tmgi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// MCPTT Group ID, field 2 (TS 24.380 cl. 8.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct McpttGroupIdentifier(pub GroupId);

impl FieldValue for McpttGroupIdentifier {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        GroupId::read(value).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.write(out)
    }
}

impl fmt::Display for McpttGroupIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Monitoring State, field 3 of later releases: its layout is not known here, the octets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitoringState(pub Vec<u8>);

impl FieldValue for MonitoringState {
    fn read(value: &[u8]) -> Result<Self, FieldProblem> {
        Ok(Self(value.to_vec()))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

impl fmt::Display for MonitoringState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value of {} octets", self.0.len())
    }
}

field_set! {
    /// A field of MBMS subchannel control (TS 24.380 cl. 8.4.3).
    MbmsField, names: [b"MCMC", b"MCCP"], messages: message_name, ids: id_of_group;
    /// Where media and floor messages are.
    0 MbmsSubchannel: MbmsSubchannel = "MBMS Subchannel", "8.4.3";
    /// The bearer.
    1 Tmgi: Tmgi = "TMGI", "8.4.3";
    /// The group.
    2 McpttGroupIdentifier: McpttGroupIdentifier = "MCPTT Group ID", "8.4.3";
    /// Later releases.
    3 MonitoringState: MonitoringState = "Monitoring State", "8.4.3";
}

/// The group had id 3 in 13.2 and has id 2 since 13.3: 3 is the group when its value is a URI (inferred).
fn id_of_group(raw: &RawField<'_>, _profile: &Profile) -> u8 {
    if raw.id == 3 && GroupId::read(raw.value).is_ok() {
        2
    } else {
        raw.id
    }
}
