//! What a registered UE tries in order to act for another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod bench;

use bench::{ALICE, BOB, Bench, DOMAIN, MALLORY, PSI, SERVER, identity, settings};
use roger_sip::message::{HeaderName, Method, StatusCode};

fn registered() -> Bench {
    let mut bench = Bench::new(settings());
    for index in [ALICE, BOB, MALLORY] {
        assert_eq!(bench.register(index).status(), StatusCode::OK);
        bench.third_party(StatusCode::OK);
    }
    bench
}

/// A third-party REGISTER comes from the core alone: with one of its own a UE could log others off at the server, or
/// have its own credentials bound to their identity.
#[test]
fn a_ue_cannot_send_a_third_party_register_through_the_core() {
    let mut bench = registered();
    for uri in [PSI.to_owned(), format!("sip:{}", bench::address(SERVER))] {
        let mut request = bench
            .request(MALLORY, Method::Register, &uri)
            .header(HeaderName::EXPIRES, "0")
            .build()
            .unwrap();
        let victim = format!("<{}>", identity(ALICE));
        request.headers_mut().set(HeaderName::TO, victim).unwrap();
        bench.send(MALLORY, request);
        bench.settle();
        assert_eq!(bench.response(MALLORY).status(), StatusCode::FORBIDDEN);
        assert!(bench.peers[SERVER].events.is_empty(), "{uri}");
    }
}
