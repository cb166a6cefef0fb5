//! The last file at the start: where the chain goes on, and what a crash left half written.

use crate::fault::{AuditFault, BrokenLog};
use crate::files;
use crate::line::{self, Anchor, Event, LONGEST, MacKey};
use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Longest half line that is set aside: the largest batch that a crash can tear.
const LONGEST_HALF: u64 = 32 * 1024 * 1024;

/// A file whose lines are whole and follow one another.
pub(crate) struct Tail {
    pub(crate) file: File,
    pub(crate) length: u64,
    /// The last whole line; nothing when a crash left the file without one.
    pub(crate) head: Option<Anchor>,
    /// What has to be recorded about a half line.
    pub(crate) set_aside: Option<Event>,
}

/// Opens a file to go on writing. The head before its first line is the one that the line names: earlier files are the business
/// of `verify`, which reads them all.
pub(crate) fn open(
    folder: &Path,
    number: u64,
    mac: Option<&MacKey>,
    time: u64,
) -> Result<Tail, AuditFault> {
    let path = files::path(folder, number);
    let io = |error: std::io::Error| AuditFault::io(&path, error);
    let file = files::open(&path, OFlags::RDWR | OFlags::APPEND)?;
    let (length, head) = whole_lines(&file, &path, mac)?;
    let rest = file.metadata().map_err(io)?.len().saturating_sub(length);
    let set_aside = match rest {
        0 => None,
        rest => Some(set_aside(folder, number, &file, length, rest, time)?),
    };
    Ok(Tail {
        file,
        length,
        head,
        set_aside,
    })
}

/// Length of the whole lines, and the last of them.
fn whole_lines(
    file: &File,
    path: &Path,
    mac: Option<&MacKey>,
) -> Result<(u64, Option<Anchor>), AuditFault> {
    let io = |error: std::io::Error| AuditFault::io(path, error);
    let mut reader = BufReader::new(file);
    let (mut length, mut head, mut number) = (0u64, None, 0u64);
    let mut octets = Vec::new();
    loop {
        octets.clear();
        number = number.saturating_add(1);
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut octets);
        read.map_err(io)?;
        let Some(text) = octets.strip_suffix(b"\n") else {
            // The end, or a half line, or a line longer than any of ours: then what follows has no newline either, or
            // `set_aside` finds one.
            return Ok((length, head));
        };
        let broken = |why| BrokenLog {
            file: path.display().to_string(),
            line: number,
            why,
        };
        let line = line::read(text, mac).map_err(broken)?;
        if let Some(head) = &head {
            line::follows(&line, head).map_err(broken)?;
        }
        head = Some(line.head);
        length = length.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
    }
}

/// Copies the half line to a file of its own and cuts it off.
fn set_aside(
    folder: &Path,
    number: u64,
    file: &File,
    from: u64,
    octets: u64,
    time: u64,
) -> Result<Event, AuditFault> {
    let path = files::path(folder, number);
    let io = |error: std::io::Error| AuditFault::io(&path, error);
    let broken = |why| BrokenLog {
        file: path.display().to_string(),
        line: 0,
        why,
    };
    if octets > LONGEST_HALF {
        return Err(
            broken("what follows the last whole line is longer than a crash can leave").into(),
        );
    }
    let mut half = Vec::new();
    let mut reader = file;
    reader.seek(SeekFrom::Start(from)).map_err(io)?;
    reader.take(octets).read_to_end(&mut half).map_err(io)?;
    if half.contains(&b'\n') {
        return Err(broken("what follows the last whole line is no half line").into());
    }
    let sum = hex::encode(digest(&SHA256, &half));
    let name = format!(
        "half-line-{number:08}-{from}-{}",
        sum.get(..8).unwrap_or("0")
    );
    let aside = folder.join(&name);
    // A crash between copying and cutting leaves the same copy: then it is there already.
    if !aside.exists() {
        let mut copy = files::create(&aside)?;
        copy.write_all(&half)
            .and_then(|()| copy.sync_all())
            .map_err(|error| AuditFault::io(&aside, error))?;
        files::sync_folder(folder)?;
    }
    file.set_len(from)
        .and_then(|()| file.sync_all())
        .map_err(io)?;
    Ok(Event::HalfLineSetAside {
        file: name,
        octets,
        sha256: sum,
        time,
    })
}
