//! What there is to say about a message, before it is printed.

/// Everything found in some octets.
pub(super) struct Report {
    /// Short name for scripts: `mikey`, `srtp`, `srtcp`, `floor`.
    pub(super) kind: &'static str,
    /// First line for people.
    pub(super) title: String,
    /// Octets in all.
    pub(super) length: usize,
    /// What could be read, in the order of the wire, then what was opened.
    pub(super) sections: Vec<Section>,
    /// What is true about the message as a whole.
    pub(super) findings: Vec<Finding>,
    /// Why reading stopped.
    pub(super) fault: Option<Fault>,
    /// Whether a key at hand verified or opened it.
    pub(super) proved: bool,
    /// Keys that were found, for `--show-secrets`.
    pub(super) secrets: Vec<ShownSecret>,
}

/// A part with fields.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) clause: String,
    /// What offsets of its rows count from.
    pub(super) origin: Origin,
    pub(super) rows: Vec<Row>,
}

/// What offsets count from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The first octet of the input.
    Input,
    /// The first octet of what was decrypted.
    Opened,
}

/// One field.
pub(super) struct Row {
    pub(super) offset: usize,
    pub(super) octets: Vec<u8>,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) clause: String,
}

/// Something true about the whole.
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) text: String,
    pub(super) clause: &'static str,
}

/// How good a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Checked and right.
    Right,
    /// Checked and wrong.
    Wrong,
    /// Not checked, or for information.
    Note,
}

/// Why reading stopped.
pub(super) struct Fault {
    /// Octet at which it did, when that is known.
    pub(super) offset: Option<usize>,
    pub(super) text: String,
}

/// A key as hex, shown only when asked for.
pub(super) struct ShownSecret {
    pub(super) name: &'static str,
    pub(super) octets: roger_base::SecretBytes,
}

impl Report {
    pub(super) fn new(kind: &'static str, title: String, length: usize) -> Self {
        Self {
            kind,
            title,
            length,
            sections: Vec::new(),
            findings: Vec::new(),
            fault: None,
            proved: false,
            secrets: Vec::new(),
        }
    }

    pub(super) fn find(&mut self, verdict: Verdict, text: String, clause: &'static str) {
        self.findings.push(Finding {
            verdict,
            text,
            clause,
        });
    }

    pub(super) fn keep_secret(&mut self, name: &'static str, octets: &[u8]) {
        let octets = roger_base::SecretBytes::new(octets.to_vec());
        self.secrets.push(ShownSecret { name, octets });
    }

    /// Read to its end, and nothing about it was found wrong.
    pub(super) fn is_sound(&self) -> bool {
        let wrong = |finding: &Finding| finding.verdict == Verdict::Wrong;
        self.fault.is_none() && !self.findings.iter().any(wrong)
    }

    /// The one line that says what is wrong, for the standard error.
    pub(super) fn complaint(&self) -> Option<String> {
        if let Some(fault) = &self.fault {
            return Some(match fault.offset {
                Some(offset) => format!("{}: octet {offset}: {}", self.refusal(offset), fault.text),
                None => format!("{}: {}", self.refusal(0), fault.text),
            });
        }
        let wrong = |finding: &&Finding| finding.verdict == Verdict::Wrong;
        let finding = self.findings.iter().find(wrong)?;
        Some(finding.text.clone())
    }

    /// Octets that fail in their first header are no such message at all.
    fn refusal(&self, offset: usize) -> String {
        let first = self.sections.first();
        let header = first.map_or(0, |section| section.end());
        let (article, name) = match self.kind {
            "mikey" => ("a", "MIKEY message"),
            "srtp" => ("an", "SRTP packet"),
            "srtcp" => ("an", "SRTCP packet"),
            _ => ("a", "floor control message"),
        };
        match offset <= header && self.sections.len() <= 1 {
            true => format!("not {article} {name}"),
            false => format!("the {name} cannot be read to its end"),
        }
    }
}

impl Section {
    fn end(&self) -> usize {
        let last = self.rows.last();
        last.map_or(0, |row| row.offset + row.octets.len())
    }
}
