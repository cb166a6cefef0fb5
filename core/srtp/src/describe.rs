//! Field-by-field descriptions for `roger inspect srtp`.

use crate::{
    Mki, Profile, RtpHeader, SrtpError, Suite,
    layout::{RTCP_CLEAR, split_rtcp, split_rtp},
};
use core::fmt;
use core::ops::{Range, RangeInclusive};
use roger_base::{KeyId, PurposeTag};

/// RTCP packet types (RFC 5761 cl. 4).
const RTCP_TYPES: RangeInclusive<u8> = 192..=223;

/// One field of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub name: &'static str,
    /// Octets of the packet it occupies.
    pub octets: Range<usize>,
    /// Its value in words or hex.
    pub value: String,
    /// Where it is defined.
    pub clause: &'static str,
}

/// All fields of a packet in the order of the wire; prints as a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// The fields, without gap or overlap.
    pub fields: Vec<Field>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in &self.fields {
            let Range { start, end } = field.octets;
            let place = format!("{start}..{end}");
            writeln!(
                f,
                "{place:<10} {:<18} {:<44} {}",
                field.name, field.value, field.clause
            )?;
        }
        Ok(())
    }
}

/// Fields whose values come from consecutive octets.
struct Walk<'a> {
    packet: &'a [u8],
    at: usize,
    fields: Vec<Field>,
}

impl<'a> Walk<'a> {
    const fn new(packet: &'a [u8]) -> Self {
        Self {
            packet,
            at: 0,
            fields: Vec::new(),
        }
    }

    fn take(&mut self, name: &'static str, octets: usize, value: String, clause: &'static str) {
        let range = self.at..self.at + octets;
        self.at += octets;
        self.fields.push(Field {
            name,
            octets: range,
            value,
            clause,
        });
    }

    fn take_hex(&mut self, name: &'static str, octets: usize, clause: &'static str) {
        let value = hex(self
            .packet
            .get(self.at..self.at + octets)
            .unwrap_or_default());
        self.take(name, octets, value, clause);
    }

    fn take_mki(&mut self, mki: &[u8]) {
        let text = match mki.len() {
            0 => return,
            8 => "GMK-ID, GUK-ID of the sender",
            _ => "key id",
        };
        let value = Mki::new(mki)
            .map(|mki| format!("{mki} ({text})"))
            .unwrap_or_default();
        self.take("MKI", mki.len(), value, "RFC 3711 3.1, TS 33.180 7.4, 9.4");
    }

    fn take_tag(&mut self, suite: Suite) {
        let (name, clause) = match suite {
            Suite::AeadAes128Gcm => ("GCM tag", "RFC 7714 5.1"),
            Suite::AesCm128HmacSha1Tag80 => ("HMAC-SHA1 tag", "RFC 3711 4.2.1"),
        };
        self.take_hex(name, suite.tag_octets(), clause);
    }

    fn rtp_header(&mut self, header: &RtpHeader) {
        let fields = header.fields();
        let padding = if header.has_padding() {
            "padded"
        } else {
            "no padding"
        };
        let marker = if fields.marker { "marker, " } else { "" };
        self.take(
            "version",
            1,
            format!("2, {padding}, {} CSRC", header.csrc_count()),
            "RFC 3550 5.1",
        );
        self.take(
            "payload type",
            1,
            format!("{marker}payload type {}", fields.payload_type),
            "RFC 3550 5.1",
        );
        self.take(
            "sequence number",
            2,
            fields.sequence.to_string(),
            "RFC 3550 5.1",
        );
        self.take("timestamp", 4, fields.timestamp.to_string(), "RFC 3550 5.1");
        self.take("SSRC", 4, format!("{:08x}", fields.ssrc), "RFC 3550 5.1");
        for _ in 0..header.csrc_count() {
            self.take_hex("CSRC", 4, "RFC 3550 5.1");
        }
        if header.extension_octets() > 0 {
            self.take_hex("extension", header.extension_octets(), "RFC 3550 5.3.1");
        }
    }

    fn finish(self) -> Description {
        Description {
            fields: self.fields,
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Names every field of an SRTP packet of the profile; needs no key.
///
/// # Errors
/// The `Peer…` errors of a packet that does not have the layout.
pub fn describe_rtp(packet: &[u8], profile: &Profile) -> Result<Description, SrtpError> {
    let parts = split_rtp(packet, profile)?;
    let mut walk = Walk::new(packet);
    walk.rtp_header(&parts.header);
    walk.take_hex(
        "ciphertext",
        parts.body.len() - parts.header.octets(),
        "RFC 3711 3.1, RFC 7714 8.2",
    );
    match profile.suite() {
        Suite::AeadAes128Gcm => {
            walk.take_tag(profile.suite());
            walk.take_mki(parts.mki);
        }
        Suite::AesCm128HmacSha1Tag80 => {
            walk.take_mki(parts.mki);
            walk.take_tag(profile.suite());
        }
    }
    if let Some(roc) = parts.roc {
        walk.take(
            "ROC",
            4,
            format!("{roc} (RCCm3)"),
            "RFC 4771 2, TS 33.180 7.5",
        );
    }
    Ok(walk.finish())
}

/// Names every field of a plain RTP packet, such as one that was opened.
///
/// # Errors
/// The `Peer…` errors of a header that does not end within the packet.
pub fn describe_plain_rtp(packet: &[u8]) -> Result<Description, SrtpError> {
    let header = RtpHeader::parse(packet)?;
    let mut walk = Walk::new(packet);
    walk.rtp_header(&header);
    let payload = packet.len() - header.octets();
    let padding = header
        .payload(packet)
        .map_or(0, |kept| payload - kept.len());
    walk.take_hex("payload", payload - padding, "RFC 3550 5.1, RFC 4867 4");
    if padding > 0 {
        walk.take_hex("padding", padding, "RFC 3550 5.1");
    }
    Ok(walk.finish())
}

/// What a packet looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// SRTP of this profile.
    Rtp(Profile),
    /// SRTCP of this profile.
    Rtcp(Profile),
}

/// Guesses kind and profile of a packet with the default suite from the purpose tags of its MKI.
///
/// For people who look at a capture. Receivers never guess: the call decides (TS 33.180 cl. 7.5).
#[must_use]
pub fn guess(packet: &[u8]) -> Option<Guess> {
    let tag = |from_end: usize| {
        let at = packet.len().checked_sub(from_end)?;
        KeyId::from_octets(*packet.get(at..)?.first_chunk::<4>()?)
            .purpose()
            .ok()
    };
    let is_group_mki = |from_end: usize| {
        tag(from_end) == Some(PurposeTag::Gmk) && tag(from_end - 4) == Some(PurposeTag::Gmk)
    };
    let kind = *packet.get(1)?;
    if RTCP_TYPES.contains(&kind) {
        let profile = match tag(4)? {
            PurposeTag::Gmk if is_group_mki(8) => Profile::GROUP,
            PurposeTag::Gmk => return None,
            _ => Profile::FLOOR,
        };
        return split_rtcp(packet, &profile)
            .ok()
            .map(|_| Guess::Rtcp(profile));
    }
    // A ROC in the last four octets is a small number, so its tag looks like that of a GMK.
    let profile = match tag(4)? {
        PurposeTag::Pck => Profile::PRIVATE,
        PurposeTag::Gmk if is_group_mki(12) => Profile::GROUP,
        _ => return None,
    };
    split_rtp(packet, &profile)
        .ok()
        .map(|_| Guess::Rtp(profile))
}

/// Names every field of an SRTCP packet of the profile; needs no key.
///
/// # Errors
/// The `Peer…` errors of a packet that does not have the layout.
pub fn describe_rtcp(packet: &[u8], profile: &Profile) -> Result<Description, SrtpError> {
    let parts = split_rtcp(packet, profile)?;
    let mut walk = Walk::new(packet);
    let [first, kind] = packet.first_chunk::<2>().copied().unwrap_or_default();
    walk.take(
        "version",
        1,
        format!("2, count or subtype {}", first & 0x1F),
        "RFC 3550 6.4",
    );
    walk.take(
        "packet type",
        1,
        format!("{kind} ({})", rtcp_type(kind)),
        "RFC 3550 6.4, 6.7",
    );
    walk.take_hex("length", 2, "RFC 3550 6.4");
    walk.take("SSRC", 4, format!("{:08x}", parts.ssrc), "RFC 3550 6.4");
    let text = if parts.is_encrypted() {
        "ciphertext"
    } else {
        "text"
    };
    walk.take_hex(
        text,
        parts.body.len() - RTCP_CLEAR,
        "RFC 3711 3.4, RFC 7714 9.2",
    );
    let word = format!(
        "E = {}, index {}",
        u8::from(parts.is_encrypted()),
        parts.index()
    );
    match profile.suite() {
        Suite::AeadAes128Gcm => {
            walk.take_tag(profile.suite());
            walk.take("E and index", 4, word, "RFC 3711 3.4");
            walk.take_mki(parts.mki);
        }
        Suite::AesCm128HmacSha1Tag80 => {
            walk.take("E and index", 4, word, "RFC 3711 3.4");
            walk.take_mki(parts.mki);
            walk.take_tag(profile.suite());
        }
    }
    Ok(walk.finish())
}

const fn rtcp_type(kind: u8) -> &'static str {
    match kind {
        200 => "SR",
        201 => "RR",
        202 => "SDES",
        203 => "BYE",
        204 => "APP",
        _ => "other",
    }
}
