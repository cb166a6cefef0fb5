//! What a command answers.

use crate::AdminError;
use serde_json::Value;
use std::io::Write;

/// An answer for people and for scripts.
pub(crate) struct Answer {
    text: String,
    json: Value,
}

impl Answer {
    /// A text, and the same as a document.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        let text = text.into();
        Self { text, json }
    }

    /// A list as columns with a heading, and the same as an array of objects with the heading's names.
    pub(crate) fn list<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> Self {
        let mut widths = heading.map(|name| name.chars().count());
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: [&str; N]| {
            let cells = cells.iter().zip(widths);
            let padded: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(heading)];
        lines.extend(
            rows.iter()
                .map(|row| line(row.each_ref().map(String::as_str))),
        );
        let object = |row: [String; N]| {
            let fields = heading.iter().zip(row);
            Value::Object(
                fields
                    .map(|(name, cell)| ((*name).to_owned(), Value::String(cell)))
                    .collect(),
            )
        };
        let json = Value::Array(rows.into_iter().map(object).collect());
        Self::new(lines.join("\n"), json)
    }

    pub(crate) fn show(&self, json: bool, out: &mut dyn Write) -> Result<(), AdminError> {
        match json {
            true => writeln!(out, "{:#}", self.json),
            false => writeln!(out, "{}", self.text),
        }
        .map_err(AdminError::LocalOutput)
    }
}
