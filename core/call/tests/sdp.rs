//! Session descriptions: reading, offering, answering and anchoring, well meant and hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use proptest::prelude::*;
use roger_call::sdp::{
    Direction, Encoding, FloorAnchor, FloorParameters, KeyManagement, LocalMedia, MAX_MEDIA,
    MAX_OCTETS, MediaAnchor, Offer, Origin, SessionDescription, Unusable, agree, answer, rewrite,
};

const OFFER: &str = "v=0\r
o=- 7 3 IN IP4 10.0.0.21\r
s=-\r
c=IN IP4 10.0.0.21\r
t=0 0\r
m=audio 40100 RTP/AVP 96\r
i=speech\r
a=rtpmap:96 AMR-WB/16000/1\r
a=fmtp:96 mode-change-capability=2;max-red=0;octet-align=1\r
a=ptime:20\r
a=maxptime:240\r
a=rtcp:40101\r
a=sendrecv\r
m=application 40102 udp MCPTT\r
a=fmtp:MCPTT mc_queueing;mc_priority=5;mc_granted;mc_implicit_request\r
";

fn read(text: &str) -> Result<SessionDescription, Unusable> {
    SessionDescription::parse(text.as_bytes())
}

fn floor(text: &str) -> FloorParameters {
    FloorParameters::parse(text).unwrap()
}

fn offer() -> Offer {
    Offer {
        origin: Origin {
            session_id: 7,
            version: 3,
        },
        address: "10.0.0.21".parse().unwrap(),
        audio_port: 40100,
        rtcp_port: 40101,
        direction: Direction::SendReceive,
        floor: Some((
            40102,
            floor("mc_queueing;mc_priority=5;mc_granted;mc_implicit_request"),
        )),
        key_management: None,
    }
}

fn local() -> LocalMedia {
    LocalMedia {
        origin: Origin {
            session_id: 8,
            version: 1,
        },
        address: "192.0.2.9".parse().unwrap(),
        audio_port: 5000,
        rtcp_port: 5001,
        direction: Direction::SendReceive,
        floor: Some((5002, floor("mc_queueing;mc_priority=3"))),
    }
}

fn anchor() -> MediaAnchor {
    MediaAnchor {
        address: "192.0.2.1".parse().unwrap(),
        audio_port: 6000,
        rtcp_port: 6001,
        floor: Some(FloorAnchor {
            port: 6002,
            parameters: None,
        }),
        origin: None,
    }
}

#[test]
fn the_offer_is_the_one_of_the_standard() {
    assert_eq!(String::from_utf8(offer().write()).unwrap(), OFFER);
}

#[test]
fn reads_what_a_call_needs() {
    let read = read(OFFER).unwrap();
    let audio = read.speech().unwrap();
    assert_eq!(
        (
            audio.address.to_string().as_str(),
            audio.port,
            audio.rtcp_port
        ),
        ("10.0.0.21", 40100, 40101)
    );
    assert!(audio.is_speech);
    assert_eq!(audio.direction, Direction::SendReceive);
    let codec = &audio.codecs[0];
    assert!(codec.amr_wb().unwrap().octet_aligned);
    assert_eq!(codec.amr_wb().unwrap().max_red, Some(0));
    let channel = read.floor.unwrap();
    assert_eq!((channel.port, channel.index), (40102, 1));
    assert!(channel.parameters.implicit_request);
}

#[test]
fn the_key_message_is_read_at_either_level_the_medium_first() {
    let key = KeyManagement::from_message(b"I_MESSAGE octets \xff\x00");
    let written = Offer {
        key_management: Some(key.clone()),
        floor: None,
        ..offer()
    }
    .write();
    let found = SessionDescription::parse(&written).unwrap();
    assert_eq!(
        found
            .audio
            .unwrap()
            .key_management
            .unwrap()
            .message()
            .unwrap(),
        b"I_MESSAGE octets \xff\x00"
    );
    assert!(found.floor.is_none());
    let session_level = OFFER.replace("t=0 0\r\n", "t=0 0\r\na=key-mgmt:mikey AAAA\r\n");
    assert_eq!(
        read(&session_level)
            .unwrap()
            .audio
            .unwrap()
            .key_management
            .unwrap()
            .as_str(),
        "AAAA"
    );
    let both = session_level.replace(
        "a=sendrecv\r\n",
        "a=sendrecv\r\na=key-mgmt:MIKEY  BBBB\r\na=key-mgmt:other C\r\n",
    );
    assert_eq!(
        read(&both)
            .unwrap()
            .audio
            .unwrap()
            .key_management
            .unwrap()
            .as_str(),
        "BBBB"
    );
    for bad in [
        "mikey",
        "mikey ",
        "mikey A",
        "mikey A A=",
        "mikey AAAA\r\na=key-mgmt:mikey AAAA",
    ] {
        let text = OFFER.replace(
            "a=sendrecv\r\n",
            &format!("a=sendrecv\r\na=key-mgmt:{bad}\r\n"),
        );
        assert_eq!(read(&text).unwrap_err(), Unusable::KeyManagement, "{bad}");
    }
    let long = OFFER.replace(
        "a=sendrecv\r\n",
        &format!("a=sendrecv\r\na=key-mgmt:mikey {}\r\n", "AAAA".repeat(4097)),
    );
    assert_eq!(read(&long).unwrap_err(), Unusable::KeyManagement);
    assert!(!format!("{key:?}").contains(key.as_str()));
}

#[test]
fn every_transport_token_means_the_same() {
    for token in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "rtp/savp"] {
        let offer = read(&OFFER.replace("RTP/AVP", token)).unwrap();
        let (answered, _) = answer(&offer, &local()).unwrap();
        assert!(
            String::from_utf8(answered)
                .unwrap()
                .contains(&format!("m=audio 5000 {token} 96\r\n")),
            "{token}"
        );
    }
    assert_eq!(
        read(&OFFER.replace("RTP/AVP", "TCP/RTP/AVP")).unwrap_err(),
        Unusable::Transport
    );
}

#[test]
fn the_answer_repeats_the_codec_and_stays_within_the_floor_parameters() {
    let (answered, agreed) = answer(&read(OFFER).unwrap(), &local()).unwrap();
    let expected = "v=0\r
o=- 8 1 IN IP4 192.0.2.9\r
s=-\r
c=IN IP4 192.0.2.9\r
t=0 0\r
m=audio 5000 RTP/AVP 96\r
i=speech\r
a=rtpmap:96 AMR-WB/16000/1\r
a=fmtp:96 mode-change-capability=2;max-red=0;octet-align=1\r
a=ptime:20\r
a=maxptime:240\r
a=rtcp:5001\r
a=sendrecv\r
m=application 5002 udp MCPTT\r
a=fmtp:MCPTT mc_queueing;mc_priority=3\r
";
    assert_eq!(String::from_utf8(answered.clone()).unwrap(), expected);
    assert_eq!(agreed.floor, Some(floor("mc_queueing;mc_priority=3")));
    let seen = agree(
        &read(OFFER).unwrap(),
        &SessionDescription::parse(&answered).unwrap(),
    )
    .unwrap();
    assert_eq!(seen, agreed);
}

#[test]
fn other_media_and_other_codecs_are_refused_in_their_place() {
    let text = "v=0\r
o=- 1 1 IN IP4 10.0.0.1\r
s=-\r
t=0 0\r
m=video 3000 RTP/AVP 31 32\r
c=IN IP4 10.0.0.9\r
m=audio 3002 RTP/AVP 0 101 98 97\r
c=IN IP6 2001:db8::7\r
a=recvonly\r
a=rtpmap:101 telephone-event/8000\r
a=rtpmap:98 AMR-WB/16000\r
a=fmtp:98 crc=1\r
a=rtpmap:97 AMR-WB/16000\r
a=fmtp:97 mode-set=0,2,8; x=y; max-red=220\r
m=application 3004 udp OTHER\r
c=IN IP4 10.0.0.9\r
";
    let offer = read(text).unwrap();
    let audio = offer.speech().unwrap();
    assert_eq!(
        (audio.rtcp_port, audio.is_speech, audio.direction),
        (3003, false, Direction::ReceiveOnly)
    );
    assert!(
        matches!(audio.codecs[2].encoding, Encoding::Other { .. }),
        "CRC is not read here"
    );
    let amr_wb = audio.codecs[3].amr_wb().unwrap();
    assert!(
        !amr_wb.octet_aligned
            && amr_wb.allows_mode(8)
            && !amr_wb.allows_mode(1)
            && !amr_wb.allows_mode(9)
    );
    let (answered, agreed) = answer(&offer, &local()).unwrap();
    let answered = String::from_utf8(answered).unwrap();
    assert!(answered.contains("m=video 0 RTP/AVP 31 32\r\n"));
    assert!(answered.contains("m=audio 5000 RTP/AVP 97\r\n"));
    assert!(answered.contains("a=fmtp:97 mode-set=0,2,8;max-red=220\r\n"));
    assert!(answered.contains("a=sendonly\r\n"));
    assert!(answered.ends_with("m=application 0 udp OTHER\r\n"));
    assert_eq!(
        (agreed.codec.payload_type, agreed.direction, agreed.floor),
        (97, Direction::SendOnly, None)
    );
}

#[test]
fn floor_control_can_be_refused_or_absent() {
    let (answered, agreed) = answer(
        &read(OFFER).unwrap(),
        &LocalMedia {
            floor: None,
            ..local()
        },
    )
    .unwrap();
    assert!(
        String::from_utf8(answered.clone())
            .unwrap()
            .ends_with("m=application 0 udp MCPTT\r\n")
    );
    assert_eq!(agreed.floor, None);
    let seen = agree(
        &read(OFFER).unwrap(),
        &SessionDescription::parse(&answered).unwrap(),
    )
    .unwrap();
    assert_eq!(seen.floor, None);
    let without = OFFER.split("m=application").next().unwrap();
    assert_eq!(
        answer(&read(without).unwrap(), &local()).unwrap().1.floor,
        None
    );
    let off = OFFER.replace("m=application 40102", "m=application 0");
    assert!(read(&off).unwrap().floor.is_none());
}

#[test]
fn directions_answer_each_other() {
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    for (offered, wish, answered) in [
        (SendReceive, SendReceive, SendReceive),
        (SendReceive, ReceiveOnly, ReceiveOnly),
        (SendOnly, SendReceive, ReceiveOnly),
        (SendOnly, SendOnly, Inactive),
        (ReceiveOnly, SendReceive, SendOnly),
        (ReceiveOnly, ReceiveOnly, Inactive),
        (Inactive, SendReceive, Inactive),
    ] {
        assert_eq!(offered.answered(wish), answered, "{offered} {wish}");
    }
}

#[test]
fn unusable_offers_are_refused() {
    let without = |line: &str| OFFER.replace(line, "");
    let instead = |line: &str, new: &str| OFFER.replace(line, new);
    for (text, error) in [
        (without("c=IN IP4 10.0.0.21\r\n"), Unusable::Address),
        (
            instead("c=IN IP4 10.0.0.21", "c=IN IP4 media.example"),
            Unusable::Address,
        ),
        (
            instead("c=IN IP4 10.0.0.21", "c=IN IP4 224.2.36.42/127"),
            Unusable::Address,
        ),
        (
            instead("c=IN IP4 10.0.0.21", "c=IN IP4 224.2.36.42"),
            Unusable::Address,
        ),
        (
            instead("c=IN IP4 10.0.0.21", "c=IN IP4 255.255.255.255"),
            Unusable::Address,
        ),
        (
            instead("c=IN IP4 10.0.0.21", "c=IN IP6 ff02::1"),
            Unusable::Address,
        ),
        (instead("40100 RTP", "40100/2 RTP"), Unusable::Port),
        (instead("40102 udp", "40102/2 udp"), Unusable::Port),
        (
            instead("40100 RTP", "65535 RTP").replace("a=rtcp:40101\r\n", ""),
            Unusable::Port,
        ),
        (
            instead("a=rtcp:40101", "a=rtcp:0"),
            Unusable::Number("a=rtcp"),
        ),
        (
            instead("a=rtcp:40101", "a=rtcp:65536"),
            Unusable::Number("a=rtcp"),
        ),
        (
            instead("a=rtcp:40101", "a=rtcp:4294967396"),
            Unusable::Number("a=rtcp"),
        ),
        (
            instead("RTP/AVP 96", "RTP/AVP 96 96"),
            Unusable::PayloadType,
        ),
        (instead("RTP/AVP 96", "RTP/AVP 128"), Unusable::PayloadType),
        (
            instead("RTP/AVP 96", "RTP/AVP 4294967392"),
            Unusable::PayloadType,
        ),
        (instead("RTP/AVP 96", "RTP/AVP x"), Unusable::PayloadType),
        (
            instead("16000/1", "4294983296/1"),
            Unusable::Number("a=rtpmap"),
        ),
        (
            instead("16000/1", "16000/257"),
            Unusable::Number("a=rtpmap"),
        ),
        (
            instead("max-red=0", "max-red=4294967296"),
            Unusable::Number("a=fmtp of AMR-WB"),
        ),
        (
            instead("octet-align=1", "octet-align=4294967297"),
            Unusable::Number("a=fmtp of AMR-WB"),
        ),
        (
            instead("max-red=0", "mode-set=9"),
            Unusable::Number("mode-set"),
        ),
        (
            instead("mc_priority=5", "mc_priority=4294967301"),
            Unusable::Number("mc_priority"),
        ),
        (
            instead("mc_priority=5", "mc_queueing"),
            Unusable::FloorParameter,
        ),
        (
            instead("t=0 0", "b=AS:4294967296\r\nt=0 0"),
            Unusable::Number("b="),
        ),
        (
            format!("{OFFER}m=application 9 udp MCPTT\r\n"),
            Unusable::TwoFloorChannels,
        ),
        (
            format!("{OFFER}a=fmtp:MCPTT mc_queueing\r\n"),
            Unusable::FloorParameter,
        ),
    ] {
        assert_eq!(read(&text).unwrap_err(), error, "{text}");
    }
    for text in [
        String::new(),
        "v=1\r\n".into(),
        instead("40100 RTP", "4294967396 RTP"),
        instead("40100 RTP", "65536 RTP"),
        instead("40100 RTP", "-1 RTP"),
        instead("o=- 7 3", "o=- 7 99999999999999999999"),
        instead("i=speech", "i=speech\r\ni=speech"),
        instead("m=audio 40100 RTP/AVP 96", "m=audio 40100"),
        instead("t=0 0", "t=0 0\r\na=\0"),
    ] {
        assert!(matches!(read(&text), Err(Unusable::Malformed(_))), "{text}");
    }
    assert!(matches!(
        SessionDescription::parse(b"v=0\r\ns=\xff\r\n"),
        Err(Unusable::Malformed(_))
    ));
}

#[test]
fn sizes_are_bounded() {
    let long = format!("{OFFER}a=x:{}\r\n", "a".repeat(MAX_OCTETS));
    assert_eq!(read(&long).unwrap_err(), Unusable::TooLarge);
    let media = format!("{OFFER}{}", "m=video 0 RTP/AVP 31\r\n".repeat(MAX_MEDIA));
    assert_eq!(read(&media).unwrap_err(), Unusable::TooLarge);
    let lines = format!("{OFFER}{}", "a=x\r\n".repeat(1024));
    assert_eq!(read(&lines).unwrap_err(), Unusable::TooLarge);
}

#[test]
fn an_offer_without_usable_speech_is_refused_when_it_is_answered() {
    let off = read(&OFFER.replace("m=audio 40100", "m=audio 0")).unwrap();
    assert_eq!(answer(&off, &local()).unwrap_err(), Unusable::NoAudio);
    let other = read(&OFFER.replace("AMR-WB/16000", "EVS/16000")).unwrap();
    assert_eq!(answer(&other, &local()).unwrap_err(), Unusable::NoCodec);
    let wrong_rate = read(&OFFER.replace("AMR-WB/16000", "AMR-WB/8000")).unwrap();
    assert_eq!(
        answer(&wrong_rate, &local()).unwrap_err(),
        Unusable::NoCodec
    );
    let stereo = read(&OFFER.replace("16000/1", "16000/2")).unwrap();
    assert_eq!(answer(&stereo, &local()).unwrap_err(), Unusable::NoCodec);
}

#[test]
fn the_stream_labelled_speech_is_preferred() {
    let two = OFFER.replace("m=audio 40100", "m=audio 39998 RTP/AVP 0\r\nm=audio 40100");
    assert_eq!(read(&two).unwrap().speech().unwrap().index, 1);
    let none = two.replace("i=speech\r\n", "");
    assert_eq!(read(&none).unwrap().speech().unwrap().index, 0);
}

#[test]
fn held_calls_and_multiplexed_rtcp_are_read() {
    let held = read(&OFFER.replace("c=IN IP4 10.0.0.21", "c=IN IP4 0.0.0.0")).unwrap();
    assert!(held.speech().unwrap().address.is_unspecified());
    let mux = read(&OFFER.replace("a=rtcp:40101", "a=rtcp-mux")).unwrap();
    assert_eq!(mux.speech().unwrap().rtcp_port, 40100);
    let far = read(&OFFER.replace("a=rtcp:40101", "a=rtcp:53020 IN IP4 10.0.0.21")).unwrap();
    assert_eq!(far.speech().unwrap().rtcp_port, 53020);
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let offer = read(OFFER).unwrap();
    let (answered, _) = answer(&offer, &local()).unwrap();
    let answered = String::from_utf8(answered).unwrap();
    let refused = |from: &str, to: &str| {
        agree(&offer, &read(&answered.replace(from, to)).unwrap()).unwrap_err()
    };
    let audio_only = answered.split("m=application").next().unwrap();
    let fewer = agree(&offer, &read(audio_only).unwrap()).unwrap_err();
    assert_eq!(fewer, Unusable::Answer("another number of media lines"));
    assert_eq!(
        refused("96", "97"),
        Unusable::Answer("a payload type that was not offered")
    );
    assert_eq!(
        refused("octet-align=1", "octet-align=0"),
        Unusable::Answer("another payload format than offered")
    );
    assert_eq!(
        refused("mc_priority=3", "mc_priority=6"),
        Unusable::Answer("floor parameters beyond the offer")
    );
    assert_eq!(
        refused("mc_priority=3", "mc_ssrc=6"),
        Unusable::Answer("floor parameters beyond the offer")
    );
    assert_eq!(refused("m=audio 5000", "m=audio 0"), Unusable::NoAudio);
    assert_eq!(refused("AMR-WB", "AMR"), Unusable::NoCodec);
    assert_eq!(
        refused("m=application", "m=video"),
        Unusable::Answer("another order of media lines")
    );
    let quiet = Offer {
        floor: None,
        ..crate::offer()
    }
    .write();
    let quiet = [&quiet[..], b"m=application 0 udp MCPTT\r\n"].concat();
    let unasked = agree(
        &SessionDescription::parse(&quiet).unwrap(),
        &read(&answered).unwrap(),
    )
    .unwrap_err();
    assert_eq!(
        unasked,
        Unusable::Answer("floor control that was not offered")
    );
}

const ODD: &str = "v=0\n\
o=user 7 3 IN IP4 10.0.0.21\r\n\
s= odd  spaces \r\n\
t=0 0\n\
a=key-mgmt:mikey AQIDBA==\r\n\
m=video 3000 RTP/AVP 31\r\n\
c=IN IP4 10.0.0.22\r\n\
m=audio 40100 RTP/SAVP 96 0\r\n\
i=speech\r\n\
c=IN IP4 10.0.0.21\r\n\
a=X-unknown:  kept   as it is \t\r\n\
a=fmtp:96 octet-align=1\r\n\
a=rtpmap:96 AMR-WB/16000\r\n\
a=key-mgmt:mikey BQYHCA==\n\
a=candidate:1 1 UDP 1 10.0.0.21 40100 typ host\r\n\
a=ice-ufrag:x\r\n\
m=application 40102 udp MCPTT\r\n\
c=IN IP4 10.0.0.21\r\n\
a=fmtp:MCPTT mc_granted";

#[test]
fn an_anchor_changes_addresses_and_ports_only() {
    let written = rewrite(ODD.as_bytes(), &anchor()).unwrap();
    let expected = ODD
        .replace("c=IN IP4 10.0.0.21", "c=IN IP4 192.0.2.1")
        .replace("c=IN IP4 10.0.0.22", "c=IN IP4 192.0.2.1")
        .replace("m=video 3000", "m=video 0")
        .replace("m=audio 40100", "m=audio 6000")
        .replace("m=application 40102", "m=application 6002")
        .replace(
            "a=candidate:1 1 UDP 1 10.0.0.21 40100 typ host\r\na=ice-ufrag:x\r\n",
            "",
        );
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn an_anchor_sets_origin_rtcp_and_floor_parameters() {
    let anchor = MediaAnchor {
        address: "2001:db8::1".parse().unwrap(),
        rtcp_port: 7001,
        floor: Some(FloorAnchor {
            port: 6002,
            parameters: Some(floor("mc_queueing;mc_priority=7")),
        }),
        origin: Some(Origin {
            session_id: 99,
            version: 4,
        }),
        ..anchor()
    };
    let written = String::from_utf8(rewrite(ODD.as_bytes(), &anchor).unwrap()).unwrap();
    assert!(written.contains("o=user 99 4 IN IP6 2001:db8::1\r\n"));
    assert_eq!(written.matches("c=IN IP6 2001:db8::1").count(), 3);
    assert!(written.contains("a=rtcp:7001\r\nm=application"));
    assert!(written.ends_with("a=fmtp:MCPTT mc_queueing;mc_priority=7"));
    let bare = OFFER.replace(
        "a=fmtp:MCPTT mc_queueing;mc_priority=5;mc_granted;mc_implicit_request\r\n",
        "",
    );
    let written = String::from_utf8(rewrite(bare.as_bytes(), &anchor).unwrap()).unwrap();
    assert!(written.contains("a=rtcp:7001\r\na=sendrecv"));
    assert!(written.ends_with("MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=7\r\n"));
    let off = MediaAnchor {
        floor: None,
        ..anchor
    };
    let written = rewrite(OFFER.as_bytes(), &off).unwrap();
    assert!(SessionDescription::parse(&written).unwrap().floor.is_none());
}

#[test]
fn an_anchor_refuses_what_it_cannot_read() {
    assert!(matches!(
        rewrite(b"v=9", &anchor()),
        Err(Unusable::Malformed(_))
    ));
    let off = OFFER.replace("m=audio 40100", "m=audio 0");
    assert_eq!(
        rewrite(off.as_bytes(), &anchor()).unwrap_err(),
        Unusable::NoAudio
    );
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("v=0".to_owned()),
        Just("o=- 1 1 IN IP4 10.0.0.1".to_owned()),
        Just("s=-".to_owned()),
        Just("t=0 0".to_owned()),
        Just("i=speech".to_owned()),
        Just("a=sendonly".to_owned()),
        Just("a=key-mgmt:mikey AAAA".to_owned()),
        "c=IN IP[46] [0-9:.a-f]{0,12}",
        "m=(audio|application|video) [0-9]{0,6} (RTP/AVP|udp) (MCPTT|[0-9]{1,3}|96)",
        "a=rtpmap:[0-9]{1,3} AMR-WB/(16000|[0-9]{1,12})(/1)?",
        "a=fmtp:(96|MCPTT) (octet-align=1|mc_queueing|mc_priority=[0-9]{1,12}|mode-set=[0-9,]{0,6})(;x)?",
        "a=rtcp:[0-9]{0,11}",
        "[a-z]=.{0,20}",
    ]
}

proptest! {
    #[test]
    fn random_lines_are_read_or_refused_and_rewriting_keeps_the_call(lines in proptest::collection::vec(line(), 0..24), ends in "(\r\n|\n)") {
        let text: String = lines.iter().map(|line| format!("{line}{ends}")).collect();
        let Ok(found) = read(&text) else { return Ok(()) };
        let _ = answer(&found, &local());
        let written = rewrite(text.as_bytes(), &anchor());
        prop_assert_eq!(written.is_ok(), found.audio.is_some());
        if let Ok(written) = written {
            let again = SessionDescription::parse(&written).unwrap();
            let (before, after) = (found.audio.unwrap(), again.audio.unwrap());
            prop_assert_eq!(after.codecs, before.codecs);
            prop_assert_eq!(after.key_management, before.key_management);
            prop_assert_eq!((after.port, after.rtcp_port), (6000, 6001));
            prop_assert_eq!(again.media.len(), found.media.len());
        }
    }

    #[test]
    fn random_octets_never_break_the_reader(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SessionDescription::parse(&octets);
        let _ = rewrite(&octets, &anchor());
    }

    #[test]
    fn one_changed_octet_never_breaks_the_reader(at in 0..OFFER.len(), octet: u8) {
        let mut octets = OFFER.as_bytes().to_vec();
        octets[at] = octet;
        if let Ok(found) = SessionDescription::parse(&octets) {
            let _ = answer(&found, &local());
        }
        let _ = rewrite(&octets, &anchor());
    }

    #[test]
    fn every_offer_reads_back(port in 1u16..65_534, priority in 1u8..=255, queueing: bool, implicit_request: bool, ssrc: Option<u32>, key in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..600)), six: bool) {
        let parameters = FloorParameters { priority: Some(priority), queueing, implicit_request, ssrc, ..FloorParameters::default() };
        let written = Offer {
            audio_port: port,
            rtcp_port: port + 1,
            address: if six { "2001:db8::5".parse().unwrap() } else { "10.1.2.3".parse().unwrap() },
            floor: Some((port, parameters.clone())),
            key_management: key.as_deref().map(KeyManagement::from_message),
            ..offer()
        };
        let found = SessionDescription::parse(&written.write()).unwrap();
        prop_assert_eq!(found.floor.unwrap().parameters, parameters);
        let audio = found.audio.unwrap();
        prop_assert_eq!((audio.port, audio.address), (port, written.address));
        prop_assert_eq!(audio.key_management, written.key_management);
    }
}
