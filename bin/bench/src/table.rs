//! A report as tables of text.

use crate::distribution::Distribution;
use crate::report::{PeerNote, Prepared, Report, Row};
use core::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        let cores = counted(machine.cores, "core");
        writeln!(f, "{}, {cores}; operations a second", machine.processor)?;
        let mut backend = "";
        for row in &self.rows {
            if row.backend != backend {
                backend = &row.backend;
                heading(f, backend, machine.cores, self.peer.as_ref())?;
            }
            line(f, row)?;
        }
        if !self.prepared.is_empty() {
            writeln!(f, "\n{:<40}{:>12}{:>12}", "prepared once", "memory", "time")?;
        }
        self.prepared.iter().try_for_each(|entry| state(f, entry))?;
        match &self.peer {
            Some(peer) => note(f, peer),
            None => writeln!(f, "\n--peer compares with wolfSSL on this machine."),
        }
    }
}

fn heading(
    f: &mut fmt::Formatter<'_>,
    backend: &str,
    cores: usize,
    peer: Option<&PeerNote>,
) -> fmt::Result {
    let all = format!("{cores}-core");
    let name = peer.map_or("peer", |peer| peer.name.as_str());
    writeln!(
        f,
        "\n{:<24}{:>12}{all:>12}{name:>12}{:>9}{:>10}  ",
        format!("field backend {backend}"),
        "1-core",
        "ratio",
        "bar"
    )
}

fn line(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    writeln!(
        f,
        "{:<24}{:>12}{:>12}{:>12}{:>9}{:>10}  {}",
        row.op,
        figure(row.per_s),
        figure(row.per_s_all_cores),
        or_dash(row.peer_per_s.map(figure)),
        or_dash(row.ratio.map(|ratio| format!("{ratio:.1}x"))),
        or_dash(row.bar.map(|bar| bar.to_string())),
        match row.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        }
    )
}

fn state(f: &mut fmt::Formatter<'_>, entry: &Prepared) -> fmt::Result {
    let what = format!("{} ({})", entry.what, entry.backend);
    let milliseconds = format!("{:.2} ms", entry.seconds * 1000.0);
    let memory = memory(entry.octets as u64);
    writeln!(f, "{what:<40}{memory:>12}{milliseconds:>12}")
}

fn note(f: &mut fmt::Formatter<'_>, peer: &PeerNote) -> fmt::Result {
    writeln!(
        f,
        "\n{} {} on the same core, slices in turn, CPU time, medians; ratio: median of the rounds.\n\
         Results of both sides compared: {} before, {} after, all right.",
        peer.name, peer.version, peer.compared_before, peer.compared_after
    )
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = figure(self.members as f64);
        writeln!(f, "GMK messages for {members} members")?;
        let cores = counted(self.cores, "core");
        writeln!(
            f,
            "{}, {cores}, field backend {}\n",
            self.processor, self.backend
        )?;
        writeln!(
            f,
            "{:<24}{:>12}",
            "wall time",
            format!("{:.2} s", self.seconds)
        )?;
        writeln!(f, "{:<24}{:>12}", "messages a second", figure(self.per_s))?;
        writeln!(
            f,
            "{:<24}{:>12}",
            "all messages",
            memory(self.message_octets)
        )?;
        writeln!(
            f,
            "{:<24}{:>12}",
            "peak memory (VmHWM)",
            memory(self.peak_octets)
        )?;
        writeln!(f, "\nOpened by their members as a sample: {}.", self.opened)
    }
}

/// A count with the digits that mean something: 3 at least, thousands apart.
pub(crate) fn figure(count: f64) -> String {
    if count < 100.0 {
        return format!("{count:.1}");
    }
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn memory(octets: u64) -> String {
    match octets {
        0..10_240 => format!("{octets} B"),
        10_240..10_485_760 => format!("{:.0} KiB", octets as f64 / 1024.0),
        _ => format!("{:.0} MiB", octets as f64 / 1_048_576.0),
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, memory};

    #[test]
    fn figures_have_their_thousands_apart() {
        let texts = [7.04, 99.96, 142.4, 4000.0, 1_234_567.0].map(figure);
        assert_eq!(texts, ["7.0", "100.0", "142", "4,000", "1,234,567"]);
    }

    #[test]
    fn memory_has_a_unit_that_suits_it() {
        let texts = [257, 65_536, 20_971_520].map(memory);
        assert_eq!(texts, ["257 B", "64 KiB", "20 MiB"]);
    }
}
