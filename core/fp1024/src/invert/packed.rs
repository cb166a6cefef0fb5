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
            "lea {",
            $next,
            "}, [{",
            $g,
            "} + {s}]\n", // g - f or g + f
            "mov {p}, {f}\n",
            "xor rdx, rax\n",
            "dec rdx\n",
            "test rax, rax\n",
            "lea rax, [rax - 1]\n",
            "cmovs {p}, {",
            $g,
            "}\n",
            "bt {",
            $g,
            "}, ",
            $bit,
            "\n",
            "cmovnc {",
            $next,
            "}, {",
            $g,
            "}\n",
            "cmovc {f}, {p}\n",
            "cmovc rax, rdx\n",
            "add {f}, {f}\n",
        )
    };
}

/// The two registers and zeta.
struct Rows {
    zeta: i64,
    f: u64,
    g: u64,
}

/// Steps that look at the named bits, with g in either register in turn and in its own at the end.
macro_rules! alternate {
    ("g" $next:literal;) => { "" };
    ("h" $next:literal;) => { "mov {g}, {h}\n" };
    ($g:tt $next:tt; $bit:literal $($rest:literal)*) => {
        concat!(step!($g, $next, $bit), alternate!($next $g; $($rest)*))
    };
}

/// A function of the steps that look at the named bits.
macro_rules! steps {
    ($name:ident; $($bit:literal)*) => {
        #[inline(always)]
        fn $name(mut self) -> Self {
            // SAFETY: computes with registers alone, all of which are operands.
            unsafe {
                asm!(
                    alternate!("g" "h"; $($bit)*),
                    inout("rax") self.zeta,
                    out("rdx") _,
                    f = inout(reg) self.f,
                    g = inout(reg) self.g,
                    h = out(reg) _,
                    s = out(reg) _,
                    p = out(reg) _,
                    options(nomem, nostack),
                );
            }
            self
        }
    };
}

impl Rows {
    steps!(twelve; 0 1 2 3 4 5 6 7 8 9 10 11);
    steps!(thirteen; 0 1 2 3 4 5 6 7 8 9 10 11 12);
    steps!(fourteen; 0 1 2 3 4 5 6 7 8 9 10 11 12 13);
    steps!(fifteen; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);

    /// N steps begin: the lowest N bits of f and g with the first matrix, which is 1 or -1.
    #[inline(always)]
    fn start<const N: u32>(zeta: i64, f: u64, g: u64, one: i64) -> Self {
        let lowest = (1 << N) - 1;
        let one = one as u64;
        let f = (f & lowest).wrapping_add(one << (2 * N + 1));
        let g = (g & lowest).wrapping_add(one << (3 * N + 3));
        Self { zeta, f, g }
    }

    /// The matrix after N steps.
    #[inline(always)]
    fn matrix<const N: u32>(&self) -> Matrix {
        let ((u, v), (q, r)) = (unpack::<N>(self.f), unpack::<N>(self.g));
        Matrix { u, v, q, r }
    }
}

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
    #[inline(always)]
    pub(super) fn start(zeta: i64, f: u64, g: u64) -> Self {
        let (u, v, q, r) = (1, 0, 0, 1);
        let matrix = Matrix { u, v, q, r };
        Self { zeta, f, g, matrix }
    }

    /// N more steps, from 12 to 14.
    #[inline(always)]
    pub(super) fn steps<const N: u32>(self) -> Self {
        self.steps_times::<N>(1)
    }

    /// N more steps, from 12 to 15, that negate the matrix. Then no entry is 2^N, for which fifteen steps have no room.
    #[inline(always)]
    pub(super) fn negated_steps<const N: u32>(self) -> Self {
        self.steps_times::<N>(-1)
    }

    #[inline(always)]
    fn steps_times<const N: u32>(self, one: i64) -> Self {
        const { assert!(N >= 12 && N <= 15) };
        let rows = Rows::start::<N>(self.zeta, self.f, self.g, one);
        let rows = match N {
            12 => rows.twelve(),
            13 => rows.thirteen(),
            14 => rows.fourteen(),
            _ => rows.fifteen(),
        };
        let matrix = rows.matrix::<N>();
        let (f, g) = matrix.lowest::<N>(self.f, self.g);
        let (zeta, matrix) = (rows.zeta, matrix.after(&self.matrix));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invert::steps::division_steps;

    /// Whether the batches end as steps one by one do, with the matrix negated.
    fn check(zeta: i64, f: u64, g: u64) {
        let batch = Batch::start(zeta, f, g).steps::<12>();
        let batch = batch.negated_steps::<13>().negated_steps::<13>();
        same(
            batch.negated_steps::<13>(),
            division_steps::<51>(zeta, f, g),
        );
        let batch = Batch::start(zeta, f, g).steps::<14>();
        let batch = batch.negated_steps::<15>().negated_steps::<15>();
        same(
            batch.negated_steps::<15>(),
            division_steps::<59>(zeta, f, g),
        );
    }

    fn same(batch: Batch, (zeta, matrix): (i64, Matrix)) {
        let entries = |m: &Matrix| [m.u, m.v, m.q, m.r];
        assert_eq!(batch.zeta, zeta);
        assert_eq!(entries(&batch.matrix).map(|entry| -entry), entries(&matrix));
    }

    #[test]
    fn batches_are_steps_one_by_one() {
        let mut numbers = vec![
            0,
            1,
            2,
            3,
            u64::MAX,
            u64::MAX - 1,
            1 << 50,
            1 << 58,
            1 << 63,
        ];
        let mut state = 1u64;
        numbers.extend((0..200).map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            state ^ state >> 29
        }));
        for (i, f) in numbers.iter().enumerate() {
            for g in &numbers {
                for zeta in [-1, 0, -2, 1, 7, -30, 2000, -2000, i as i64 - 100] {
                    check(zeta, f | 1, *g);
                }
            }
        }
    }
}
