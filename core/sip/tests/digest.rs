//! Digest authentication, both sides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use core::time::Duration;
use roger_base::{Instant, SecretBytes};
use roger_sip::digest::{
    Algorithm, ClientError, Denied, DigestClient, DigestServer, Freshness, Ha1, Place, Protection,
};
use roger_sip::header::Auth;
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};
use roger_testkit::{SeededRandom, third_party_vectors};

const REALM: &str = "mcx.example";

fn at(seconds: u64) -> Instant {
    Instant::from_origin(Duration::from_secs(seconds))
}

fn register() -> Request {
    Request::builder(Method::Register, "sip:mcx.example".parse().unwrap())
        .header(HeaderName::VIA, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(HeaderName::FROM, "<sip:alice@mcx.example>;tag=1")
        .header(HeaderName::TO, "<sip:alice@mcx.example>")
        .header(HeaderName::CALL_ID, "c1")
        .header(HeaderName::CSEQ, "1")
        .build()
        .unwrap()
}

fn server(place: Place) -> DigestServer {
    DigestServer::new(place, REALM, &mut SeededRandom::new(1)).unwrap()
}

fn client(password: &str) -> DigestClient {
    DigestClient::new("alice", SecretBytes::new(password.as_bytes().to_vec()))
}

fn store(user: &str, algorithm: Algorithm) -> Option<Ha1> {
    let password = SecretBytes::new(b"open sesame".to_vec());
    (user == "alice").then(|| Ha1::from_password(algorithm, user, REALM, &password))
}

fn challenge(server: &DigestServer, now: Instant, freshness: Freshness) -> Response {
    let response = server
        .challenge(now, &register(), freshness, &mut SeededRandom::new(2))
        .unwrap();
    // Over the wire and back.
    match Message::parse_datagram(&response.to_octets(), &Limits::default()).unwrap() {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a response"),
    }
}

/// A client that has answered the server's challenge once, and the request it sends.
fn authorised(server: &DigestServer, password: &str) -> (DigestClient, Request) {
    let (mut client, mut request) = (client(password), register());
    client
        .learn(&challenge(server, at(10), Freshness::First), &request)
        .unwrap();
    client
        .authorise(&mut request, &mut SeededRandom::new(3))
        .unwrap();
    (client, request)
}

/// The request with one parameter of its credentials replaced; `None` removes it.
fn altered(request: &Request, name: &str, value: Option<&str>) -> Request {
    let mut auth = Auth::parse(request.headers().get(HeaderName::AUTHORIZATION).unwrap()).unwrap();
    auth.params.remove(name);
    if let Some(value) = value {
        auth.params.set_quoted(name, value);
    }
    let mut request = request.clone();
    request
        .headers_mut()
        .set(HeaderName::AUTHORIZATION, auth.to_string())
        .unwrap();
    request
}

#[test]
fn the_right_password_opens_at_both_places() {
    for place in [Place::UserAgent, Place::Proxy] {
        let mut server = server(place);
        let first = challenge(&server, at(10), Freshness::First);
        assert_eq!(first.status(), place.status());
        let (_, request) = authorised(&server, "open sesame");
        let identity = server.check(at(11), &request, store).unwrap();
        assert_eq!(
            (identity.user.as_str(), identity.algorithm),
            ("alice", Algorithm::Sha256)
        );
    }
}

#[test]
fn sha_256_is_offered_before_md5_and_md5_works() {
    let server = server(Place::UserAgent);
    let response = challenge(&server, at(10), Freshness::First);
    let offered = response.headers().challenges().unwrap();
    let algorithms: Vec<String> = offered
        .iter()
        .map(|auth| auth.params.get("algorithm").unwrap().into_owned())
        .collect();
    assert_eq!(algorithms, ["SHA-256", "MD5"]);
    let mut old = self::server(Place::UserAgent).with_algorithms(&[Algorithm::Md5]);
    let (_, request) = authorised(&old, "open sesame");
    assert_eq!(
        old.check(at(11), &request, store).unwrap().algorithm,
        Algorithm::Md5
    );
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused() {
    let mut strict = server(Place::UserAgent).with_algorithms(&[Algorithm::Sha256]);
    let (_, request) = authorised(&strict, "open sesame");
    for value in [None, Some("MD5"), Some("SHA-512-256"), Some("MD5-sess")] {
        let denied = strict
            .check(at(11), &altered(&request, "algorithm", value), store)
            .unwrap_err();
        assert_eq!(denied, Denied::Malformed("algorithm"));
    }
}

#[test]
fn wrong_users_and_passwords_are_told_apart_by_nobody() {
    let mut server = server(Place::UserAgent);
    let (_, request) = authorised(&server, "open barley");
    assert_eq!(
        server.check(at(11), &request, store).unwrap_err(),
        Denied::Wrong
    );
    let (_, request) = authorised(&server, "open sesame");
    assert_eq!(
        server.check(at(11), &request, |_, _| None).unwrap_err(),
        Denied::Wrong
    );
    let stranger = altered(&request, "username", Some("mallory"));
    assert_eq!(
        server.check(at(11), &stranger, store).unwrap_err(),
        Denied::Wrong
    );
    assert!(
        server.check(at(11), &request, store).is_ok(),
        "wrong responses use no count up"
    );
}

#[test]
fn a_stored_hash_of_another_algorithm_opens_nothing() {
    let mut server = server(Place::UserAgent);
    let (_, request) = authorised(&server, "open sesame");
    let other = |user: &str, _| store(user, Algorithm::Md5);
    assert_eq!(
        server.check(at(11), &request, other).unwrap_err(),
        Denied::Wrong
    );
}

#[test]
fn a_response_opens_once() {
    let mut server = server(Place::UserAgent);
    let (mut client, request) = authorised(&server, "open sesame");
    assert!(server.check(at(11), &request, store).is_ok());
    assert_eq!(
        server.check(at(12), &request, store).unwrap_err(),
        Denied::Stale
    );
    let mut next = register();
    client
        .authorise(&mut next, &mut SeededRandom::new(4))
        .unwrap();
    assert!(
        server.check(at(13), &next, store).is_ok(),
        "the next count of the same nonce opens"
    );
}

#[test]
fn a_count_only_goes_upwards() {
    let mut server = server(Place::UserAgent);
    let (mut client, first) = authorised(&server, "open sesame");
    let mut second = register();
    client
        .authorise(&mut second, &mut SeededRandom::new(4))
        .unwrap();
    assert!(server.check(at(11), &second, store).is_ok());
    assert_eq!(
        server.check(at(12), &first, store).unwrap_err(),
        Denied::Stale
    );
}

#[test]
fn an_old_nonce_is_stale_and_the_client_recovers() {
    let mut server = server(Place::UserAgent).with_limits(Duration::from_secs(60), 10);
    let (mut client, request) = authorised(&server, "open sesame");
    assert_eq!(
        server.check(at(71), &request, store).unwrap_err(),
        Denied::Stale
    );
    let again = challenge(&server, at(71), Freshness::Stale);
    client.learn(&again, &request).unwrap();
    let mut retry = register();
    client
        .authorise(&mut retry, &mut SeededRandom::new(5))
        .unwrap();
    assert!(server.check(at(72), &retry, store).is_ok());
}

#[test]
fn a_nonce_of_another_server_or_from_the_future_is_stale() {
    let mine = server(Place::UserAgent);
    let mut other = DigestServer::new(Place::UserAgent, REALM, &mut SeededRandom::new(99)).unwrap();
    let (_, request) = authorised(&mine, "open sesame");
    assert_eq!(
        other.check(at(11), &request, store).unwrap_err(),
        Denied::Stale
    );
    let mut early = server(Place::UserAgent);
    assert_eq!(
        early.check(at(9), &request, store).unwrap_err(),
        Denied::Stale
    );
}

#[test]
fn forgetting_nonces_never_lets_an_old_one_in_again() {
    let mut server = server(Place::UserAgent).with_limits(Duration::from_secs(600), 2);
    let mut requests = Vec::new();
    for index in 0..4u64 {
        let (mut client, mut request) = (client("open sesame"), register());
        let random = &mut SeededRandom::new(100 + index);
        let first = server
            .challenge(at(10 + index), &request, Freshness::First, random)
            .unwrap();
        client.learn(&first, &request).unwrap();
        client.authorise(&mut request, random).unwrap();
        requests.push(request);
    }
    for request in &requests {
        assert!(server.check(at(20), request, store).is_ok());
    }
    for request in &requests {
        assert_eq!(
            server.check(at(21), request, store).unwrap_err(),
            Denied::Stale
        );
    }
}

#[test]
fn every_parameter_is_needed_and_bound() {
    let mut server = server(Place::UserAgent);
    let (_, request) = authorised(&server, "open sesame");
    for name in [
        "username", "nonce", "uri", "response", "qop", "nc", "cnonce",
    ] {
        for value in [None, Some("")] {
            let denied = server
                .check(at(11), &altered(&request, name, value), store)
                .unwrap_err();
            assert_eq!(denied, Denied::Malformed(name), "{name} {value:?}");
        }
    }
    for (name, value) in [
        ("qop", "auth-int"),
        ("nc", "1"),
        ("nc", "00000000"),
        ("nc", "+0000001"),
        ("nc", "0000000g"),
        ("uri", "sip:other.example"),
        ("uri", "no uri"),
    ] {
        let denied = server
            .check(at(11), &altered(&request, name, Some(value)), store)
            .unwrap_err();
        assert_eq!(denied, Denied::Malformed(name), "{name} {value}");
    }
    for (name, value) in [
        ("nc", "00000002"),
        ("cnonce", "x"),
        ("response", "x"),
        ("nonce", "x"),
    ] {
        let denied = server
            .check(at(11), &altered(&request, name, Some(value)), store)
            .unwrap_err();
        assert_eq!(denied, Denied::Wrong, "{name} {value}");
    }
    let long = "a".repeat(1025);
    let denied = server
        .check(at(11), &altered(&request, "username", Some(&long)), store)
        .unwrap_err();
    assert_eq!(denied, Denied::Malformed("username"));
}

#[test]
fn credentials_for_another_method_open_nothing() {
    let mut server = server(Place::UserAgent);
    let (_, request) = authorised(&server, "open sesame");
    let octets = String::from_utf8(request.to_octets())
        .unwrap()
        .replace("REGISTER sip", "PUBLISH sip");
    let Message::Request(other) =
        Message::parse_datagram(octets.as_bytes(), &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(
        server.check(at(11), &other, store).unwrap_err(),
        Denied::Wrong
    );
}

#[test]
fn no_empty_repeated_and_foreign_credentials_are_told_apart() {
    let mut server = server(Place::UserAgent);
    let mut with = |values: &[&str]| {
        let mut request = register();
        for value in values {
            request
                .headers_mut()
                .push(HeaderName::AUTHORIZATION, value)
                .unwrap();
        }
        server.check(at(11), &request, store).unwrap_err()
    };
    assert_eq!(with(&[]), Denied::NoCredentials);
    assert_eq!(with(&["Bearer abc"]), Denied::NoCredentials);
    assert_eq!(
        with(&["NoOneKnowsThisScheme opaque-data=here"]),
        Denied::NoCredentials
    );
    assert_eq!(
        with(&["Digest realm=\"other\", username=\"a\""]),
        Denied::NoCredentials
    );
    assert_eq!(
        with(&["Digest realm=\"mcx.example\""]),
        Denied::Malformed("username")
    );
    assert!(matches!(with(&[""]), Denied::Header(_)));
    assert!(matches!(with(&["Digest"]), Denied::Header(_)));
    assert!(matches!(with(&["Digest a=1, a=2"]), Denied::Header(_)));
}

#[test]
fn the_unknown_scheme_of_rfc_4475_is_challenged() {
    let Some(directory) = third_party_vectors("rfc4475") else {
        return;
    };
    let octets = std::fs::read(directory.join("regaut01.dat")).unwrap();
    let Message::Request(request) = Message::parse_datagram(&octets, &Limits::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(
        server(Place::UserAgent)
            .check(at(11), &request, store)
            .unwrap_err(),
        Denied::NoCredentials
    );
}

#[test]
fn a_client_gives_up_when_its_password_is_refused() {
    let server = server(Place::UserAgent);
    let (mut client, request) = authorised(&server, "open barley");
    let again = challenge(&server, at(12), Freshness::First);
    assert_eq!(
        client.learn(&again, &request).unwrap_err(),
        ClientError::Refused
    );
}

#[test]
fn a_client_answers_what_it_can() {
    let answer = |status: StatusCode, challenges: &[&str]| {
        let mut response = Response::to(&register(), status);
        for value in challenges {
            response
                .headers_mut()
                .push(HeaderName::WWW_AUTHENTICATE, value)
                .unwrap();
        }
        let (mut client, mut request) = (client("open sesame"), register());
        client.learn(&response, &request)?;
        client.authorise(&mut request, &mut SeededRandom::new(6))?;
        Ok(request
            .headers()
            .text(HeaderName::AUTHORIZATION)
            .unwrap()
            .into_owned())
    };
    let unauthorised = StatusCode::UNAUTHORIZED;
    let legacy = answer(
        unauthorised,
        &["Digest realm=\"r\", nonce=\"n\", opaque=\"o \\\"p\""],
    )
    .unwrap();
    assert!(
        !legacy.contains("qop") && !legacy.contains("nc=") && legacy.contains("opaque=\"o \\\"p\"")
    );
    let second = [
        "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"",
        "Digest realm=\"r\", nonce=\"m\", algorithm=MD5, qop=\"auth-int, auth\"",
        "Digest realm=\"r\", nonce=\"k\", algorithm=SHA-256, qop=\"auth\"",
    ];
    let answered = answer(unauthorised, &second).unwrap();
    assert!(answered.contains("nonce=\"m\"") && answered.contains("nc=00000001"));
    assert_eq!(
        answer(unauthorised, &["Basic realm=\"r\""]),
        Err(ClientError::Unsupported)
    );
    assert_eq!(
        answer(
            unauthorised,
            &["Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\""]
        ),
        Err(ClientError::Unsupported)
    );
    assert_eq!(
        answer(unauthorised, &["Digest realm=\"r\""]),
        Err(ClientError::Unsupported)
    );
    assert_eq!(answer(unauthorised, &[]), Err(ClientError::Unsupported));
    assert_eq!(
        answer(StatusCode::OK, &second),
        Err(ClientError::NoChallenge)
    );
    assert!(matches!(
        answer(unauthorised, &["Digest"]),
        Err(ClientError::Header(_))
    ));
}

#[test]
fn a_realm_with_odd_characters_survives() {
    let realm = "a \"quoted\" \\ realm";
    let mut server = DigestServer::new(Place::UserAgent, realm, &mut SeededRandom::new(7)).unwrap();
    let (_, request) = authorised(&server, "open sesame");
    let store = |user: &str, algorithm| {
        Some(Ha1::from_password(
            algorithm,
            user,
            realm,
            &SecretBytes::new(b"open sesame".to_vec()),
        ))
    };
    assert!(server.check(at(11), &request, store).is_ok());
}

#[test]
fn integrity_is_answered_when_it_is_all_that_is_offered_and_covers_the_body() {
    for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
        let mut server = server(Place::UserAgent)
            .with_algorithms(&[algorithm])
            .with_protections(&[Protection::Integrity]);
        let (mut client, mut request) = (client("open sesame"), register());
        client
            .learn(&challenge(&server, at(10), Freshness::First), &request)
            .unwrap();
        request.set_body("text/plain", b"body".to_vec()).unwrap();
        client
            .authorise(&mut request, &mut SeededRandom::new(3))
            .unwrap();
        let credentials = request.headers().text(HeaderName::AUTHORIZATION).unwrap();
        assert!(credentials.contains("qop=auth-int"), "{credentials}");
        let mut changed = request.clone();
        changed.set_body("text/plain", b"Body".to_vec()).unwrap();
        assert_eq!(server.check(at(11), &changed, store), Err(Denied::Wrong));
        // The same response under the other name covers something else, and was not offered.
        let weaker = altered(&request, "qop", Some("auth"));
        assert_eq!(
            server.check(at(11), &weaker, store),
            Err(Denied::Malformed("qop"))
        );
        assert!(server.check(at(11), &request, store).is_ok());
        assert_eq!(server.check(at(11), &request, store), Err(Denied::Stale));
    }
}

#[test]
fn of_both_kinds_of_protection_the_client_takes_auth_and_a_server_refuses_what_it_did_not_offer() {
    let both = [Protection::Integrity, Protection::Authentication];
    let mut server = server(Place::UserAgent).with_protections(&both);
    let (_, request) = authorised(&server, "open sesame");
    let credentials = request.headers().text(HeaderName::AUTHORIZATION).unwrap();
    assert!(credentials.contains("qop=auth,"), "{credentials}");
    assert!(server.check(at(11), &request, store).is_ok());
    let mut plain = self::server(Place::UserAgent);
    let (_, request) = authorised(&plain, "open sesame");
    for other in ["auth-int", "auth-conf", "auth,auth-int"] {
        assert_eq!(
            plain.check(at(11), &altered(&request, "qop", Some(other)), store),
            Err(Denied::Malformed("qop")),
            "{other}"
        );
    }
}

#[test]
fn a_hashed_user_name_is_refused_and_never_taken_for_a_name() {
    let mut server = server(Place::UserAgent);
    let (_, request) = authorised(&server, "open sesame");
    for asked in ["true", "TRUE", "maybe"] {
        assert_eq!(
            server.check(at(11), &altered(&request, "userhash", Some(asked)), store),
            Err(Denied::Malformed("userhash"))
        );
    }
    let plain = altered(&request, "userhash", Some("false"));
    assert!(server.check(at(11), &plain, store).is_ok());
    let encoded = altered(
        &altered(&request, "username", None),
        "username*",
        Some("UTF-8''alice"),
    );
    assert_eq!(
        server.check(at(11), &encoded, store),
        Err(Denied::Malformed("username"))
    );
}
