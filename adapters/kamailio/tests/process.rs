//! The child process: it serves, says why it does not, and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, missing_docs)]

mod modules;

use modules::has_module;
use roger_adapter_kamailio::{Kamailio, KamailioError, KamailioSettings, TlsSettings};
use roger_base::ServerUri;
use roger_sip::endpoint::Target;
use roger_sipcore::ApplicationServer;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

fn settings(address: &str) -> KamailioSettings {
    let server = ApplicationServer {
        identity: ServerUri::new("sip:mcptt-pf@mcptt.example.org").unwrap(),
        target: Target::tcp("127.77.1.14:5060".parse().unwrap()),
        feature_tag: "+g.3gpp.mcptt".to_owned(),
    };
    KamailioSettings::new("ims.example.org", address.parse().unwrap(), server)
}

fn installed() -> bool {
    roger_testkit::find_program_beside("kamailio", "/usr/sbin").is_some()
}

#[test]
fn it_serves_until_it_is_dropped() {
    if !installed() {
        return;
    }
    let settings = settings("127.77.1.13:5060");
    let kamailio = Kamailio::start(&settings).unwrap();
    // The end of the question whether it serves has been seen by now too.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let log = kamailio.log();
    let complaints = ["WARNING", "ERROR", "CRITICAL"];
    assert!(!complaints.iter().any(|word| log.contains(word)), "{log}");
    assert!(TcpStream::connect(settings.address).is_ok());
    drop(kamailio);
    assert!(TcpStream::connect(settings.address).is_err());
    // The address is free again at once.
    drop(Kamailio::start(&settings).unwrap());
}

#[test]
fn an_address_that_is_taken_is_named() {
    if !installed() {
        return;
    }
    let settings = settings("127.77.2.13:5060");
    let _taken = TcpListener::bind(settings.address).unwrap();
    match Kamailio::start(&settings) {
        Err(KamailioError::LocalEnded(log)) => assert!(log.contains("127.77.2.13"), "{log}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it serves at an address that somebody else has"),
    }
}

#[test]
fn a_setting_that_would_change_the_configuration_is_refused() {
    if !installed() {
        return;
    }
    let mut settings = settings("127.77.3.13:5060");
    settings.domain = "ims.example.org!g\"\nlisten=udp:0.0.0.0:5060".to_owned();
    assert!(matches!(
        Kamailio::start(&settings),
        Err(KamailioError::LocalSetting(_))
    ));
}

/// A certificate that signs itself.
fn certificate(openssl: &Path, folder: &Path, address: &str) -> TlsSettings {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let made = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=sip.ims.example.org",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    TlsSettings {
        address: address.parse().unwrap(),
        certificate,
        key,
    }
}

/// One line of an answer over TLS, with the server's certificate verified.
fn answer_over_tls(openssl: &Path, tls: &TlsSettings, request: &str) -> String {
    let mut client = Command::new(openssl)
        .args(["s_client", "-quiet", "-verify_return_error", "-connect"])
        .arg(tls.address.to_string())
        .arg("-CAfile")
        .arg(&tls.certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    client
        .stdin
        .as_mut()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    let mut octets = [0; 4_096];
    let read = client.stdout.as_mut().unwrap().read(&mut octets).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    let text = String::from_utf8_lossy(octets.get(..read).unwrap()).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn it_serves_tls_too() {
    if !installed() || !has_module("tls") {
        return;
    }
    let Some(openssl) = roger_testkit::find_program("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings("127.77.4.13:5060");
    let tls = certificate(&openssl, folder.path(), "127.77.4.13:5061");
    settings.tls = Some(tls.clone());
    let _kamailio = Kamailio::start(&settings).unwrap();
    for (method, expected) in ANSWERS {
        assert_eq!(answer_over_tls(&openssl, &tls, &request(method)), expected);
    }
}

/// What a stranger is answered.
const ANSWERS: [(&str, &str); 3] = [
    ("OPTIONS", "SIP/2.0 200 OK"),
    ("REGISTER", "SIP/2.0 401 Unauthorized"),
    ("MESSAGE", "SIP/2.0 403 Forbidden"),
];

fn request(method: &str) -> String {
    format!(
        "{method} sip:ims.example.org SIP/2.0\r\nVia: SIP/2.0/TLS 127.77.4.100:5061;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:ua@ims.example.org>;tag=1\r\nTo: <sip:ua@ims.example.org>\r\n\
         Call-ID: 1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A masked text frame (RFC 6455 5.2); the mask is zero, so that the text stands as it is.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let head = [0x81, 0xFE, length[0], length[1], 0, 0, 0, 0];
    [&head, text.as_bytes()].concat()
}

fn read(stream: &mut TcpStream) -> String {
    let mut octets = [0; 4_096];
    let read = stream.read(&mut octets).unwrap();
    String::from_utf8_lossy(octets.get(..read).unwrap()).into_owned()
}

#[test]
fn it_serves_websocket_too() {
    if !installed() || !has_module("websocket") {
        return;
    }
    let mut settings = settings("127.77.5.13:5060");
    settings.websocket = true;
    settings.ue_address = Some("127.77.5.13:8080".parse().unwrap());
    let _kamailio = Kamailio::start(&settings).unwrap();
    let handshake = |upgrade: &str| {
        let mut stream = TcpStream::connect(settings.address).unwrap();
        let asked = format!(
            "GET / HTTP/1.1\r\nHost: 127.77.5.13:5060\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(asked.as_bytes()).unwrap();
        let answer = read(&mut stream);
        (stream, answer)
    };
    let (_, refused) = handshake("h2c");
    assert!(refused.starts_with("HTTP/1.1 404"), "{refused}");
    let (mut stream, accepted) = handshake("websocket");
    assert!(accepted.starts_with("HTTP/1.1 101"), "{accepted}");
    // The value of the standard's own example.
    assert!(
        accepted.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{accepted}"
    );
    for (method, expected) in ANSWERS {
        let text = request(method).replace("SIP/2.0/TLS", "SIP/2.0/WS");
        stream.write_all(&frame(&text)).unwrap();
        let answer = read(&mut stream);
        assert!(answer.contains(expected), "{answer}");
    }
}
