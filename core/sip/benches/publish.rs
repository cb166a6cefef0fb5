//! How long it takes to read and print a PUBLISH of 2.9 kB: `cargo bench -p roger-sip`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use roger_sip::message::{HeaderName, Limits, Message};
use roger_sip::validate::validate;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 200_000;

/// A service authorisation as a client sends it.
fn publish() -> Vec<u8> {
    let token = "eyJhbGciOiJSUzI1NiJ9.".repeat(40);
    let body = format!(
        "--b1\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n\r\n<mcpttinfo><mcptt-access-token>{token}\
         </mcptt-access-token></mcpttinfo>\r\n--b1\r\nContent-Type: application/poc-settings+xml\r\n\r\n{}\r\n--b1--\r\n",
        "<entity id=\"x\"/>".repeat(20),
    );
    let head = "PUBLISH sip:mcptt-pf@mcx.example SIP/2.0\r\n\
        Via: SIP/2.0/TLS 10.0.0.21:5061;branch=z9hG4bK776asdhds;rport\r\n\
        Route: <sip:pcscf.mcx.example;lr>, <sip:scscf.mcx.example;lr>\r\n\
        Max-Forwards: 70\r\nFrom: <sip:+4915100001@ims.example>;tag=a1b2c3\r\nTo: <sip:+4915100001@ims.example>\r\n\
        Call-ID: 5f2b1e2c-6d0c-4f5e@10.0.0.21\r\nCSeq: 1 PUBLISH\r\n\
        P-Preferred-Identity: <sip:+4915100001@ims.example>\r\n\
        P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n\
        P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620123\r\n\
        Accept-Contact: *;+g.3gpp.mcptt;require;explicit\r\n\
        Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit\r\n\
        Event: poc-settings\r\nExpires: 4294967295\r\nSupported: path, gruu, outbound\r\n\
        User-Agent: roger\r\nContent-Type: multipart/mixed;boundary=b1\r\n";
    let pad = 2900usize.saturating_sub(head.len() + body.len() + 30 + 12);
    format!(
        "{head}X-Padding: {}\r\nContent-Length: {}\r\n\r\n{body}",
        "p".repeat(pad),
        body.len()
    )
    .into_bytes()
}

fn measure(name: &str, mut round: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        round();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        round();
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{name:<44} {micros:6.2} µs");
}

fn main() {
    let octets = publish();
    let limits = Limits::default();
    println!("PUBLISH of {} octets", octets.len());
    measure("read and print", || {
        let message = Message::parse_datagram(black_box(&octets), &limits).unwrap();
        black_box(message.to_octets());
    });
    measure("read, four typed headers, print", || {
        let message = Message::parse_datagram(black_box(&octets), &limits).unwrap();
        let headers = message.headers();
        black_box((
            headers.top_via().unwrap(),
            headers.from().unwrap(),
            headers.to().unwrap(),
            headers.cseq().unwrap(),
        ));
        black_box(message.to_octets());
    });
    measure("read, validate, replace one header, print", || {
        let Ok(Message::Request(mut request)) =
            Message::parse_datagram(black_box(&octets), &limits)
        else {
            return;
        };
        validate(&request).unwrap();
        request
            .headers_mut()
            .set(HeaderName::MAX_FORWARDS, "69")
            .unwrap();
        black_box(request.to_octets());
    });
}
