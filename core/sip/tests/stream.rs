//! Messages on a stream: any pieces, pipelining, keep-alives, lies about length.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::prelude::*;
use roger_sip::message::{
    Frame, Limits, Message, ParseError, StatusCode, StreamDecoder, StreamFault, StreamSide,
};

const FIRST: &[u8] = b"MESSAGE sip:h SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nContent-Length: 9\r\n\r\na\r\n\r\n\r\nbc";
const SECOND: &[u8] = b"SIP/2.0 200 OK\r\nl: 0\r\nX: y\r\n\r\n";

fn limits() -> Limits {
    Limits {
        head: 2000,
        lines: 50,
        body: 5000,
    }
}

fn decoder(side: StreamSide) -> StreamDecoder {
    StreamDecoder::new(side, limits())
}

/// What one frame was: the octets of a message, or a word for a keep-alive.
fn describe(frame: Frame) -> Vec<u8> {
    match frame {
        Frame::Message(message) => message.to_octets(),
        Frame::Ping => b"ping".to_vec(),
        Frame::Pong => b"pong".to_vec(),
    }
}

fn drain(decoder: &mut StreamDecoder) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| decoder.next_frame().unwrap())
        .map(describe)
        .collect()
}

fn fault(octets: &[u8]) -> (StreamFault, StatusCode, bool) {
    let mut decoder = decoder(StreamSide::Accepted);
    decoder.feed(octets);
    let error = loop {
        match decoder.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no fault"),
            Err(error) => break error,
        }
    };
    decoder.feed(FIRST);
    assert_eq!(
        decoder.next_frame().unwrap_err().reason,
        error.reason,
        "the decoder stays shut"
    );
    assert!(!decoder.is_inside_message());
    (error.reason, error.status(), error.message.is_some())
}

#[test]
fn messages_behind_each_other_come_out_in_order() {
    let mut decoder = decoder(StreamSide::Accepted);
    decoder.feed(&[FIRST, SECOND, b"\r\n", FIRST, b"\r\n\r\n", SECOND].concat());
    assert_eq!(drain(&mut decoder), [FIRST, SECOND, FIRST, b"ping", SECOND]);
    assert!(!decoder.is_inside_message());
}

#[test]
fn octet_by_octet_gives_the_same() {
    let mut decoder = decoder(StreamSide::Accepted);
    let mut found = Vec::new();
    for octet in [b"\r\n\r\n", FIRST, SECOND].concat() {
        decoder.feed(&[octet]);
        found.extend(drain(&mut decoder));
    }
    assert_eq!(found, [b"ping", FIRST, SECOND]);
}

#[test]
fn line_breaks_mean_pong_to_who_opened_and_ping_to_who_accepted() {
    let mut opened = decoder(StreamSide::Opened);
    opened.feed(b"\r\n");
    assert_eq!(drain(&mut opened), [b"pong"]);
    let mut accepted = decoder(StreamSide::Accepted);
    accepted.feed(b"\r\n");
    assert!(drain(&mut accepted).is_empty());
    assert!(!accepted.is_inside_message(), "half a ping is no message");
    accepted.feed(b"\r\n\r\n\r\n");
    assert_eq!(drain(&mut accepted), [b"ping", b"ping"]);
}

#[test]
fn a_begun_message_is_known_as_such() {
    let mut decoder = decoder(StreamSide::Accepted);
    decoder.feed(b"MESS");
    assert!(decoder.next_frame().unwrap().is_none());
    assert!(decoder.is_inside_message());
}

#[test]
fn a_stream_needs_one_usable_content_length() {
    let with =
        |header: &str| format!("MESSAGE sip:h SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n{header}\r\n\r\nx");
    let bad = StatusCode::BAD_REQUEST;
    assert_eq!(
        fault(with("X: y").as_bytes()),
        (StreamFault::NoContentLength, bad, true)
    );
    for lie in [
        "-1",
        "x",
        "",
        "1\r\nl: 2",
        "99999999999999999999",
        "4294967296",
    ] {
        let text = with(&format!("Content-Length: {lie}"));
        assert_eq!(
            fault(text.as_bytes()),
            (StreamFault::ContentLength, bad, true),
            "{lie}"
        );
    }
    let large = with("Content-Length: 5001");
    assert_eq!(
        fault(large.as_bytes()),
        (
            StreamFault::BodyTooLarge(5000),
            StatusCode::MESSAGE_TOO_LARGE,
            true
        )
    );
}

#[test]
fn garbage_and_endless_heads_shut_the_stream() {
    let bad = StatusCode::BAD_REQUEST;
    let head = StreamFault::Head(ParseError::HeadTooLarge(2000));
    assert_eq!(fault(&[b'a'; 2001]), (head, bad, false));
    let long = [
        b"MESSAGE sip:h SIP/2.0\r\nX: ",
        &[b'a'; 2000][..],
        b"\r\nl: 0\r\n\r\n",
    ]
    .concat();
    assert_eq!(fault(&long), (head, bad, false));
    let lines = [
        &b"MESSAGE sip:h SIP/2.0\r\n"[..],
        &b"a: b\r\n".repeat(51),
        b"l: 0\r\n\r\n",
    ]
    .concat();
    assert_eq!(
        fault(&lines),
        (StreamFault::Head(ParseError::TooManyLines(50)), bad, false)
    );
    let start = StreamFault::Head(ParseError::StartLine);
    assert_eq!(fault(b"\0 / HTTP/1.1\r\nl: 0\r\n\r\n"), (start, bad, false));
    assert_eq!(
        fault(b"SIP/9.0 200 OK\r\nl: 0\r\n\r\n"),
        (start, bad, false)
    );
}

/// A line break in front would otherwise let a message take for ever.
#[test]
fn a_line_break_before_a_message_hides_no_beginning() {
    for side in [StreamSide::Accepted, StreamSide::Opened] {
        for start in [
            &b"\n"[..],
            b"\nMESSAGE sip:h SIP/2.0\r\n",
            b"\rM",
            b"\r\r",
            b"\r\nM",
        ] {
            let mut decoder = decoder(side);
            decoder.feed(start);
            let _ = drain(&mut decoder);
            assert!(decoder.is_inside_message(), "{side:?} {start:?}");
        }
        for start in [&b"\r"[..], b"\r\n", b"\r\n\r"] {
            let mut decoder = decoder(side);
            decoder.feed(start);
            let _ = drain(&mut decoder);
            assert!(!decoder.is_inside_message(), "{side:?} {start:?}");
        }
    }
}

#[test]
fn messages_are_counted() {
    let mut decoder = decoder(StreamSide::Accepted);
    decoder.feed(&[FIRST, SECOND, b"\r\n\r\n", b"MESS"].concat());
    let _ = drain(&mut decoder);
    assert_eq!(decoder.messages(), 2);
    assert!(decoder.is_inside_message());
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_frames(cuts in proptest::collection::vec(1usize..40, 0..40), opened: bool) {
        let side = if opened { StreamSide::Opened } else { StreamSide::Accepted };
        let whole = [FIRST, SECOND, SECOND, FIRST, FIRST].concat();
        let mut decoder = decoder(side);
        let (mut rest, mut found) = (&whole[..], Vec::new());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            decoder.feed(piece);
            found.extend(drain(&mut decoder));
            rest = after;
        }
        decoder.feed(rest);
        found.extend(drain(&mut decoder));
        prop_assert_eq!(found, [FIRST, SECOND, SECOND, FIRST, FIRST]);
    }

    #[test]
    fn random_pieces_end_in_frames_or_a_fault(pieces in proptest::collection::vec(prop_oneof![
        Just(FIRST.to_vec()), Just(SECOND.to_vec()), Just(b"\r\n".to_vec()), Just(b"Content-Length: 3\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ], 0..20)) {
        let mut decoder = decoder(StreamSide::Accepted);
        for piece in pieces {
            decoder.feed(&piece);
            while let Ok(Some(frame)) = decoder.next_frame() {
                if let Frame::Message(message) = frame {
                    let again = Message::parse_datagram(&message.to_octets(), &limits()).unwrap();
                    prop_assert_eq!(again.to_octets(), message.to_octets());
                }
            }
        }
    }
}
