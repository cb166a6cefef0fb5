//! Inversion with MULX, ADCX and ADOX: numbers of words in two's complement, batches of 59 steps.
//!
//! An entry of a matrix is multiplied as its magnitude. A minus is given to the number: -a = !a + 1, and what the one
//! brings is the entry again.

#![allow(unsafe_code)]
// inline assembly; every block says why it is sound
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use super::packed::Batch;
use super::steps::{FIRST_ZETA, Matrix};
use super::words::finish;
use super::{OddModulus, STEPS};
use crate::adx::Adx;
use crate::limbs::{LIMBS, Limbs};
use core::arch::asm;
use zeroize::Zeroize;

/// Steps of a batch.
const BITS: usize = 59;

/// Steps beyond g = 0 change nothing.
const BATCHES: usize = STEPS.div_ceil(BITS);

/// Words of a number, the last with the sign, and three that mean nothing, so that vectors hold all.
const LENGTH: usize = 20;

type Long = [u64; LENGTH];

/// What the assembly reads, and where it leaves the multiple of the modulus. It knows the places.
#[repr(C)]
struct Terms {
    /// Two numbers, negated where their factors are to be negative.
    numbers: [Long; 2],
    modulus: Long,
    /// The magnitudes of the factors.
    factors: [u64; 2],
    /// What negated numbers lack.
    start: u64,
    /// -m^-1 mod 2^64.
    negated_inverse: u64,
    multiple: u64,
}

/// `rdx` times a word: the low word on the carry chain, the high word on the overflow chain.
macro_rules! step {
    ($place:literal, $i:literal, $low:literal, $high:literal) => {
        concat!(
            "mulx rcx, rax, [rsi + ",
            $place,
            " + ",
            $i,
            "]\n",
            "adcx ",
            $low,
            ", rax\n",
            "adox ",
            $high,
            ", rcx\n",
        )
    };
}

/// The registers r8 to r15 and rbx plus `rdx` times eight words; nine words have room for three such products.
macro_rules! row {
    ($place:literal) => {
        concat!(
            "xor eax, eax\n", // clears both carries
            step!($place, "0", "r8", "r9"),
            step!($place, "8", "r9", "r10"),
            step!($place, "16", "r10", "r11"),
            step!($place, "24", "r11", "r12"),
            step!($place, "32", "r12", "r13"),
            step!($place, "40", "r13", "r14"),
            step!($place, "48", "r14", "r15"),
            step!($place, "56", "r15", "rbx"),
            "mov eax, 0\n",
            "adcx rbx, rax\n",
        )
    };
}

/// Seven words from r8 on, shifted right by 59 bits, to `rdi` + `$at`.
macro_rules! store_shifted {
    ($at:literal) => {
        concat!(
            "shrd r8, r9, 59\n",
            "mov [rdi + ",
            $at,
            "], r8\n",
            "shrd r9, r10, 59\n",
            "mov [rdi + ",
            $at,
            " + 8], r9\n",
            "shrd r10, r11, 59\n",
            "mov [rdi + ",
            $at,
            " + 16], r10\n",
            "shrd r11, r12, 59\n",
            "mov [rdi + ",
            $at,
            " + 24], r11\n",
            "shrd r12, r13, 59\n",
            "mov [rdi + ",
            $at,
            " + 32], r12\n",
            "shrd r13, r14, 59\n",
            "mov [rdi + ",
            $at,
            " + 40], r13\n",
            "shrd r14, r15, 59\n",
            "mov [rdi + ",
            $at,
            " + 48], r14\n",
        )
    };
}

/// Clears the registers above r8, which is given a start.
macro_rules! start {
    ($from:literal) => {
        concat!(
            "mov r8, ",
            $from,
            "\n",
            "xor r9d, r9d\n",
            "xor r10d, r10d\n",
            "xor r11d, r11d\n",
            "xor r12d, r12d\n",
            "xor r13d, r13d\n",
            "xor r14d, r14d\n",
            "xor r15d, r15d\n",
            "xor ebx, ebx\n",
        )
    };
}

/// The word with the sign, times its factor, to rbx and r8.
macro_rules! last_word {
    ($place:literal, $factor:literal) => {
        concat!(
            "mov rdx, [rsi + ",
            $factor,
            "]\n",
            "mov r9, [rsi + ",
            $place,
            " + 128]\n",
            "mulx rcx, rax, r9\n",
            "sar r9, 63\n",
            "and r9, rdx\n",
            "add rbx, rax\n",
            "adc r8, rcx\n",
            "sub r8, r9\n",
        )
    };
}

/// The sum of the terms divided by 2^59, to `rdi`; `$multiple` and `$again` add the modulus to the lower and the upper
/// eight words.
macro_rules! quotient {
    ($multiple:expr, $again:expr) => {
        concat!(
            "vmovq xmm0, rbx\n",
            start!("[rsi + 496]"),
            "mov rdx, [rsi + 480]\n",
            row!("0"),
            "mov rdx, [rsi + 488]\n",
            row!("160"),
            $multiple,
            store_shifted!("0"),
            "vmovq xmm1, r15\n",
            start!("rbx"),
            "mov rdx, [rsi + 480]\n",
            row!("64"),
            "mov rdx, [rsi + 488]\n",
            row!("160 + 64"),
            $again,
            "vmovq rax, xmm1\n",
            "shrd rax, r8, 59\n",
            "mov [rdi + 56], rax\n",
            store_shifted!("64"),
            "xor r8d, r8d\n",
            last_word!("0", "480"),
            last_word!("160", "488"),
            "shrd r15, rbx, 59\n",
            "mov [rdi + 120], r15\n",
            "shrd rbx, r8, 59\n",
            "mov [rdi + 128], rbx\n",
            "vmovq rbx, xmm0\n",
        )
    };
}

macro_rules! run {
    ($terms:ident, $to:ident, $code:expr) => {
        asm!(
            $code,
            in("rsi") core::ptr::from_mut($terms),
            in("rdi") $to.as_mut_ptr(),
            out("rax") _, out("rcx") _, out("rdx") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            out("xmm0") _, out("xmm1") _,
            options(nostack),
        )
    };
}

impl Drop for Terms {
    fn drop(&mut self) {
        self.numbers.as_flattened_mut().zeroize();
        self.factors.zeroize();
        self.start.zeroize();
        self.multiple.zeroize();
    }
}

impl Terms {
    fn new(modulus: &OddModulus) -> Self {
        Self {
            numbers: [[0; LENGTH]; 2],
            modulus: long(&modulus.words),
            factors: [0; 2],
            start: 0,
            negated_inverse: modulus.inverse.wrapping_neg(),
            multiple: 0,
        }
    }

    /// x·a + y·b.
    #[inline(always)]
    fn set(&mut self, a: &Long, x: i64, b: &Long, y: i64) {
        self.start = 0;
        for (k, (number, factor)) in [(a, x), (b, y)].into_iter().enumerate() {
            let negative;
            (negative, self.factors[k]) = sign_and_magnitude(factor);
            self.start += self.factors[k] & negative;
            for (to, from) in self.numbers[k].iter_mut().zip(number) {
                *to = from ^ negative;
            }
        }
    }

    /// The sum divided by 2^59, which divides it.
    #[inline(always)]
    fn quotient(&mut self, to: &mut Long, _: Adx) {
        // SAFETY: the `Adx` proves the instructions. `rsi` is read within the terms, `rdi` is written for 136 octets,
        // less than a number has. rbx, which the compiler keeps for itself, is put back; every other register that
        // changes is an operand; the stack is not used.
        unsafe { run!(self, to, quotient!("", "")) }
    }

    /// The sum and the multiple of the modulus that makes 2^59 divide it, divided by 2^59.
    #[inline(always)]
    fn quotient_modulo(&mut self, to: &mut Long, _: Adx) {
        // SAFETY: as in `quotient`; the multiple is written to its place in the terms.
        unsafe {
            run!(
                self,
                to,
                quotient!(
                    concat!(
                        "mov rdx, r8\n",
                        "imul rdx, [rsi + 504]\n",
                        "shl rdx, 5\n",
                        "shr rdx, 5\n",
                        "mov [rsi + 512], rdx\n",
                        row!("320"),
                    ),
                    concat!("mov rdx, [rsi + 512]\n", row!("320 + 64"))
                )
            )
        }
    }
}

/// The lowest bits of f and g after the steps of the matrix, from the two lowest words before.
#[inline(always)]
fn next_lowest(m: &Matrix, f: &Long, g: &Long) -> (u64, u64) {
    let (f, g) = (lower(f), lower(g));
    let next = |x: i64, y: i64| {
        let sum = f
            .wrapping_mul(x.into())
            .wrapping_add(g.wrapping_mul(y.into()));
        (sum >> BITS) as u64
    };
    (next(m.u, m.v), next(m.q, m.r))
}

#[inline(always)]
fn lower(number: &Long) -> i128 {
    i128::from(number[0]) | i128::from(number[1]) << 64
}

/// All ones for a negative number, else zero, and its magnitude; in assembly, so that the optimiser makes no branch of
/// the mask.
#[inline(always)]
fn sign_and_magnitude(number: i64) -> (u64, u64) {
    let (sign, magnitude);
    // SAFETY: computes with two registers, both of which are operands.
    unsafe {
        asm!(
            "mov {sign}, {magnitude}",
            "sar {sign}, 63",
            "xor {magnitude}, {sign}",
            "sub {magnitude}, {sign}",
            sign = out(reg) sign,
            magnitude = inout(reg) number => magnitude,
            options(pure, nomem, nostack),
        );
    }
    (sign, magnitude)
}

fn long(number: &Limbs) -> Long {
    let mut long = [0; LENGTH];
    long[..LIMBS].copy_from_slice(number);
    long
}

impl Adx {
    /// The dividend of the modulus divided by the number; zero for zero.
    pub(super) fn invert(self, number: &Limbs, modulus: &OddModulus) -> Limbs {
        self.with_avx2(|| invert(number, modulus, self))
    }
}

#[inline(always)]
fn invert(number: &Limbs, modulus: &OddModulus, adx: Adx) -> Limbs {
    let mut terms = [Terms::new(modulus), Terms::new(modulus)];
    let (mut f, mut g) = (long(&modulus.words), long(number));
    let (mut d, mut e) = ([0; LENGTH], long(&modulus.dividend));
    let mut done = Batch::start(FIRST_ZETA, f[0], g[0])
        .steps::<14>()
        .negated_steps::<15>()
        .negated_steps::<15>()
        .negated_steps::<15>();
    for _ in 1..BATCHES {
        // The steps of the next batch and what the last one does to the long numbers wait for nothing of each other.
        let Matrix { u, v, q, r } = done.matrix;
        let (next_f, next_g) = next_lowest(&done.matrix, &f, &g);
        let [first, second] = &mut terms;
        first.set(&f, u, &g, v);
        second.set(&f, q, &g, r);
        let batch = Batch::start(done.zeta, next_f, next_g).steps::<14>();
        first.quotient(&mut f, adx);
        let batch = batch.negated_steps::<15>();
        second.quotient(&mut g, adx);
        first.set(&d, u, &e, v);
        second.set(&d, q, &e, r);
        let batch = batch.negated_steps::<15>();
        first.quotient_modulo(&mut d, adx);
        done = batch.negated_steps::<15>();
        second.quotient_modulo(&mut e, adx);
    }
    let Matrix { u, v, .. } = done.matrix;
    let [first, second] = &mut terms;
    first.set(&f, u, &g, v);
    first.quotient(&mut f, adx);
    second.set(&d, u, &e, v);
    second.quotient_modulo(&mut d, adx);
    let mut quotient = [0; LIMBS + 1];
    quotient.copy_from_slice(&d[..=LIMBS]);
    let inverse = finish(&quotient, f[LIMBS] as i64, modulus);
    quotient.zeroize();
    for state in [&mut f, &mut g, &mut d, &mut e] {
        state.zeroize();
    }
    inverse
}
