//! The chain on the disk: lines are appended in batches, each synced once.

use crate::fault::AuditFault;
use crate::files;
use crate::line::{self, Anchor, Event, LONGEST, MacKey};
use crate::tail;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many names that are taken are passed over for a new file.
const TAKEN: u64 = 64;

/// How octets get to the disk; tests put a slow or full one in its place.
pub(crate) trait Disk: Send {
    /// Appends and syncs.
    fn append(&mut self, file: &File, octets: &[u8]) -> std::io::Result<()>;
}

/// The system's.
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn append(&mut self, mut file: &File, octets: &[u8]) -> std::io::Result<()> {
        file.write_all(octets)?;
        file.sync_data()
    }
}

pub(crate) struct Writer {
    folder: PathBuf,
    /// Locked while we live.
    _lock: File,
    largest: u64,
    mac: Option<MacKey>,
    disk: Box<dyn Disk>,
    head: Anchor,
    /// The file that is written; nothing after it could not be trusted any more.
    current: Option<Current>,
    /// Number of the newest file that was ours.
    number: u64,
}

struct Current {
    file: File,
    path: PathBuf,
    length: u64,
    /// A fault was reported: if the file is not back now, a new one continues the chain.
    suspect: bool,
}

impl Writer {
    pub(crate) fn open(
        folder: &Path,
        largest: u64,
        mac: Option<MacKey>,
        disk: Box<dyn Disk>,
    ) -> Result<Self, AuditFault> {
        let lock = File::open(folder).map_err(|error| AuditFault::io(folder, error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| AuditFault::LocalInUse(folder.to_owned()))?;
        let mut writer = Self {
            folder: folder.to_owned(),
            _lock: lock,
            largest,
            mac,
            disk,
            head: Anchor::START,
            current: None,
            number: 0,
        };
        let set_aside = writer.go_on()?;
        if writer.current.is_none() {
            writer.begin_file()?;
        }
        if !set_aside.is_empty() {
            writer
                .append(&set_aside)
                .into_iter()
                .collect::<Result<(), _>>()?;
        }
        Ok(writer)
    }

    /// Goes back to the newest file with a whole line; gives what a crash left behind it.
    fn go_on(&mut self) -> Result<Vec<Event>, AuditFault> {
        let mut set_aside = Vec::new();
        for number in files::numbers(&self.folder)?.into_iter().rev() {
            let tail = tail::open(&self.folder, number, self.mac.as_ref(), now())?;
            set_aside.extend(tail.set_aside);
            let path = files::path(&self.folder, number);
            if let Some(head) = tail.head {
                self.number = number;
                self.head = head;
                self.current = Some(Current {
                    file: tail.file,
                    path,
                    length: tail.length,
                    suspect: false,
                });
                break;
            }
            // A crash came before the first line of this file was written.
            std::fs::remove_file(&path).map_err(|error| AuditFault::io(&path, error))?;
        }
        Ok(set_aside)
    }

    pub(crate) const fn head(&self) -> Anchor {
        self.head
    }

    /// Appends events, synced once. Each gets its answer; the answer of those that were written is the same.
    pub(crate) fn append(&mut self, events: &[Event]) -> Vec<Result<(), AuditFault>> {
        if let Err(fault) = self.ready() {
            return vec![Err(fault); events.len()];
        }
        let mut batch = Batch::new(self.head);
        let answers = events
            .iter()
            .map(|event| batch.add(event, self.mac.as_ref()));
        let answers: Vec<_> = answers.collect();
        let written = if batch.text.is_empty() {
            Ok(())
        } else {
            self.write(&batch)
        };
        let both = |answer: Result<(), AuditFault>| answer.and(written.clone());
        answers.into_iter().map(both).collect()
    }

    /// Whether a record would be kept now.
    pub(crate) fn probe(&mut self) -> Result<(), AuditFault> {
        self.ready()?;
        let current = self.current.as_ref().ok_or(AuditFault::LocalEnded)?;
        let free = rustix::fs::fstatvfs(&current.file)
            .map_err(|errno| AuditFault::io(&current.path, errno))?;
        let free = free.f_bavail.saturating_mul(free.f_frsize);
        if free < u64::try_from(LONGEST).unwrap_or(u64::MAX) {
            return Err(AuditFault::io(&current.path, "the disk is full"));
        }
        Ok(())
    }

    /// A file that is ours and has room.
    fn ready(&mut self) -> Result<(), AuditFault> {
        let Some(current) = &mut self.current else {
            return self.begin_file();
        };
        if files::is_untouched(&current.file, &current.path, current.length) {
            current.suspect = false;
            return if current.length >= self.largest {
                self.begin_file()
            } else {
                Ok(())
            };
        }
        if current.suspect {
            return self.begin_file();
        }
        current.suspect = true;
        Err(AuditFault::LocalTampered(current.path.clone()))
    }

    fn write(&mut self, batch: &Batch) -> Result<(), AuditFault> {
        let Some(current) = &mut self.current else {
            return Err(AuditFault::LocalEnded);
        };
        let octets = batch.text.as_bytes();
        let end = current
            .length
            .saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        if let Err(error) = self.disk.append(&current.file, octets) {
            let fault = AuditFault::io(&current.path, error);
            // Nobody was told that these lines are kept: they go, so that the next follow what was kept.
            if current.file.set_len(current.length).is_err() {
                current.suspect = true;
            }
            return Err(fault);
        }
        current.length = end;
        self.head = batch.head;
        // Moved or cut while we wrote: what was written may be nowhere.
        if !files::is_untouched(&current.file, &current.path, current.length) {
            current.suspect = true;
            return Err(AuditFault::LocalTampered(current.path.clone()));
        }
        Ok(())
    }

    /// A new file whose first line names the last hash of the one before.
    fn begin_file(&mut self) -> Result<(), AuditFault> {
        let first = self.number.saturating_add(1);
        let free = (first..first.saturating_add(TAKEN)).find(|number| {
            files::path(&self.folder, *number)
                .symlink_metadata()
                .is_err()
        });
        let number =
            free.ok_or_else(|| AuditFault::io(&self.folder, "no free number for a file"))?;
        let path = files::path(&self.folder, number);
        let event = Event::FileBegins {
            number,
            time: now(),
        };
        let mut batch = Batch::new(self.head);
        batch.add(&event, self.mac.as_ref())?;
        let file = files::create(&path)?;
        let begun = self
            .disk
            .append(&file, batch.text.as_bytes())
            .map_err(|error| AuditFault::io(&path, error))
            .and_then(|()| files::sync_folder(&self.folder));
        if let Err(fault) = begun {
            // Otherwise a file without a line, or with half of one, would stand in the way of the next attempt.
            let _ = std::fs::remove_file(&path);
            return Err(fault);
        }
        self.number = number;
        self.head = batch.head;
        self.current = Some(Current {
            file,
            path,
            length: u64::try_from(batch.text.len()).unwrap_or(u64::MAX),
            suspect: false,
        });
        Ok(())
    }
}

/// Lines that are written together.
struct Batch {
    text: String,
    head: Anchor,
}

impl Batch {
    const fn new(head: Anchor) -> Self {
        Self {
            text: String::new(),
            head,
        }
    }

    fn add(&mut self, event: &Event, mac: Option<&MacKey>) -> Result<(), AuditFault> {
        let written = line::write(&self.head, event, mac);
        let (line, head) = written.ok_or(AuditFault::LocalTooLong(LONGEST))?;
        self.text.push_str(&line);
        self.head = head;
        Ok(())
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
