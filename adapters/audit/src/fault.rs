//! What keeps a record from the disk, and what is wrong with a log.

use std::path::PathBuf;
use thiserror::Error;

/// A record is not kept: nothing may be released.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// The disk did not take it in time. It may still be written: a record of something that was not done.
    #[error("the disk did not take the audit record in time")]
    LocalTooSlow,
    /// More callers wait than the queue holds.
    #[error("too many audit records wait for the disk")]
    LocalBusy,
    /// A record longer than a line may be.
    #[error("the audit record is longer than {0} octets")]
    LocalTooLong(usize),
    /// Somebody removed, replaced, cut or extended the file while it was open. The next record starts a new file that
    /// continues the chain, unless the file is back.
    #[error("{0} was removed, replaced or written by somebody else")]
    LocalTampered(PathBuf),
    /// The path holds a pipe, a device, a folder or a link.
    #[error("{0} is not a regular file")]
    LocalNotAFile(PathBuf),
    /// Another process writes to this folder.
    #[error("another process writes the audit log in {0}")]
    LocalInUse(PathBuf),
    /// The log at hand does not verify, so it cannot be continued.
    #[error("{0}; keep the folder as evidence and start in an empty one")]
    LocalBroken(#[from] BrokenLog),
    /// What the system said: disk full, no folder, no permission.
    #[error("{path}: {reason}")]
    LocalIo {
        /// File or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The writing thread is gone.
    #[error("the writer of the audit log has ended")]
    LocalEnded,
}

impl AuditFault {
    pub(crate) fn io(path: &std::path::Path, error: impl ToString) -> Self {
        Self::LocalIo {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// The first line that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}, line {line}: {why}")]
pub struct BrokenLog {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: &'static str,
}
