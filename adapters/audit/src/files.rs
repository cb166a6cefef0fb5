//! The files of a folder: names, numbers, opening.

use crate::fault::AuditFault;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const PREFIX: &str = "audit-";
const SUFFIX: &str = ".jsonl";

/// Path of the file of a number.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:08}{SUFFIX}"))
}

/// Numbers of the files that are there, ascending.
pub(crate) fn numbers(folder: &Path) -> Result<Vec<u64>, AuditFault> {
    let io = |error: std::io::Error| AuditFault::io(folder, error);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
            .and_then(|digits| digits.parse().ok());
        // A name in another spelling would be opened by the wrong path.
        numbers.extend(number.filter(|number| path(folder, *number).ends_with(&name)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A new file, readable by its owner and group; one of that name is an error.
pub(crate) fn create(path: &Path) -> Result<File, AuditFault> {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, mode);
    Ok(File::from(
        opened.map_err(|errno| AuditFault::io(path, errno))?,
    ))
}

/// A file that is there. A pipe is refused instead of waited for.
pub(crate) fn open(path: &Path, access: OFlags) -> Result<File, AuditFault> {
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        // LOOP for a link, NXIO for a pipe that nobody reads.
        rustix::io::Errno::LOOP | rustix::io::Errno::NXIO => {
            AuditFault::LocalNotAFile(path.to_owned())
        }
        errno => AuditFault::io(path, errno),
    })?;
    let file = File::from(opened);
    let metadata = file
        .metadata()
        .map_err(|error| AuditFault::io(path, error))?;
    if !metadata.is_file() {
        return Err(AuditFault::LocalNotAFile(path.to_owned()));
    }
    Ok(file)
}

/// Puts the names of a folder on the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), AuditFault> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| AuditFault::io(folder, error))
}

/// Whether the path still leads to this file, and nobody else has cut or extended it.
pub(crate) fn is_untouched(file: &File, path: &Path, length: u64) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino()) && ours.len() == length
}
