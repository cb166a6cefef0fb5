//! A program of ours around another's library, asked in lines of text.

use crate::compile_c_peer;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A child process that answers each line with one line; it ends when its input is closed.
pub struct LinePeer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Drop for LinePeer {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.child.wait();
    }
}

#[allow(clippy::unwrap_used, reason = "a test without its peer has failed")]
impl LinePeer {
    /// wolfSSL's ECCSI and SAKKE; its requests are listed in `core/ibc/tests/peers/wolfssl_ibc.c`. `None` when wolfSSL
    /// is not installed, after saying so.
    #[must_use]
    pub fn wolfssl() -> Option<Self> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::start(
            &sources.join("../core/ibc/tests/peers/wolfssl_ibc.c"),
            "wolfssl",
        )
    }

    /// Compiles a program against a library and starts it. `None` when the library is not installed, after saying so.
    ///
    /// # Panics
    /// When it cannot be started, or the library is missing under continuous integration.
    #[must_use]
    pub fn start(source: &Path, library: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let program = compile_c_peer(source, library, folder.path(), "peer")?;
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

    /// Sends a request, words in hexadecimal, without waiting, so that both sides compute at the same time.
    ///
    /// # Panics
    /// When the peer has ended.
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
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
    }

    /// The next answer.
    ///
    /// # Panics
    /// When the peer has ended; its message is on standard error.
    pub fn receive(&mut self) -> String {
        let mut line = String::new();
        let octets = self.output.read_line(&mut line).unwrap();
        assert!(octets > 0, "the peer ended; its message is above");
        line.trim_end().to_owned()
    }

    /// A request and its answer.
    ///
    /// # Panics
    /// When the peer has ended.
    pub fn ask(&mut self, request: &str, words: &[&[u8]]) -> String {
        self.send(request, words);
        self.receive()
    }

    /// Whether the answer is `1`.
    ///
    /// # Panics
    /// When the peer has ended.
    pub fn agrees(&mut self, request: &str, words: &[&[u8]]) -> bool {
        self.ask(request, words) == "1"
    }
}
