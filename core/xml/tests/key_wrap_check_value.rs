//! A key wrap whose inner check value is unknown is refused, though every octet of it was made with the right
//! key.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use roger_base::Secret;
use roger_xml::key_wrap::{KeyWrapError, unwrap};

const KEY: [u8; 32] = [0x42; 32];

/// The wrapping function W of RFC 3394 2.2.1 with any value in the place of the check value.
fn wrap_with(check: [u8; 8], key: &[u8]) -> Vec<u8> {
    let cipher = UnboundCipherKey::new(&AES_256, &KEY).unwrap();
    let cipher = EncryptingKey::ecb(cipher).unwrap();
    let mut a = check;
    let mut blocks: Vec<[u8; 8]> = key
        .chunks(8)
        .map(|block| block.try_into().unwrap())
        .collect();
    for round in 0..6 {
        let count = blocks.len();
        for (place, block) in blocks.iter_mut().enumerate() {
            let mut both = [a, *block].concat();
            cipher.encrypt(&mut both).unwrap();
            let step = (count * round + place + 1) as u64;
            let high = u64::from_be_bytes(both[..8].try_into().unwrap()) ^ step;
            a = high.to_be_bytes();
            *block = both[8..].try_into().unwrap();
        }
    }
    let mut out = a.to_vec();
    out.extend(blocks.concat());
    out
}

fn opened(check: [u8; 8], key: &[u8]) -> Result<usize, KeyWrapError> {
    unwrap(&Secret::new(KEY), &wrap_with(check, key)).map(|key| key.expose().len())
}

#[test]
fn the_two_known_check_values_open() {
    assert_eq!(opened([0xA6; 8], &[7; 32]), Ok(32));
    // RFC 5649: 31 octets and one of padding.
    let mut padded = [7; 32];
    padded[31] = 0;
    assert_eq!(
        opened([0xA6, 0x59, 0x59, 0xA6, 0, 0, 0, 31], &padded),
        Ok(31)
    );
}

#[test]
fn an_unknown_check_value_is_refused() {
    let unknown = [
        [0; 8],
        [0xFF; 8],
        [0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA5],
        [0xA5, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6],
        [0xA6, 0x59, 0x59, 0xA5, 0, 0, 0, 32],
        [0xA6, 0x59, 0x59, 0xA6, 0, 0, 1, 32],
    ];
    for check in unknown {
        assert_eq!(
            opened(check, &[7; 32]),
            Err(KeyWrapError::PeerIntegrity),
            "{check:02x?}"
        );
    }
}

#[test]
fn a_length_that_does_not_fit_and_padding_that_is_not_zero_are_refused() {
    for length in [0, 1, 24, 33, 255] {
        let check = [0xA6, 0x59, 0x59, 0xA6, 0, 0, 0, length];
        assert_eq!(
            opened(check, &[0; 32]),
            Err(KeyWrapError::PeerIntegrity),
            "{length}"
        );
    }
    let check = [0xA6, 0x59, 0x59, 0xA6, 0, 0, 0, 31];
    assert_eq!(opened(check, &[7; 32]), Err(KeyWrapError::PeerIntegrity));
}
