//! A message as its fields in the order of the wire.

use super::{AckRequest, AppPacket, FieldWalk, Profile, RawField, Subtype, put_field, split};
use crate::{Error, Ssrc};

/// The fields of one application: `MCPT`, `MCPC` or `MCMC`.
pub trait FieldSet: Sized {
    /// The application name that is sent.
    const NAME: [u8; 4];

    /// Whether a received application name is this one, octet for octet.
    #[must_use]
    fn accepts_name(name: [u8; 4]) -> bool {
        name == Self::NAME
    }

    /// Name and clause of a message, `None` when type and acknowledgement bit are no pair of the message table.
    fn message(subtype: Subtype, profile: &Profile) -> Option<(&'static str, &'static str)>;

    /// Reads a field.
    ///
    /// # Errors
    /// `Peer…` when the value breaks the clause of the field.
    fn from_raw(raw: &RawField<'_>, profile: &Profile) -> Result<Self, Error>;

    /// Field id.
    fn id(&self) -> u8;

    /// The octets of the value.
    ///
    /// # Errors
    /// `Local…` when the value has no encoding.
    fn value(&self) -> Result<Vec<u8>, Error>;

    /// Name in the standard.
    fn name(&self) -> &'static str;

    /// Clause in the standard.
    fn clause(&self) -> &'static str;

    /// The value in words.
    fn meaning(&self) -> String;
}

/// One message, its fields in the order of the wire, unknown ones included: what a relay needs, and what is encoded
/// octet for octet (TS 24.380 cl. 8.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<F> {
    /// Message type and acknowledgement bit.
    pub subtype: Subtype,
    /// SSRC of the header.
    pub ssrc: Ssrc,
    /// The fields.
    pub fields: Vec<F>,
}

impl<F: FieldSet> Packet<F> {
    /// Reads the first message of a datagram; the second value is what follows it.
    ///
    /// # Errors
    /// `Peer…`: the datagram is no message of this application, or a field is wrong.
    pub fn decode_first<'a>(
        datagram: &'a [u8],
        profile: &Profile,
    ) -> Result<(Self, &'a [u8]), Error> {
        let (packet, rest) = split(datagram)?;
        Ok((Self::from_app_packet(&packet, profile)?, rest))
    }

    /// Reads a datagram that holds exactly one message.
    ///
    /// # Errors
    /// As [`Packet::decode_first`], and [`Error::PeerTrailingOctets`].
    pub fn decode(datagram: &[u8], profile: &Profile) -> Result<Self, Error> {
        let (packet, rest) = Self::decode_first(datagram, profile)?;
        if !rest.is_empty() {
            return Err(Error::PeerTrailingOctets(rest.len()));
        }
        Ok(packet)
    }

    pub(crate) fn from_app_packet(
        packet: &AppPacket<'_>,
        profile: &Profile,
    ) -> Result<Self, Error> {
        if !F::accepts_name(packet.name) {
            return Err(Error::PeerName(packet.name));
        }
        if F::message(packet.subtype, profile).is_none() {
            return Err(Error::PeerSubtype(packet.subtype.bits()));
        }
        let fields = FieldWalk::new(packet.fields, F::NAME)
            .map(|raw| F::from_raw(&raw?, profile))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            subtype: packet.subtype,
            ssrc: packet.ssrc,
            fields,
        })
    }

    /// The octets of the message.
    ///
    /// # Errors
    /// `Local…` when a value is too long, or the acknowledgement bit does not exist for the message.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        if F::message(self.subtype, &Profile::default()).is_none() {
            let plain = Subtype::new(self.subtype.message_type(), AckRequest::NotRequested);
            let name =
                F::message(plain, &Profile::default()).map_or("this message", |(name, _)| name);
            return Err(Error::LocalNoAcknowledgement(name));
        }
        let mut area = Vec::new();
        for field in &self.fields {
            put_field(&mut area, field.id(), &field.value()?)?;
        }
        AppPacket {
            subtype: self.subtype,
            ssrc: self.ssrc,
            name: F::NAME,
            fields: &area,
        }
        .encode()
    }
}
