//! The backend of x86-64 machines with MULX, ADCX/ADOX and AVX2: field arithmetic in inline assembly.
//!
//! No instruction here takes a time that depends on its data, and no address depends on any.

#![allow(unsafe_code)]

use crate::arithmetic::{Affine, Arithmetic, Fe};
use crate::limbs::Limbs;
use core::arch::asm;

/// MULX, ADCX/ADOX, AVX2. Only [`crate::Backend`] picks it, after it has asked the processor.
pub(crate) struct Adx;

/// Whether the processor has every instruction used here.
pub(crate) fn is_available() -> bool {
    std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("adx")
        && std::arch::is_x86_feature_detected!("avx2")
}

/// What the reduction multiplies with and subtracts: 2^32, then the limbs of p that are neither 0 nor -1.
#[repr(C, align(32))]
struct Constants([u64; 3]);

static CONSTANTS: Constants = Constants([1 << 32, 0xFFFF_FFFF_0000_0001, 0xFFFF_FFFF]);

/// t0..t7 += a * b's limb, from t0 on; t4 is new. Two carry chains: low words by ADCX, high words by ADOX.
macro_rules! row {
    ($limb:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            "xor {l:e}, {l:e}\n",
            "mov rdx, [{b} + ",
            $limb,
            "]\n",
            "mulx {h}, {l}, [{a}]\n",
            "adcx {",
            $t0,
            "}, {l}\n",
            "adox {",
            $t1,
            "}, {h}\n",
            "mulx {h}, {l}, [{a} + 8]\n",
            "adcx {",
            $t1,
            "}, {l}\n",
            "adox {",
            $t2,
            "}, {h}\n",
            "mulx {h}, {l}, [{a} + 16]\n",
            "adcx {",
            $t2,
            "}, {l}\n",
            "adox {",
            $t3,
            "}, {h}\n",
            "mulx {",
            $t4,
            "}, {l}, [{a} + 24]\n",
            "adcx {",
            $t3,
            "}, {l}\n",
            "mov {l:e}, 0\n",
            "adox {",
            $t4,
            "}, {l}\n",
            "adcx {",
            $t4,
            "}, {l}\n",
        )
    };
}

/// (t0..t3) = ((t0..t3) + t0·p) / 2^64, the result as (t1, t2, t3, t0). p = -1 modulo 2^64, so t0 itself is the
/// factor that clears t0: t0·p = -t0 + t0·2^96 + t0·(2^64 - 2^32 + 1)·2^192.
macro_rules! reduce {
    ($t0:literal, $t1:literal, $t2:literal, $t3:literal) => {
        concat!(
            "mov rdx, {",
            $t0,
            "}\n",
            "mulx {h}, {l}, [rip + {c}]\n",
            "add {",
            $t1,
            "}, {l}\n",
            "adc {",
            $t2,
            "}, {h}\n",
            "mulx {",
            $t0,
            "}, {l}, [rip + {c} + 8]\n",
            "adc {",
            $t3,
            "}, {l}\n",
            "adc {",
            $t0,
            "}, 0\n",
        )
    };
}

/// (t4..t7) = (t0..t7) / 2^256 mod p. Uses t0 and t1 as scratch.
macro_rules! reduce_wide {
    () => {
        concat!(
            reduce!("t0", "t1", "t2", "t3"),
            reduce!("t1", "t2", "t3", "t0"),
            reduce!("t2", "t3", "t0", "t1"),
            reduce!("t3", "t0", "t1", "t2"),
            "add {t4}, {t0}\n",
            "adc {t5}, {t1}\n",
            "adc {t6}, {t2}\n",
            "adc {t7}, {t3}\n",
            "mov {h:e}, 0\n",
            "adc {h}, 0\n",
            subtract_once!("t4", "t5", "t6", "t7", "t0", "t1"),
        )
    };
}

/// Subtracts p from (h, r0..r3) unless that borrows; s0, s1, rdx and l are scratch.
macro_rules! subtract_once {
    ($r0:literal, $r1:literal, $r2:literal, $r3:literal, $s0:literal, $s1:literal) => {
        concat!(
            "mov rdx, {",
            $r0,
            "}\n",
            "mov {l}, {",
            $r1,
            "}\n",
            "mov {",
            $s0,
            "}, {",
            $r2,
            "}\n",
            "mov {",
            $s1,
            "}, {",
            $r3,
            "}\n",
            "sub rdx, -1\n",
            "sbb {l}, [rip + {c} + 16]\n",
            "sbb {",
            $s0,
            "}, 0\n",
            "sbb {",
            $s1,
            "}, [rip + {c} + 8]\n",
            "sbb {h}, 0\n",
            "cmovnc {",
            $r0,
            "}, rdx\n",
            "cmovnc {",
            $r1,
            "}, {l}\n",
            "cmovnc {",
            $r2,
            "}, {",
            $s0,
            "}\n",
            "cmovnc {",
            $r3,
            "}, {",
            $s1,
            "}\n",
        )
    };
}

impl Arithmetic for Adx {
    #[inline(always)]
    fn mul(a: &Fe, b: &Fe) -> Fe {
        let (r0, r1, r2, r3): (u64, u64, u64, u64);
        // SAFETY: reads four limbs behind each of two references and the constants, writes registers only; the
        // instructions exist, since `Backend` picks this type only when `is_available`.
        unsafe {
            asm!(
                concat!(
                    "mov rdx, [{b}]\n",
                    "mulx {t1}, {t0}, [{a}]\n",
                    "mulx {t2}, {l}, [{a} + 8]\n",
                    "add {t1}, {l}\n",
                    "mulx {t3}, {l}, [{a} + 16]\n",
                    "adc {t2}, {l}\n",
                    "mulx {t4}, {l}, [{a} + 24]\n",
                    "adc {t3}, {l}\n",
                    "adc {t4}, 0\n",
                    row!("8", "t1", "t2", "t3", "t4", "t5"),
                    row!("16", "t2", "t3", "t4", "t5", "t6"),
                    row!("24", "t3", "t4", "t5", "t6", "t7"),
                    reduce_wide!(),
                ),
                a = in(reg) &raw const a.0,
                b = in(reg) &raw const b.0,
                c = sym CONSTANTS,
                t0 = out(reg) _, t1 = out(reg) _, t2 = out(reg) _, t3 = out(reg) _,
                t4 = out(reg) r0, t5 = out(reg) r1, t6 = out(reg) r2, t7 = out(reg) r3,
                l = out(reg) _, h = out(reg) _, out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        Fe([r0, r1, r2, r3])
    }

    #[inline(always)]
    fn square(a: &Fe) -> Fe {
        let (r0, r1, r2, r3): (u64, u64, u64, u64);
        // SAFETY: as for `mul`, with one reference.
        unsafe {
            asm!(
                concat!(
                    // The products of two different limbs, t1 to t6.
                    "mov rdx, [{a}]\n",
                    "mulx {t2}, {t1}, [{a} + 8]\n",
                    "mulx {t3}, {l}, [{a} + 16]\n",
                    "add {t2}, {l}\n",
                    "mulx {t4}, {l}, [{a} + 24]\n",
                    "adc {t3}, {l}\n",
                    "adc {t4}, 0\n",
                    "mov rdx, [{a} + 8]\n",
                    "mulx {h}, {l}, [{a} + 16]\n",
                    "mulx {t5}, {t0}, [{a} + 24]\n",
                    "add {t3}, {l}\n",
                    "adc {t4}, {h}\n",
                    "adc {t5}, 0\n",
                    "mov rdx, [{a} + 16]\n",
                    "mulx {t6}, {l}, [{a} + 24]\n",
                    "add {t4}, {t0}\n",
                    "adc {t5}, {l}\n",
                    "adc {t6}, 0\n",
                    // Doubled by ADCX, the squares added by ADOX.
                    "xor {t7:e}, {t7:e}\n",
                    "mov rdx, [{a}]\n",
                    "mulx {h}, {t0}, rdx\n",
                    "adcx {t1}, {t1}\n",
                    "adox {t1}, {h}\n",
                    "mov rdx, [{a} + 8]\n",
                    "mulx {h}, {l}, rdx\n",
                    "adcx {t2}, {t2}\n",
                    "adox {t2}, {l}\n",
                    "adcx {t3}, {t3}\n",
                    "adox {t3}, {h}\n",
                    "mov rdx, [{a} + 16]\n",
                    "mulx {h}, {l}, rdx\n",
                    "adcx {t4}, {t4}\n",
                    "adox {t4}, {l}\n",
                    "adcx {t5}, {t5}\n",
                    "adox {t5}, {h}\n",
                    "mov rdx, [{a} + 24]\n",
                    "mulx {h}, {l}, rdx\n",
                    "adcx {t6}, {t6}\n",
                    "adox {t6}, {l}\n",
                    "adcx {t7}, {t7}\n",
                    "adox {t7}, {h}\n",
                    reduce_wide!(),
                ),
                a = in(reg) &raw const a.0,
                c = sym CONSTANTS,
                t0 = out(reg) _, t1 = out(reg) _, t2 = out(reg) _, t3 = out(reg) _,
                t4 = out(reg) r0, t5 = out(reg) r1, t6 = out(reg) r2, t7 = out(reg) r3,
                l = out(reg) _, h = out(reg) _, out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        Fe([r0, r1, r2, r3])
    }

    #[inline(always)]
    fn add(a: &Fe, b: &Fe) -> Fe {
        let [mut r0, mut r1, mut r2, mut r3] = a.0;
        // SAFETY: reads four limbs behind a reference and the constants, writes registers only.
        unsafe {
            asm!(
                concat!(
                    "xor {h:e}, {h:e}\n",
                    "add {r0}, [{b}]\n",
                    "adc {r1}, [{b} + 8]\n",
                    "adc {r2}, [{b} + 16]\n",
                    "adc {r3}, [{b} + 24]\n",
                    "adc {h}, 0\n",
                    subtract_once!("r0", "r1", "r2", "r3", "s0", "s1"),
                ),
                b = in(reg) &raw const b.0,
                c = sym CONSTANTS,
                r0 = inout(reg) r0, r1 = inout(reg) r1, r2 = inout(reg) r2, r3 = inout(reg) r3,
                s0 = out(reg) _, s1 = out(reg) _, l = out(reg) _, h = out(reg) _, out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        Fe([r0, r1, r2, r3])
    }

    #[inline(always)]
    fn sub(a: &Fe, b: &Fe) -> Fe {
        let [mut r0, mut r1, mut r2, mut r3]: Limbs = a.0;
        // SAFETY: reads four limbs behind a reference and the constants, writes registers only.
        unsafe {
            asm!(
                "sub {r0}, [{b}]",
                "sbb {r1}, [{b} + 8]",
                "sbb {r2}, [{b} + 16]",
                "sbb {r3}, [{b} + 24]",
                // p when that borrowed, else zero.
                "sbb {m}, {m}",
                "mov {m1:e}, {m:e}",
                "mov {m3}, {m}",
                "and {m3}, [rip + {c} + 8]",
                "add {r0}, {m}",
                "adc {r1}, {m1}",
                "adc {r2}, 0",
                "adc {r3}, {m3}",
                b = in(reg) &raw const b.0,
                c = sym CONSTANTS,
                r0 = inout(reg) r0, r1 = inout(reg) r1, r2 = inout(reg) r2, r3 = inout(reg) r3,
                m = out(reg) _, m1 = out(reg) _, m3 = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
        Fe([r0, r1, r2, r3])
    }

    #[inline(always)]
    fn half(a: &Fe) -> Fe {
        let [mut r0, mut r1, mut r2, mut r3]: Limbs = a.0;
        // SAFETY: reads the constants, writes registers only.
        unsafe {
            asm!(
                // p when the number is odd, else zero.
                "mov {m}, {r0}",
                "and {m}, 1",
                "neg {m}",
                "mov {m1:e}, {m:e}",
                "mov {m3}, {m}",
                "and {m3}, [rip + {c} + 8]",
                "add {r0}, {m}",
                "adc {r1}, {m1}",
                "adc {r2}, 0",
                "adc {r3}, {m3}",
                "sbb {m}, {m}",
                "shrd {r0}, {r1}, 1",
                "shrd {r1}, {r2}, 1",
                "shrd {r2}, {r3}, 1",
                "shrd {r3}, {m}, 1",
                c = sym CONSTANTS,
                r0 = inout(reg) r0, r1 = inout(reg) r1, r2 = inout(reg) r2, r3 = inout(reg) r3,
                m = out(reg) _, m1 = out(reg) _, m3 = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
        Fe([r0, r1, r2, r3])
    }

    #[inline]
    fn look_up(table: &[Affine], index: u64) -> Affine {
        let mut found = Affine::default();
        if table.is_empty() {
            return found;
        }
        // SAFETY: reads `table.len()` > 0 entries of 64 octets each and writes the 64 octets of `found`. VZEROUPPER
        // clears the upper halves of ymm0 to ymm15, all of which are declared as overwritten.
        unsafe {
            asm!(
                "vmovq xmm4, {index}",
                "vpbroadcastq ymm4, xmm4",
                "vpxor xmm0, xmm0, xmm0",
                "vpxor xmm1, xmm1, xmm1",
                "vpxor xmm2, xmm2, xmm2",
                "vpcmpeqd ymm3, ymm3, ymm3",
                // The entry's number counts up in ymm2; ymm5 is all ones for the wanted entry.
                "2:",
                "vpcmpeqq ymm5, ymm4, ymm2",
                "vpsubq ymm2, ymm2, ymm3",
                "vpand ymm6, ymm5, [{entry}]",
                "vpand ymm7, ymm5, [{entry} + 32]",
                "vpor ymm0, ymm0, ymm6",
                "vpor ymm1, ymm1, ymm7",
                "add {entry}, 64",
                "dec {left}",
                "jnz 2b",
                "vmovdqu [{found}], ymm0",
                "vmovdqu [{found} + 32], ymm1",
                "vzeroupper",
                index = in(reg) index,
                entry = inout(reg) table.as_ptr() => _,
                left = inout(reg) table.len() => _,
                found = in(reg) &raw mut found,
                out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _,
                out("ymm4") _, out("ymm5") _, out("ymm6") _, out("ymm7") _,
                out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
                options(nostack),
            );
        }
        found
    }
}
