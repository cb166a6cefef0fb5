//! CSV files with a heading.

use crate::AdminError;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

/// A row with the line that it begins in.
pub(crate) struct Line<T> {
    pub(crate) number: u64,
    pub(crate) row: T,
}

/// The rows of a file, one in memory at a time; a column that is not known is an error.
pub(crate) fn read<T: DeserializeOwned + 'static>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Line<T>, AdminError>> + use<T>, AdminError> {
    let file = File::open(path).map_err(AdminError::file(path))?;
    let reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(file);
    Ok(Rows {
        path: path.to_owned(),
        heading: None,
        reader,
        row: core::marker::PhantomData,
    })
}

/// About how many rows a file has, for a progress bar.
pub(crate) fn count(path: &Path) -> Result<u64, AdminError> {
    let file = File::open(path).map_err(AdminError::file(path))?;
    let mut reader = BufReader::new(file);
    let mut lines = 0_u64;
    loop {
        let buffer = reader.fill_buf().map_err(AdminError::file(path))?;
        let length = buffer.len();
        if length == 0 {
            return Ok(lines.saturating_sub(1));
        }
        lines += buffer.iter().filter(|octet| **octet == b'\n').count() as u64;
        reader.consume(length);
    }
}

/// What is wrong with a line. Never a password in it: the words come from checks, not from the row.
pub(crate) fn wrong(path: &Path, line: u64, reason: String) -> AdminError {
    AdminError::LocalLine {
        path: path.to_owned(),
        line,
        reason,
    }
}

/// The same from the reader or writer of the file.
pub(crate) fn failed(path: &Path, error: &csv::Error) -> AdminError {
    let line = error.position().map_or(0, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("has {len} columns, the heading {expected_len}"),
        other => format!("{other:?}"),
    };
    wrong(path, line, reason)
}

struct Rows<T> {
    path: PathBuf,
    heading: Option<csv::StringRecord>,
    reader: csv::Reader<File>,
    row: core::marker::PhantomData<T>,
}

impl<T: DeserializeOwned> Rows<T> {
    fn read(&mut self) -> Result<Option<Line<T>>, csv::Error> {
        if self.heading.is_none() {
            self.heading = Some(self.reader.headers()?.clone());
        }
        let mut record = csv::StringRecord::new();
        if !self.reader.read_record(&mut record)? {
            return Ok(None);
        }
        let number = record.position().map_or(0, csv::Position::line);
        let row = record.deserialize(self.heading.as_ref())?;
        Ok(Some(Line { number, row }))
    }
}

impl<T: DeserializeOwned> Iterator for Rows<T> {
    type Item = Result<Line<T>, AdminError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose()?;
        Some(read.map_err(|error| failed(&self.path, &error)))
    }
}
