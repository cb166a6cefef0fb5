//! The octets to look at, from whatever people have at hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roger_mikey::describe::{InputError as MikeyInputError, octets_from};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use thiserror::Error;

/// Most octets read from a file or the standard input; hex of the longest datagram fits in.
const MAX_INPUT: u64 = 1 << 20;
/// First octets of pcap (both byte orders, both resolutions) and of pcapng.
const CAPTURES: [[u8; 4]; 5] = [
    [0xA1, 0xB2, 0xC3, 0xD4],
    [0xD4, 0xC3, 0xB2, 0xA1],
    [0xA1, 0xB2, 0x3C, 0x4D],
    [0x4D, 0x3C, 0xB2, 0xA1],
    [0x0A, 0x0D, 0x0D, 0x0A],
];

/// Why there are no octets to look at.
#[derive(Debug, Error)]
pub(super) enum InputError {
    #[error("cannot read {name}: {source}")]
    Read { name: String, source: io::Error },
    #[error("{0} has more than {MAX_INPUT} octets; one message is looked at")]
    TooLong(String),
    #[error("the input is a capture file; give one message out of it")]
    Capture,
    #[error("no such file, and as text: {0}")]
    NoFile(Box<InputError>),
    #[error(transparent)]
    Mikey(#[from] MikeyInputError),
    #[error("the input is empty")]
    Empty,
    #[error("the hex text has {0} digits, an odd number")]
    OddHex(usize),
    #[error("the text is neither hex nor base64: {0}")]
    Base64(base64::DecodeError),
}

/// What was given: `-`, a file, or the text itself.
pub(super) struct Input {
    octets: Vec<u8>,
    /// A name that is no file is read as text; errors then say both.
    is_argument: bool,
}

impl Input {
    /// Reads the standard input for `-`, a file when there is one, else takes the argument as text.
    pub(super) fn read(argument: &str) -> Result<Self, InputError> {
        if argument == "-" {
            let octets = bounded("the standard input", io::stdin().lock())?;
            return Ok(Self::of_file(octets));
        }
        let path = Path::new(argument);
        if path.is_file() {
            let failed = |source| InputError::Read {
                name: argument.to_owned(),
                source,
            };
            let file = File::open(path).map_err(failed)?;
            return Ok(Self::of_file(bounded(argument, file)?));
        }
        Ok(Self {
            octets: argument.as_bytes().to_vec(),
            is_argument: true,
        })
    }

    fn of_file(octets: Vec<u8>) -> Self {
        Self {
            octets,
            is_argument: false,
        }
    }

    /// The octets of a MIKEY message: binary, hex, base64, SDP.
    pub(super) fn mikey(&self) -> Result<Vec<u8>, InputError> {
        self.refuse_captures()?;
        let found = octets_from(&self.octets);
        found.map_err(|error| self.of_argument(error.into()))
    }

    /// The octets of a packet: binary, hex, base64.
    pub(super) fn packet(&self) -> Result<Vec<u8>, InputError> {
        self.refuse_captures()?;
        let found = packet_octets(&self.octets);
        found.map_err(|error| self.of_argument(error))
    }

    fn refuse_captures(&self) -> Result<(), InputError> {
        let start = self.octets.first_chunk::<4>();
        match start.is_some_and(|start| CAPTURES.contains(start)) {
            true => Err(InputError::Capture),
            false => Ok(()),
        }
    }

    fn of_argument(&self, error: InputError) -> InputError {
        match self.is_argument {
            true => InputError::NoFile(Box::new(error)),
            false => error,
        }
    }
}

fn bounded(name: &str, from: impl Read) -> Result<Vec<u8>, InputError> {
    let mut octets = Vec::new();
    let read = from.take(MAX_INPUT + 1).read_to_end(&mut octets);
    read.map_err(|source| InputError::Read {
        name: name.to_owned(),
        source,
    })?;
    match octets.len() as u64 > MAX_INPUT {
        true => Err(InputError::TooLong(name.to_owned())),
        false => Ok(octets),
    }
}

/// RTP and RTCP begin with version 2, an octet that no text begins with; other octets that are not text are binary
/// too, so that the version is what the error names.
fn packet_octets(input: &[u8]) -> Result<Vec<u8>, InputError> {
    let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    if input.is_empty() {
        return Err(InputError::Empty);
    }
    if !input.iter().all(is_text) {
        return Ok(input.to_vec());
    }
    let text: String = input.iter().map(|octet| char::from(*octet)).collect();
    let text: String = text.split_whitespace().collect();
    if text.is_empty() {
        return Err(InputError::Empty);
    }
    let digits = text.strip_prefix("0x").unwrap_or(&text).replace(':', "");
    if digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return hex::decode(&digits).map_err(|_| InputError::OddHex(digits.len()));
    }
    STANDARD.decode(&text).map_err(InputError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_every_form_of_the_same_packet() {
        let octets = [0x80, 0xCC, 0x00, 0x01, 0xFF];
        let forms: [&[u8]; 6] = [
            &octets,
            b"80cc0001ff",
            b"0x80CC 0001\nff\n",
            b"80:cc:00:01:ff",
            b"gMwAAf8=",
            b"gMwA\r\nAf8=\r\n",
        ];
        for form in forms {
            assert_eq!(packet_octets(form).unwrap(), octets);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |input: &[u8]| packet_octets(input).unwrap_err().to_string();
        assert_eq!(error(b""), "the input is empty");
        assert_eq!(error(b" \n"), "the input is empty");
        assert_eq!(error(b"80c"), "the hex text has 3 digits, an odd number");
        assert!(error(b"hello!").starts_with("the text is neither hex nor base64"));
    }

    #[test]
    fn a_capture_is_called_so() {
        for start in CAPTURES {
            let input = Input::of_file([start.as_slice(), &[0; 20]].concat());
            assert!(matches!(input.packet(), Err(InputError::Capture)));
            assert!(matches!(input.mikey(), Err(InputError::Capture)));
        }
    }
}
