//! Tests of URIs.

use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text.as_bytes()).unwrap()
}

#[test]
fn reads_every_part() {
    let all = uri("SIP:al%69ce:pw@example.org:5070;lr;transport=tcp?Subject=a&X=");
    assert_eq!(all.scheme(), "SIP");
    assert_eq!((all.user(), all.password()), (Some("al%69ce"), Some("pw")));
    assert_eq!(all.user_unescaped().unwrap(), "alice");
    assert_eq!((all.host(), all.port()), (Some("example.org"), Some(5070)));
    assert!(all.is_loose_router());
    assert_eq!(all.transport(), Some("tcp"));
    assert_eq!(
        all.headers().collect::<Vec<_>>(),
        [("Subject", "a"), ("X", "")]
    );
    assert_eq!(
        all.to_string(),
        "SIP:al%69ce:pw@example.org:5070;lr;transport=tcp?Subject=a&X="
    );
}

#[test]
fn reads_uris_without_user_port_or_both() {
    let host = uri("sip:h");
    assert_eq!(
        (host.user(), host.host(), host.port()),
        (None, Some("h"), None)
    );
    assert_eq!(
        uri("sips:[2001:db8::1]:5061;x").host(),
        Some("[2001:db8::1]")
    );
    assert_eq!(uri("sip:h?a=b").headers().count(), 1);
    assert_eq!(
        uri("sip:user;par=u%40example.net@example.com").user(),
        Some("user;par=u%40example.net")
    );
    assert_eq!(uri("sip:a?b@h").host(), Some("h"));
}

#[test]
fn keeps_other_schemes_whole() {
    for text in [
        "tel:+1-201-555-0123;phone-context=x",
        "urn:urn-7:3gpp-service.ims.icsi.mcptt",
        "nobody:anything",
        "http://h/p?q",
    ] {
        let other = uri(text);
        assert_eq!(other.as_str(), text);
        assert!(!other.is_sip());
        assert_eq!(
            (other.user(), other.host(), other.port()),
            (None, None, None)
        );
        assert_eq!(other.params().count(), 0);
    }
}

#[test]
fn malformed_uris_are_refused() {
    for (text, error) in [
        ("", UriError::Scheme),
        ("sip", UriError::Scheme),
        (":h", UriError::Scheme),
        ("1sip:h", UriError::Scheme),
        ("s p:h", UriError::Character),
        ("sip:a b@h", UriError::Character),
        ("<sip:h>", UriError::Character),
        ("sip:\u{fc}@h", UriError::Character),
        ("sip:", UriError::Host),
        ("sip:a@", UriError::Host),
        ("sip:@h", UriError::User),
        ("sip::pw@h", UriError::User),
        ("sip:a@b@h", UriError::User),
        ("sip:a@h:", UriError::Port),
        ("sip:a@h:65536", UriError::Port),
        ("sip:a@h:x", UriError::Port),
        ("sip:a@[::1", UriError::Host),
        ("sip:a@[zz]", UriError::Host),
        ("sip:a@h;;lr", UriError::Params),
        ("sip:a@h;", UriError::Params),
        ("sip:a@h;lr;LR", UriError::Params),
        ("sip:a@h?", UriError::Params),
        ("sip:a@h?x", UriError::Params),
        ("sip:a%4@h", UriError::Escape),
        ("sip:a%zz@h", UriError::Escape),
        ("sip:a@h%41", UriError::Host),
    ] {
        assert_eq!(Uri::parse(text.as_bytes()), Err(error), "{text}");
    }
    let long = format!("sip:{}@h", "a".repeat(MAX_URI_OCTETS));
    assert_eq!(Uri::parse(long.as_bytes()), Err(UriError::TooLong));
}

/// The examples of RFC 3261 19.1.4, and more.
#[test]
fn equivalence_follows_the_rules() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "TEL:+12015550123"),
        (
            "tel:7042;phone-context=a.b;x=y",
            "tel:7042;X=y;phone-context=A.b",
        ),
        ("URN:Service:sos", "urn:service:sos"),
    ] {
        assert!(
            uri(a).is_equivalent(&uri(b)) && uri(b).is_equivalent(&uri(a)),
            "{a} {b}"
        );
    }
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:a@h", "sips:a@h"),
        ("sip:h", "sip:a@h"),
        ("sip:a:p@h", "sip:a@h"),
        ("tel:1", "tel:2"),
        ("urn:service:sos", "urn:service:SOS"),
        ("foo:a", "foo:A"),
    ] {
        assert!(
            !uri(a).is_equivalent(&uri(b)) && !uri(b).is_equivalent(&uri(a)),
            "{a} {b}"
        );
    }
}

#[test]
fn parameters_are_added_replaced_and_removed() {
    let base = uri("sip:a@h:5060;transport=udp?x=y");
    assert_eq!(
        base.with_param("lr", None).as_str(),
        "sip:a@h:5060;transport=udp;lr?x=y"
    );
    assert_eq!(
        base.with_param("Transport", Some("tcp")).as_str(),
        "sip:a@h:5060;Transport=tcp?x=y"
    );
    assert_eq!(
        base.with_param("gr", Some("a b;c")).param("gr"),
        Some("a%20b%3Bc")
    );
    assert_eq!(base.without_param("transport").as_str(), "sip:a@h:5060?x=y");
    assert_eq!(
        base.without_headers().as_str(),
        "sip:a@h:5060;transport=udp"
    );
    assert_eq!(uri("tel:1").with_param("lr", None).as_str(), "tel:1");
}

#[test]
fn builds_escaped_users_and_addresses() {
    assert_eq!(Uri::sip("a@b c", "h").unwrap().as_str(), "sip:a%40b%20c@h");
    assert!(Uri::sip("", "h").is_err());
    assert!(Uri::sip("a", "").is_err());
    for text in ["192.0.2.1:5060", "[2001:db8::1]:5061"] {
        let built = Uri::sip_address(text.parse().unwrap());
        assert_eq!(built, uri(&format!("sip:{text}")));
    }
}
