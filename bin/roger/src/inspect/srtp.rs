//! `roger inspect srtp`, and the SRTCP around a floor control message.

use super::candidates::{Candidate, candidates};
use super::floor;
use super::keys::Keys;
use super::report::{Fault, Origin, Report, Row, Section, Verdict};
use clap::{Args, ValueEnum};
use core::ops::RangeInclusive;
use roger_srtp::{
    Description, Field, Guess, OpenedRtcp, OpenedRtp, Profile, ReceiverContext, RocTransport,
    SrtpError, Suite, describe_plain_rtp, describe_rtcp, describe_rtp, guess,
};

/// RTCP packet types (RFC 5761 cl. 4).
const RTCP_TYPES: RangeInclusive<u8> = 192..=223;
/// RTCP packet type of an application-defined packet.
const APP: u8 = 204;
const VERIFYING: &str = "RFC 3711 3.3, TS 33.180 cl. 7.5";

/// What the call has agreed on; guessed from the MKI when it is not given.
#[derive(Args, Clone, Copy)]
pub(super) struct Protection {
    /// Whose profile protects the packet; without it the MKI is looked at.
    #[arg(long, value_enum)]
    pub(super) profile: Option<ProfileName>,
    /// Cipher suite.
    #[arg(long, value_enum, default_value_t = SuiteName::Gcm)]
    pub(super) suite: SuiteName,
}

/// The profiles of TS 33.180 cl. 7.5.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProfileName {
    /// GMK: MKI of 8 octets, ROC in every SRTP packet.
    Group,
    /// PCK: MKI of 4 octets.
    Private,
    /// CSK, SPK or `MuSiK` on SRTCP: MKI of 4 octets.
    Floor,
}

/// The suites.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(super) enum SuiteName {
    /// `AEAD_AES_128_GCM`.
    Gcm,
    /// `AES_CM_128_HMAC_SHA1_80`.
    Cm,
}

/// Explains an SRTP or SRTCP packet; with keys it is verified and opened.
pub(super) fn report(packet: &[u8], protection: Protection, keys: Option<&Keys>) -> Report {
    let guess = match decide(packet, protection) {
        Ok(Some(guess)) => guess,
        Ok(None) => return unprotected(packet),
        Err(error) => return stopped(packet, "srtp", &error),
    };
    let (kind, described) = match guess {
        Guess::Rtp(profile) => ("srtp", describe_rtp(packet, &profile)),
        Guess::Rtcp(profile) => ("srtcp", describe_rtcp(packet, &profile)),
    };
    let description = match described {
        Ok(description) => description,
        Err(error) => return stopped(packet, kind, &error),
    };
    let mut report = Report::new(kind, title(packet, guess), packet.len());
    let clause = match kind {
        "srtp" => "RFC 3711 3.1, TS 33.180 cl. 7.5",
        _ => "RFC 3711 3.4, TS 33.180 cl. 9.4",
    };
    let title = kind.to_uppercase();
    report
        .sections
        .push(section(&title, clause, Origin::Input, packet, &description));
    match keys {
        Some(keys) => open(&mut report, packet, guess, keys),
        None => report.find(
            Verdict::Note,
            "not verified and not opened: no keys given".to_owned(),
            VERIFYING,
        ),
    }
    report
}

fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| RTCP_TYPES.contains(kind))
}

/// Kind and profile: as told, or as the MKI says.
fn decide(packet: &[u8], protection: Protection) -> Result<Option<Guess>, SrtpError> {
    let base = match (protection.profile, protection.suite) {
        (Some(ProfileName::Group), _) => Profile::GROUP,
        (Some(ProfileName::Private), _) => Profile::PRIVATE,
        (Some(ProfileName::Floor), _) => Profile::FLOOR,
        // The MKI of this suite stands before the tag; only the profiles with a short MKI have no ROC.
        (None, SuiteName::Cm) => Profile::PRIVATE,
        (None, SuiteName::Gcm) => return Ok(guess(packet)),
    };
    let profile = match protection.suite {
        SuiteName::Gcm => base,
        SuiteName::Cm => base
            .with_roc(RocTransport::Absent)?
            .with_suite(Suite::AesCm128HmacSha1Tag80)?,
    };
    Ok(Some(match is_rtcp(packet) {
        true => Guess::Rtcp(profile),
        false => Guess::Rtp(profile),
    }))
}

fn title(packet: &[u8], guess: Guess) -> String {
    let (what, profile) = match guess {
        Guess::Rtp(profile) => ("SRTP", profile),
        Guess::Rtcp(profile) => ("SRTCP", profile),
    };
    let suite = match profile.suite() {
        Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
        Suite::AesCm128HmacSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
    };
    let call = match (profile.mki_octets(), guess) {
        (8, _) => "group call",
        (_, Guess::Rtp(_)) => "private call",
        (_, Guess::Rtcp(_)) => "control channel",
    };
    let length = packet.len();
    format!("{what} packet of a {call}, {suite}, {length} octets")
}

/// A packet whose end is that of no profile.
fn unprotected(packet: &[u8]) -> Report {
    let kind = if is_rtcp(packet) { "srtcp" } else { "srtp" };
    let text = "no MKI of a group call, private call or control channel stands at the end: \
                the packet is not protected, cut short, or needs --profile or --suite";
    let mut report = readable(packet, kind);
    report.fault = Some(Fault {
        offset: Some(packet.len()),
        text: text.to_owned(),
    });
    report
}

/// As far as the packet can be read without its profile, then the error.
fn stopped(packet: &[u8], kind: &'static str, error: &SrtpError) -> Report {
    let mut report = readable(packet, kind);
    let offset = match error {
        SrtpError::PeerVersion(_) => Some(0),
        SrtpError::PeerTooShort { .. } => Some(packet.len()),
        _ => None,
    };
    let text = error.to_string();
    report.fault = Some(Fault { offset, text });
    report
}

fn readable(packet: &[u8], kind: &'static str) -> Report {
    let length = packet.len();
    let mut report = Report::new(kind, format!("{length} octets"), length);
    let plain = match is_rtcp(packet) {
        true => None,
        false => describe_plain_rtp(packet).ok(),
    };
    let header = match plain {
        Some(description) => section(
            "RTP header and rest",
            "RFC 3550 5.1",
            Origin::Input,
            packet,
            &description,
        ),
        None => octets_only("Octets", "RFC 3550 5.1, 6.4", Origin::Input, packet),
    };
    report.sections.push(header);
    report
}

fn section(
    title: &str,
    clause: &str,
    origin: Origin,
    packet: &[u8],
    description: &Description,
) -> Section {
    Section {
        title: title.to_owned(),
        clause: clause.to_owned(),
        origin,
        rows: description
            .fields
            .iter()
            .map(|field| row(packet, field))
            .collect(),
    }
}

/// Values that only repeat the octets are left out.
fn row(packet: &[u8], field: &Field) -> Row {
    let octets = packet.get(field.octets.clone()).unwrap_or_default();
    let repeats = field.value == hex::encode(octets) && octets.len() > 4;
    Row {
        offset: field.octets.start,
        octets: octets.to_vec(),
        name: field.name.to_owned(),
        value: match repeats {
            true => String::new(),
            false => field.value.clone(),
        },
        clause: field.clause.to_owned(),
    }
}

pub(super) fn octets_only(title: &str, clause: &str, origin: Origin, octets: &[u8]) -> Section {
    Section {
        title: title.to_owned(),
        clause: clause.to_owned(),
        origin,
        rows: vec![Row {
            offset: 0,
            octets: octets.to_vec(),
            name: "octets".to_owned(),
            value: String::new(),
            clause: clause.to_owned(),
        }],
    }
}

/// What a key opened.
enum Opened {
    Rtp(OpenedRtp),
    Rtcp(OpenedRtcp),
}

/// Tries the keys that the MKI selects.
fn open(report: &mut Report, packet: &[u8], guess: Guess, keys: &Keys) {
    let (profile, mki) = match guess {
        Guess::Rtp(profile) | Guess::Rtcp(profile) => (profile, mki_of(report)),
    };
    let candidates = match candidates(&mki, profile.suite(), keys) {
        Ok(candidates) => candidates,
        Err(problem) => return report.find(Verdict::Wrong, problem, VERIFYING),
    };
    let mut refusals = Vec::new();
    for candidate in &candidates {
        match unprotect(packet, guess, candidate) {
            Ok(opened) => return show(report, candidate, &opened),
            Err(error) => refusals.push(format!("{}: {error}", candidate.whose)),
        }
    }
    let text = format!("does not open under {}", refusals.join("; nor under "));
    report.find(Verdict::Wrong, text, VERIFYING);
}

fn mki_of(report: &Report) -> Vec<u8> {
    let rows = report.sections.iter().flat_map(|section| &section.rows);
    let mut mki = rows.filter(|row| row.name == "MKI");
    mki.next().map_or(Vec::new(), |row| row.octets.clone())
}

fn unprotect(packet: &[u8], guess: Guess, candidate: &Candidate) -> Result<Opened, SrtpError> {
    let (Guess::Rtp(profile) | Guess::Rtcp(profile)) = guess;
    let mut receiver = ReceiverContext::new(profile);
    receiver.add_key(candidate.mki.clone(), &candidate.master)?;
    match guess {
        Guess::Rtp(_) => receiver.unprotect_rtp(packet).map(Opened::Rtp),
        Guess::Rtcp(_) => receiver.unprotect_rtcp(packet).map(Opened::Rtcp),
    }
}

fn show(report: &mut Report, candidate: &Candidate, opened: &Opened) {
    report.proved = true;
    let (key, salt): (&[u8], &[u8]) = match &candidate.master {
        roger_srtp::MasterKey::Gcm(master) => (master.key.expose(), master.salt.expose()),
        roger_srtp::MasterKey::CounterMode(master) => (master.key.expose(), master.salt.expose()),
        _ => (&[], &[]),
    };
    report.keep_secret("master key", key);
    report.keep_secret("master salt", salt);
    match opened {
        Opened::Rtp(rtp) => {
            let (roc, sequence) = (rtp.index.roc(), rtp.index.sequence());
            let whose = &candidate.whose;
            let text = format!("verifies and opens under {whose}, ROC {roc}, SEQ {sequence}");
            report.find(Verdict::Right, text, VERIFYING);
            show_rtp(report, rtp);
        }
        Opened::Rtcp(rtcp) => {
            let (whose, index) = (&candidate.whose, rtcp.index.get());
            let text = format!("verifies and opens under {whose}, SRTCP index {index}");
            report.find(Verdict::Right, text, VERIFYING);
            show_rtcp(report, &rtcp.packet);
        }
    }
}

fn show_rtp(report: &mut Report, rtp: &OpenedRtp) {
    match describe_plain_rtp(&rtp.packet) {
        Ok(description) => report.sections.push(section(
            "RTP",
            "RFC 3550 5.1",
            Origin::Opened,
            &rtp.packet,
            &description,
        )),
        Err(error) => report.find(Verdict::Wrong, error.to_string(), "RFC 3550 5.1"),
    }
    if let Err(error) = rtp.payload() {
        report.find(Verdict::Wrong, error.to_string(), "RFC 3550 5.1");
    }
}

fn show_rtcp(report: &mut Report, packet: &[u8]) {
    if packet.get(1) == Some(&APP) {
        return floor::add_opened(report, packet);
    }
    report
        .sections
        .push(octets_only("RTCP", "RFC 3550 6.4", Origin::Opened, packet));
}
