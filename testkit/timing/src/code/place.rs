//! From an address to the line of the source that it comes from, through what was inlined.

use super::disassembly::{Kind, Site};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

/// Folders of the workspace of which every line counts.
const OWN: [&str; 4] = [
    "core/fp1024/src/",
    "core/p256/src/",
    "core/ibc/src/",
    "testkit/timing/src/leaky.rs",
];

/// Crates of others that work with our secrets.
const FOREIGN: [&str; 2] = ["/crypto-bigint-", "/subtle-"];

/// A function and the line it was at, as `addr2line` prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    path: String,
    line: Option<usize>,
}

/// For each address the frames, innermost first.
pub(crate) fn frames(printed: &str) -> BTreeMap<u64, Vec<Frame>> {
    let mut frames: BTreeMap<u64, Vec<Frame>> = BTreeMap::new();
    let mut lines = printed.lines();
    let mut address = 0;
    while let Some(line) = lines.next() {
        if let Some(next) = line
            .strip_prefix("0x")
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        {
            address = next;
            continue;
        }
        // `line` is the function's name; where it was comes next.
        if let Some(frame) = lines.next().and_then(frame) {
            frames.entry(address).or_default().push(frame);
        }
    }
    frames
}

/// `/folder/file.rs:12 (discriminator 3)`
fn frame(text: &str) -> Option<Frame> {
    let (path, rest) = text.rsplit_once(':')?;
    let line = rest
        .split_whitespace()
        .next()
        .and_then(|line| line.parse().ok());
    Some(Frame {
        path: path.to_owned(),
        line: line.filter(|line| *line > 0),
    })
}

/// A line of the source from which an instruction that is looked at comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The file, from the crate's folder on and without a version.
    pub(crate) file: String,
    /// The number of the line, for the reader only.
    line: usize,
    /// The line, trimmed; or, where the compiler merged several lines, the function.
    pub(crate) text: String,
    /// The file of the standard library that was inlined there, or nothing.
    pub(crate) through: String,
    pub(crate) kind: Kind,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} `{}`", self.file, self.line, self.text)?;
        if !self.through.is_empty() {
            write!(f, " through {}", self.through)?;
        }
        Ok(())
    }
}

impl Place {
    /// The innermost line of a watched file; `None` for code that only serves the examination.
    pub(crate) fn of(site: &Site, frames: &[Frame], sources: &mut Sources) -> Option<Self> {
        let position = frames
            .iter()
            .position(|frame| short(&frame.path).is_some())?;
        let frame = frames.get(position)?;
        let inner = frames.first().filter(|_| position > 0);
        Some(Self {
            file: short(&frame.path)?,
            line: frame.line.unwrap_or(0),
            text: sources
                .line(frame)
                .unwrap_or_else(|| merged(&site.function)),
            through: inner.map(|frame| standard(&frame.path)).unwrap_or_default(),
            kind: site.kind,
        })
    }
}

fn merged(function: &str) -> String {
    format!("several lines of {function}")
}

/// The path from the folder of the workspace or of the crate on; `None` for files that are not watched.
fn short(path: &str) -> Option<String> {
    let own = OWN
        .iter()
        .find_map(|folder| path.find(folder))
        .and_then(|start| path.get(start..));
    if let Some(own) = own {
        return Some(own.to_owned());
    }
    let foreign = FOREIGN.iter().find_map(|name| path.find(name));
    let (name, rest) = path.get(foreign? + 1..)?.split_once('/')?;
    let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    Some(format!("{}/{rest}", name.trim_end_matches('-')))
}

/// `core/src/slice/iter.rs` of a path of the standard library; of others the name only.
fn standard(path: &str) -> String {
    let start = path
        .rfind("/library/")
        .map(|start| start + "/library/".len());
    let rest = start.and_then(|start| path.get(start..));
    rest.or_else(|| path.rsplit('/').next())
        .unwrap_or(path)
        .to_owned()
}

/// The lines of the files.
pub(crate) struct Sources {
    workspace: PathBuf,
    files: HashMap<PathBuf, Vec<String>>,
}

impl Sources {
    /// Of a workspace; files of others are where they were compiled.
    pub(crate) fn new(workspace: &Path) -> Self {
        Self {
            workspace: workspace.to_path_buf(),
            files: HashMap::new(),
        }
    }

    fn line(&mut self, frame: &Frame) -> Option<String> {
        let number = frame.line?;
        let own = OWN.iter().find_map(|folder| frame.path.find(folder));
        let path = match own.and_then(|start| frame.path.get(start..)) {
            Some(own) => self.workspace.join(own),
            None => PathBuf::from(&frame.path),
        };
        let lines = self.files.entry(path).or_insert_with_key(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines().map(|line| line.trim().to_owned()).collect()
        });
        lines.get(number - 1).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_the_innermost_outwards() {
        let printed = "0x0000000000001009\nnext\n/std/library/core/src/iter/range.rs:771\nmul\n\
                       /home-of-it/core/p256/src/scalar.rs:97 (discriminator 2)\n";
        let frames = frames(printed);
        let frames = frames.get(&0x1009).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1].line, Some(97));
        assert_eq!(
            short(&frames[1].path).as_deref(),
            Some("core/p256/src/scalar.rs")
        );
        assert_eq!(standard(&frames[0].path), "core/src/iter/range.rs");
    }

    #[test]
    fn files_of_others_lose_their_version() {
        let path = "/registry/crypto-bigint-0.7.11/src/uint/sub.rs";
        assert_eq!(
            short(path).as_deref(),
            Some("crypto-bigint/src/uint/sub.rs")
        );
        assert_eq!(short("/registry/clap-2.34.0/src/lib.rs"), None);
    }
}
