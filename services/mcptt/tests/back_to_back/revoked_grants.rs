//! Grants that the IdM server revoked: the clients that came by their tokens are off the air, and no others.

use crate::bench::{ALICE, BOB, Bench, CAROL};
use crate::key_download::order;
use crate::ue::outcome;
use roger_call::feature::EXPIRES_FOREVER;
use roger_mcptt::participating::{ParticipatingInput, ParticipatingSettings};
use roger_oidc::{GrantId, Resource, Revocations};
use roger_sip::message::Method;
use roger_testkit_domain::user;
use std::sync::{Arc, Mutex};

/// Grants that an IdM server in the same process has revoked.
#[derive(Default)]
struct Revoked(Mutex<Vec<&'static str>>);

impl Revocations for Revoked {
    fn is_revoked(&self, grant: &GrantId) -> bool {
        self.0.lock().unwrap().contains(&grant.as_str())
    }
}

/// Two devices of alice and one of carol, each with a grant of its own.
fn with_grants() -> (Bench, Arc<Revoked>) {
    let revoked = Arc::new(Revoked::default());
    let known = Arc::clone(&revoked);
    let know = |settings: &mut ParticipatingSettings| {
        let tokens = &mut settings.credentials.tokens;
        *tokens = tokens.clone().with_revocations(known);
    };
    let mut bench = Bench::with(know, |_| {});
    bench.ues[BOB].user = user("alice");
    bench.ues[BOB].keys = bench.domain.key_set(user("alice").as_str());
    for index in [ALICE, BOB, CAROL] {
        bench.register(index);
        assert_eq!(authorise_by_grant(&mut bench, index), (200, None));
    }
    (bench, revoked)
}

const GRANTS: [&str; 3] = ["radio", "tablet", "carols"];

fn authorise_by_grant(bench: &mut Bench, index: usize) -> (u16, Option<u16>) {
    let (ue, resource) = (&bench.ues[index], Resource::McpttServer);
    let token = bench
        .domain
        .token_of_grant(&ue.user, resource, GRANTS[index]);
    let csk = bench.new_csk(index);
    let body = bench.authorising_body(index, &csk, &token);
    let response = bench.publish_settings(index, EXPIRES_FOREVER, None, &body);
    bench.ues[index].use_csk(csk);
    outcome(&response)
}

fn bound(bench: &Bench) -> [bool; 3] {
    [ALICE, BOB, CAROL].map(|index| bench.is_bound(index))
}

#[test]
fn a_revoked_grant_takes_its_own_client_off_the_air_and_no_other() {
    let (mut bench, revoked) = with_grants();
    revoked.0.lock().unwrap().push(GRANTS[ALICE]);
    let grant = |name: &str| ParticipatingInput::GrantRevoked(GrantId::new(name).unwrap());
    order(&mut bench, grant("unknown"));
    assert_eq!(bound(&bench), [true; 3]);
    order(&mut bench, grant(GRANTS[ALICE]));
    assert_eq!(bound(&bench), [false, true, true]);
    let told = bench.incoming(ALICE).unwrap();
    assert_eq!(*told.request.method(), Method::Message);
    bench.decline(ALICE, &told, 200, 0);
    assert_eq!(authorise_by_grant(&mut bench, ALICE), (403, Some(101)));
}

#[test]
fn of_a_users_clients_those_of_revoked_grants_go() {
    let (mut bench, revoked) = with_grants();
    let of = |name: &str| ParticipatingInput::GrantsRevokedOf(user(name));
    order(&mut bench, of("alice"));
    assert_eq!(bound(&bench), [true; 3], "none is revoked");
    revoked
        .0
        .lock()
        .unwrap()
        .extend([GRANTS[BOB], GRANTS[CAROL]]);
    order(&mut bench, of("alice"));
    assert_eq!(bound(&bench), [true, false, true]);
    order(&mut bench, of("nobody"));
    order(&mut bench, of("carol"));
    assert_eq!(bound(&bench), [true, false, false]);
    assert_eq!(authorise_by_grant(&mut bench, ALICE), (200, None));
}
