//! Users and their passwords.

use crate::bench::{Bench, NOW, on_both, user};
use roger_idm::memory::MemoryUsers;
use roger_idm::ports::{StoreError, UserRepository};
use roger_idm::{Failures, LoginName, Password, PasswordHash, User, UserState};
use roger_oidc::{McVideoId, Subject};

fn users_come_back_and_names_are_taken_once(bench: &mut Bench) {
    let alice = user("alice", &mut bench.random);
    bench.open().add(&alice).unwrap();
    let store = bench.open();
    let found = store.by_login(&alice.login).unwrap().unwrap();
    assert_eq!(found.subject, alice.subject);
    assert_eq!(found.mcptt_id, alice.mcptt_id);
    assert_eq!(found.entitlement, alice.entitlement);
    assert_eq!(found.failures, Failures::default());
    assert_eq!(
        found.password.verify(&Password::new("secret").unwrap()),
        Ok(true)
    );
    assert!(store.by_subject(&alice.subject).unwrap().is_some());
    assert!(
        store
            .by_login(&LoginName::new("Alice").unwrap())
            .unwrap()
            .is_none()
    );

    for change in [
        User {
            login: LoginName::new("other").unwrap(),
            subject: Subject::new("other").unwrap(),
            ..alice.clone()
        },
        User {
            login: LoginName::new("other").unwrap(),
            ..alice.clone()
        },
        alice.clone(),
    ] {
        assert_eq!(
            store.add(&change).err(),
            Some(StoreError::LocalDuplicate("user"))
        );
    }
    assert_eq!(
        store.set_user_state(&alice.login, UserState::Disabled),
        Ok(true)
    );
    assert_eq!(
        store.by_login(&alice.login).unwrap().unwrap().state,
        UserState::Disabled
    );
    assert_eq!(
        store.set_user_state(&LoginName::new("nobody").unwrap(), UserState::Disabled),
        Ok(false)
    );
}

fn failures_are_replaced_only_from_what_they_were(bench: &mut Bench) {
    let store = bench.open();
    let alice = user("alice", &mut bench.random);
    store.add(&alice).unwrap();
    let one = Failures {
        count: 1,
        last: Some(NOW),
    };
    let two = Failures {
        count: 2,
        last: Some(NOW),
    };
    assert_eq!(
        store.replace_failures(&alice.subject, Failures::default(), one),
        Ok(true)
    );
    assert_eq!(
        store.replace_failures(&alice.subject, Failures::default(), two),
        Ok(false)
    );
    assert_eq!(store.replace_failures(&alice.subject, one, two), Ok(true));
    assert_eq!(
        store.by_subject(&alice.subject).unwrap().unwrap().failures,
        two
    );
}

fn a_password_is_replaced_only_from_what_it_was(bench: &mut Bench) {
    let (memory, store) = (MemoryUsers::default(), bench.open());
    let mut alice = user("alice", &mut bench.random);
    alice.others.mcvideo = Some(McVideoId::new("sip:alice@video.example.org").unwrap());
    let new = PasswordHash::of(&Password::new("new secret").unwrap(), &mut bench.random).unwrap();
    for users in [&memory as &dyn UserRepository, &store] {
        users.add(&alice).unwrap();
        let replace = |from: &PasswordHash, to: &PasswordHash| {
            users.replace_password(&alice.subject, from, to).unwrap()
        };
        assert!(replace(&alice.password, &new));
        assert!(!replace(&alice.password, &new));
        let found = users.by_subject(&alice.subject).unwrap().unwrap();
        assert!(found.password == new);
        assert_eq!(found.others, alice.others);
    }
}

on_both!(
    users_come_back_and_names_are_taken_once,
    failures_are_replaced_only_from_what_they_were,
    a_password_is_replaced_only_from_what_it_was
);
