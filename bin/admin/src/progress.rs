//! A bar on the terminal for what takes long.

use crate::AdminError;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many steps; where standard error is no terminal it shows nothing.
pub(crate) fn bar(steps: u64) -> Result<ProgressBar, AdminError> {
    let template = "{bar:30} {pos}/{len} {per_sec} {eta} {msg}";
    let style = ProgressStyle::with_template(template).map_err(AdminError::refused)?;
    Ok(ProgressBar::new(steps).with_style(style))
}
