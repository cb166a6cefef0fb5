use crate::common::*;
use std::process::{Command, Stdio};

#[test]
fn every_form_gives_the_same_page() {
    let folder = Folder::new();
    let vectors = vectors(MIKEY);
    let case = &vectors["messages"][2];
    let (digits, base64) = (text(&case["message"]), text(&case["base64"]));
    let octets = hex::decode(digits).unwrap();
    let line = format!("a=key-mgmt:mikey {base64}");
    let sdp = format!("v=0\r\ns=-\r\nm=audio 4000 RTP/SAVP 96\r\n{line}\r\n");
    let page = out(&roger(&["mikey", digits]));
    let files = [
        folder.file("message.bin", &octets),
        folder.file("message.hex", digits),
        folder.file("message.b64", base64),
        folder.file("offer.sdp", &sdp),
    ];
    let files = files.iter().map(String::as_str);
    for input in [base64, &line, &sdp].into_iter().chain(files) {
        assert_eq!(out(&roger(&["mikey", input])), page, "{input}");
    }
    for input in [octets.as_slice(), digits.as_bytes(), line.as_bytes()] {
        assert_eq!(out(&with_stdin(&["mikey", "-"], input)), page);
    }
    let packet = "80cc00031a2b3c4d4d43505400020500";
    let page = out(&roger(&["floor", packet]));
    let binary = folder.file("packet.bin", hex::decode(packet).unwrap());
    assert_eq!(out(&roger(&["floor", &binary])), page);
    assert_eq!(out(&with_stdin(&["floor", "-"], packet.as_bytes())), page);
}

#[test]
fn what_holds_no_message_is_status_two() {
    let folder = Folder::new();
    let capture = folder.file("x.pcap", [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0]);
    let empty = folder.file("empty", "");
    let long = folder.file("long", vec![b'0'; (1 << 20) + 1]);
    let no_text = folder.file("octets", [0xFF, 0xFE, 0xFD]);
    let cases: [(&[&str], &str); 14] = [
        (
            &["mikey", "nothing.bin"],
            "no such file, and as text: the text is neither hex",
        ),
        (
            &["srtp", "nothing.bin"],
            "no such file, and as text: the text is neither hex",
        ),
        (&["mikey", ""], "the input is empty"),
        (
            &["mikey", "011"],
            "the hex text has 3 digits, an odd number",
        ),
        (
            &["floor", "80c"],
            "the hex text has 3 digits, an odd number",
        ),
        (
            &["mikey", "a=key-mgmt:sdes x"],
            "the SDP has no a=key-mgmt:mikey attribute",
        ),
        (
            &["mikey", "a=key-mgmt:mikey A*B="],
            "key-mgmt data is not base64",
        ),
        (&["mikey", &capture], "the input is a capture file"),
        (&["srtp", &capture], "the input is a capture file"),
        (&["floor", &empty], "the input is empty"),
        (&["mikey", &empty], "the input is empty"),
        (
            &["mikey", &no_text],
            "neither a MIKEY message (its first octet would be 01) nor text",
        ),
        (&["srtp", &long], "has more than 1048576 octets"),
        (&["mikey", &long], "has more than 1048576 octets"),
    ];
    for (arguments, expected) in cases {
        let shown = roger(arguments);
        assert_eq!(code(&shown), 2, "{arguments:?}");
        assert!(out(&shown).is_empty());
        assert!(err(&shown).contains(expected), "{}", err(&shown));
        let shown = roger(&[arguments, &["--json"]].concat());
        assert_eq!(code(&shown), 2);
        assert_eq!(json(&shown)["ok"], false);
        assert!(text(&json(&shown)["error"]["text"]).contains(expected));
    }
    assert_eq!(code(&with_stdin(&["floor", "-"], b"")), 2);
    assert_eq!(code(&with_stdin(&["mikey", "-"], b" \n")), 2);
    assert_eq!(
        code(&roger(&["mikey", folder.0.path().to_str().unwrap()])),
        2
    );
    assert_eq!(code(&roger(&["mikey"])), 2);
    assert_eq!(code(&roger(&["sakke", "00"])), 2);
}

/// On a terminal there is colour, in a pipe none, and `NO_COLOR` is obeyed.
#[test]
fn colour_on_a_terminal_only() {
    let program = env!("CARGO_BIN_EXE_roger");
    let command = format!("{program} inspect mikey 0109");
    let on_a_terminal = |no_color: &str| {
        Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("NO_COLOR", no_color)
            .stdin(Stdio::null())
            .output()
            .expect("script of util-linux is there")
    };
    let coloured = on_a_terminal("");
    assert!(out(&coloured).contains("\u{1b}["), "{}", out(&coloured));
    assert_eq!(code(&coloured), 1);
    let plain = on_a_terminal("1");
    assert!(!out(&plain).contains('\u{1b}'), "{}", out(&plain));
    assert!(!out(&roger(&["mikey", "0109"])).contains('\u{1b}'));
}

/// `roger inspect … | head -1` ends quietly.
#[test]
fn a_closed_pipe_is_no_error() {
    let vectors = vectors(MIKEY);
    let message = text(&vectors["messages"][0]["message"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_roger"))
        .args(["inspect", "mikey", message])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(err(&output).is_empty(), "{}", err(&output));
    assert_eq!(code(&output), 0);
}
