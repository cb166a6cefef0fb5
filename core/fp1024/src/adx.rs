//! The x86-64 backend: products of 64-bit limbs with MULX and two carry chains, ADCX and ADOX.
//!
//! Eight limbs fit the registers r8 to r15, so everything is made of rows: eight limbs times one, added to the eight
//! registers, of which the lowest is then done and becomes the one on top. The instructions and the addresses are the
//! same for all numbers.

#![allow(unsafe_code)]
// inline assembly; every block says why it is sound
// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::limbs::{LIMBS, Limbs, MODULUS, NEGATED_INVERSE, Wide};
use core::arch::asm;
use core::mem::MaybeUninit;

/// p, in memory.
static PRIME: Limbs = MODULUS;

/// The proof that this machine has MULX, ADCX and ADOX, and AVX2, which every such machine has.
#[derive(Clone, Copy)]
pub(crate) struct Adx(());

/// `rdx` times a limb: the low word on the carry chain, the high word on the overflow chain.
macro_rules! step {
    ($limb:expr, $low:literal, $high:literal) => {
        concat!(
            "mulx rcx, rax, ",
            $limb,
            "\n",
            "adcx ",
            $low,
            ", rax\n",
            "adox ",
            $high,
            ", rcx\n",
        )
    };
}

/// The last limb of a row: the high word, with what both chains carry, becomes the limb on top. A row and eight limbs
/// fit nine limbs, so it cannot overflow.
macro_rules! last_step {
    ($limb:expr, $low:literal, $top:literal) => {
        concat!(
            "mulx ",
            $top,
            ", rax, ",
            $limb,
            "\n",
            "adcx ",
            $low,
            ", rax\n",
            "mov eax, 0\n",
            "adox ",
            $top,
            ", rax\n",
            "adcx ",
            $top,
            ", rax\n",
        )
    };
}

/// The registers, the lowest limb first, plus `rdx` times eight limbs from `rsi` + `$from` on.
macro_rules! row {
    ($from:literal, $done:expr; $r0:literal $r1:literal $r2:literal $r3:literal $r4:literal $r5:literal $r6:literal $r7:literal) => {
        concat!(
            "xor eax, eax\n", // clears both carries
            step!(concat!("[rsi + ", $from, "]"), $r0, $r1),
            $done,
            step!(concat!("[rsi + ", $from, " + 8]"), $r1, $r2),
            step!(concat!("[rsi + ", $from, " + 16]"), $r2, $r3),
            step!(concat!("[rsi + ", $from, " + 24]"), $r3, $r4),
            step!(concat!("[rsi + ", $from, " + 32]"), $r4, $r5),
            step!(concat!("[rsi + ", $from, " + 40]"), $r5, $r6),
            step!(concat!("[rsi + ", $from, " + 48]"), $r6, $r7),
            last_step!(concat!("[rsi + ", $from, " + 56]"), $r7, $r0),
        )
    };
}

/// Eight rows with a rule for their factors; the registers are where they were.
macro_rules! rows {
    ($rule:ident $from:literal $factors:literal $to:literal) => {
        concat!(
            $rule!($from, $factors, $to, "0"; "r8" "r9" "r10" "r11" "r12" "r13" "r14" "r15"),
            $rule!($from, $factors, $to, "8"; "r9" "r10" "r11" "r12" "r13" "r14" "r15" "r8"),
            $rule!($from, $factors, $to, "16"; "r10" "r11" "r12" "r13" "r14" "r15" "r8" "r9"),
            $rule!($from, $factors, $to, "24"; "r11" "r12" "r13" "r14" "r15" "r8" "r9" "r10"),
            $rule!($from, $factors, $to, "32"; "r12" "r13" "r14" "r15" "r8" "r9" "r10" "r11"),
            $rule!($from, $factors, $to, "40"; "r13" "r14" "r15" "r8" "r9" "r10" "r11" "r12"),
            $rule!($from, $factors, $to, "48"; "r14" "r15" "r8" "r9" "r10" "r11" "r12" "r13"),
            $rule!($from, $factors, $to, "56"; "r15" "r8" "r9" "r10" "r11" "r12" "r13" "r14"),
        )
    };
}

/// The factor is the limb at `$factors`; the limb that is done goes to `rdi` + `$to`.
macro_rules! multiply_row {
    ($from:literal, $factors:literal, $to:literal, $i:literal; $r0:literal $($r:literal)*) => {
        concat!(
            "mov rdx, [", $factors, " + ", $i, "]\n",
            row!($from, concat!("mov [rdi + ", $to, " + ", $i, "], ", $r0, "\n"); $r0 $($r)*),
        )
    };
}

/// The factor is the one that makes the lowest limb vanish; it goes to `rdi` + `$to` in its place.
macro_rules! reduce_row {
    ($from:literal, $factors:literal, $to:literal, $i:literal; $r0:literal $($r:literal)*) => {
        concat!(
            "mov rdx, ", $factors, "\n",
            "imul rdx, ", $r0, "\n",
            "mov [rdi + ", $to, " + ", $i, "], rdx\n",
            row!($from, ""; $r0 $($r)*),
        )
    };
}

/// One instruction for each register and the eight limbs from `rdi` + `$at` on.
macro_rules! each {
    ($first:literal, $rest:literal, $memory:literal, $at:literal) => {
        concat!(
            $first, " r8, [", $memory, " + ", $at, "]\n", $rest, " r9, [", $memory, " + ", $at,
            " + 8]\n", $rest, " r10, [", $memory, " + ", $at, " + 16]\n", $rest, " r11, [",
            $memory, " + ", $at, " + 24]\n", $rest, " r12, [", $memory, " + ", $at, " + 32]\n",
            $rest, " r13, [", $memory, " + ", $at, " + 40]\n", $rest, " r14, [", $memory, " + ",
            $at, " + 48]\n", $rest, " r15, [", $memory, " + ", $at, " + 56]\n",
        )
    };
}

/// The registers go to the eight limbs from `rdi` + `$at` on, or from another address.
macro_rules! store {
    ($at:literal) => {
        store!("rdi", $at)
    };
    ($memory:literal, $at:literal) => {
        concat!(
            "mov [",
            $memory,
            " + ",
            $at,
            "], r8\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 8], r9\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 16], r10\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 24], r11\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 32], r12\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 40], r13\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 48], r14\n",
            "mov [",
            $memory,
            " + ",
            $at,
            " + 56], r15\n",
        )
    };
}

/// One instruction for each register, with the carry of the one before.
macro_rules! carry_through {
    () => {
        concat!(
            "adc r8, 0\n",
            "adc r9, 0\n",
            "adc r10, 0\n",
            "adc r11, 0\n",
            "adc r12, 0\n",
            "adc r13, 0\n",
            "adc r14, 0\n",
            "adc r15, 0\n",
        )
    };
}

macro_rules! clear {
    () => {
        concat!(
            "xor r8d, r8d\n",
            "xor r9d, r9d\n",
            "xor r10d, r10d\n",
            "xor r11d, r11d\n",
            "xor r12d, r12d\n",
            "xor r13d, r13d\n",
            "xor r14d, r14d\n",
            "xor r15d, r15d\n",
        )
    };
}

/// The carry flag waits in the named vector register.
macro_rules! keep_carry {
    ($register:literal) => {
        concat!(
            "setc al\n",
            "movzx eax, al\n",
            "movd ",
            $register,
            ", eax\n"
        )
    };
}

/// The carry flag is what was kept.
macro_rules! take_carry {
    ($register:literal) => {
        concat!("movd eax, ", $register, "\n", "neg eax\n")
    };
}

/// The products of different limbs of one half, each once: a row multiplies a limb with those above it. After row i
/// the limbs 2i + 1 and 2i + 2 are done and go to `rdi` + `$to`.
macro_rules! triangle {
    ($from:literal, $to:literal) => {
        concat!(
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 0]\n",
            step!(concat!("[rsi + ", $from, " + 8]"), "r9", "r10"),
            step!(concat!("[rsi + ", $from, " + 16]"), "r10", "r11"),
            step!(concat!("[rsi + ", $from, " + 24]"), "r11", "r12"),
            step!(concat!("[rsi + ", $from, " + 32]"), "r12", "r13"),
            step!(concat!("[rsi + ", $from, " + 40]"), "r13", "r14"),
            step!(concat!("[rsi + ", $from, " + 48]"), "r14", "r15"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r15", "r8"),
            "mov [rdi + ",
            $to,
            " + 8], r9\n",
            "mov [rdi + ",
            $to,
            " + 16], r10\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 8]\n",
            step!(concat!("[rsi + ", $from, " + 16]"), "r11", "r12"),
            step!(concat!("[rsi + ", $from, " + 24]"), "r12", "r13"),
            step!(concat!("[rsi + ", $from, " + 32]"), "r13", "r14"),
            step!(concat!("[rsi + ", $from, " + 40]"), "r14", "r15"),
            step!(concat!("[rsi + ", $from, " + 48]"), "r15", "r8"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r8", "r9"),
            "mov [rdi + ",
            $to,
            " + 24], r11\n",
            "mov [rdi + ",
            $to,
            " + 32], r12\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 16]\n",
            step!(concat!("[rsi + ", $from, " + 24]"), "r13", "r14"),
            step!(concat!("[rsi + ", $from, " + 32]"), "r14", "r15"),
            step!(concat!("[rsi + ", $from, " + 40]"), "r15", "r8"),
            step!(concat!("[rsi + ", $from, " + 48]"), "r8", "r9"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r9", "r10"),
            "mov [rdi + ",
            $to,
            " + 40], r13\n",
            "mov [rdi + ",
            $to,
            " + 48], r14\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 24]\n",
            step!(concat!("[rsi + ", $from, " + 32]"), "r15", "r8"),
            step!(concat!("[rsi + ", $from, " + 40]"), "r8", "r9"),
            step!(concat!("[rsi + ", $from, " + 48]"), "r9", "r10"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r10", "r11"),
            "mov [rdi + ",
            $to,
            " + 56], r15\n",
            "mov [rdi + ",
            $to,
            " + 64], r8\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 32]\n",
            step!(concat!("[rsi + ", $from, " + 40]"), "r9", "r10"),
            step!(concat!("[rsi + ", $from, " + 48]"), "r10", "r11"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r11", "r12"),
            "mov [rdi + ",
            $to,
            " + 72], r9\n",
            "mov [rdi + ",
            $to,
            " + 80], r10\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 40]\n",
            step!(concat!("[rsi + ", $from, " + 48]"), "r11", "r12"),
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r12", "r13"),
            "mov [rdi + ",
            $to,
            " + 88], r11\n",
            "mov [rdi + ",
            $to,
            " + 96], r12\n",
            "xor eax, eax\n",
            "mov rdx, [rsi + ",
            $from,
            " + 48]\n",
            last_step!(concat!("[rsi + ", $from, " + 56]"), "r13", "r14"),
            "mov [rdi + ",
            $to,
            " + 104], r13\n",
            "mov [rdi + ",
            $to,
            " + 112], r14\n",
        )
    };
}

/// Twice the two limbs at `$at` plus the square of a limb.
macro_rules! double_and_square {
    ($($limb:literal $at:literal),*) => {
        concat!(
            "xor eax, eax\n",
            $(
                "mov rdx, [rsi + ", $limb, "]\n",
                "mulx rcx, rax, rdx\n",
                "mov r8, [rdi + ", $at, "]\n",
                "mov r9, [rdi + ", $at, " + 8]\n",
                "adcx r8, r8\n",
                "adox r8, rax\n",
                "adcx r9, r9\n",
                "adox r9, rcx\n",
                "mov [rdi + ", $at, "], r8\n",
                "mov [rdi + ", $at, " + 8], r9\n",
            )*
        )
    };
}

impl Adx {
    /// Whether the machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let present = std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("adx")
            && std::arch::is_x86_feature_detected!("avx2");
        present.then_some(Self(()))
    }

    /// Runs code that is compiled for AVX2, for loops that the compiler then makes four words wide.
    #[inline]
    pub(crate) fn with_avx2<R>(self, code: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2")]
        #[inline]
        fn compiled<R>(code: impl FnOnce() -> R) -> R {
            code()
        }
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe { compiled(code) }
    }

    /// a * b / 2^1024 mod p.
    #[inline]
    pub(crate) fn mul(self, a: &Limbs, b: &Limbs) -> Limbs {
        self.reduce(&mut self.mul_wide(a, b))
    }

    /// a * a / 2^1024 mod p.
    #[inline]
    pub(crate) fn square(self, a: &Limbs) -> Limbs {
        self.reduce(&mut self.square_wide(a))
    }

    /// a * b without reduction: four products of halves.
    #[inline(never)] // one copy, which stays in the cache of decoded instructions
    pub(crate) fn mul_wide(self, a: &Limbs, b: &Limbs) -> Wide {
        let mut t = MaybeUninit::<Wide>::uninit();
        // SAFETY: `self` proves the instructions. `rsi` and `rcx` are read for 128 octets, the size of a number, and
        // `rdi` is written and then read for 256, the size of a product, all of which is written. rbx, which the compiler keeps for itself, is put
        // back; every other register that changes is an operand; the stack is not used.
        unsafe {
            asm!(
                "movq xmm0, rbx",
                "mov rbx, rcx",
                clear!(),
                rows!(multiply_row "0" "rbx" "0"),
                rows!(multiply_row "64" "rbx" "64"),
                store!("128"),
                each!("mov", "mov", "rdi", "64"),
                rows!(multiply_row "0" "rbx + 64" "64"),
                each!("add", "adc", "rdi", "128"),
                keep_carry!("xmm1"),
                rows!(multiply_row "64" "rbx + 64" "128"),
                take_carry!("xmm1"),
                carry_through!(),
                store!("192"),
                "movq rbx, xmm0",
                in("rsi") a.as_ptr(),
                in("rdi") t.as_mut_ptr(),
                inout("rcx") b.as_ptr() => _,
                out("rax") _, out("rdx") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                out("xmm0") _, out("xmm1") _,
                options(nostack),
            );
            t.assume_init()
        }
    }

    /// a * a without reduction: the products of different limbs once, doubled, and the squares.
    #[inline(never)] // one copy, which stays in the cache of decoded instructions
    fn square_wide(self, a: &Limbs) -> Wide {
        let mut t = [0; 2 * LIMBS];
        // SAFETY: as in `mul_wide`.
        unsafe {
            asm!(
                clear!(),
                triangle!("0", "0"),
                each!("mov", "mov", "rdi", "64"),
                rows!(multiply_row "0" "rsi + 64" "64"),
                "mov [rdi + 128], r8",
                triangle!("64", "128"),
                double_and_square!(
                    "0" "0", "8" "16", "16" "32", "24" "48", "32" "64", "40" "80", "48" "96", "56" "112", "64" "128", "72" "144", "80" "160", "88" "176", "96" "192", "104" "208", "112" "224", "120" "240"
                ),
                in("rsi") a.as_ptr(),
                in("rdi") t.as_mut_ptr(),
                out("rax") _, out("rcx") _, out("rdx") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                options(nostack),
            );
        }
        t
    }

    /// t / 2^1024 mod p for t < p * 2^1024; t is used up.
    ///
    /// The factors that make the limbs of the lower half vanish take their places. At the end the upper half is the
    /// result or the result plus p, and the lower half becomes what it is without p.
    #[inline(never)] // one copy, which stays in the cache of decoded instructions
    pub(crate) fn reduce(self, t: &mut Wide) -> Limbs {
        let mut result = MaybeUninit::<Limbs>::uninit();
        // SAFETY: as in `mul_wide`; `rsi` is p, and in the end the result, all 128 octets of which are written.
        unsafe {
            asm!(
                each!("mov", "mov", "rdi", "0"),
                rows!(reduce_row "0" "{negated_inverse}" "0"),
                each!("add", "adc", "rdi", "64"),
                keep_carry!("xmm0"),
                rows!(multiply_row "64" "rdi" "64"),
                take_carry!("xmm0"),
                each!("adc", "adc", "rdi", "128"),
                keep_carry!("xmm1"),
                store!("128"),
                each!("mov", "mov", "rdi", "64"),
                rows!(reduce_row "0" "{negated_inverse}" "64"),
                each!("add", "adc", "rdi", "128"),
                keep_carry!("xmm0"),
                rows!(multiply_row "64" "rdi + 64" "128"),
                take_carry!("xmm0"),
                each!("adc", "adc", "rdi", "192"),
                "setc dl",
                take_carry!("xmm1"),
                carry_through!(),
                "setc al",
                "or dl, al",
                "movzx edx, dl",
                store!("192"),
                each!("mov", "mov", "rdi", "128"),
                each!("sub", "sbb", "rsi", "0"),
                store!("0"),
                each!("mov", "mov", "rdi", "192"),
                each!("sbb", "sbb", "rsi", "64"),
                // Carries when the subtraction borrowed more than the bit above the top: then it is not taken. What is
                // stored limb by limb is loaded so, too: wider loads would wait for the stores.
                "sbb rdx, 0",
                "movq rsi, xmm2",
                each!("cmovc", "cmovc", "rdi", "192"),
                store!("rsi", "64"),
                each!("mov", "mov", "rdi", "0"),
                each!("cmovc", "cmovc", "rdi", "128"),
                store!("rsi", "0"),
                negated_inverse = const NEGATED_INVERSE as i64,
                inout("rsi") PRIME.as_ptr() => _,
                in("rdi") t.as_mut_ptr(),
                in("xmm2") result.as_mut_ptr().expose_provenance() as i64,
                out("rax") _, out("rcx") _, out("rdx") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                out("xmm0") _, out("xmm1") _,
                options(nostack),
            );
            result.assume_init()
        }
    }
}
