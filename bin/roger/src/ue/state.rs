//! The state file: how `roger ue` finds the development servers and its user's account.
//!
//! It holds passwords and keys, so it is readable by its owner only, in a folder that is open to its owner only. The
//! servers keep it locked while they run: a file without a lock was left behind by servers that are gone.

use crate::system::UeProfile;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use zeroize::Zeroizing;

/// Name of the file in its folder.
pub(crate) const FILE_NAME: &str = "dev.json";
/// Said by every file, so that nobody takes it for the configuration of a real system.
const MARK: &str = "DEVELOPMENT";
/// Mode of the folder.
const FOLDER_MODE: u32 = 0o700;
/// Mode of the file.
const FILE_MODE: u32 = 0o600;
/// Permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;
/// Largest file that is read: about 3 kB a user.
const MAX_OCTETS: u64 = 4 << 20;

/// Why there is no usable state file.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "the state file {} does not exist: start `roger dev` first, or name its file with --state",
        .0.display()
    )]
    Missing(PathBuf),
    #[error(
        "{} was left behind by development servers that have ended: start `roger dev` again",
        .0.display()
    )]
    LeftBehind(PathBuf),
    #[error(
        "{} belongs to another `roger dev` that is running: give this one a folder of its own with --state",
        .0.display()
    )]
    Running(PathBuf),
    #[error(
        "{} holds passwords and keys but is open to other users (mode {mode:04o}): make it {wanted:04o}",
        path.display()
    )]
    Open {
        path: PathBuf,
        mode: u32,
        wanted: u32,
    },
    #[error("{} belongs to another user of this machine", .0.display())]
    Foreign(PathBuf),
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} is not a state file of `roger dev`: {error}", path.display())]
    Content { path: PathBuf, error: String },
    #[error("there is no user {wanted} in {}; it has {known}", path.display())]
    UnknownUser {
        wanted: String,
        known: String,
        path: PathBuf,
    },
}

impl StateError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }
}

/// What is in the file. It holds secrets: it has no `Debug`.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    mark: String,
    /// Process of the servers.
    pub(crate) pid: u32,
    /// Groups that exist, by name.
    pub(crate) groups: Vec<String>,
    /// Users that can log in.
    pub(crate) users: Vec<Account>,
}

/// One user with the address that is kept for her UE.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// SIP address of the UE.
    pub(crate) sip: SocketAddr,
    /// Everything that the UE is given.
    pub(crate) profile: UeProfile,
}

impl State {
    /// The state of servers in this process.
    pub(crate) fn new(groups: Vec<String>, users: Vec<Account>) -> Self {
        Self {
            mark: MARK.to_owned(),
            pid: std::process::id(),
            groups,
            users,
        }
    }

    /// Reads the file of servers that run.
    ///
    /// # Errors
    /// [`StateError`] in words for the user.
    pub(crate) fn read(path: &Path) -> Result<Self, StateError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StateError::Missing(path.to_owned()),
            _ => StateError::io(path)(error),
        })?;
        let metadata = file.metadata().map_err(StateError::io(path))?;
        refuse_open(path, metadata.mode(), FILE_MODE)?;
        if file.try_lock_shared().is_ok() {
            return Err(StateError::LeftBehind(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_OCTETS)
            .read_to_string(&mut text)
            .map_err(StateError::io(path))?;
        let content = |error: String| StateError::Content {
            path: path.to_owned(),
            error,
        };
        let state: Self =
            serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
        if state.mark != MARK {
            return Err(content("it is not marked DEVELOPMENT".to_owned()));
        }
        Ok(state)
    }

    /// The account of a user.
    ///
    /// # Errors
    /// [`StateError::UnknownUser`] naming the users that there are.
    pub(crate) fn account(&self, user: &str, path: &Path) -> Result<&Account, StateError> {
        let found = |account: &&Account| account.profile.login == user;
        self.users
            .iter()
            .find(found)
            .ok_or_else(|| StateError::UnknownUser {
                wanted: user.to_owned(),
                known: self.names().join(", "),
                path: path.to_owned(),
            })
    }

    fn names(&self) -> Vec<&str> {
        self.users
            .iter()
            .map(|account| account.profile.login.as_str())
            .collect()
    }
}

/// A folder that is ours alone, in which no other servers keep their state.
pub(crate) struct StateFolder(PathBuf);

impl StateFolder {
    /// Makes the folder, or checks the one there.
    ///
    /// # Errors
    /// [`StateError`] when the folder is open to others, or belongs to servers that run.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        let folder = private_folder(folder)?;
        remove_left_behind(&folder.join(FILE_NAME))?;
        Ok(Self(folder))
    }

    /// Writes the file, readable by its owner only, and keeps it until the result is dropped.
    ///
    /// # Errors
    /// [`StateError`] when other servers were faster, or the disk refuses.
    pub(crate) fn write(&self, state: &State) -> Result<StateGuard, StateError> {
        let path = self.0.join(FILE_NAME);
        remove_left_behind(&path)?;
        let draft = self.0.join(format!(".{FILE_NAME}.{}", state.pid));
        let lock = write_draft(state, &draft)?;
        std::fs::rename(&draft, &path).map_err(StateError::io(&path))?;
        Ok(StateGuard { path, _lock: lock })
    }
}

/// The file under another name, locked and complete before it gets its own.
fn write_draft(state: &State, draft: &Path) -> Result<File, StateError> {
    let text = serde_json::to_string_pretty(state).map_err(|error| StateError::Content {
        path: draft.to_owned(),
        error: error.to_string(),
    })?;
    let text = Zeroizing::new(text);
    let _ = std::fs::remove_file(draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(draft)
        .map_err(StateError::io(draft))?;
    file.lock().map_err(StateError::io(draft))?;
    file.write_all(text.as_bytes())
        .map_err(StateError::io(draft))?;
    Ok(file)
}

/// A state file that is removed when this is dropped.
pub(crate) struct StateGuard {
    path: PathBuf,
    _lock: File,
}

impl StateGuard {
    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StateGuard {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The folder of the state file when none is named: per user, and gone with the session where the system has that.
pub(crate) fn default_folder() -> Result<PathBuf, StateError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    if let Some(folder) = runtime {
        return Ok(PathBuf::from(folder).join("roger"));
    }
    let folder = std::env::temp_dir();
    let user = own_user(&folder)?;
    Ok(folder.join(format!("roger-{user}")))
}

/// The file that a user means: a file, a folder with one, or the usual place.
pub(crate) fn file_named(path: Option<&Path>) -> Result<PathBuf, StateError> {
    match path {
        Some(path) if path.is_dir() => Ok(path.join(FILE_NAME)),
        Some(path) => Ok(path.to_owned()),
        None => Ok(default_folder()?.join(FILE_NAME)),
    }
}

/// How often a UE looks whether the servers are still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Waits until the servers of a state file have ended.
pub(crate) async fn servers_ended(path: PathBuf) {
    while is_kept(&path) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether servers that run keep the file.
fn is_kept(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Makes the folder, or checks that the one there is ours alone.
fn private_folder(folder: &Path) -> Result<PathBuf, StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(StateError::io(folder))?;
    // Of the folder itself, not of what a link in a shared folder leads to.
    let metadata = std::fs::symlink_metadata(folder).map_err(StateError::io(folder))?;
    if !metadata.is_dir() {
        return Err(StateError::NotAFolder(folder.to_owned()));
    }
    if metadata.uid() != own_user(folder)? {
        return Err(StateError::Foreign(folder.to_owned()));
    }
    refuse_open(folder, metadata.mode(), FOLDER_MODE)?;
    Ok(folder.to_owned())
}

fn refuse_open(path: &Path, mode: u32, wanted: u32) -> Result<(), StateError> {
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(StateError::Open {
        path: path.to_owned(),
        mode: mode & 0o7777,
        wanted,
    })
}

/// The user that this process acts as: the owner of a file that it makes.
fn own_user(folder: &Path) -> Result<u32, StateError> {
    let own = tempfile::tempfile().and_then(|file| file.metadata());
    Ok(own.map_err(StateError::io(folder))?.uid())
}

/// Takes away the file of servers that are gone, and no other.
fn remove_left_behind(path: &Path) -> Result<(), StateError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StateError::io(path)(error)),
    };
    match file.try_lock() {
        Ok(()) => std::fs::remove_file(path).map_err(StateError::io(path)),
        Err(TryLockError::WouldBlock) => Err(StateError::Running(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(StateError::io(path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn empty() -> State {
        State::new(vec!["fire-1".to_owned()], Vec::new())
    }

    fn write(folder: &Path) -> Result<StateGuard, StateError> {
        StateFolder::open(folder)?.write(&empty())
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn file_and_folder_are_private_and_the_file_goes_with_the_servers() {
        let folder = folder();
        let own = folder.path().join("own");
        let guard = write(&own).unwrap();
        assert_eq!((mode(&own), mode(guard.path())), (0o700, 0o600));
        let read = State::read(guard.path()).unwrap();
        assert_eq!(read.groups, ["fire-1"]);
        let path = guard.path().to_owned();
        assert!(is_kept(&path));
        drop(guard);
        assert!(!is_kept(&path));
        assert!(!path.exists());
        assert!(matches!(State::read(&path), Err(StateError::Missing(_))));
    }

    #[test]
    fn two_servers_do_not_share_a_file() {
        let folder = folder();
        let own = folder.path().join("own");
        let _guard = write(&own).unwrap();
        assert!(matches!(write(&own), Err(StateError::Running(_))));
    }

    #[test]
    fn what_was_left_behind_is_not_read_and_does_not_hinder() {
        let folder = folder();
        let own = folder.path().join("own");
        let guard = write(&own).unwrap();
        let text = std::fs::read(guard.path()).unwrap();
        let path = guard.path().to_owned();
        drop(guard);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(State::read(&path), Err(StateError::LeftBehind(_))));
        assert!(write(&own).is_ok());
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        let folder = folder();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let error = write(folder.path()).err().unwrap();
        assert!(
            error.to_string().ends_with("(mode 0755): make it 0700"),
            "{error}"
        );
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let folder = folder();
        let link = folder.path().join("link");
        let target = folder.path().join("target");
        std::fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(write(&link), Err(StateError::NotAFolder(_))));
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let folder = folder();
        let guard = write(&folder.path().join("own")).unwrap();
        std::fs::set_permissions(guard.path(), Permissions::from_mode(0o640)).unwrap();
        let error = State::read(guard.path()).err().unwrap();
        assert!(error.to_string().contains("mode 0640"), "{error}");
    }

    #[test]
    fn what_is_no_state_file_is_refused() {
        let folder = folder();
        let path = folder.path().join(FILE_NAME);
        for text in ["", "{}", r#"{"mark":"x","pid":1,"groups":[],"users":[]}"#] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let held = File::open(&path).unwrap();
            held.lock().unwrap();
            let error = State::read(&path).err().unwrap();
            assert!(matches!(error, StateError::Content { .. }), "{error}");
        }
    }
}
