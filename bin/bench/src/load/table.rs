//! Reports of whole servers as tables of text.

use super::kms::{KmsReport, ServerCpu};
use super::pre_issue::PreIssueReport;
use crate::table::{figure, memory};
use core::fmt;

/// One line: what, and how much.
fn line(f: &mut fmt::Formatter<'_>, what: &str, value: &str) -> fmt::Result {
    writeln!(f, "{what:<44}{value:>14}")
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

impl fmt::Display for KmsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "KMS: certificate and key set, over TLS")?;
        writeln!(
            f,
            "{}, {} cores for server and generator, field backend {}\n",
            self.processor, self.cores, self.backend
        )?;
        let milliseconds = |time: f64| format!("{time:.1} ms");
        line(f, "users a second", &figure(self.users_per_s))?;
        line(f, "p50", &milliseconds(self.p50_ms))?;
        line(f, "p95", &milliseconds(self.p95_ms))?;
        line(f, "p99", &milliseconds(self.p99_ms))?;
        line(f, "users", &figure(self.users as f64))?;
        line(f, "connections at one time", &self.connections.to_string())?;
        line(f, "one connection for each", self.connecting)?;
        line(
            f,
            "bare cryptography, key sets a second",
            &figure(self.bare_per_s),
        )?;
        line(f, "of bare cryptography", &percent(self.of_bare_crypto))?;
        line(
            f,
            "the same by CPU time of the server alone",
            &percent(self.of_bare_crypto_by_server_cpu),
        )?;
        line(
            f,
            "of RSKs made 64 together",
            &percent(self.of_bare_crypto_batch),
        )?;
        writeln!(f, "\nCPU time for one user:")?;
        let microseconds = |time: f64| format!("{time:.0} us");
        line(f, "generator", &microseconds(self.generator_us))?;
        self.server.fmt(f)?;
        writeln!(f)?;
        line(f, "database", &memory(self.database_octets))?;
        line(f, "audit log", &memory(self.audit_octets))?;
        line(
            f,
            "peak memory, server and generator",
            &memory(self.peak_octets),
        )?;
        line(
            f,
            "answers verified and unwrapped",
            &self.opened.to_string(),
        )?;
        line(
            f,
            "key sets validated by pairing",
            &self.validated.to_string(),
        )
    }
}

impl fmt::Display for ServerCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("server", self.total_us),
            ("  key sets and key wrap", self.crypto_us),
            ("  documents: XML, signatures", self.xml_us),
            ("  TLS", self.tls_us),
            ("  database", self.sql_us),
            ("  access tokens", self.token_us),
            ("  audit log", self.audit_us),
            ("  sockets", self.socket_us),
            ("  other", self.other_us),
        ];
        for (what, time) in parts {
            line(f, what, &format!("{time:.0} us"))?;
        }
        Ok(())
    }
}

impl fmt::Display for PreIssueReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = figure(self.users as f64);
        writeln!(f, "Key sets of {users} users for the next key period")?;
        writeln!(
            f,
            "{}, {} cores, field backend {}\n",
            self.processor, self.cores, self.backend
        )?;
        line(f, "wall time", &format!("{:.1} s", self.seconds))?;
        line(f, "key sets a second", &figure(self.sets_per_s))?;
        line(
            f,
            "of RSK, SSK and PVT 64 together, bare",
            &percent(self.of_bare_crypto_batch),
        )?;
        line(f, "CPU time of a set", &format!("{:.0} us", self.cpu_us))?;
        line(
            f,
            "longest batch",
            &format!("{:.0} ms", self.longest_batch_ms),
        )?;
        line(
            f,
            "wall time for the accounts",
            &format!("{:.1} s", self.enrol_seconds),
        )?;
        line(f, "database with accounts", &memory(self.accounts_octets))?;
        line(
            f,
            "database with accounts and sets",
            &memory(self.database_octets),
        )?;
        line(f, "peak memory (VmHWM)", &memory(self.peak_octets))?;
        line(
            f,
            "sets compared with derived ones",
            &self.compared.to_string(),
        )
    }
}
