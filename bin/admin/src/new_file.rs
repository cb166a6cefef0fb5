//! Files with secrets: new, and for their owner only.

use crate::AdminError;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Makes a file; one that is there is never overwritten.
pub(crate) fn create(path: &Path) -> Result<File, AdminError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(AdminError::file(path))
}
