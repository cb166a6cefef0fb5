//! Reads a log from its first line to its last.

use crate::fault::{AuditFault, BrokenLog};
use crate::files;
use crate::line::{self, Anchor, Event, LONGEST, MacKey};
use rustix::fs::OFlags;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// What a log is checked with.
#[derive(Clone, Default)]
pub struct Verification {
    /// The key of its lines. Without it, MACs that are there are passed over.
    pub mac: Option<MacKey>,
    /// A line that was noted elsewhere: it must be in the log.
    pub anchor: Option<Anchor>,
}

/// A log that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Files read.
    pub files: u64,
    /// Records, without the lines that the log writes about itself.
    pub records: u64,
    /// Half lines that were set aside.
    pub set_aside: u64,
    /// The line before the first: [`Anchor::START`], unless earlier files were archived or removed.
    pub begins_after: Anchor,
    /// The last line.
    pub head: Anchor,
}

/// Reads all files of a folder, one line in memory at a time. While a process writes there, the last line may be half.
///
/// # Errors
/// [`AuditFault::LocalBroken`] with the first line that is not as it was written; [`AuditFault`] when a file cannot be
/// read.
pub fn verify(folder: &Path, with: &Verification) -> Result<Report, AuditFault> {
    let mut reader = Reader {
        with,
        report: None,
        anchor_seen: with.anchor.is_none_or(|anchor| anchor == Anchor::START),
        files: 0,
    };
    for number in files::numbers(folder)? {
        reader.file(&files::path(folder, number))?;
    }
    let mut report = reader.report.unwrap_or(Report {
        files: 0,
        records: 0,
        set_aside: 0,
        begins_after: Anchor::START,
        head: Anchor::START,
    });
    report.files = reader.files;
    let anchored = with
        .anchor
        .is_some_and(|anchor| anchor == report.begins_after);
    if !reader.anchor_seen && !anchored {
        return Err(BrokenLog {
            file: folder.display().to_string(),
            line: 0,
            why: "the anchored line is not there: the log was cut off before it, or is another one",
        }
        .into());
    }
    Ok(report)
}

struct Reader<'w> {
    with: &'w Verification,
    report: Option<Report>,
    anchor_seen: bool,
    files: u64,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Result<(), AuditFault> {
        let mut reader = BufReader::new(files::open(path, OFlags::RDONLY)?);
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let mut octets = Vec::new();
        for number in 1.. {
            octets.clear();
            let read = reader.by_ref().take(limit).read_until(b'\n', &mut octets);
            if read.map_err(|error| AuditFault::io(path, error))? == 0 {
                break;
            }
            self.line(&octets, number).map_err(|why| BrokenLog {
                file: path.display().to_string(),
                line: number,
                why,
            })?;
        }
        self.files = self.files.saturating_add(1);
        Ok(())
    }

    fn line(&mut self, octets: &[u8], number: u64) -> Result<(), &'static str> {
        let text = octets
            .strip_suffix(b"\n")
            .ok_or("a half line, or one that is too long")?;
        let line = line::read(text, self.with.mac.as_ref())?;
        if number == 1 && !matches!(line.event, Event::FileBegins { .. }) {
            return Err("the file does not begin with its beginning");
        }
        let before = Anchor {
            sequence: line.head.sequence.checked_sub(1).ok_or("the number 0")?,
            hash: line.previous,
        };
        if before.sequence == 0 && before != Anchor::START {
            return Err("the first line names a line before it");
        }
        let report = self.report.get_or_insert(Report {
            files: 0,
            records: 0,
            set_aside: 0,
            begins_after: before,
            head: before,
        });
        line::follows(&line, &report.head)?;
        report.head = line.head;
        match line.event {
            Event::Record(_) => report.records = report.records.saturating_add(1),
            Event::HalfLineSetAside { .. } => report.set_aside = report.set_aside.saturating_add(1),
            Event::FileBegins { .. } => {}
        }
        if let Some(anchor) = self
            .with
            .anchor
            .filter(|a| a.sequence == line.head.sequence)
        {
            if anchor != line.head {
                return Err("the anchored line has another hash: the log was written anew");
            }
            self.anchor_seen = true;
        }
        Ok(())
    }
}
