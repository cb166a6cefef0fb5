//! Paths of the documents of a group management server below its XCAP root (TS 24.481 cl. 7.2.10, 7.7; RFC 4825 6).
//!
//! ```text
//! org.openmobilealliance.groups/global/byGroupID/{group ID}
//! org.3gpp.MCPTT-GKTP/users/{MCPTT ID}/gktp.xml
//! org.3gpp.MCPTT-GKTP/global/byGroupID/{group ID}
//! ```

use core::fmt;
use roger_base::{GroupId, McpttId};
use thiserror::Error;

const GROUPS: &str = "org.openmobilealliance.groups";
const TRANSPORT: &str = "org.3gpp.MCPTT-GKTP";
/// \[I\] Name of the document in the tree of a user.
const TRANSPORT_DOCUMENT: &str = "gktp.xml";
/// Longest path looked at.
const MAX_PATH_OCTETS: usize = 4096;

/// A document of this server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DocumentPath {
    /// A group document.
    Group(GroupId),
    /// The GKTP document of a user.
    Transport(McpttId),
    /// The caller's own keys for one group.
    TransportOfGroup(GroupId),
}

/// The path is none of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the path names no document of this server")]
pub struct PathError;

impl DocumentPath {
    /// Reads a path relative to the root; percent escapes are undone inside each segment.
    ///
    /// # Errors
    /// [`PathError`] when there is no such document.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        if path.len() > MAX_PATH_OCTETS {
            return Err(PathError);
        }
        let segments: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(unescape)
            .collect::<Option<_>>()
            .ok_or(PathError)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let group = |id: &str| GroupId::new(id).map_err(|_| PathError);
        match segments.as_slice() {
            [GROUPS, "global", "byGroupID", id] => Ok(Self::Group(group(id)?)),
            [TRANSPORT, "global", "byGroupID", id] => Ok(Self::TransportOfGroup(group(id)?)),
            [TRANSPORT, "users", id, TRANSPORT_DOCUMENT] => {
                Ok(Self::Transport(McpttId::new(*id).map_err(|_| PathError)?))
            }
            _ => Err(PathError),
        }
    }
}

impl fmt::Display for DocumentPath {
    /// The path relative to the root, as a URL has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(f, "{GROUPS}/global/byGroupID/{}", escape(id.as_str())),
            Self::Transport(id) => {
                write!(
                    f,
                    "{TRANSPORT}/users/{}/{TRANSPORT_DOCUMENT}",
                    escape(id.as_str())
                )
            }
            Self::TransportOfGroup(id) => {
                write!(f, "{TRANSPORT}/global/byGroupID/{}", escape(id.as_str()))
            }
        }
    }
}

fn escape(segment: &str) -> String {
    let keep = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    segment
        .bytes()
        .map(|octet| {
            if keep(octet) {
                char::from(octet).to_string()
            } else {
                format!("%{octet:02X}")
            }
        })
        .collect()
}

fn unescape(segment: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = core::str::from_utf8(&digits)
            .ok()
            .filter(|text| !text.starts_with('+'))?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back() {
        let group = GroupId::new("sip:fire-1@mcptt.example.org").unwrap();
        let user = McpttId::new("tel:+4915112345678").unwrap();
        for path in [
            DocumentPath::Group(group.clone()),
            DocumentPath::TransportOfGroup(group),
            DocumentPath::Transport(user),
        ] {
            assert_eq!(DocumentPath::parse(&path.to_string()), Ok(path));
        }
    }

    #[test]
    fn escapes_are_optional_in_what_is_received() {
        let plain = "org.3gpp.MCPTT-GKTP/users/sip:alice@mcptt.example.org/gktp.xml";
        let escaped = "/org.3gpp.MCPTT-GKTP/users/sip%3Aalice%40mcptt.example.org/gktp.xml";
        assert_eq!(DocumentPath::parse(plain), DocumentPath::parse(escaped));
    }

    #[test]
    fn what_names_no_document_is_refused() {
        for path in [
            "",
            "org.openmobilealliance.groups/global/byGroup/sip:a@b",
            "org.3gpp.MCPTT-GKTP/users/alice/gktp.xml",
            "org.3gpp.MCPTT-GKTP/users/sip:a@b/other.xml",
            "org.3gpp.MCPTT-GKTP/users/sip%3Aa%4/gktp.xml",
            "org.3gpp.MCPTT-GKTP/users/sip%3Aa%+4b/gktp.xml",
            "org.3gpp.MCPTT-GKTP/users/sip%3Aa%ff/gktp.xml",
            "org.3gpp.MCPTT-GKTP/users/../users/sip:a@b/gktp.xml",
        ] {
            assert_eq!(DocumentPath::parse(path), Err(PathError), "{path}");
        }
    }
}
