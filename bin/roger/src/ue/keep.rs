//! Heard bursts as WAV files: one file a burst, named by time and speaker.

use super::UeCommandError;
use roger_audio::wav_octets;
use roger_ue::shell::{HeardBurst, Speech};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::macros::format_description;

/// Longest part of a speaker's name in a file name.
const MAX_NAME: usize = 64;
/// Files of one speaker and one millisecond.
const MAX_COPIES: usize = 100;

/// A folder for what is heard.
pub(super) struct Keep {
    folder: PathBuf,
}

impl Keep {
    /// Makes the folder.
    ///
    /// # Errors
    /// [`UeCommandError::Folder`].
    pub(super) fn open(folder: &Path) -> Result<Self, UeCommandError> {
        std::fs::create_dir_all(folder).map_err(|error| UeCommandError::Folder {
            path: folder.to_owned(),
            error,
        })?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Decodes a burst and saves it; gives the file.
    ///
    /// # Errors
    /// Text for people.
    pub(super) fn save(
        &self,
        codec: &Speech,
        burst: &HeardBurst,
        speaker: &str,
        since: OffsetDateTime,
    ) -> Result<PathBuf, String> {
        let samples = codec
            .decode(&burst.frames)
            .map_err(|error| error.to_string())?;
        let octets = wav_octets(&samples).map_err(|error| error.to_string())?;
        let stem = format!("{}-{}", stamp(since), safe(speaker));
        for copy in 1..=MAX_COPIES {
            let name = match copy {
                1 => format!("{stem}.wav"),
                _ => format!("{stem}-{copy}.wav"),
            };
            let path = self.folder.join(name);
            match write_new(&path, &octets) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!("too many files {stem}"))
    }
}

fn write_new(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(octets)
}

/// Date and time, UTC, sorted as text.
fn stamp(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z");
    at.format(&format).unwrap_or_default()
}

/// A name that leads nowhere else than into the folder.
fn safe(name: &str) -> String {
    let plain = |character: char| {
        let keep = character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '@');
        match keep || character == '.' {
            true => character,
            false => '_',
        }
    };
    let name: String = name.chars().take(MAX_NAME).map(plain).collect();
    match name.is_empty() {
        true => "unknown".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_cannot_name_a_file_elsewhere() {
        assert_eq!(safe("../../etc/x y\0"), ".._.._etc_x_y_");
        assert_eq!(safe("bob@other.example.org"), "bob@other.example.org");
        assert_eq!(safe(""), "unknown");
        assert_eq!(safe(&"n".repeat(500)).len(), MAX_NAME);
    }

    #[test]
    fn stamps_sort_as_time() {
        let early = OffsetDateTime::from_unix_timestamp_nanos(1_760_000_000_123_000_000).unwrap();
        assert_eq!(stamp(early), "20251009T085320.123Z");
    }

    #[test]
    fn a_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write_new(&path, b"1").unwrap();
        assert_eq!(
            write_new(&path, b"2").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"1");
    }
}
