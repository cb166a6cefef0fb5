//! Times as operators write them: RFC 3339.

use roger_base::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads `2026-11-25T12:00:00Z`.
pub(crate) fn read(text: &str) -> Result<UnixTime, String> {
    let wrong = || format!("{text} is no time such as 2026-11-25T12:00:00Z");
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    u64::try_from(time.unix_timestamp())
        .map(UnixTime)
        .map_err(|_| wrong())
}

/// Writes it; nothing for none.
pub(crate) fn written(time: Option<UnixTime>) -> String {
    let seconds = time.and_then(|time| i64::try_from(time.0).ok());
    let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
