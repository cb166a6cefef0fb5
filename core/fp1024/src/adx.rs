//! The x86-64 backend: products of 64-bit limbs with MULX and two carry chains, ADCX and ADOX.
//!
//! Eight limbs fit the registers, so everything is made of products of blocks of eight limbs. The instructions and
//! the addresses are the same for all numbers.

#![allow(unsafe_code)]
// inline assembly; every block says why it is sound

// Loops over arrays of fixed length with constant bounds; an index out of range would not compile.
#![allow(clippy::indexing_slicing)]

use crate::limbs::{LIMBS, Limbs, MODULUS, NEGATED_INVERSE, Wide, carrying_add, reduce_once};
use core::arch::asm;

/// Limbs of a block.
const BLOCK: usize = 8;

/// A block of a number.
type Block = [u64; BLOCK];

/// The low and the high block of p.
static PRIME: [Block; 2] = blocks(&MODULUS);

const fn blocks(number: &Limbs) -> [Block; 2] {
    let mut halves = [[0; BLOCK]; 2];
    let mut i = 0;
    while i < LIMBS {
        halves[i / BLOCK][i % BLOCK] = number[i];
        i += 1;
    }
    halves
}

/// The proof that this machine has MULX, ADCX and ADOX.
#[derive(Clone, Copy)]
pub(crate) struct Adx(());

/// One limb of the block at `rsi` times `rdx`: the low word on the carry chain, the high word on the overflow chain.
macro_rules! step {
    ($offset:literal, $low:literal, $high:literal) => {
        concat!(
            "mulx rcx, rax, [rsi + ",
            $offset,
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

/// The accumulator, eight registers from the lowest limb on, plus `rdx` times the block at `rsi`. The lowest limb is
/// done and goes to `rdi`; its register becomes the limb on top. Eight limbs and a product of one and eight fit nine.
macro_rules! row {
    ($offset:literal; $r0:literal $r1:literal $r2:literal $r3:literal $r4:literal $r5:literal $r6:literal $r7:literal) => {
        concat!(
            "xor eax, eax\n", // clears both carries
            step!("0", $r0, $r1),
            "mov [rdi + ",
            $offset,
            "], ",
            $r0,
            "\n",
            step!("8", $r1, $r2),
            step!("16", $r2, $r3),
            step!("24", $r3, $r4),
            step!("32", $r4, $r5),
            step!("40", $r5, $r6),
            step!("48", $r6, $r7),
            "mulx ",
            $r0,
            ", rax, [rsi + 56]\n",
            "adcx ",
            $r7,
            ", rax\n",
            "mov eax, 0\n",
            "adox ",
            $r0,
            ", rax\n",
            "adcx ",
            $r0,
            ", rax\n",
        )
    };
}

/// `rdx` becomes the next limb of the block at `rbx`.
macro_rules! given_factor {
    ($offset:literal, $lowest:literal) => {
        concat!("mov rdx, [rbx + ", $offset, "]\n")
    };
}

/// `rdx` becomes what makes the lowest limb vanish, and is kept in the block at `rbx`.
macro_rules! factor_of_reduction {
    ($offset:literal, $lowest:literal) => {
        concat!(
            "mov rdx, {negated_inverse}\n",
            "imul rdx, ",
            $lowest,
            "\n",
            "mov [rbx + ",
            $offset,
            "], rdx\n",
        )
    };
}

/// t + a·factors for sixteen limbs at `rdi`; the carry comes in as 0 or 1 in `rdx`, above the lower eight limbs, and
/// goes out of the sixteen the same way.
macro_rules! multiply_block {
    ($factor:ident) => {
        concat!(
            "movq xmm0, rbx\n", // the compiler keeps rbx for itself: it is put back below
            "movq xmm1, rdx\n",
            "mov rbx, rcx\n",
            "mov r8, [rdi]\n",
            "mov r9, [rdi + 8]\n",
            "mov r10, [rdi + 16]\n",
            "mov r11, [rdi + 24]\n",
            "mov r12, [rdi + 32]\n",
            "mov r13, [rdi + 40]\n",
            "mov r14, [rdi + 48]\n",
            "mov r15, [rdi + 56]\n",
            $factor!("0", "r8"), row!("0"; "r8" "r9" "r10" "r11" "r12" "r13" "r14" "r15"),
            $factor!("8", "r9"), row!("8"; "r9" "r10" "r11" "r12" "r13" "r14" "r15" "r8"),
            $factor!("16", "r10"), row!("16"; "r10" "r11" "r12" "r13" "r14" "r15" "r8" "r9"),
            $factor!("24", "r11"), row!("24"; "r11" "r12" "r13" "r14" "r15" "r8" "r9" "r10"),
            $factor!("32", "r12"), row!("32"; "r12" "r13" "r14" "r15" "r8" "r9" "r10" "r11"),
            $factor!("40", "r13"), row!("40"; "r13" "r14" "r15" "r8" "r9" "r10" "r11" "r12"),
            $factor!("48", "r14"), row!("48"; "r14" "r15" "r8" "r9" "r10" "r11" "r12" "r13"),
            $factor!("56", "r15"), row!("56"; "r15" "r8" "r9" "r10" "r11" "r12" "r13" "r14"),
            "movq rdx, xmm1\n",
            "neg rdx\n", // carry set when it was 1
            "adc [rdi + 64], r8\n",
            "adc [rdi + 72], r9\n",
            "adc [rdi + 80], r10\n",
            "adc [rdi + 88], r11\n",
            "adc [rdi + 96], r12\n",
            "adc [rdi + 104], r13\n",
            "adc [rdi + 112], r14\n",
            "adc [rdi + 120], r15\n",
            "setc dl\n",
            "movzx edx, dl\n",
            "movq rbx, xmm0\n",
        )
    };
}

impl Adx {
    /// Whether the machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let present = std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("adx");
        present.then_some(Self(()))
    }

    /// a * b / 2^1024 mod p.
    #[inline]
    pub(crate) fn mul(self, a: &Limbs, b: &Limbs) -> Limbs {
        self.reduce(&mut self.mul_wide(a, b))
    }

    /// a * a / 2^1024 mod p.
    #[inline]
    pub(crate) fn square(self, a: &Limbs) -> Limbs {
        self.mul(a, a)
    }

    /// a * b without reduction.
    #[inline]
    pub(crate) fn mul_wide(self, a: &Limbs, b: &Limbs) -> Wide {
        let [a_low, a_high] = blocks(a);
        let [b_low, b_high] = blocks(b);
        let mut t = [0; 2 * LIMBS];
        self.multiply_at::<0>(&mut t, &a_low, &b_low, 0);
        self.multiply_at::<BLOCK>(&mut t, &a_high, &b_low, 0);
        t[3 * BLOCK] = self.multiply_at::<BLOCK>(&mut t, &a_low, &b_high, 0);
        self.multiply_at::<{ 2 * BLOCK }>(&mut t, &a_high, &b_high, 0);
        t
    }

    /// t / 2^1024 mod p for t < p * 2^1024.
    #[inline]
    pub(crate) fn reduce(self, t: &mut Wide) -> Limbs {
        let [p_low, p_high] = &PRIME;
        let mut factors = [0; BLOCK];
        let carry = self.reduce_at::<0>(t, p_low, &mut factors);
        let above = self.multiply_at::<BLOCK>(t, p_high, &factors, carry);
        let overflow = carry_from::<{ 3 * BLOCK }>(t, above);
        let carry = self.reduce_at::<BLOCK>(t, p_low, &mut factors);
        let top = self.multiply_at::<{ 2 * BLOCK }>(t, p_high, &factors, carry);
        let mut high = [0; LIMBS];
        for (to, from) in high.iter_mut().zip(&t[LIMBS..]) {
            *to = *from;
        }
        reduce_once(&high, overflow | top)
    }

    /// Adds a·b to the sixteen limbs of t from `AT` on and `carry` above the first eight of them; the carry out.
    #[inline(always)]
    fn multiply_at<const AT: usize>(self, t: &mut Wide, a: &Block, b: &Block, carry: u64) -> u64 {
        const { assert!(AT + 2 * BLOCK <= 2 * LIMBS) };
        let carry_out;
        // SAFETY: `self` proves the instructions. `a` and `b` are read for 64 octets each, which is their size; `t`
        // is read and written for 128 octets from limb AT on, which the assertion above keeps inside. rbx is
        // put back; every other register that changes is an operand; the stack is not used.
        unsafe {
            asm!(
                multiply_block!(given_factor),
                in("rsi") a.as_ptr(),
                in("rdi") t.as_mut_ptr().add(AT),
                inout("rcx") b.as_ptr() => _,
                inout("rdx") carry => carry_out,
                out("rax") _, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _, out("xmm0") _, out("xmm1") _,
                options(nostack),
            );
        }
        carry_out
    }

    /// Adds the multiple of the low block of p to the limbs from `AT` on that makes the first eight vanish, and says
    /// which it was; the carry out of sixteen limbs.
    #[inline(always)]
    fn reduce_at<const AT: usize>(self, t: &mut Wide, p: &Block, factors: &mut Block) -> u64 {
        const { assert!(AT + 2 * BLOCK <= 2 * LIMBS) };
        let carry_out;
        // SAFETY: as in `multiply_at`, and `factors` is written for 64 octets, its size.
        unsafe {
            asm!(
                multiply_block!(factor_of_reduction),
                negated_inverse = const NEGATED_INVERSE as i64,
                in("rsi") p.as_ptr(),
                in("rdi") t.as_mut_ptr().add(AT),
                inout("rcx") factors.as_mut_ptr() => _,
                inout("rdx") 0u64 => carry_out,
                out("rax") _, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _, out("xmm0") _, out("xmm1") _,
                options(nostack),
            );
        }
        carry_out
    }
}

/// Adds a carry to the limbs from `AT` to the top; the carry out.
#[inline(always)]
fn carry_from<const AT: usize>(t: &mut Wide, mut carry: u64) -> u64 {
    for limb in &mut t[AT..] {
        (*limb, carry) = carrying_add(*limb, 0, carry);
    }
    carry
}
