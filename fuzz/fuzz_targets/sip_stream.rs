#![no_main]
//! A stream gives the same messages whole and octet by octet.
use libfuzzer_sys::fuzz_target;
use roger_sip::message::{Frame, Limits, StreamDecoder, StreamFault, StreamSide};

/// Messages and the fault at the end, if any. Keep-alives depend on where a stream is cut.
fn read(decoder: &mut StreamDecoder, messages: &mut Vec<Vec<u8>>) -> Option<StreamFault> {
    loop {
        match decoder.next_frame() {
            Ok(Some(Frame::Message(message))) => messages.push(message.to_octets()),
            Ok(Some(Frame::Ping | Frame::Pong)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error.reason),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits { head: 1024, lines: 16, body: 1024 };
    for side in [StreamSide::Accepted, StreamSide::Opened] {
        let (mut whole, mut cut) = (StreamDecoder::new(side, limits), StreamDecoder::new(side, limits));
        let (mut from_whole, mut from_cut) = (Vec::new(), Vec::new());
        whole.feed(data);
        let fault = read(&mut whole, &mut from_whole);
        let mut fault_of_cut = None;
        for octet in data {
            cut.feed(&[*octet]);
            fault_of_cut = fault_of_cut.or(read(&mut cut, &mut from_cut));
        }
        assert_eq!(from_whole, from_cut);
        assert_eq!(fault.is_some(), fault_of_cut.is_some());
    }
});
