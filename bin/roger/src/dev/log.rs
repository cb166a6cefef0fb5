//! The log of the development servers: every line is marked, and stays one line whatever a peer sent.

use std::fmt;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Begins every line.
pub(super) const MARK: &str = "DEVELOPMENT";
/// Variable with a filter such as `debug` or `roger_mcptt=debug`.
pub(super) const FILTER_VARIABLE: &str = "ROGER_LOG";

/// Begins to log to standard error.
pub(super) fn start() {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(Marked)
        .try_init();
}

/// `DEVELOPMENT time level target: message field=value`.
struct Marked;

impl<S, N> FormatEvent<S, N> for Marked
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        let metadata = event.metadata();
        write!(writer, "{MARK} ")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {:>5} {}: ", metadata.level(), metadata.target())?;
        for character in fields.chars() {
            match character.is_control() {
                true => write!(writer, "{}", character.escape_default())?,
                false => writer.write_char(character)?,
            }
        }
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn every_line_is_marked_and_a_peer_cannot_begin_one() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(kept.clone())
            .event_format(Marked)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("plain");
            tracing::warn!(peer = "x\nforged\x1b[2J", "two\nlines");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.lines().all(|line| line.starts_with("DEVELOPMENT 2")),
            "{text}"
        );
        assert!(!text.contains('\x1b'), "{text}");
    }
}
