//! Small files of secrets: read only when nobody else can, replaced whole.

use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest file that is read, in octets.
pub(crate) const LARGEST: usize = 8192;
/// Permissions of group and others.
const OTHERS: u32 = 0o077;

/// A file of secrets cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileFault {
    /// There is none.
    #[error("there is no file {0}; make it with the key ceremony, or restore it from its backup")]
    LocalAbsent(PathBuf),
    /// There is one, and it must not be lost.
    #[error("the file {0} exists and is not overwritten; move it away first if that is meant")]
    LocalExists(PathBuf),
    /// A link, a folder, a pipe.
    #[error("{0} is not a regular file")]
    LocalNotAFile(PathBuf),
    /// Group or others may read or write it.
    #[error(
        "the file {path} has the permissions {mode:04o}; take them from others (chmod 600) and find out who read it"
    )]
    LocalOpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error(
        "the file {path} belongs to user {owner}; it must belong to the user who runs this program"
    )]
    LocalOwner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// More than any file of ours has.
    #[error("the file {0} is larger than {LARGEST} octets, so it is none of ours")]
    LocalTooLarge(PathBuf),
    /// What the system said.
    #[error("{path}: {reason}")]
    LocalIo {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

fn io(path: &Path, error: impl ToString) -> FileFault {
    FileFault::LocalIo {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// The octets of a file that only its owner, who is us, can read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileFault> {
    // Without NONBLOCK the opening of a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        rustix::io::Errno::NOENT => FileFault::LocalAbsent(path.to_owned()),
        rustix::io::Errno::LOOP => FileFault::LocalNotAFile(path.to_owned()),
        errno => io(path, errno),
    })?;
    let file = File::from(opened);
    check(path, &file)?;
    let mut octets = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1))
        .read_to_end(&mut octets)
        .map_err(|error| io(path, error))?;
    if octets.len() > LARGEST {
        return Err(FileFault::LocalTooLarge(path.to_owned()));
    }
    Ok(octets)
}

fn check(path: &Path, file: &File) -> Result<(), FileFault> {
    let metadata = file.metadata().map_err(|error| io(path, error))?;
    if !metadata.is_file() {
        return Err(FileFault::LocalNotAFile(path.to_owned()));
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(FileFault::LocalOpenToOthers {
            path: path.to_owned(),
            mode: metadata.mode() & 0o7777,
        });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(FileFault::LocalOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
        });
    }
    Ok(())
}

/// Makes a file; one of that name stays as it is.
pub(crate) fn create(path: &Path, octets: &[u8]) -> Result<(), FileFault> {
    place(path, octets, RenameFlags::NOREPLACE)
}

/// Replaces a file: after a crash there is the old one or the new one, whole.
pub(crate) fn replace(path: &Path, octets: &[u8]) -> Result<(), FileFault> {
    place(path, octets, RenameFlags::empty())
}

fn place(path: &Path, octets: &[u8], flags: RenameFlags) -> Result<(), FileFault> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io(path, "has no name"))?;
    let mut draft = name.to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = folder.join(draft);
    // What a crashed process of this number left behind.
    let _ = std::fs::remove_file(&draft);
    let placed = write_new(&draft, octets).and_then(|()| {
        rustix::fs::renameat_with(CWD, &draft, CWD, path, flags).map_err(|errno| match errno {
            rustix::io::Errno::EXIST => FileFault::LocalExists(path.to_owned()),
            errno => io(path, errno),
        })
    });
    if placed.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    placed?;
    // The name is on the disk when its folder is.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io(folder, error))
}

fn write_new(path: &Path, octets: &[u8]) -> Result<(), FileFault> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    let mut file = File::from(opened.map_err(|errno| io(path, errno))?);
    file.write_all(octets)
        .and_then(|()| file.sync_all())
        .map_err(|error| io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_never_overwritten_by_chance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.key");
        create(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(
            create(&path, b"two"),
            Err(FileFault::LocalExists(path.clone()))
        );
        assert_eq!(read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(read(&path).unwrap(), b"three");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.key");
        create(&path, b"one").unwrap();
        for mode in [0o640, 0o604, 0o660, 0o602, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(read(&path), Err(FileFault::LocalOpenToOthers { mode: found, .. }) if found == mode)
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn links_folders_pipes_and_large_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        create(&at("file"), b"one").unwrap();
        symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        rustix::fs::mknodat(CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for name in ["link", "folder", "pipe"] {
            assert_eq!(
                read(&at(name)),
                Err(FileFault::LocalNotAFile(at(name))),
                "{name}"
            );
        }
        assert_eq!(read(&at("none")), Err(FileFault::LocalAbsent(at("none"))));
        create(&at("large"), &[0; LARGEST + 1]).unwrap();
        assert_eq!(
            read(&at("large")),
            Err(FileFault::LocalTooLarge(at("large")))
        );
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/store.key");
        assert!(matches!(
            create(&path, b"one"),
            Err(FileFault::LocalIo { .. })
        ));
    }
}
