#![no_main]
//! A datagram is dropped, or held and printed as it came; what is valid can be read, answered and edited.
use libfuzzer_sys::fuzz_target;
use roger_sip::message::{HeaderName, Limits, Message, Response, StatusCode};
use roger_sip::validate::{Capabilities, take_hop, validate, validate_response};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { head: 16 * 1024, lines: 128, body: 64 * 1024 };
    let Ok(message) = Message::parse_datagram(data, &limits) else { return };
    let printed = message.to_octets();
    // Line breaks before the message are skipped; a missing empty line is added.
    let start = data.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).unwrap_or(0);
    let whole = [&data[start..], b"\r\n\r\n"].concat();
    assert!(whole.starts_with(&printed) || printed.starts_with(b"\r") || printed.starts_with(b"\n"));
    match message {
        Message::Request(mut request) => {
            let _ = Capabilities::default().admit(&request);
            match validate(&request) {
                Err(refusal) => drop(refusal.answer(&request).expect("an answer is not larger than its request")),
                Ok(()) => {
                    let headers = request.headers();
                    assert!(headers.top_via().is_ok() && headers.from().is_ok() && headers.to().is_ok());
                    assert!(headers.cseq().is_ok() && headers.call_id().is_ok() && headers.contacts().is_ok());
                    let mut answer = Response::to(&request, StatusCode::RINGING);
                    answer.add_to_tag("t").expect("the To of a valid request can carry a tag");
                    let answer = Message::parse_datagram(&answer.to_octets(), &Limits::default());
                    let Ok(Message::Response(answer)) = answer else { panic!("an answer is a response") };
                    assert!(answer.headers().to().expect("it is as valid as the request's").tag().is_some());
                    let _ = take_hop(request.headers_mut());
                }
            }
            let _ = request.headers_mut().remove_first_element(HeaderName::ROUTE);
            let _ = request.headers_mut().replace_first_element(HeaderName::VIA, "SIP/2.0/UDP h");
        }
        Message::Response(mut response) => {
            let _ = validate_response(&response);
            let _ = response.headers_mut().remove_first_element(HeaderName::VIA);
            let _ = (response.headers().warnings(), response.headers().challenges());
        }
    }
});
