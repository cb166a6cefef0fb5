//! What the octets of a field mean, in words.

use super::dump::Before;
use crate::Field;
use crate::key_parameters::Status;
use crate::payload::{KEY_PARAMETERS, Role, SAKKE_TO_SELF, parameter};
use crate::purpose;
use roger_base::{KeyId, NtpTime, PurposeTag, UnixTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Octets of a UID.
const UID: usize = 32;

/// The meaning of a field; empty when the octets say it all.
pub(super) fn of(field: Field, octets: &[u8], before: &Before, reference: NtpTime) -> String {
    let number = number(octets);
    match field {
        Field::DataType => name(
            number,
            &[(26, "SAKKE message, the I_MESSAGE"), (6, "error message")],
        ),
        Field::NextPayload => next_payload(number),
        Field::VAndPrf => v_and_prf(number),
        Field::CsbId | Field::DppkId => key_id(octets),
        Field::MapType => name(
            number,
            &[
                (0, "SRTP-ID"),
                (1, "empty map: default profile"),
                (2, "GENERIC-ID"),
            ],
        ),
        Field::CsFlags => format!("S = {}, {} policies", number >> 7, number & 0x7F),
        Field::CsId => cs_id(number),
        Field::CsProtocol | Field::PolicyProtocol => name(number, &[(0, "SRTP")]),
        Field::Spi => spi(octets),
        Field::TimestampType => name(number, &[(0, "NTP-UTC"), (1, "NTP"), (2, "COUNTER")]),
        Field::TimestampValue => timestamp(octets, reference),
        Field::IdentityRole => format!("{number}: {}", Role::from(number as u8)),
        Field::IdentityType => name(number, &[(0, "NAI"), (1, "URI"), (2, "byte string")]),
        Field::Identity => identity(octets, before.role),
        Field::ParameterType => parameter_name(number),
        Field::ParameterValue => parameter_value(number, before.parameter),
        Field::SakkeParameters => name(number, &[(1, "parameter set 1")]),
        Field::SakkeIdScheme => name(
            number,
            &[(1, "tel URI with monthly keys"), (2, "3GPP MCX hashed UID")],
        ),
        Field::SakkeData => "R (257 octets), H (16 octets)".to_owned(),
        Field::ExtensionType => extension(number),
        Field::ExtensionData => extension_data(before.extension),
        Field::SignatureTypeAndLength => signature_header(number),
        Field::Signature => "r (32 octets), s (32 octets), PVT (65 octets)".to_owned(),
        Field::PayloadMessageType => payload_message_type(number),
        Field::PayloadTime => date(UnixTime(number)),
        Field::PayloadAlgorithm => name(number, &[(1, "AES-128-GCM"), (2, "AES-256-GCM")]),
        Field::PayloadIv => "128-bit IV of GCM".to_owned(),
        Field::PayloadCiphertext => "encrypted key parameters, 16-octet tag".to_owned(),
        Field::KeyType => purpose_of(number as u8),
        Field::Status => status(Status(number as u32)),
        Field::ActivationTime => time_or(number, "from the time in T"),
        Field::ExpiryTime => time_or(number, "does not expire"),
        Field::Text | Field::Group => text(octets),
        _ if octets.is_empty() => "empty".to_owned(),
        _ if octets.len() <= 4 => number.to_string(),
        _ => String::new(),
    }
}

/// Big endian, the low 64 bits.
fn number(octets: &[u8]) -> u64 {
    octets
        .iter()
        .fold(0, |value, octet| (value << 8) | u64::from(*octet))
}

fn name(number: u64, names: &[(u64, &str)]) -> String {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => format!("{number}: {name}"),
        None => format!("{number}: unknown"),
    }
}

fn next_payload(number: u64) -> String {
    const NAMES: [(u64, &str); 14] = [
        (0, "last payload"),
        (4, "SIGN"),
        (5, "T"),
        (6, "ID"),
        (7, "CERT"),
        (9, "V"),
        (10, "SP"),
        (11, "RAND"),
        (12, "ERR"),
        (14, "IDR"),
        (20, "Key data"),
        (21, "General Extension"),
        (26, "SAKKE"),
        (8, "CHASH"),
    ];
    name(number, &NAMES)
}

fn v_and_prf(number: u64) -> String {
    let prf = name(number & 0x7F, &[(0, "MIKEY-1"), (1, "PRF-HMAC-SHA-256")]);
    format!("V = {}, PRF func {prf}", number >> 7)
}

fn purpose_of(tag: u8) -> String {
    let Ok(purpose) = PurposeTag::try_from(tag) else {
        return format!("{tag}: reserved");
    };
    let words = match purpose {
        PurposeTag::Gmk => "group master key",
        PurposeTag::Pck => "private call key",
        PurposeTag::Csk => "client-server key",
        PurposeTag::Spk => "signalling protection key",
        PurposeTag::Mkfc => "multicast floor control key",
        PurposeTag::Mscck => "MBMS subchannel control key",
        PurposeTag::Musik => "multicast signalling key",
    };
    format!("{tag}: {}, {words}", purpose::name(purpose))
}

fn key_id(octets: &[u8]) -> String {
    let id = KeyId::from(number(octets) as u32);
    let tag = octets.first().map_or(0, |octet| octet >> 4);
    match tag {
        0 => format!(
            "{id}, purpose tag {}; this is the member's GUK-ID",
            purpose_of(tag)
        ),
        tag => format!("{id}, purpose tag {}", purpose_of(tag)),
    }
}

fn cs_id(number: u64) -> String {
    const NAMES: [(u64, &str); 10] = [
        (0, "initiator of an MCPTT private call"),
        (1, "receiver of an MCPTT private call"),
        (2, "initiator of an MCVideo private call"),
        (3, "receiver of an MCVideo private call"),
        (4, "MCPTT group call"),
        (5, "MCVideo group call"),
        (6, "CSK, SRTCP for MCPTT"),
        (7, "MuSiK, SRTCP for MCPTT"),
        (8, "CSK, SRTCP for MCVideo"),
        (9, "MuSiK, SRTCP for MCVideo"),
    ];
    name(number, &NAMES)
}

fn spi(octets: &[u8]) -> String {
    match octets.split_first_chunk::<4>() {
        Some((gmk_id, guk_id)) if guk_id.len() == 4 => format!(
            "MKI: GMK-ID {}, GUK-ID {}",
            KeyId::from_octets(*gmk_id),
            KeyId::from(number(guk_id) as u32)
        ),
        Some((id, [])) => format!("MKI: key id {}", KeyId::from_octets(*id)),
        _ => "MKI of an unusual length".to_owned(),
    }
}

fn timestamp(octets: &[u8], reference: NtpTime) -> String {
    if octets.len() != 8 {
        return format!("counter {}", number(octets));
    }
    let time = NtpTime::from_wire(number(octets), reference);
    format!("{}, NTP seconds {}", date(time.to_unix()), time.seconds)
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.0).ok();
    let date = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let text = date.and_then(|date| date.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{} seconds since 1970", time.0))
}

fn time_or(seconds: u64, zero: &str) -> String {
    match seconds {
        0 => format!("0: {zero}"),
        seconds => date(UnixTime(seconds)),
    }
}

/// Quoted, with control characters escaped.
fn text(octets: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(octets))
}

fn identity(octets: &[u8], role: u8) -> String {
    match Role::from(role) {
        Role::InitiatorUid | Role::ResponderUid if octets.len() == UID => {
            "UID in place of the URI".to_owned()
        }
        Role::InitiatorUid | Role::ResponderUid => {
            format!("a UID has {UID} octets, this has {}", octets.len())
        }
        _ => text(octets),
    }
}

fn parameter_name(number: u64) -> String {
    const NAMES: [(u8, &str); 17] = [
        (parameter::ENCRYPTION, "encryption algorithm"),
        (
            parameter::ENCRYPTION_KEY_LENGTH,
            "session encryption key length",
        ),
        (parameter::AUTHENTICATION, "authentication algorithm"),
        (
            parameter::AUTHENTICATION_KEY_LENGTH,
            "session authentication key length",
        ),
        (parameter::SALT_LENGTH, "session salt length"),
        (parameter::PRF, "SRTP PRF"),
        (parameter::KEY_DERIVATION_RATE, "key derivation rate"),
        (parameter::SRTP_ENCRYPTION, "SRTP encryption"),
        (parameter::SRTCP_ENCRYPTION, "SRTCP encryption"),
        (parameter::FEC_ORDER, "sender's FEC order"),
        (parameter::SRTP_AUTHENTICATION, "SRTP authentication"),
        (parameter::TAG_LENGTH, "authentication tag length"),
        (parameter::PREFIX_LENGTH, "SRTP prefix length"),
        (parameter::ROC_RATE, "ROC transmission rate"),
        (parameter::SRTP_TAG_LENGTH, "SRTP authentication tag length"),
        (
            parameter::SRTCP_TAG_LENGTH,
            "SRTCP authentication tag length",
        ),
        (parameter::AEAD_TAG_LENGTH, "AEAD authentication tag length"),
    ];
    let known = NAMES.iter().find(|(kind, _)| u64::from(*kind) == number);
    format!("{number}: {}", known.map_or("unknown", |(_, name)| name))
}

fn parameter_value(number: u64, kind: u8) -> String {
    match kind {
        parameter::ENCRYPTION => name(
            number,
            &[(0, "NULL"), (1, "AES-CM"), (2, "AES-F8"), (6, "AES-GCM")],
        ),
        parameter::AUTHENTICATION => name(
            number,
            &[
                (0, "NULL"),
                (1, "HMAC-SHA-1"),
                (2, "RCCm1"),
                (3, "RCCm2"),
                (4, "RCCm3"),
            ],
        ),
        parameter::PRF => name(number, &[(0, "AES-CM")]),
        parameter::KEY_DERIVATION_RATE if number == 0 => "0: keys are derived once".to_owned(),
        parameter::ROC_RATE if number == 1 => "1: the ROC is in every packet".to_owned(),
        parameter::SRTP_ENCRYPTION
        | parameter::SRTCP_ENCRYPTION
        | parameter::SRTP_AUTHENTICATION => name(number, &[(0, "off"), (1, "on")]),
        parameter::ENCRYPTION_KEY_LENGTH
        | parameter::SALT_LENGTH
        | parameter::SRTP_TAG_LENGTH
        | parameter::SRTCP_TAG_LENGTH
        | parameter::AEAD_TAG_LENGTH => format!("{number} octets"),
        _ => number.to_string(),
    }
}

fn extension(number: u64) -> String {
    const NAMES: [(u64, &str); 5] = [
        (0, "vendor id"),
        (1, "SDP ids"),
        (3, "key id information"),
        (SAKKE_TO_SELF as u64, "SAKKE-to-self"),
        (KEY_PARAMETERS as u64, "3GPP key parameters"),
    ];
    name(number, &NAMES)
}

fn extension_data(kind: u8) -> String {
    match kind {
        SAKKE_TO_SELF | KEY_PARAMETERS => "explained in the next section".to_owned(),
        _ => "skipped".to_owned(),
    }
}

fn signature_header(number: u64) -> String {
    let s_type = name(number >> 12, &[(2, "ECCSI")]);
    format!("S type {s_type}, {} octets", number & 0xFFF)
}

fn payload_message_type(number: u64) -> String {
    let kind = name(
        number & 0x3F,
        &[(0, "no number, tolerated"), (3, "DATA PAYLOAD")],
    );
    let flag = |bit: u64, text: &'static str| if number & bit == 0 { "" } else { text };
    format!(
        "{kind}{}{}",
        flag(0x40, ", encrypted"),
        flag(0x80, ", authenticated")
    )
}

fn status(status: Status) -> String {
    let revoked = if status.is_revoked() {
        "revoked"
    } else {
        "not revoked"
    };
    match status.is_shared_with_gateway() {
        true => format!("{revoked}, shared with a security gateway"),
        false => revoked.to_owned(),
    }
}
