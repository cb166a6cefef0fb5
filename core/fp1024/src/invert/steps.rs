//! Division steps on the lowest bits of f and g.

/// Where the steps begin: zeta is -(δ + 1/2).
pub(super) const FIRST_ZETA: i64 = -1;

/// What a batch of n steps does to (f, g), times 2^n: (u·f + v·g, q·f + r·g). |u| + |v| and |q| + |r| are at most 2^n.
pub(super) struct Matrix {
    pub(super) u: i64,
    pub(super) v: i64,
    pub(super) q: i64,
    pub(super) r: i64,
}

/// N steps, at most 62; returns the next zeta. Bits of f and g from N on do not matter.
#[inline(always)]
pub(super) fn division_steps<const N: usize>(mut zeta: i64, f: u64, g: u64) -> (i64, Matrix) {
    let (mut f, mut g) = (f, g);
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    for _ in 0..N {
        let swap = (zeta >> 63) as u64;
        let odd = (g & 1).wrapping_neg();
        // g + f or g - f when g is odd, with the row of f negated when the two are about to swap.
        g = g.wrapping_add((f ^ swap).wrapping_sub(swap) & odd);
        q = q.wrapping_add((u ^ swap).wrapping_sub(swap) & odd);
        r = r.wrapping_add((v ^ swap).wrapping_sub(swap) & odd);
        let swap = swap & odd;
        zeta = (zeta ^ swap as i64).wrapping_sub(1);
        f = f.wrapping_add(g & swap);
        u = u.wrapping_add(q & swap) << 1;
        v = v.wrapping_add(r & swap) << 1;
        g >>= 1;
    }
    let matrix = Matrix {
        u: u as i64,
        v: v as i64,
        q: q as i64,
        r: r as i64,
    };
    (zeta, matrix)
}
