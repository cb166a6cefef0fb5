//! The output of a UE: coloured lines above a status line at a terminal, plain lines in a pipe, or JSON.

use super::news::{News, Tone};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use time::OffsetDateTime;
use time::macros::format_description;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();

/// To the beginning of the line, and erase it.
const CLEAR_LINE: &str = "\r\x1b[2K";
/// Rings the terminal.
const BELL: &str = "\x07";

/// Who reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// A person at a terminal, with a status line.
    Person,
    /// A pipe or a file: plain lines.
    Pipe,
    /// A program: one JSON object a line.
    Program,
}

impl Audience {
    /// Whoever is at standard output; a status line needs a keyboard too.
    pub(super) fn of_stdout(json: OutputFormat) -> Self {
        match json {
            OutputFormat::Json => Self::Program,
            OutputFormat::Text if io::stdout().is_terminal() && io::stdin().is_terminal() => {
                Self::Person
            }
            OutputFormat::Text => Self::Pipe,
        }
    }
}

/// Lines for people, or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Text,
    Json,
}

/// The output.
pub(super) struct Screen {
    audience: Audience,
    colour: Colour,
    status: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

impl Screen {
    pub(super) fn new(audience: Audience) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = match audience {
            Audience::Person if wanted => Colour::On,
            _ => Colour::Off,
        };
        Self {
            audience,
            colour,
            status: String::new(),
        }
    }

    pub(super) const fn audience(&self) -> Audience {
        self.audience
    }

    /// Tells news.
    pub(super) fn tell(&self, news: &News) {
        let now = OffsetDateTime::now_utc();
        let line = match self.audience {
            Audience::Program => json_line(news, now),
            Audience::Pipe => format!("{} {}\n", clock(now), visible(&news.text())),
            Audience::Person => self.person_line(news, now),
        };
        write(&line);
    }

    /// A raw terminal wants its carriage returned, and the status line below what is new.
    fn person_line(&self, news: &News, now: OffsetDateTime) -> String {
        let (style, bell) = match news.tone() {
            Tone::Plain => (PLAIN, ""),
            Tone::Faint => (FAINT, ""),
            Tone::Good => (GOOD, ""),
            Tone::Bad => (BAD, ""),
            Tone::Permit => (GOOD, BELL),
            Tone::Deny => (BAD, BELL),
        };
        let clock = self.styled(FAINT, &clock(now));
        let text = self.styled(style, &visible(&news.text()));
        let status = &self.status;
        format!("{CLEAR_LINE}{clock} {text}{bell}\r\n{status}")
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.colour {
            Colour::On => format!("{style}{text}{style:#}"),
            Colour::Off => text.to_owned(),
        }
    }

    /// Shows what goes on now; at a terminal only.
    pub(super) fn show_status(&mut self, text: &str) {
        if self.audience != Audience::Person {
            return;
        }
        let columns = crossterm::terminal::size().map_or(80, |(columns, _)| columns);
        let most = usize::from(columns.saturating_sub(1));
        let text: String = visible(text).chars().take(most).collect();
        let text = self.styled(BOLD, &text);
        if text != self.status {
            self.status = text;
            write(&format!("{CLEAR_LINE}{}", self.status));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.status.is_empty() {
            write(CLEAR_LINE);
        }
    }
}

/// Time of day, UTC.
fn clock(now: OffsetDateTime) -> String {
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    now.format(&format).unwrap_or_default()
}

fn json_line(news: &News, now: OffsetDateTime) -> String {
    let mut value = serde_json::to_value(news).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("at".to_owned(), clock(now).into());
        object.insert("text".to_owned(), news.text().into());
    }
    format!("{value}\n")
}

/// Control characters made visible: what a peer sent does not move the cursor.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => {
                let _ = write!(shown, "{}", character.escape_default());
            }
            false => shown.push(character),
        }
    }
    shown
}

/// A closed pipe is no reason to leave a call.
fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_sent_cannot_move_the_cursor() {
        assert_eq!(visible("a\x1b[2Jb\r\nc"), "a\\u{1b}[2Jb\\r\\nc");
    }

    #[test]
    fn a_line_for_a_program_is_one_object_with_time_and_text() {
        let news = News::Ended {
            party: "group \n x".to_owned(),
        };
        let line = json_line(&news, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "ended");
        assert_eq!(value["at"], "00:00:00.000");
        assert_eq!(value["text"], "group \n x: call ended");
    }
}
