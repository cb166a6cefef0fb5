//! Debian's libsrtp2 as a child process: `tests/peers/libsrtp2.c`, compiled when the test starts.

use roger_srtp::Suite;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};
use tempfile::TempDir;

pub struct Libsrtp2 {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _directory: TempDir,
}

impl Libsrtp2 {
    /// Compiles and starts the peer; `None`, with a message, when gcc or libsrtp2-dev is missing.
    pub fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/libsrtp2.c");
        let program =
            roger_testkit::compile_c_peer(&source, "srtp2", directory.path(), "libsrtp2-peer")?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            input,
            output,
            _directory: directory,
        })
    }

    fn ask(&mut self, line: &str) -> Result<Vec<u8>, i32> {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        match answer.trim_end_matches('\n').split_once(' ') {
            Some(("ok", octets)) => Ok(hex::decode(octets).unwrap()),
            Some(("err", status)) => Err(status.parse().unwrap()),
            _ => panic!("libsrtp2 peer said {answer:?} to {line}"),
        }
    }

    /// A new session under these (key and salt, MKI) pairs.
    pub fn session(&mut self, suite: Suite, way: &str, ssrc: Option<u32>, keys: &[(&[u8], &[u8])]) {
        self.session_with_rtcp(suite, way, "enc", ssrc, keys);
    }

    /// As [`Self::session`], with SRTCP encrypted (`enc`) or only authenticated (`auth`).
    pub fn session_with_rtcp(
        &mut self,
        suite: Suite,
        way: &str,
        rtcp: &str,
        ssrc: Option<u32>,
        keys: &[(&[u8], &[u8])],
    ) {
        let suite = match suite {
            Suite::AeadAes128Gcm => "gcm",
            Suite::AesCm128HmacSha1Tag80 => "cm",
        };
        let ssrc = ssrc.map_or("any".to_owned(), |ssrc| format!("{ssrc:08x}"));
        let pairs: Vec<String> = keys
            .iter()
            .map(|(key, mki)| format!("{}:{}", hex::encode(key), text(mki)))
            .collect();
        self.ask(&format!(
            "session {suite} {way} {rtcp} {ssrc} {}",
            pairs.join(" ")
        ))
        .unwrap();
    }

    pub fn set_roc(&mut self, ssrc: u32, roc: u32) {
        self.ask(&format!("roc {ssrc:08x} {roc}")).unwrap();
    }

    pub fn protect(&mut self, packet: &[u8]) -> Result<Vec<u8>, i32> {
        self.protect_with(packet, 0)
    }

    pub fn protect_with(&mut self, packet: &[u8], key: usize) -> Result<Vec<u8>, i32> {
        self.ask(&format!("protect {} {key}", text(packet)))
    }

    pub fn unprotect(&mut self, packet: &[u8]) -> Result<Vec<u8>, i32> {
        self.ask(&format!("unprotect {}", text(packet)))
    }

    pub fn protect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, i32> {
        self.ask(&format!("protect_rtcp {}", text(packet)))
    }

    pub fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, i32> {
        self.ask(&format!("unprotect_rtcp {}", text(packet)))
    }
}

impl Drop for Libsrtp2 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(octets: &[u8]) -> String {
    if octets.is_empty() {
        "-".to_owned()
    } else {
        hex::encode(octets)
    }
}
