//! Service authorisation check by check: what passes, what each fault is answered with, and which of several faults
//! is named (TS 24.379 cl. 7).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use roger_base::{ClientId, McpttId, SecretBytes, UnixTime};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::protection::{Protection, SendingHop};
use roger_call::service_authorisation::{
    AuthorisationError, Authorised, Authority, BoundCsk, UserDirectory, authorise,
};
use roger_documents::mcptt_info::McpttInfo;
use roger_documents::poc_settings::{AnswerMode, PocSettings};
use roger_ibc::UserKeySet;
use roger_keys::signalling::XmlKeyMode;
use roger_keys::{Csk, Pck};
use roger_mikey::create::Hiding;
use roger_mikey::{
    CreateClientServerKey, CreateOptions, CreatePrivateCallKey, OpenError, Receiver, Signer,
};
use roger_oidc::{AccessTokenVerifier, Resource};
use roger_testkit::SeededRandom;
use roger_testkit_domain::{DOMAIN, NOW, TestDomain, user};
use roger_xml::signed_body::Coverage;
use roger_xml::uri::{ProtectedDomains, UriTolerance};

/// Users of the server; Carol is not one of them.
struct Users;

impl UserDirectory for Users {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        let users = ["alice", "mallory"].map(user);
        users.into_iter().find(|user| signer.is(user.as_str()))
    }
}

struct Bench {
    domain: TestDomain,
    server: Vec<UserKeySet>,
    verifier: AccessTokenVerifier,
    uri_domains: ProtectedDomains,
    receiver: Receiver,
    random: SeededRandom,
    protection: Protection,
}

/// How a request is made; the tests change one thing at a time.
struct Recipe<'a> {
    signer: &'a str,
    /// P0 of the XML keys.
    owner: &'a str,
    server: &'a str,
    hiding: Hiding,
    time: UnixTime,
}

const ALICE: Recipe<'static> = Recipe {
    signer: "alice",
    owner: "alice",
    server: DOMAIN,
    hiding: Hiding::Nobody,
    time: NOW,
};

impl Bench {
    fn new() -> Self {
        let mut domain = TestDomain::new(5);
        let server = vec![domain.key_set(DOMAIN)];
        let verifier = domain.verifier();
        Self {
            domain,
            server,
            verifier,
            uri_domains: ProtectedDomains::new(vec![DOMAIN.to_owned()], UriTolerance::AsSent),
            receiver: Receiver::default(),
            random: SeededRandom::new(6),
            protection: Protection::Full,
        }
    }

    fn csk(&mut self, recipe: &Recipe<'_>) -> BoundCsk {
        let csk = Csk::random(&mut self.random).unwrap();
        let signer = user(recipe.signer);
        let keys = self.domain.key_set_at(signer.as_str(), recipe.time);
        let message = CreateClientServerKey {
            csk: &csk,
            user: &keys,
            server: recipe.server,
            server_domain: self.domain.kms(),
            parameters: None,
            now: recipe.time.to_ntp(),
            options: CreateOptions {
                hiding: recipe.hiding,
                ..CreateOptions::PLAIN
            },
        };
        let octets = message.build(&mut self.random).unwrap();
        BoundCsk::new(csk, user(recipe.owner), octets, XmlKeyMode::Derived)
    }

    fn token(&self, name: &str) -> String {
        self.domain.token(&user(name), Resource::McpttServer)
    }

    fn hop(csk: &BoundCsk) -> SendingHop {
        csk.sending(Protection::Full, DOMAIN)
    }

    /// Protected documents and the CSK message.
    fn body(&mut self, csk: &BoundCsk, token: &str) -> Body {
        let body = documents(Some(token))
            .protected(&Self::hop(csk), &mut self.random)
            .unwrap();
        body.with(Part::new(media_type::MIKEY, csk.message.clone()))
    }

    fn run(
        &mut self,
        body: &Body,
        bound: Option<&BoundCsk>,
        now: UnixTime,
    ) -> Result<Authorised, AuthorisationError> {
        let kms = [self.domain.kms().clone()];
        let authority = Authority {
            key_sets: &self.server,
            domains: &kms,
            tokens: &self.verifier,
            resource: Resource::McpttServer,
            users: &Users,
            protection: self.protection,
            uri_domains: &self.uri_domains,
            coverage: Coverage::EveryXmlPart,
            key_mode: XmlKeyMode::Derived,
        };
        authorise(body, &authority, bound, &mut self.receiver, now)
    }

    fn refused(&mut self, body: &Body) -> AuthorisationError {
        match self.run(body, None, NOW) {
            Ok(_) => unreachable!("the request is refused"),
            Err(error) => error,
        }
    }

    fn code(&mut self, body: &Body) -> u16 {
        self.refused(body).warning().0
    }
}

fn client() -> ClientId {
    ClientId::new("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").unwrap()
}

fn documents(token: Option<&str>) -> Body {
    let info = McpttInfo {
        access_token: token.map(|token| SecretBytes::new(token.as_bytes().to_vec())),
        client_id: Some(client()),
        ..McpttInfo::default()
    };
    let settings = PocSettings {
        client_id: client(),
        answer_mode: Some(AnswerMode::Manual),
        user_profile_index: None,
        multiplex_support: false,
    };
    Body::new().with_document(&info).with_document(&settings)
}

/// The same body with one part changed; `None` leaves the part out.
fn with_part(body: &Body, wanted: &str, change: impl Fn(Part) -> Option<Part>) -> Body {
    let parts = [
        media_type::MIKEY,
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ];
    let parts = parts.iter().filter_map(|kind| body.part(kind).cloned());
    parts
        .filter_map(|part| {
            if part.media_type() == wanted {
                change(part)
            } else {
                Some(part)
            }
        })
        .fold(Body::new(), Body::with)
}

fn flipped(mut part: Part, position: usize) -> Option<Part> {
    part.octets[position] ^= 1;
    Some(part)
}

// What passes ------------------------------------------------------------------------------------------------

#[test]
fn a_user_with_csk_and_token_passes() {
    for hiding in [Hiding::Nobody, Hiding::Initiator, Hiding::Both] {
        let mut bench = Bench::new();
        let csk = bench.csk(&Recipe { hiding, ..ALICE });
        let token = bench.token("alice");
        let body = bench.body(&csk, &token);
        let authorised = bench.run(&body, None, NOW).ok().unwrap();
        assert_eq!(authorised.mcptt_id, user("alice"));
        assert_eq!(authorised.client_id, Some(client()));
        assert_eq!(authorised.token.expires_at, UnixTime(NOW.0 + 3_600));
        let bound = authorised.csk.unwrap();
        assert!(bound.csk.secret() == csk.csk.secret() && bound.owner == user("alice"));
        let settings: Option<PocSettings> = authorised.body.document().unwrap();
        assert_eq!(settings.unwrap().client_id, client());
    }
}

#[test]
fn a_fresh_token_goes_under_the_bound_csk() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let body = documents(Some(&token))
        .protected(&Bench::hop(&csk), &mut bench.random)
        .unwrap();
    assert!(bench.run(&body, Some(&csk), NOW).is_ok());
}

#[test]
fn the_same_message_again_is_no_replay_for_who_bound_it() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    let first = bench.run(&body, None, NOW).ok().unwrap();
    // Half an hour later T is out of the window.
    let later = UnixTime(NOW.0 + 1_800);
    assert!(bench.run(&body, first.csk.as_ref(), later).is_ok());
    let other = bench.csk(&ALICE);
    let refused = bench.run(&body, Some(&other), NOW).err().unwrap();
    assert!(matches!(
        refused,
        AuthorisationError::PeerMikey(OpenError::PeerReplayed)
    ));
}

#[test]
fn without_protection_a_token_is_enough() {
    let mut bench = Bench::new();
    bench.protection = Protection::Off;
    let token = bench.token("alice");
    let authorised = bench.run(&documents(Some(&token)), None, NOW).ok().unwrap();
    assert!(authorised.csk.is_none());
    // A CSK beside unprotected XML is taken too, for floor control.
    let csk = bench.csk(&ALICE);
    let body = documents(Some(&token)).with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert!(bench.run(&body, None, NOW).ok().unwrap().csk.is_some());
}

// The CSK message: 136 ---------------------------------------------------------------------------------------

#[test]
fn every_altered_octet_of_the_message_is_seen() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    let length = csk.message.len();
    for position in (0..length).step_by(31).chain([length - 1]) {
        let altered = with_part(&body, media_type::MIKEY, |part| flipped(part, position));
        let error = bench.refused(&altered);
        assert!(
            matches!(error, AuthorisationError::PeerMikey(_)),
            "{position}: {error}"
        );
        assert_eq!(error.warning().0, 136);
    }
    let cut = with_part(&body, media_type::MIKEY, |mut part| {
        part.octets.pop();
        Some(part)
    });
    assert_eq!(bench.code(&cut), 136);
}

#[test]
fn a_message_of_another_time_or_period_is_refused() {
    for time in [
        UnixTime(NOW.0 - 2_592_000),
        UnixTime(NOW.0 - 700),
        UnixTime(NOW.0 + 700),
    ] {
        let mut bench = Bench::new();
        let csk = bench.csk(&Recipe { time, ..ALICE });
        let token = bench.token("alice");
        let body = bench.body(&csk, &token);
        assert_eq!(bench.code(&body), 136, "{time:?}");
    }
}

#[test]
fn a_message_for_another_server_is_refused() {
    let mut bench = Bench::new();
    let csk = bench.csk(&Recipe {
        server: "gms.mcptt.example.org",
        ..ALICE
    });
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    assert_eq!(bench.code(&body), 136);
}

#[test]
fn a_message_with_another_kind_of_key_is_refused() {
    let mut bench = Bench::new();
    let pck = Pck::random(&mut bench.random).unwrap();
    let keys = bench.domain.key_set(user("alice").as_str());
    let message = CreatePrivateCallKey {
        pck: &pck,
        caller: &keys,
        callee: &user("bob"),
        callee_domain: bench.domain.kms(),
        parameters: None,
        now: NOW.to_ntp(),
        options: CreateOptions::PLAIN,
    };
    let octets = message.build(&mut bench.random).unwrap();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    let body = with_part(&body, media_type::MIKEY, |part| {
        Some(Part::new(part.content_type, octets.clone()))
    });
    assert_eq!(bench.code(&body), 136);
}

#[test]
fn a_hidden_initiator_who_is_no_user_here_is_refused() {
    let mut bench = Bench::new();
    let csk = bench.csk(&Recipe {
        signer: "carol",
        owner: "carol",
        hiding: Hiding::Initiator,
        ..ALICE
    });
    let token = bench.token("carol");
    let body = bench.body(&csk, &token);
    let error = bench.refused(&body);
    assert!(matches!(error, AuthorisationError::DeniedUnknownInitiator));
    assert_eq!(error.warning().0, 136);
}

#[test]
fn a_message_is_used_up_even_by_a_refused_request() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let bad = bench.body(&csk, "no token");
    assert_eq!(bench.code(&bad), 101);
    let good = bench.body(&csk, &token);
    assert_eq!(bench.code(&good), 136);
}

// Signatures, encryption, parts: 139, 140, 150 ---------------------------------------------------------------

#[test]
fn without_any_csk_nothing_is_opened() {
    let mut bench = Bench::new();
    let token = bench.token("alice");
    let error = bench.refused(&documents(Some(&token)));
    assert!(matches!(error, AuthorisationError::PeerNoCsk));
    assert_eq!(error.warning().0, 139);
}

#[test]
fn one_octet_of_a_signed_part_is_seen() {
    for kind in [
        media_type::MCPTT_INFO,
        media_type::POC_SETTINGS,
        media_type::MCPTT_SIGNED,
    ] {
        let mut bench = Bench::new();
        let csk = bench.csk(&ALICE);
        let token = bench.token("alice");
        let body = bench.body(&csk, &token);
        let altered = with_part(&body, kind, |part| {
            let middle = part.octets.len() / 2;
            flipped(part, middle)
        });
        assert_eq!(bench.code(&altered), 139, "{kind}");
    }
}

#[test]
fn a_part_or_the_signature_left_out_is_seen() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    let unsigned = with_part(&body, media_type::MCPTT_SIGNED, |_| None);
    assert_eq!(bench.code(&unsigned), 139);
    // A Reference that names no part.
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let body = bench.body(&csk, &token);
    let missing = with_part(&body, media_type::POC_SETTINGS, |_| None);
    assert_eq!(bench.code(&missing), 139);
}

#[test]
fn the_keys_of_another_user_do_not_fit() {
    let mut bench = Bench::new();
    // Mallory signs the message; the XML is protected as if Alice had.
    let csk = bench.csk(&Recipe {
        signer: "mallory",
        ..ALICE
    });
    let token = bench.token("alice");
    let body = bench.body(&csk, &token);
    assert_eq!(bench.code(&body), 139);
}

#[test]
fn content_that_does_not_decrypt_or_came_in_clear() {
    let mut bench = Bench::new();
    let token = bench.token("alice");
    let csk = bench.csk(&ALICE);
    let signed = |bench: &mut Bench, body: Body| {
        let hop = csk.sending(Protection::IntegrityOnly, DOMAIN);
        body.protected(&hop, &mut bench.random)
            .unwrap()
            .with(Part::new(media_type::MIKEY, csk.message.clone()))
    };
    let clear = signed(&mut bench, documents(Some(&token)));
    assert_eq!(bench.code(&clear), 140);
    let mut bench = Bench::new();
    let other = bench.csk(&ALICE);
    let foreign = documents(Some(&token))
        .protected(
            &other.sending(Protection::ConfidentialityOnly, DOMAIN),
            &mut bench.random,
        )
        .unwrap();
    let csk = bench.csk(&ALICE);
    let hop = csk.sending(Protection::IntegrityOnly, DOMAIN);
    let body = foreign
        .protected(&hop, &mut bench.random)
        .unwrap()
        .with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(bench.code(&body), 140);
}

#[test]
fn a_body_without_mcptt_info_150() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let settings: PocSettings = documents(None).required().unwrap();
    let body = Body::new()
        .with_document(&settings)
        .protected(&Bench::hop(&csk), &mut bench.random)
        .unwrap()
        .with(Part::new(media_type::MIKEY, csk.message.clone()));
    assert_eq!(bench.code(&body), 150);
}

// The token: 101 ---------------------------------------------------------------------------------------------

#[test]
fn a_token_that_does_not_open_this_server_is_refused() {
    let scope = Resource::McpttServer.scope();
    let tokens: [fn(&Bench) -> Option<String>; 6] = [
        |_| None,
        |_| Some("no.token.atall".to_owned()),
        |bench| {
            Some(
                bench
                    .domain
                    .token(&user("alice"), Resource::GroupManagement),
            )
        },
        |bench| Some(bench.domain.token(&user("alice"), Resource::KeyManagement)),
        |_| Some(TestDomain::new(77).token(&user("alice"), Resource::McpttServer)),
        |bench| {
            let mut token = bench.token("alice");
            token.pop();
            Some(token)
        },
    ];
    for make in tokens {
        let mut bench = Bench::new();
        let csk = bench.csk(&ALICE);
        let token = make(&bench);
        let body = documents(token.as_deref())
            .protected(&Bench::hop(&csk), &mut bench.random)
            .unwrap()
            .with(Part::new(media_type::MIKEY, csk.message.clone()));
        assert_eq!(bench.code(&body), 101, "{token:?}");
    }
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let expired = bench.domain.token_with(&user("alice"), scope, NOW.0 - 60);
    let body = bench.body(&csk, &expired);
    assert!(matches!(
        bench.refused(&body),
        AuthorisationError::DeniedToken(_)
    ));
}

#[test]
fn the_token_of_mallory_does_not_go_with_the_csk_of_alice() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let token = bench.token("mallory");
    let body = bench.body(&csk, &token);
    let error = bench.refused(&body);
    assert!(matches!(error, AuthorisationError::DeniedTwoUsers));
    assert_eq!(error.warning().0, 101);
    // Nor with one that is bound already.
    let csk = bench.csk(&ALICE);
    let body = documents(Some(&token))
        .protected(&Bench::hop(&csk), &mut bench.random)
        .unwrap();
    let error = bench.run(&body, Some(&csk), NOW).err().unwrap();
    assert!(matches!(error, AuthorisationError::DeniedTwoUsers));
}

// Order ------------------------------------------------------------------------------------------------------

#[test]
fn of_several_faults_the_first_check_names_its_own() {
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let body = bench.body(&csk, "no token");
    let break_part = |body: &Body, kind: &str| {
        with_part(body, kind, |part| {
            let middle = part.octets.len() / 2;
            flipped(part, middle)
        })
    };
    let without_signature_and_key = break_part(
        &break_part(&body, media_type::MCPTT_INFO),
        media_type::MIKEY,
    );
    assert_eq!(bench.code(&without_signature_and_key), 136);
    assert_eq!(bench.code(&break_part(&body, media_type::MCPTT_INFO)), 139);
    let mut bench = Bench::new();
    let csk = bench.csk(&ALICE);
    let body = bench.body(&csk, "no token");
    assert_eq!(bench.code(&body), 101);
}
