//! Test vectors of third parties: read where they lie, never copied into the project.

use crate::skip;
use std::path::{Path, PathBuf};

/// The folder `name` (or file) under the third-party vectors; `None` after saying that the test is skipped.
///
/// The vectors are looked for in `ROGER_THIRD_PARTY_VECTORS`, then in `../shared/vectors/third-party`
/// beside the workspace.
///
/// # Panics
/// When they are missing under continuous integration.
#[must_use]
pub fn third_party_vectors(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/third-party");
    let root = std::env::var_os("ROGER_THIRD_PARTY_VECTORS").map_or_else(beside, PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        skip(&format!(
            "the third-party vectors {name} are not beside the project"
        ));
        return None;
    }
    Some(path)
}
