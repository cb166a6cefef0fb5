//! Certificates in files, read again when they change.
//!
//! The files are compared by their content, not watched by name: certificate managers replace files, folders and
//! links in different ways. What cannot be used changes nothing: the server goes on with what it has.

use crate::tls::{ClientCertificates, ServerIdentity, ServerTls, TlsError, certificates};
use core::time::Duration;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// Largest PEM file that is read, in octets.
const MAX_FILE_OCTETS: u64 = 1024 * 1024;

/// Why certificates cannot be had from files.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsFileError {
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The files are read and cannot be used.
    #[error("{}: {reason}", path.display())]
    LocalContent {
        /// The file, or the certificate when it does not fit the key.
        path: PathBuf,
        /// What is wrong.
        reason: TlsError,
    },
}

/// Whether a server asks for client certificates, and the file with the authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificateFiles {
    /// Not asked for.
    None,
    /// Asked for, not demanded.
    Accepted(PathBuf),
    /// Demanded.
    Required(PathBuf),
}

/// The files of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the chain, own certificate first.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
    /// PEM: authorities of client certificates.
    pub clients: ClientCertificateFiles,
}

/// What the files held.
#[derive(PartialEq, Eq)]
struct Content {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    authority: Vec<u8>,
}

impl TlsFiles {
    fn read(&self) -> Result<Content, TlsFileError> {
        let authority = match &self.clients {
            ClientCertificateFiles::None => Vec::new(),
            ClientCertificateFiles::Accepted(path) | ClientCertificateFiles::Required(path) => {
                read(path)?.to_vec()
            }
        };
        Ok(Content {
            certificate: read(&self.certificate)?.to_vec(),
            key: read(&self.key)?,
            authority,
        })
    }

    fn build(&self, content: &Content) -> Result<ServerTls, TlsFileError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |reason| TlsFileError::LocalContent { path, reason }
        };
        let authority = |path| certificates(&content.authority).map_err(at(path));
        let clients = match &self.clients {
            ClientCertificateFiles::None => ClientCertificates::None,
            ClientCertificateFiles::Accepted(path) => {
                ClientCertificates::Accepted(authority(path)?)
            }
            ClientCertificateFiles::Required(path) => {
                ClientCertificates::Required(authority(path)?)
            }
        };
        let chain = certificates(&content.certificate).map_err(at(&self.certificate))?;
        let identity = ServerIdentity {
            chain,
            key: crate::tls::private_key(&content.key).map_err(at(&self.key))?,
        };
        ServerTls::with_client_certificates(identity, &clients).map_err(at(&self.certificate))
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsFileError> {
    let failed = |reason: String| TlsFileError::LocalFile {
        path: path.to_owned(),
        reason,
    };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    // Room for everything at once: a growing vector would leave copies of the key behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(64 * 1024));
    file.take(MAX_FILE_OCTETS + 1)
        .read_to_end(&mut octets)
        .map_err(|error| failed(error.to_string()))?;
    if octets.len() as u64 > MAX_FILE_OCTETS {
        return Err(failed("larger than 1 MiB".to_owned()));
    }
    Ok(octets)
}

/// What reading the files again has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// They are as they were.
    Unchanged,
    /// The next handshake uses what they hold now.
    Replaced,
}

/// TLS of a listener together with the files it came from.
pub struct WatchedTls {
    files: TlsFiles,
    tls: ServerTls,
    seen: Mutex<Content>,
}

impl WatchedTls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsFileError`] naming the file.
    pub fn open(files: TlsFiles) -> Result<Self, TlsFileError> {
        let content = files.read()?;
        Ok(Self {
            tls: files.build(&content)?,
            seen: Mutex::new(content),
            files,
        })
    }

    /// For the server; it follows every reload.
    #[must_use]
    pub fn tls(&self) -> ServerTls {
        self.tls.clone()
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// [`TlsFileError`] naming the file; the server goes on with what it has.
    pub fn reload(&self) -> Result<Reload, TlsFileError> {
        let content = self.files.read()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == content {
            return Ok(Reload::Unchanged);
        }
        self.tls.replace(&self.files.build(&content)?);
        *seen = content;
        Ok(Reload::Replaced)
    }

    /// Reads the files again every so often, and at once when told, until the end; says what came of it unless
    /// nothing has changed.
    pub async fn follow(
        self: Arc<Self>,
        every: Duration,
        now: Arc<Notify>,
        end: CancellationToken,
        heard: impl Fn(&Result<Reload, TlsFileError>) + Send,
    ) {
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = now.notified() => {}
                () = tokio::time::sleep(every) => {}
            }
            let watched = Arc::clone(&self);
            let Ok(result) = tokio::task::spawn_blocking(move || watched.reload()).await else {
                continue;
            };
            if result != Ok(Reload::Unchanged) {
                heard(&result);
            }
        }
    }
}
