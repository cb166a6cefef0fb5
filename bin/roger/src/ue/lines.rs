//! Commands on standard input, one a line, for a UE without a keyboard.

use core::future::pending;
use std::io::{self, BufRead, IsTerminal as _, Read as _};
use tokio::sync::mpsc;

/// Longest line; what is longer is no command.
const MAX_OCTETS: u64 = 1_024;
/// Lines that may wait.
const QUEUE: usize = 16;

/// The lines.
pub(super) struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Begins to read, on a thread that ends with the process. Nothing is read of a terminal: a program in the
    /// background would be stopped for it.
    pub(super) fn of_stdin() -> Option<Self> {
        if io::stdin().is_terminal() {
            return None;
        }
        let (sender, lines) = mpsc::channel(QUEUE);
        std::thread::spawn(move || read_lines(&mut io::stdin().lock(), &sender));
        Some(Self(lines))
    }

    /// The next line. After the last one there is none for ever: it is no reason to leave.
    pub(super) async fn next(&mut self) -> String {
        match self.0.recv().await {
            Some(line) => line,
            None => pending().await,
        }
    }
}

fn read_lines(input: &mut impl BufRead, sender: &mpsc::Sender<String>) {
    while let Ok(Some(line)) = read_line(input) {
        if sender.blocking_send(line).is_err() {
            return;
        }
    }
}

/// One line without its end, cut where it is too long.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut octets = Vec::new();
    if input
        .by_ref()
        .take(MAX_OCTETS)
        .read_until(b'\n', &mut octets)?
        == 0
    {
        return Ok(None);
    }
    match octets.pop_if(|last| *last == b'\n') {
        Some(_) => {}
        // The rest of a long line is no line of its own.
        None => {
            input.skip_until(b'\n')?;
        }
    }
    Ok(Some(String::from_utf8_lossy(&octets).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_a_long_one_is_one() {
        let long = "x".repeat(5_000);
        let text = format!("at 1 2\n{long}at 3 4\n\nat 5 6");
        let mut input = text.as_bytes();
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            lines.push(line);
        }
        let cut = "x".repeat(1_024);
        assert_eq!(lines, ["at 1 2", cut.as_str(), "", "at 5 6"]);
    }
}
