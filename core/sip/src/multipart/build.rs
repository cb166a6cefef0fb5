//! Building `multipart/mixed` bodies.

use crate::message::{HeaderName, Headers};
use crate::multipart::MultipartError;
use crate::multipart::delimiter::Boundary;
use roger_base::Random;

/// Random octets in a boundary that [`MultipartBuilder::build`] draws.
const BOUNDARY_OCTETS: usize = 16;

/// Collects parts; their bodies are sent octet for octet.
#[derive(Debug, Clone, Default)]
pub struct MultipartBuilder {
    parts: Vec<(Headers, Vec<u8>)>,
    failed: bool,
}

impl MultipartBuilder {
    /// No parts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part with its type.
    #[must_use]
    pub fn part(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.part_with(content_type, &[], body)
    }

    /// Adds a part with its type and further headers, such as Content-ID or Content-Disposition.
    #[must_use]
    pub fn part_with(
        mut self,
        content_type: &str,
        headers: &[(HeaderName<'_>, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let mut lines = Headers::new();
        let mut written = lines.push(HeaderName::CONTENT_TYPE, content_type);
        for (name, value) in headers {
            written = written.and_then(|()| lines.push(*name, value));
        }
        self.failed |= written.is_err();
        self.parts.push((lines, body.into()));
        self
    }

    /// Number of parts so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are no parts yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Content-Type value and body, with a random boundary.
    ///
    /// # Errors
    /// [`MultipartError`] when there is no part, a header breaks its line or randomness fails.
    pub fn build(&self, random: &mut dyn Random) -> Result<(String, Vec<u8>), MultipartError> {
        loop {
            let mut octets = [0; BOUNDARY_OCTETS];
            random
                .fill(&mut octets)
                .map_err(|_| MultipartError::Random)?;
            let boundary: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            match self.build_with_boundary(&boundary) {
                // A part holds 128 bits just drawn: another draw, unless the source is broken.
                Err(MultipartError::BoundaryInPart) if octets != [0; BOUNDARY_OCTETS] => {}
                built => return built,
            }
        }
    }

    /// Content-Type value and body, with the boundary given.
    ///
    /// # Errors
    /// [`MultipartError`] when there is no part, the boundary is malformed or occurs in a part, or a header
    /// breaks its line.
    pub fn build_with_boundary(&self, boundary: &str) -> Result<(String, Vec<u8>), MultipartError> {
        if self.failed {
            return Err(MultipartError::LineBreak);
        }
        if self.parts.is_empty() {
            return Err(MultipartError::NoPart);
        }
        let checked = Boundary::new(boundary)?;
        let mut body = Vec::new();
        for (headers, octets) in &self.parts {
            // The part follows CRLF and is followed by CRLF: both may complete a delimiter.
            if checked.occurs_in(&[b"\r\n", octets.as_slice(), b"\r\n"].concat()) {
                return Err(MultipartError::BoundaryInPart);
            }
            body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            headers.write_to(&mut body);
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(octets);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let mut kind = crate::header::Params::new();
        kind.set("boundary", boundary);
        Ok((format!("multipart/mixed{kind}"), body))
    }
}
