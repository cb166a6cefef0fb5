//! wolfSSL for the tests that cross with it.
#![allow(dead_code, unreachable_pub, reason = "each test uses what it needs")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// wolfSSL as a child process; it ends when its input is closed.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// `None` when wolfSSL is not installed, after saying so.
    pub fn start() -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/wolfssl_ibc.c");
        let folder = tempfile::tempdir().unwrap();
        let program = roger_testkit::compile_c_peer(&source, "wolfssl", folder.path(), "peer")?;
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            input,
            output,
            _folder: folder,
        })
    }

    /// Sends a request, so that both sides compute at the same time.
    pub fn send(&mut self, request: &str, words: &[&[u8]]) {
        let mut line = request.to_owned();
        for word in words {
            line.push(' ');
            line.push_str(&if word.is_empty() {
                "-".to_owned()
            } else {
                hex::encode(word)
            });
        }
        line.push('\n');
        self.input
            .as_mut()
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
    }

    pub fn receive(&mut self) -> String {
        let mut line = String::new();
        let octets = self.output.read_line(&mut line).unwrap();
        assert!(octets > 0, "wolfSSL ended; its message is above");
        line.trim_end().to_owned()
    }

    pub fn ask(&mut self, request: &str, words: &[&[u8]]) -> String {
        self.send(request, words);
        self.receive()
    }

    pub fn agrees(&mut self, request: &str, words: &[&[u8]]) -> bool {
        self.ask(request, words) == "1"
    }
}
