//! What a person, a pipe or a program sees of a run.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Who reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A person at a terminal: colour, and what is going on now.
    Terminal,
    /// A pipe or a file: one plain line for each thing that is done.
    Pipe,
}

impl Audience {
    /// Whoever is at standard output.
    pub(crate) fn of_stdout() -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none();
        if io::stdout().is_terminal() && colour {
            Self::Terminal
        } else {
            Self::Pipe
        }
    }
}

/// A step that is done.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// Name.
    pub(crate) name: String,
    /// Duration in milliseconds.
    pub(crate) ms: u64,
}

/// A security fact with what the check found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fact {
    /// What is claimed.
    pub(crate) fact: &'static str,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// What was looked at, or what contradicts the claim.
    #[serde(skip)]
    pub(crate) detail: String,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    ok: bool,
    steps: &'a [Step],
    facts: &'a [Fact],
}

/// Prints a run.
pub(crate) struct Console {
    audience: Audience,
    begun: Instant,
    steps: Vec<Step>,
}

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

impl Console {
    pub(crate) fn new(audience: Audience) -> Self {
        Self {
            audience,
            begun: Instant::now(),
            steps: Vec::new(),
        }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.audience {
            Audience::Terminal => format!("{style}{text}{style:#}"),
            Audience::Pipe => text.to_owned(),
        }
    }

    /// A line for people.
    pub(crate) fn line(&self, text: &str) {
        say(&format!("{text}\n"));
    }

    /// A headline.
    pub(crate) fn headline(&self, text: &str) {
        say(&format!("{}\n", self.styled(BOLD, text)));
    }

    /// Begins a step.
    pub(crate) fn begin(&self, name: &str) -> Instant {
        if self.audience == Audience::Terminal {
            say(&self.styled(FAINT, &format!("  … {name}")));
        }
        Instant::now()
    }

    /// Ends a step that went well.
    pub(crate) fn done(&mut self, name: &str, begun: Instant, detail: &str) {
        let took = begun.elapsed();
        let at = self.begun.elapsed();
        let (tick, clock) = (self.styled(GOOD, "ok"), clock(at));
        let took_text = self.styled(FAINT, &format!("{:>6} ms", took.as_millis()));
        let clear = self.clear();
        say(&format!(
            "{clear}{clock} {tick} {took_text}  {name}: {detail}\n"
        ));
        self.steps.push(Step {
            name: name.to_owned(),
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Ends a step that went wrong.
    pub(crate) fn failed(&self, name: &str, why: &str) {
        let (cross, clear) = (self.styled(BAD, "FAILED"), self.clear());
        say(&format!(
            "{clear}{} {cross} {name}: {why}\n",
            clock(self.begun.elapsed())
        ));
    }

    /// Wipes the line of a step that did not end.
    pub(crate) fn wipe(&self) {
        say(self.clear());
    }

    /// The verdict table.
    pub(crate) fn verdict(&self, facts: &[Fact]) {
        self.headline("\nVerdict, from the captured bytes");
        let width = facts.iter().map(|fact| fact.fact.len()).max().unwrap_or(0);
        for fact in facts {
            let mark = if fact.holds {
                self.styled(GOOD, "holds")
            } else {
                self.styled(BAD, "FAILS")
            };
            let detail = self.styled(FAINT, &fact.detail);
            say(&format!("  {mark}  {:width$}  {detail}\n", fact.fact));
        }
    }

    /// The machine-readable last line.
    pub(crate) fn summary(&self, ok: bool, facts: &[Fact]) {
        let summary = Summary {
            ok,
            steps: &self.steps,
            facts,
        };
        // A summary of strings, numbers and truth values always serialises.
        let text = serde_json::to_string(&summary).unwrap_or_else(|_| r#"{"ok":false}"#.to_owned());
        say(&format!("{text}\n"));
    }

    /// Removes the line of what is going on.
    const fn clear(&self) -> &'static str {
        match self.audience {
            Audience::Terminal => "\r\x1b[2K",
            Audience::Pipe => "",
        }
    }
}

fn clock(at: Duration) -> String {
    format!("[{:>7.3} s]", at.as_secs_f64())
}

/// A closed pipe is no reason to stop a run that still has something to prove by its exit status.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
