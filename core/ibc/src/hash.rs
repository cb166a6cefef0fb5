//! SHA-256 and the hash to a range that both halves of SAKKE use.

use aws_lc_rs::digest;
use zeroize::Zeroizing;

/// Octets of a SHA-256 value.
pub(crate) const HASH_OCTETS: usize = 32;

/// SHA-256 over parts one after the other, without separators.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; HASH_OCTETS] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut octets = [0; HASH_OCTETS];
    for (to, from) in octets.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    octets
}

/// v' = v_1 ∥ … ∥ v_l of `HashToIntegerRange` over the parts, before the reduction (RFC 6508 cl. 5.1, steps 1 to 5).
pub(crate) fn hash_blocks(parts: &[&[u8]], blocks: usize) -> Zeroizing<Vec<u8>> {
    let a = Zeroizing::new(sha256(parts));
    let mut h = [0; HASH_OCTETS];
    let mut v = Zeroizing::new(Vec::with_capacity(blocks * HASH_OCTETS));
    for _ in 0..blocks {
        h = sha256(&[&h]);
        v.extend_from_slice(&*Zeroizing::new(sha256(&[&h, a.as_slice()])));
    }
    v
}

/// `HashToIntegerRange(s, 2^(8*length), SHA-256)` as `length` octets, leading zeros kept (RFC 6508 cl. 5.1).
///
/// The number of hash blocks is ceil(8*length / 256); the remainder is the low end of their concatenation.
pub(crate) fn hash_to_octets(parts: &[&[u8]], length: usize) -> Zeroizing<Vec<u8>> {
    let v = hash_blocks(parts, length.div_ceil(HASH_OCTETS));
    let start = v.len().saturating_sub(length);
    Zeroizing::new(v.get(start..).unwrap_or_default().to_vec())
}
