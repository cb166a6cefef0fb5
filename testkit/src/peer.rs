//! Other people's programs, always run as separate processes.

use crate::skip;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of that name on the path; `None` after saying that the test is skipped.
///
/// # Panics
/// When it is missing under continuous integration.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    find(name, &[])
}

/// The same, also in a folder where the path of an ordinary user does not lead, such as `/usr/sbin`.
///
/// # Panics
/// When it is missing under continuous integration.
#[must_use]
pub fn find_program_beside(name: &str, folder: &str) -> Option<PathBuf> {
    find(name, &[PathBuf::from(folder)])
}

fn find(name: &str, beside: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .chain(beside.iter().cloned())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        skip(&format!(
            "the program {name} is not installed (packages.txt lists what the tests need)"
        ));
    }
    found
}

/// Compiles a C program of ours against a library that is a test peer and gives the path of the result;
/// `None` after saying that the test is skipped. `binary` names the result inside `folder`.
///
/// # Panics
/// When the library is missing under continuous integration.
#[must_use]
pub fn compile_c_peer(
    source: &Path,
    library: &str,
    folder: &Path,
    binary: &str,
) -> Option<PathBuf> {
    let result = folder.join(binary);
    let run = Command::new("cc")
        .args(["-O2", "-Wall", "-o"])
        .arg(&result)
        .arg(source)
        .arg(format!("-l{library}"))
        .arg("-lm")
        .output();
    match run {
        Ok(output) if output.status.success() => Some(result),
        Ok(output) => {
            skip(&format!(
                "{} does not compile: {}",
                source.display(),
                String::from_utf8_lossy(&output.stderr)
            ));
            None
        }
        Err(error) => {
            skip(&format!("no C compiler: {error}"));
            None
        }
    }
}
