//! Security policies: SPI, algorithms and what they decide.

use crate::bench::{Member, gmk_with};
use crate::support::*;
use roger_mikey::open::ReceiverSettings;
use roger_mikey::payload::{Payload, SecurityPolicy, parameter};
use roger_mikey::profile::{CipherSuite, ProfileError, RocTransport, gmk_policy, pck_policy};
use roger_mikey::{OpenError, Receiver};

fn with_policy(policy: SecurityPolicy) -> Vec<u8> {
    gmk_with(|body| {
        let found = body
            .payloads
            .iter_mut()
            .find(|p| matches!(p, Payload::SecurityPolicy(_)));
        *found.unwrap() = Payload::SecurityPolicy(policy);
    })
}

fn changed(kind: u8, value: u8) -> SecurityPolicy {
    let mut policy = gmk_policy();
    policy.parameters.retain(|parameter| parameter.kind != kind);
    policy
        .parameters
        .extend(SecurityPolicy::srtp(0, &[(kind, value)]).parameters);
    policy
}

#[test]
fn a_policy_with_another_cipher_key_salt_or_tag_length_unless_enabled() {
    let suite = CipherSuite::AEAD_AES_128_GCM;
    let cases = [
        (
            parameter::ENCRYPTION,
            0,
            CipherSuite {
                encryption: 0,
                ..suite
            },
        ),
        (
            parameter::ENCRYPTION,
            1,
            CipherSuite {
                encryption: 1,
                ..suite
            },
        ),
        (
            parameter::ENCRYPTION_KEY_LENGTH,
            32,
            CipherSuite {
                key_length: 32,
                ..suite
            },
        ),
        (
            parameter::SALT_LENGTH,
            14,
            CipherSuite {
                salt_length: 14,
                ..suite
            },
        ),
        (
            parameter::AEAD_TAG_LENGTH,
            8,
            CipherSuite {
                tag_length: 8,
                ..suite
            },
        ),
    ];
    let member = Member::user_1();
    for (kind, value, suite) in cases {
        let octets = with_policy(changed(kind, value));
        let refused = OpenError::PeerProfile(ProfileError::Suite(suite));
        assert_eq!(member.gmk_error(&octets), refused);
        let settings = ReceiverSettings {
            suites: vec![suite],
            ..ReceiverSettings::default()
        };
        let opened = Receiver::new(settings).open_gmk(&octets, &member.context(&[GMS]), None);
        assert_eq!(opened.unwrap().profile.suite, suite);
    }
}

#[test]
fn a_policy_that_switches_protection_off_or_asks_for_what_is_not_done() {
    let cases = [
        (parameter::SRTP_ENCRYPTION, 0),
        (parameter::SRTCP_ENCRYPTION, 0),
        (parameter::SRTP_AUTHENTICATION, 0),
        (parameter::PRF, 1),
        (parameter::KEY_DERIVATION_RATE, 3),
        (parameter::ROC_RATE, 2),
        (parameter::SRTP_TAG_LENGTH, 10),
        (parameter::SRTCP_TAG_LENGTH, 4),
    ];
    for (kind, value) in cases {
        let error = Member::user_1().gmk_error(&with_policy(changed(kind, value)));
        assert_eq!(
            error,
            OpenError::PeerProfile(ProfileError::Parameter { kind })
        );
    }
}

#[test]
fn a_policy_that_says_a_thing_twice_or_with_a_value_too_large() {
    let mut twice = gmk_policy();
    twice
        .parameters
        .extend(SecurityPolicy::srtp(0, &[(parameter::ENCRYPTION, 6)]).parameters);
    let mut large = gmk_policy();
    large.parameters[0].value = vec![1, 6];
    let mut empty = gmk_policy();
    empty.parameters[0].value = Vec::new();
    for policy in [twice, large, empty] {
        let error = Member::user_1().gmk_error(&with_policy(policy));
        let kind = parameter::ENCRYPTION;
        assert_eq!(
            error,
            OpenError::PeerProfile(ProfileError::Parameter { kind })
        );
    }
    let mut wide = gmk_policy();
    wide.parameters[0].value = vec![0, 0, 6];
    let member = Member::user_1();
    let octets = with_policy(wide);
    assert!(
        Receiver::default()
            .open_gmk(&octets, &member.context(&[GMS]), None)
            .is_ok()
    );
}

#[test]
fn a_policy_for_another_protocol() {
    let policy = SecurityPolicy {
        protocol: 1,
        ..gmk_policy()
    };
    let error = Member::user_1().gmk_error(&with_policy(policy));
    assert_eq!(error, OpenError::PeerProfile(ProfileError::Protocol(0)));
}

#[test]
fn the_policy_decides_on_the_roc_and_a_missing_rate_means_every_packet() {
    let member = Member::user_1();
    let roc = |policy| {
        let octets = with_policy(policy);
        let opened = Receiver::default().open_gmk(&octets, &member.context(&[GMS]), None);
        opened.unwrap().profile.roc
    };
    assert_eq!(roc(pck_policy()), RocTransport::None);
    let mut policy = gmk_policy();
    policy
        .parameters
        .retain(|parameter| parameter.kind != parameter::ROC_RATE);
    assert_eq!(roc(policy), RocTransport::EveryPacket);
}

/// A 33.179 V13.4.0 product sends the GMK table with keys that only protect SRTCP.
#[test]
fn a_key_for_srtcp_only_has_no_roc_whatever_its_policy_says() {
    let octets = altered("CSK", &key_set(USER_1), |body| {
        body.payloads
            .insert(6, Payload::SecurityPolicy(gmk_policy()));
    });
    let server = Member {
        key_sets: vec![key_set(SERVER)],
        domains: Vec::new(),
    };
    let opened = Receiver::default()
        .open_csk(&octets, &server.context(&[USER_1]))
        .unwrap();
    assert_eq!(opened.profile.roc, RocTransport::None);
}
