//! What must happen once, asked by many at once in two programs.

use crate::bench::{Bench, NOW, code_grant, digest, kms, on_both, refresh_grant, user};
use roger_adapter_store::{Agency, Store, StoreFault};
use roger_base::{KmsUri, SecretBytes, UnixTime};
use roger_documents::kms::{CertificateRole, KmsCertificate};
use roger_idm::ports::{SecondFactorRepository as _, UserRepository as _};
use roger_idm::{Failures, SecondFactor, TotpSecret};
use roger_kms::KeyAccount;
use roger_kms::ports::KeyRepository as _;
use roger_oidc::provider::{
    ClientRegistry as _, GrantRepository as _, Redemption, RegistrationPermit, Rotation,
};
use std::sync::Barrier;

/// Threads at each of two stores on one database.
const THREADS: usize = 4;
/// How often each race is run.
const ROUNDS: usize = 5;

/// How many of all threads were told that they did it; each has a number.
fn winners(stores: &[Store; 2], run: impl Fn(&Store, usize) -> bool + Sync) -> usize {
    let start = Barrier::new(2 * THREADS);
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2 * THREADS)
            .map(|number| {
                let (start, run) = (&start, &run);
                let store = &stores[number % 2];
                scope.spawn(move || {
                    start.wait();
                    run(store, number)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    won.into_iter().filter(|won| *won).count()
}

fn one_redeems_a_code_and_one_rotates_a_token(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    for round in 0..ROUNDS {
        let (code, token) = (
            digest(&format!("code {round}")),
            digest(&format!("{round}")),
        );
        let grant = format!("g{round}");
        stores[0].put_code(&code, &code_grant(&grant)).unwrap();
        stores[0]
            .put_refresh(&token, &refresh_grant(&grant))
            .unwrap();
        let redeemed = winners(&stores, |store, _| {
            matches!(store.redeem_code(&code).unwrap(), Redemption::Fresh(_))
        });
        let new = |number| digest(&format!("token {round} {number}"));
        let rotated = winners(&stores, |store, number| {
            store.rotate_refresh(&token, &new(number)).unwrap() == Rotation::Rotated
        });
        assert_eq!((redeemed, rotated), (1, 1));
        let put =
            (0..2 * THREADS).filter(|number| stores[1].refresh(&new(*number)).unwrap().is_some());
        assert_eq!(put.count(), 1, "a token that nobody was told of is there");
    }
}

fn one_replaces_an_account_and_one_is_the_first_with_a_request(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    let mut account = KeyAccount::provision("sip:a@b", &mut bench.random).unwrap();
    kms(&stores[0]).put_key_account(&account).unwrap();
    for round in 0..ROUNDS {
        let offers: Vec<_> = (0..2 * THREADS)
            .map(|_| {
                let mut offered = account.clone();
                offered.order_renewal(&mut bench.random).unwrap();
                offered
            })
            .collect();
        let replaced = winners(&stores, |store, number| {
            kms(store)
                .replace_account(&account, &offers[number])
                .unwrap()
        });
        assert_eq!(replaced, 1);
        account = kms(&stores[1]).account("sip:a@b").unwrap().unwrap();
        assert!(offers.contains(&account));
        account.current = account.pending.take();
        kms(&stores[0]).put_key_account(&account).unwrap();

        let request = [u8::try_from(round).unwrap(); 32];
        let until = UnixTime(NOW.0 + 600);
        let first = winners(&stores, |store, _| {
            kms(store).remember_request(&request, until, NOW).unwrap()
        });
        assert_eq!(first, 1);
    }
}

fn wrong_passwords_are_counted_one_by_one(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    let alice = user("alice", &mut bench.random);
    stores[0].add(&alice).unwrap();
    let counted = |count| Failures {
        count,
        last: (count > 0).then_some(NOW),
    };
    for round in 0..5 {
        let replaced = winners(&stores, |store, _| {
            let subject = &alice.subject;
            store
                .replace_failures(subject, counted(round), counted(round + 1))
                .unwrap()
        });
        assert_eq!(replaced, 1);
    }
}

fn a_time_step_is_used_once_and_a_permit_as_often_as_it_says(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    let subject = user("alice", &mut bench.random).subject;
    let factor = SecondFactor {
        secret: TotpSecret::from_octets(SecretBytes::new(vec![7; 20])),
        last_step: 1,
        recovery: vec![digest("r")],
    };
    stores[0]
        .put_second_factor(&subject, Some(&factor))
        .unwrap();
    let permit = RegistrationPermit {
        uses: 3,
        expires_at: UnixTime(NOW.0 + 10),
    };
    stores[0].put_permit(&digest("permit"), &permit).unwrap();
    let stepped = winners(&stores, |store, _| store.use_step(&subject, 2).unwrap());
    let recovered = winners(&stores, |store, _| {
        store.use_recovery_code(&subject, &digest("r")).unwrap()
    });
    let permitted = winners(&stores, |store, _| {
        store.use_permit(&digest("permit"), NOW).unwrap()
    });
    assert_eq!((stepped, recovered, permitted), (1, 1, 3));
}

/// Every writer changes the same two rows: none is lost, none is refused.
fn no_change_is_lost_among_many(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    let certificate = KmsCertificate {
        role: CertificateRole::External,
        is_security_gateway: None,
        cert_uri: None,
        kms_uri: KmsUri::new("kms.partner.example").unwrap(),
        issuer: None,
        valid_from: None,
        valid_to: None,
        revoked: false,
        user_key_period: 2_592_000,
        user_key_offset: 5,
        pub_enc_key: [4; 257],
        pub_auth_key: [4; 65],
        domains: Vec::new(),
    };
    let put = winners(&stores, |store, _| {
        (0..ROUNDS).all(|_| kms(store).put_external_certificate(&certificate) == Ok(()))
    });
    assert_eq!(put, 2 * THREADS);
    let (number, certificates) = kms(&stores[0]).external_certificates().unwrap();
    assert_eq!(
        (number as usize, certificates.len()),
        (2 * THREADS * ROUNDS, 1)
    );
}

/// Writes that share one wait for the disk stand on their own: one that is refused takes none with it.
fn a_refused_write_undoes_itself_alone(bench: &mut Bench) {
    let stores = [bench.open(), bench.open()];
    for round in 0..ROUNDS {
        let agency = |number: usize| Agency {
            id: format!("agency-{round}-{number}"),
            name: String::new(),
            group: String::new(),
            kms_uri: Some(KmsUri::new(format!("kms{}.round{round}.example", number / 2)).unwrap()),
            domains: Vec::new(),
            enabled: true,
        };
        let before = Agency {
            kms_uri: None,
            ..agency(2 * THREADS)
        };
        let put = winners(&stores, |store, number| {
            match store.put_agencies(&[before.clone(), agency(number)]) {
                Ok(()) => true,
                Err(StoreFault::LocalDuplicate) => false,
                Err(other) => panic!("{other}"),
            }
        });
        assert_eq!(put, THREADS, "one of two with the same KMS");
        let prefix = format!("agency-{round}-");
        let all = stores[0].agencies().unwrap().into_iter();
        let there = all.filter(|agency| agency.id.starts_with(&prefix));
        assert_eq!(there.count(), THREADS + 1);
    }
}

on_both!(
    a_refused_write_undoes_itself_alone,
    one_redeems_a_code_and_one_rotates_a_token,
    one_replaces_an_account_and_one_is_the_first_with_a_request,
    wrong_passwords_are_counted_one_by_one,
    a_time_step_is_used_once_and_a_permit_as_often_as_it_says,
    no_change_is_lost_among_many,
);
