//! How far a long run is.

use crate::error::BenchError;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many steps, with their rate.
pub(super) fn bar(steps: usize) -> Result<ProgressBar, BenchError> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta}");
    let style = style.map_err(BenchError::wrong("progress bar"))?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
