//! Division steps on x86-64, a dozen at a time in two registers.
//!
//! One register holds the lowest bits of f and its row of the matrix, f + u·2^(2n+1) + v·2^(3n+3), the other those of
//! g: what a step does to f and g it does to the rows too. A step chooses with conditional moves, which a compiler
//! might make jumps; so it is assembly. f doubles, instead of g being halved: that is one instruction less to wait
//! for. n steps look at bits 0 to n - 1 of g, and 4n + 3 bits have room.

#![allow(unsafe_code)]
// inline assembly; every block says why it is sound

use super::steps::Matrix;
use core::arch::asm;

/// One step, which looks at the bit of `$g` that is named: the next g is in `$next`, zeta in rax. What f and zeta become
/// when g is odd is in `p` and rdx before the bit is looked at.
macro_rules! step {
    ($g:literal, $next:literal, $bit:literal) => {
        concat!(
            "cqo\n", // all ones in rdx when the two swap if g is odd
            "mov {s}, {f}\n",
            "xor {s}, rdx\n",
            "sub {s}, rdx\n",
            "lea {", $next, "}, [{", $g, "} + {s}]\n", // g - f or g + f
            "mov {p}, {f}\n",
            "xor rdx, rax\n",
            "dec rdx\n",
            "test rax, rax\n",
            "lea rax, [rax - 1]\n",
            "cmovs {p}, {", $g, "}\n",
            "bt {", $g, "}, ", $bit, "\n",
            "cmovnc {", $next, "}, {", $g, "}\n",
            "cmovc {f}, {p}\n",
            "cmovc rax, rdx\n",
            "add {f}, {f}\n",
        )
    };
}

/// A function of n steps: from zeta, f and g to the next zeta and the matrix, negated if `$one` is -1. Negated, n is
/// fifteen at most, as then no entry is 2^n; else fourteen.
macro_rules! steps {
    ($name:ident, $n:literal, $one:literal, $($step:expr),*) => {
        #[inline(always)]
        fn $name(zeta: i64, f: u64, g: u64) -> (i64, Matrix) {
            const LOWEST: u64 = (1 << $n) - 1;
            const FIRST: u64 = ($one as i64 as u64) << (2 * $n + 1);
            const SECOND: u64 = ($one as i64 as u64) << (3 * $n + 3);
            let mut zeta = zeta;
            let mut f = (f & LOWEST).wrapping_add(FIRST);
            let mut g = (g & LOWEST).wrapping_add(SECOND);
            // SAFETY: computes with registers alone, all of which are operands.
            unsafe {
                asm!(
                    $($step),*,
                    inout("rax") zeta,
                    out("rdx") _,
                    f = inout(reg) f,
                    g = inout(reg) g,
                    h = out(reg) _,
                    s = out(reg) _,
                    p = out(reg) _,
                    options(nomem, nostack),
                );
            }
            let ((u, v), (q, r)) = (unpack::<$n>(f), unpack::<$n>(g));
            (zeta, Matrix { u, v, q, r })
        }
    };
}

steps!(
    twelve_steps, 12, 1,
    step!("g", "h", "0"), step!("h", "g", "1"), step!("g", "h", "2"), step!("h", "g", "3"),
    step!("g", "h", "4"), step!("h", "g", "5"), step!("g", "h", "6"), step!("h", "g", "7"),
    step!("g", "h", "8"), step!("h", "g", "9"), step!("g", "h", "10"), step!("h", "g", "11")
);

steps!(
    thirteen_steps_negated, 13, -1,
    step!("g", "h", "0"), step!("h", "g", "1"), step!("g", "h", "2"), step!("h", "g", "3"),
    step!("g", "h", "4"), step!("h", "g", "5"), step!("g", "h", "6"), step!("h", "g", "7"),
    step!("g", "h", "8"), step!("h", "g", "9"), step!("g", "h", "10"), step!("h", "g", "11"),
    step!("g", "h", "12"), "mov {g}, {h}"
);

/// The two entries of a row below what is left of f or g.
#[inline(always)]
fn unpack<const N: u32>(row: u64) -> (i64, i64) {
    let both = (row.wrapping_add(1 << (2 * N)) as i64) >> (2 * N + 1);
    let second = (both + (1 << (N + 1))) >> (N + 2);
    (both - (second << (N + 2)), second)
}

/// The steps of a batch so far: the next zeta, what is left of the lowest bits of f and g, and the matrix.
pub(super) struct Batch {
    pub(super) zeta: i64,
    f: u64,
    g: u64,
    pub(super) matrix: Matrix,
}

impl Batch {
    /// Twelve steps.
    #[inline(always)]
    pub(super) fn twelve(zeta: i64, f: u64, g: u64) -> Self {
        let (zeta, matrix) = twelve_steps(zeta, f, g);
        let (f, g) = matrix.lowest::<12>(f, g);
        Self { zeta, f, g, matrix }
    }

    /// Thirteen more; the matrix changes its sign.
    #[inline(always)]
    pub(super) fn thirteen_more(self) -> Self {
        let (zeta, matrix) = thirteen_steps_negated(self.zeta, self.f, self.g);
        let (f, g) = matrix.lowest::<13>(self.f, self.g);
        let matrix = matrix.after(&self.matrix);
        Self { zeta, f, g, matrix }
    }
}

impl Matrix {
    /// What N steps make of f and g; the N topmost bits are lost.
    #[inline(always)]
    fn lowest<const N: u32>(&self, f: u64, g: u64) -> (u64, u64) {
        let (f, g) = (f as i64, g as i64);
        let next_f = self.u.wrapping_mul(f).wrapping_add(self.v.wrapping_mul(g));
        let next_g = self.q.wrapping_mul(f).wrapping_add(self.r.wrapping_mul(g));
        ((next_f >> N) as u64, (next_g >> N) as u64)
    }

    /// This matrix times the one of the steps before.
    #[inline(always)]
    fn after(&self, m: &Self) -> Self {
        Self {
            u: self.u * m.u + self.v * m.q,
            v: self.u * m.v + self.v * m.r,
            q: self.q * m.u + self.r * m.q,
            r: self.q * m.v + self.r * m.r,
        }
    }
}
