#![no_main]
//! Whatever a DNS says, a lookup ends, in bounds, and a sips URI leads to TLS only.
//!
//! The input is a URI up to the first line break, then answers in the order of the questions: a length, then
//! records of 9 octets each that pick names, numbers and types.
use libfuzzer_sys::fuzz_target;
use roger_sip::endpoint::Transport;
use roger_sip::locate::{
    Abilities, Answer, HostName, Locator, MAX_HOPS, Naptr, Output, Record, Srv,
};
use roger_sip::uri::Uri;
use roger_testkit::SeededRandom;

const NAMES: [&str; 6] = ["h.example", "_sip._udp.h.example", "a.example", "b.example", ".", "_sips._tcp.h.example"];
const SERVICES: [&str; 6] = ["SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIP+D2W", "SIPS+D2W", "E2U+sip"];
const MOST_QUESTIONS: usize = 1 + 8 + 64;

fn record(octets: &[u8; 9]) -> Record {
    let number = |index: usize| u16::from_be_bytes([octets[index], octets[index + 1]]);
    let name = HostName::parse(NAMES[usize::from(octets[1]) % NAMES.len()]).expect("a name");
    match octets[0] % 4 {
        0 => Record::Naptr(Naptr {
            order: number(2),
            preference: number(4),
            flags: if octets[6].is_multiple_of(4) { String::new() } else { "s".into() },
            service: SERVICES[usize::from(octets[7]) % SERVICES.len()].into(),
            regexp: if octets[8] == 0 { "!a!b!".into() } else { String::new() },
            replacement: name,
        }),
        1 => Record::Srv(Srv { priority: number(2), weight: number(4), port: number(6), target: name }),
        2 => Record::Address([octets[1], octets[2], octets[3], octets[4]].into()),
        _ => Record::Address([number(1), 0, number(3), 0, 0, 0, number(5), number(7)].into()),
    }
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|octet| *octet == b'\n').unwrap_or(data.len());
    let (uri, mut answers) = data.split_at(end);
    answers = answers.get(1..).unwrap_or_default();
    let Ok(uri) = Uri::parse(uri) else { return };
    let Ok(mut locator) = Locator::new(&uri, Abilities::new(&Transport::ALL)) else { return };
    let mut random = SeededRandom::new(1);
    let mut questions = 0;
    loop {
        match locator.poll().expect("it ends with an outcome") {
            Output::Ask(query) => {
                questions += 1;
                assert!(questions <= MOST_QUESTIONS);
                let answer = match answers.split_first() {
                    None => Answer::Nothing,
                    Some((255, rest)) => {
                        answers = rest;
                        Answer::Silence
                    }
                    Some((count, rest)) => {
                        let (chunks, _) = rest.as_chunks::<9>();
                        let taken = chunks.len().min(usize::from(*count));
                        answers = &rest[taken * 9..];
                        Answer::Records(chunks[..taken].iter().map(record).collect())
                    }
                };
                locator.handle(&mut random, &query, answer);
            }
            Output::Found(hops) => {
                assert!((1..=MAX_HOPS).contains(&hops.len()));
                assert!(hops.iter().all(|hop| hop.transport.is_secure() || !uri.is_secure()));
                return;
            }
            Output::Failed(_) => return,
        }
    }
});
