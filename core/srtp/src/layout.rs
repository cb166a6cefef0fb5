//! Where the fields of a protected packet lie, and the sealing and opening of one packet.
//!
//! ```text
//! SRTP  GCM   header | ciphertext | tag 16 | MKI | [ROC 4]
//! SRTP  AES-CM  header | ciphertext | MKI | tag 10
//! SRTCP GCM   8 octets | ciphertext | tag 16 | E, index 4 | MKI
//! SRTCP AES-CM  8 octets | ciphertext | E, index 4 | MKI | tag 10
//! ```
//! Fields are cut from the end, so that every length is either exact or an error.

use crate::{
    MAX_PACKET_OCTETS, Profile, RtcpIndex, RtpHeader, RtpIndex, SrtcpProtection, SrtpError, Suite,
    cipher::{GCM_TAG, NonceInput, PacketCipher},
};

/// Octets of an SRTCP packet that stay clear: the RTCP header and the SSRC (RFC 3711 cl. 3.4).
pub(crate) const RTCP_CLEAR: usize = 8;
const E_BIT: u32 = 1 << 31;

/// The fields of an SRTP packet.
#[derive(Debug)]
pub(crate) struct RtpParts<'a> {
    pub(crate) header: RtpHeader,
    /// Header and ciphertext.
    pub(crate) body: &'a [u8],
    pub(crate) tag: &'a [u8],
    pub(crate) mki: &'a [u8],
    pub(crate) roc: Option<u32>,
}

/// Takes `count` octets from the end.
fn cut<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (front, back) = rest.split_at_checked(rest.len().checked_sub(count)?)?;
    *rest = front;
    Some(back)
}

pub(crate) fn split_rtp<'a>(
    packet: &'a [u8],
    profile: &Profile,
) -> Result<RtpParts<'a>, SrtpError> {
    let header = RtpHeader::parse(packet)?;
    let needed = header.octets() + profile.rtp_overhead(header.sequence());
    let too_short = || SrtpError::PeerTooShort {
        needed,
        given: packet.len(),
    };
    if packet.len() < needed {
        return Err(too_short());
    }
    let mut rest = packet;
    let tag_octets = profile.suite().tag_octets();
    let (roc, mki, tag) = match profile.suite() {
        Suite::AeadAes128Gcm => {
            let roc =
                cut(&mut rest, profile.roc_octets(header.sequence())).ok_or_else(too_short)?;
            let mki = cut(&mut rest, profile.mki_octets()).ok_or_else(too_short)?;
            (roc, mki, cut(&mut rest, tag_octets).ok_or_else(too_short)?)
        }
        Suite::AesCm128HmacSha1Tag80 => {
            let tag = cut(&mut rest, tag_octets).ok_or_else(too_short)?;
            (
                &[][..],
                cut(&mut rest, profile.mki_octets()).ok_or_else(too_short)?,
                tag,
            )
        }
    };
    let roc = roc
        .first_chunk::<4>()
        .map(|octets| u32::from_be_bytes(*octets));
    Ok(RtpParts {
        header,
        body: rest,
        tag,
        mki,
        roc,
    })
}

/// The plain packet, only when the tag fits.
pub(crate) fn open_rtp(
    cipher: &PacketCipher,
    parts: &RtpParts<'_>,
    index: RtpIndex,
) -> Result<Vec<u8>, SrtpError> {
    let nonce = NonceInput {
        ssrc: parts.header.ssrc(),
        index: index.get(),
    };
    match cipher {
        PacketCipher::Gcm(gcm) => {
            open_gcm(parts.body, parts.header.octets(), parts.tag, |aad, text| {
                gcm.open(nonce, aad, text)
            })
        }
        PacketCipher::CounterMode(cm) => {
            cm.verify(parts.body, index.roc().to_be_bytes(), parts.tag)?;
            let mut packet = parts.body.to_vec();
            cm.crypt(
                nonce,
                packet.get_mut(parts.header.octets()..).unwrap_or_default(),
            )?;
            Ok(packet)
        }
    }
}

/// Copies body and tag to a buffer of its own, opens it there and drops it on failure.
fn open_gcm(
    body: &[u8],
    clear: usize,
    tag: &[u8],
    open: impl FnOnce(&[u8], &mut [u8]) -> Result<(), SrtpError>,
) -> Result<Vec<u8>, SrtpError> {
    let mut packet = Vec::with_capacity(body.len() + GCM_TAG);
    packet.extend_from_slice(body);
    packet.extend_from_slice(tag);
    let (aad, text) = packet
        .split_at_mut_checked(clear)
        .ok_or(SrtpError::PeerAuthentication)?;
    open(aad, text)?;
    packet.truncate(body.len());
    Ok(packet)
}

pub(crate) fn seal_rtp(
    cipher: &PacketCipher,
    profile: &Profile,
    mki: &[u8],
    header: &RtpHeader,
    packet: &[u8],
    index: RtpIndex,
) -> Result<Vec<u8>, SrtpError> {
    let whole = packet.len() + profile.rtp_overhead(header.sequence());
    if whole > MAX_PACKET_OCTETS {
        return Err(SrtpError::PeerTooLong(whole).of_own_packet());
    }
    let nonce = NonceInput {
        ssrc: header.ssrc(),
        index: index.get(),
    };
    let mut out = Vec::with_capacity(whole);
    out.extend_from_slice(packet);
    let (clear, text) = out
        .split_at_mut_checked(header.octets())
        .ok_or(SrtpError::LocalCrypto)?;
    match cipher {
        PacketCipher::Gcm(gcm) => {
            let tag = gcm.seal(nonce, clear, text)?;
            out.extend(tag);
            out.extend(mki);
            if profile.roc_octets(header.sequence()) > 0 {
                out.extend(index.roc().to_be_bytes());
            }
        }
        PacketCipher::CounterMode(cm) => {
            cm.crypt(nonce, text)?;
            let tag = cm.tag(&out, index.roc().to_be_bytes())?;
            out.extend(mki);
            out.extend(tag);
        }
    }
    Ok(out)
}

/// The fields of an SRTCP packet.
#[derive(Debug)]
pub(crate) struct RtcpParts<'a> {
    pub(crate) ssrc: u32,
    /// The clear octets and the ciphertext (with E = 0 the plain packet).
    pub(crate) body: &'a [u8],
    pub(crate) tag: &'a [u8],
    /// E bit and index as they stand in the packet.
    pub(crate) word: u32,
    pub(crate) mki: &'a [u8],
}

impl RtcpParts<'_> {
    pub(crate) const fn is_encrypted(&self) -> bool {
        self.word & E_BIT != 0
    }

    pub(crate) const fn index(&self) -> u32 {
        self.word & !E_BIT
    }
}

/// Checks the clear octets and reads the SSRC.
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    if packet.len() > MAX_PACKET_OCTETS {
        return Err(SrtpError::PeerTooLong(packet.len()));
    }
    let clear = packet
        .first_chunk::<RTCP_CLEAR>()
        .ok_or(SrtpError::PeerTooShort {
            needed: RTCP_CLEAR,
            given: packet.len(),
        })?;
    let [first, _, _, _, a, b, c, d] = *clear;
    if first >> 6 != 2 {
        return Err(SrtpError::PeerVersion(first >> 6));
    }
    Ok(u32::from_be_bytes([a, b, c, d]))
}

pub(crate) fn split_rtcp<'a>(
    packet: &'a [u8],
    profile: &Profile,
) -> Result<RtcpParts<'a>, SrtpError> {
    let ssrc = rtcp_ssrc(packet)?;
    let needed = RTCP_CLEAR + profile.rtcp_overhead();
    let too_short = || SrtpError::PeerTooShort {
        needed,
        given: packet.len(),
    };
    if packet.len() < needed {
        return Err(too_short());
    }
    let mut rest = packet;
    let tag_octets = profile.suite().tag_octets();
    let (tag, word, mki) = match profile.suite() {
        Suite::AeadAes128Gcm => {
            let mki = cut(&mut rest, profile.mki_octets()).ok_or_else(too_short)?;
            let word = cut(&mut rest, 4).ok_or_else(too_short)?;
            (cut(&mut rest, tag_octets).ok_or_else(too_short)?, word, mki)
        }
        Suite::AesCm128HmacSha1Tag80 => {
            let tag = cut(&mut rest, tag_octets).ok_or_else(too_short)?;
            let mki = cut(&mut rest, profile.mki_octets()).ok_or_else(too_short)?;
            (tag, cut(&mut rest, 4).ok_or_else(too_short)?, mki)
        }
    };
    let word = word
        .first_chunk::<4>()
        .map(|octets| u32::from_be_bytes(*octets))
        .ok_or_else(too_short)?;
    Ok(RtcpParts {
        ssrc,
        body: rest,
        tag,
        word,
        mki,
    })
}

/// The plain packet, only when the tag fits. AAD of RFC 7714 cl. 9.2 and 9.3.
pub(crate) fn open_rtcp(
    cipher: &PacketCipher,
    parts: &RtcpParts<'_>,
) -> Result<Vec<u8>, SrtpError> {
    let nonce = NonceInput {
        ssrc: parts.ssrc,
        index: u64::from(parts.index()),
    };
    let word = parts.word.to_be_bytes();
    let clear = if parts.is_encrypted() {
        RTCP_CLEAR
    } else {
        parts.body.len()
    };
    match cipher {
        PacketCipher::Gcm(gcm) => open_gcm(parts.body, clear, parts.tag, |head, text| {
            gcm.open(nonce, &[head, &word].concat(), text)
        }),
        PacketCipher::CounterMode(cm) => {
            cm.verify(parts.body, word, parts.tag)?;
            let mut packet = parts.body.to_vec();
            cm.crypt(nonce, packet.get_mut(clear..).unwrap_or_default())?;
            Ok(packet)
        }
    }
}

pub(crate) fn seal_rtcp(
    cipher: &PacketCipher,
    profile: &Profile,
    mki: &[u8],
    packet: &[u8],
    ssrc: u32,
    index: RtcpIndex,
) -> Result<Vec<u8>, SrtpError> {
    let whole = packet.len() + profile.rtcp_overhead();
    if whole > MAX_PACKET_OCTETS {
        return Err(SrtpError::PeerTooLong(whole).of_own_packet());
    }
    let nonce = NonceInput {
        ssrc,
        index: u64::from(index.get()),
    };
    let (clear, e_bit) = match profile.srtcp() {
        SrtcpProtection::Encrypted => (RTCP_CLEAR, E_BIT),
        SrtcpProtection::AuthenticatedOnly => (packet.len(), 0),
    };
    let word = (e_bit | index.get()).to_be_bytes();
    let mut out = Vec::with_capacity(whole);
    out.extend_from_slice(packet);
    let (head, text) = out
        .split_at_mut_checked(clear)
        .ok_or(SrtpError::LocalCrypto)?;
    match cipher {
        PacketCipher::Gcm(gcm) => {
            let tag = gcm.seal(nonce, &[&*head, &word].concat(), text)?;
            out.extend(tag);
            out.extend(word);
            out.extend(mki);
        }
        PacketCipher::CounterMode(cm) => {
            cm.crypt(nonce, text)?;
            let tag = cm.tag(&out, word)?;
            out.extend(word);
            out.extend(mki);
            out.extend(tag);
        }
    }
    Ok(out)
}
