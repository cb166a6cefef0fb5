//! Reports of whole servers as tables of text.

use super::idm::{IdmCpu, IdmReport};
use super::kms::{KmsReport, ServerCpu};
use super::pre_issue::PreIssueReport;
use super::register::RegisterReport;
use crate::table::{figure, memory};
use core::fmt;

/// One line: what, and how much.
fn line(f: &mut fmt::Formatter<'_>, what: &str, value: &str) -> fmt::Result {
    writeln!(f, "{what:<44}{value:>14}")
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn percentiles(f: &mut fmt::Formatter<'_>, milliseconds: [f64; 3]) -> fmt::Result {
    for (what, time) in ["p50", "p95", "p99"].iter().zip(milliseconds) {
        line(f, what, &format!("{time:.1} ms"))?;
    }
    Ok(())
}

/// Parts of a CPU time in microseconds.
fn parts(f: &mut fmt::Formatter<'_>, parts: &[(&str, f64)]) -> fmt::Result {
    for (what, time) in parts {
        line(f, what, &format!("{time:.0} us"))?;
    }
    Ok(())
}

impl fmt::Display for KmsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "KMS: certificate and key set, over TLS")?;
        writeln!(
            f,
            "{}, {} cores for server and generator, field backend {}\n",
            self.processor, self.cores, self.backend
        )?;
        line(f, "users a second", &figure(self.users_per_s))?;
        percentiles(f, [self.p50_ms, self.p95_ms, self.p99_ms])?;
        line(f, "users", &figure(self.users as f64))?;
        line(f, "connections at one time", &self.connections.to_string())?;
        line(f, "one connection for each", self.connecting)?;
        line(
            f,
            "bare cryptography, key sets a second",
            &figure(self.bare_per_s),
        )?;
        line(f, "of bare cryptography", &percent(self.of_bare_crypto))?;
        let of = [
            ("of RSKs made 64 together", self.of_bare_crypto_batch),
            ("of RSKs checked by pairing", self.of_validated_crypto),
        ];
        for (what, part) in of {
            line(f, what, &percent(part))?;
        }
        writeln!(f, "\nBare cryptography over the server, in CPU time:")?;
        let of = [
            ("unchecked", self.of_bare_crypto_by_server_cpu),
            (
                "confirmed as the KMS does",
                self.of_confirmed_crypto_by_server_cpu,
            ),
            ("checked by pairing", self.of_validated_crypto_by_server_cpu),
        ];
        for (what, part) in of {
            line(f, what, &percent(part))?;
        }
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
        let cpu = [
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
        parts(f, &cpu)
    }
}

impl fmt::Display for IdmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "IdM: authorization code with PKCE, over TLS")?;
        writeln!(
            f,
            "{}, {} cores for server and generator\n",
            self.processor, self.cores
        )?;
        line(f, "log-ins a second", &figure(self.logins_per_s))?;
        percentiles(f, [self.p50_ms, self.p95_ms, self.p99_ms])?;
        line(f, "log-ins", &figure(self.users as f64))?;
        line(f, "connections at one time", &self.connections.to_string())?;
        line(f, "one connection for each", self.connecting)?;
        let bare = figure(self.bare_argon2_per_s);
        line(f, "bare argon2id, hashes a second", &bare)?;
        line(f, "of bare argon2id", &percent(self.of_bare_argon2))?;
        line(
            f,
            "argon2id over the server, in CPU time",
            &percent(self.of_bare_argon2_by_server_cpu),
        )?;
        writeln!(f, "\nCPU time for one log-in:")?;
        line(f, "generator", &format!("{:.0} us", self.generator_us))?;
        self.server.fmt(f)?;
        writeln!(f)?;
        line(f, "refreshes a second", &figure(self.refreshes_per_s))?;
        let times = [
            self.refresh_p50_ms,
            self.refresh_p95_ms,
            self.refresh_p99_ms,
        ];
        percentiles(f, times)?;
        writeln!(f, "\nCPU time for one refresh:")?;
        self.refresh_server.fmt(f)?;
        writeln!(f)?;
        line(f, "answers verified", &self.verified.to_string())?;
        line(f, "database", &memory(self.database_octets))?;
        line(
            f,
            "peak memory, server and generator",
            &memory(self.peak_octets),
        )
    }
}

impl fmt::Display for IdmCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = [
            ("server", self.total_us),
            ("  argon2id", self.argon2_us),
            ("  token endpoint: PKCE, JWTs", self.tokens_us),
            ("  TLS", self.tls_us),
            ("  database", self.sql_us),
            ("  sockets", self.socket_us),
            ("  pages and other", self.other_us),
        ];
        parts(f, &cpu)
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

impl fmt::Display for RegisterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Registration with everything: digest, CSK, encrypted and signed token, settings"
        )?;
        writeln!(
            f,
            "{}, {} cores for servers and generator, field backend {}\n",
            self.processor, self.cores, self.backend
        )?;
        line(
            f,
            "registrations a second",
            &figure(self.registrations_per_s),
        )?;
        percentiles(f, [self.p50_ms, self.p95_ms, self.p99_ms])?;
        line(f, "connections", &self.connections.to_string())?;
        writeln!(f, "\nCPU time for one registration:")?;
        let cpu = [
            ("generator", self.generator_us),
            ("SIP core and participating function", self.server_us),
            ("  CSK message: ECCSI, SAKKE", self.mikey_us),
            ("  access token: ES256", self.token_us),
            ("  bodies: XML, HMAC, AES-GCM", self.xml_us),
            ("  SIP, digest, sockets, other", self.sip_us),
        ];
        parts(f, &cpu)?;
        line(f, "CSK message and token", &percent(self.of_crypto))?;
        writeln!(f)?;
        line(f, "clients held", &figure(self.clients as f64))?;
        let again = self.authorised_again.to_string();
        line(f, "of them with a CSK-ID in use at first", &again)?;
        line(
            f,
            "memory of each",
            &format!("{:.0} octets", self.octets_per_client),
        )?;
        line(f, "refreshes a second", &figure(self.refreshes_per_s))?;
        line(f, "p95", &format!("{:.1} ms", self.refresh_p95_ms))?;
        line(
            f,
            "CPU time of the servers for one",
            &format!("{:.0} us", self.refresh_server_us),
        )?;
        line(
            f,
            "peak memory, servers and generator",
            &memory(self.peak_octets),
        )
    }
}
