//! Replacing addresses and ports in a description that passes through a server (TS 24.379 cl. 6.3.2, 6.3.3).
//!
//! Codec lines and the key message must reach the other end octet for octet, so this works on lines, not on a
//! model: a line that is not replaced is copied with its own line end.

use crate::sdp::read::{floor_index, floor_text, parse, speech_index};
use crate::sdp::{FloorParameters, Origin, Unusable};
use std::net::IpAddr;

/// Where the server anchors the media of one leg.
#[derive(Debug, Clone)]
pub struct MediaAnchor {
    /// Address of the server; it replaces every connection address.
    pub address: IpAddr,
    /// RTP port.
    pub audio_port: u16,
    /// RTCP port.
    pub rtcp_port: u16,
    /// Floor control; `None` switches the channel off by port 0.
    pub floor: Option<FloorAnchor>,
    /// New session id and version; `None` leaves the o= line as it is.
    pub origin: Option<Origin>,
}

/// Where floor control is anchored.
#[derive(Debug, Clone)]
pub struct FloorAnchor {
    /// Port.
    pub port: u16,
    /// New parameters, as the controlling function sets them for each member; `None` leaves them.
    pub parameters: Option<FloorParameters>,
}

/// What section a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Session,
    Audio,
    Floor,
    Other,
}

/// The same description with addresses and ports of the anchor. Media other than speech and floor control are
/// switched off. ICE lines are dropped, since their addresses would lead past the anchor, and so is
/// a=rtcp-mux, since the anchor has two ports. Every other line is copied octet for octet.
///
/// # Errors
/// [`Unusable`] as for reading, and [`Unusable::NoAudio`].
pub fn rewrite(octets: &[u8], anchor: &MediaAnchor) -> Result<Vec<u8>, Unusable> {
    let session = parse(octets)?;
    crate::sdp::SessionDescription::parse(octets)?.speech()?;
    let audio = speech_index(&session);
    let floor = floor_index(&session)?;
    let mut rewriter = Rewriter {
        anchor,
        output: Vec::with_capacity(octets.len() + 64),
        section: Section::Session,
        written: false,
    };
    let mut index = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b"m=") {
            rewriter.finish_section();
            rewriter.section = match Some(index) {
                this if this == audio => Section::Audio,
                this if this == floor => Section::Floor,
                _ => Section::Other,
            };
            index += 1;
        }
        rewriter.line(line)?;
    }
    rewriter.finish_section();
    Ok(rewriter.output)
}

/// What becomes of a line.
enum Fate {
    Keep,
    Drop,
    Replace(String),
}

/// Attributes that would lead media past the anchor (RFC 8839 5, RFC 5761).
const BYPASSING: [&str; 8] = [
    "candidate",
    "remote-candidates",
    "end-of-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "ice-lite",
    "rtcp-mux",
];

struct Rewriter<'a> {
    anchor: &'a MediaAnchor,
    output: Vec<u8>,
    section: Section,
    /// Whether this section's a=rtcp or a=fmtp:MCPTT was already written.
    written: bool,
}

impl Rewriter<'_> {
    fn line(&mut self, line: &[u8]) -> Result<(), Unusable> {
        let (text, end) = split_end(line)?;
        match self.fate(text) {
            Fate::Keep => self.output.extend_from_slice(line),
            Fate::Drop => {}
            Fate::Replace(new) => {
                self.output.extend_from_slice(new.as_bytes());
                self.output.extend_from_slice(end);
            }
        }
        Ok(())
    }

    fn fate(&mut self, text: &str) -> Fate {
        if BYPASSING.iter().any(|name| is_attribute(text, name)) {
            return Fate::Drop;
        }
        self.replacement(text).map_or(Fate::Keep, Fate::Replace)
    }

    /// What stands in the place of a line; `None` leaves it.
    fn replacement(&mut self, text: &str) -> Option<String> {
        if let Some(media) = text.strip_prefix("m=") {
            return self.media_line(media);
        }
        if text.starts_with("c=") {
            return Some(format!("c=IN {}", self.address()));
        }
        match self.section {
            Section::Session if text.starts_with("o=") => self.origin_line(text),
            Section::Audio if is_attribute(text, "rtcp") => {
                self.written = true;
                Some(format!("a=rtcp:{}", self.anchor.rtcp_port))
            }
            Section::Floor if is_floor_parameters(text) => self.floor_line(),
            _ => None,
        }
    }

    /// `media port[/n] transport formats` with the port of the anchor.
    fn media_line(&self, media: &str) -> Option<String> {
        let (kind, rest) = media.split_once(' ')?;
        let (_, rest) = rest.split_once(' ')?;
        let port = match (self.section, &self.anchor.floor) {
            (Section::Audio, _) => self.anchor.audio_port,
            (Section::Floor, Some(floor)) => floor.port,
            _ => 0,
        };
        Some(format!("m={kind} {port} {rest}"))
    }

    fn origin_line(&self, text: &str) -> Option<String> {
        let origin = self.anchor.origin.as_ref()?;
        let user = text
            .strip_prefix("o=")?
            .split(' ')
            .next()
            .filter(|user| !user.is_empty())
            .unwrap_or("-");
        Some(format!(
            "o={user} {} {} IN {}",
            origin.session_id,
            origin.version,
            self.address()
        ))
    }

    /// New parameters, if any; a line that becomes empty stays as a bare `a=fmtp:MCPTT`.
    fn floor_line(&mut self) -> Option<String> {
        let parameters = self.anchor.floor.as_ref()?.parameters.as_ref()?;
        self.written = true;
        Some(format!("a=fmtp:MCPTT {parameters}").trim_end().to_owned())
    }

    /// Adds the line the section needs and did not have.
    fn finish_section(&mut self) {
        let missing = match self.section {
            Section::Audio
                if self.anchor.audio_port.checked_add(1) != Some(self.anchor.rtcp_port) =>
            {
                Some(format!("a=rtcp:{}", self.anchor.rtcp_port))
            }
            Section::Floor => {
                let parameters = self
                    .anchor
                    .floor
                    .as_ref()
                    .and_then(|floor| floor.parameters.as_ref());
                parameters
                    .filter(|set| !set.is_empty())
                    .map(|set| format!("a=fmtp:MCPTT {set}"))
            }
            _ => None,
        };
        if let Some(line) = missing.filter(|_| !self.written) {
            if !self.output.ends_with(b"\n") {
                self.output.extend_from_slice(b"\r\n");
            }
            self.output.extend_from_slice(line.as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.written = false;
    }

    fn address(&self) -> String {
        match self.anchor.address {
            IpAddr::V4(address) => format!("IP4 {address}"),
            IpAddr::V6(address) => format!("IP6 {address}"),
        }
    }
}

/// A line without its end, and its end.
fn split_end(line: &[u8]) -> Result<(&str, &[u8]), Unusable> {
    let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
    let len = ends
        .iter()
        .find(|end| line.ends_with(end))
        .map_or(0, |end| end.len());
    let (text, end) = line
        .split_at_checked(line.len() - len)
        .ok_or(Unusable::TooLarge)?;
    let text =
        core::str::from_utf8(text).map_err(|_| Unusable::Malformed("not UTF-8".to_owned()))?;
    Ok((text, end))
}

fn is_attribute(text: &str, name: &str) -> bool {
    let attribute = text
        .strip_prefix("a=")
        .map(|text| text.split(':').next().unwrap_or_default());
    attribute.is_some_and(|attribute| attribute.eq_ignore_ascii_case(name))
}

fn is_floor_parameters(text: &str) -> bool {
    let value = text
        .split_once(':')
        .filter(|_| is_attribute(text, "fmtp"))
        .map(|(_, value)| value);
    value.is_some_and(|value| floor_text(value).is_some())
}
