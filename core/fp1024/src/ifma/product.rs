//! One product, and one square, in eight lanes: Montgomery products with factor 2^1040, in assembly, because compilers
//! move the twenty sums from register to register where it is enough to call them by other names.
//!
//! zmm0 to zmm19 hold the sums of twenty columns. A row of partial products adds to them; then the multiple of p that
//! makes the lowest column vanish is added, and the column above becomes the lowest. All numbers take the same
//! instructions and addresses.

#![allow(unsafe_code)] // inline assembly, and what needs the instructions of which `Ifma` is the proof

use super::lanes::{Vectors, carried, store};
use super::radix::{DIGITS, FACTOR, PRIME, Rows};
use core::arch::asm;
use core::arch::x86_64::__m512i;
use core::mem::MaybeUninit;

static P: [u64; DIGITS] = PRIME;

/// The columns of a square before its reduction; in the end the lower twenty hold the result, its carries not done.
type Columns = [__m512i; 2 * DIGITS];

/// One instruction, `$op`, on columns: its second operand is `$x`, its third the row $j at the pointer.
macro_rules! with_rows {
    ($op:literal, $x:literal, $pointer:literal; $($j:literal $z:literal)*) => {
        concat!($($op, " zmm", $z, ", ", $x, ", [", $pointer, " + 64*", $j, "]\n"),*)
    };
}

/// The same with limb $j of p in all lanes.
macro_rules! with_prime {
    ($op:literal, $x:literal; $($j:literal $z:literal)*) => {
        concat!($($op, " zmm", $z, ", ", $x, ", [{p} + 8*", $j, "]{{1to8}}\n"),*)
    };
}

/// The low and the high parts of the products of `$x` with what is loaded once.
macro_rules! both {
    ($open:expr, $close:literal, $load:literal, $x:literal; $($j:literal $low:literal $high:literal)*) => {
        concat!($(
            $load, " zmm25, ", $open, $j, $close, "\n",
            "vpmadd52luq zmm", $low, ", ", $x, ", zmm25\n",
            "vpmadd52huq zmm", $high, ", ", $x, ", zmm25\n",
        )*)
    };
}

macro_rules! clear {
    ($z:literal) => {
        concat!("vpxorq zmm", $z, ", zmm", $z, ", zmm", $z, "\n")
    };
}

/// Adds the multiple of p in zmm21 and moves down by a column: what decides about the next multiple comes first.
macro_rules! reduce {
    ($z0:literal $z1:literal $z2:literal $z3:literal $z4:literal $z5:literal $z6:literal $z7:literal $z8:literal $z9:literal $z10:literal $z11:literal $z12:literal $z13:literal $z14:literal $z15:literal $z16:literal $z17:literal $z18:literal $z19:literal) => {
        concat!(
            with_prime!("vpmadd52luq", "zmm21"; 0 $z0 1 $z1),
            with_prime!("vpmadd52huq", "zmm21"; 0 $z1),
            "vpsrlq zmm22, zmm", $z0, ", 52\n",
            "vpaddq zmm", $z1, ", zmm", $z1, ", zmm22\n",
            with_prime!("vpmadd52huq", "zmm21"; 1 $z2),
            both!("[{p} + 8*", "]", "vpbroadcastq", "zmm21"; 2 $z2 $z3 3 $z3 $z4 4 $z4 $z5 5 $z5 $z6 6 $z6 $z7 7 $z7 $z8 8 $z8 $z9 9 $z9 $z10 10 $z10 $z11 11 $z11 $z12 12 $z12 $z13 13 $z13 $z14 14 $z14 $z15 15 $z15 $z16 16 $z16 $z17 17 $z17 $z18 18 $z18 $z19),
            with_prime!("vpmadd52luq", "zmm21"; 19 $z19),
        )
    };
}

/// A row of a sum of products: in each, limb $i of the second factor (at $b, into register $limb), times the first.
macro_rules! product_row {
    ([$($limb:literal $a:literal $b:literal),*] $i:literal; $z0:literal $z1:literal $z2:literal $z3:literal $z4:literal $z5:literal $z6:literal $z7:literal $z8:literal $z9:literal $z10:literal $z11:literal $z12:literal $z13:literal $z14:literal $z15:literal $z16:literal $z17:literal $z18:literal $z19:literal) => {
        concat!(
            $(
                "vmovdqu64 ", $limb, ", [", $b, " + 64*", $i, "]\n",
                with_rows!("vpmadd52luq", $limb, $a; 0 $z0),
            )*
            clear!("21"),
            "vpmadd52luq zmm21, zmm", $z0, ", zmm23\n",
            $(
                both!(concat!("[", $a, " + 64*"), "]", "vmovdqu64", $limb; 1 $z1 $z2 2 $z2 $z3 3 $z3 $z4 4 $z4 $z5 5 $z5 $z6 6 $z6 $z7 7 $z7 $z8 8 $z8 $z9 9 $z9 $z10 10 $z10 $z11 11 $z11 $z12 12 $z12 $z13 13 $z13 $z14 14 $z14 $z15 15 $z15 $z16 16 $z16 $z17 17 $z17 $z18 18 $z18 $z19),
                with_rows!("vpmadd52luq", $limb, $a; 19 $z19),
                with_rows!("vpmadd52huq", $limb, $a; 0 $z1),
            )*
            reduce!($z0 $z1 $z2 $z3 $z4 $z5 $z6 $z7 $z8 $z9 $z10 $z11 $z12 $z13 $z14 $z15 $z16 $z17 $z18 $z19),
            clear!($z0),
            $(with_rows!("vpmadd52huq", $limb, $a; 19 $z0),)*
            with_prime!("vpmadd52huq", "zmm21"; 19 $z0),
        )
    };
}

/// A row of a reduction: column 20 + $i comes in on top.
macro_rules! reduce_row {
    ([] $i:literal; $z0:literal $($z:literal)*) => {
        concat!(
            clear!("21"),
            "vpmadd52luq zmm21, zmm", $z0, ", zmm23\n",
            reduce!($z0 $($z)*),
            "vmovdqa64 zmm", $z0, ", [{t} + 64*20 + 64*", $i, "]\n",
            with_prime!("vpmadd52huq", "zmm21"; 19 $z0),
        )
    };
}

/// Twenty rows; the columns go round by one from row to row.
macro_rules! rows {
    ($row:ident $terms:tt) => {
        rows!($row $terms; [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19]; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    ($row:ident $terms:tt; []; $($z:literal)*) => { "" };
    ($row:ident $terms:tt; [$i:literal $($rest:literal)*]; $z0:literal $($z:literal)*) => {
        concat!($row!($terms $i; $z0 $($z)*), rows!($row $terms; [$($rest)*]; $($z)* $z0))
    };
}

/// The products of limb $i with those above it, each once. Then the columns 2i + 1 and 2i + 2 are done: doubled, the
/// square's parts added, they go to memory and make room.
macro_rules! triangle_row {
    ($i:literal $next:literal $odd:literal $even:literal $o:literal $e:literal; $($j:literal $low:literal $high:literal)*) => {
        concat!(
            "vmovdqu64 zmm20, [{a} + 64*", $i, "]\n",
            both!("[{a} + 64*", "]", "vmovdqu64", "zmm20"; $($j $low $high)*),
            "vmovdqu64 zmm24, [{a} + 64*", $next, "]\n",
            "vpaddq zmm", $o, ", zmm", $o, ", zmm", $o, "\n",
            "vpaddq zmm", $e, ", zmm", $e, ", zmm", $e, "\n",
            "vpmadd52huq zmm", $o, ", zmm20, zmm20\n",
            "vpmadd52luq zmm", $e, ", zmm24, zmm24\n",
            "vmovdqa64 [{t} + 64*", $odd, "], zmm", $o, "\n",
            "vmovdqa64 [{t} + 64*", $even, "], zmm", $e, "\n",
            clear!($o),
            clear!($e),
        )
    };
}

/// One instruction for each column.
macro_rules! each_column {
    ($before:literal, $between:literal, $after:literal) => {
        each_column!($before, $between, $after; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    ($before:literal, $between:literal, $after:literal; $($z:literal)*) => {
        concat!($($before, $z, $between, $z, $after),*)
    };
}

macro_rules! clear_columns {
    () => { clear_columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19) };
    ($($z:literal)*) => { concat!($(clear!($z)),*) };
}

/// Assembly that begins with empty columns and leaves them at `t`.
macro_rules! with_columns {
    ($columns:ident; $($template:expr),*; $($operand:tt)*) => {
        asm!(
            "vpbroadcastq zmm23, {factor}",
            clear_columns!(),
            $($template,)*
            each_column!("vmovdqa64 [{t} + 64*", "], zmm", "\n"),
            factor = in(reg) FACTOR,
            p = in(reg) P.as_ptr(),
            t = in(reg) $columns.as_mut_ptr(),
            $($operand)*
            out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _, out("zmm4") _,
            out("zmm5") _, out("zmm6") _, out("zmm7") _, out("zmm8") _, out("zmm9") _,
            out("zmm10") _, out("zmm11") _, out("zmm12") _, out("zmm13") _, out("zmm14") _,
            out("zmm15") _, out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _,
            out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _, out("zmm24") _,
            out("zmm25") _, out("zmm26") _,
            options(nostack, preserves_flags),
        )
    };
}

/// Generates a sum of products; the limbs of the second factors go to the named registers.
macro_rules! sum_of_products {
    ($(#[$doc:meta])* $name:ident($($a:ident $b:ident $limb:literal $pointer_a:literal $pointer_b:literal),*)) => {
        $(#[$doc])*
        #[inline(never)] // one copy, which stays in the instruction cache
        #[target_feature(enable = "avx512f,avx512ifma")]
        pub(super) fn $name($($a: &Rows, $b: &Rows),*) -> Rows {
            let mut columns = MaybeUninit::<Vectors>::uninit();
            // SAFETY: the caller has the instructions. The factors are read row by row and `p` limb by limb, each for
            // its size; all twenty columns are written; all registers that change are operands.
            let sum = unsafe {
                with_columns!(
                    columns;
                    rows!(product_row [$($limb $pointer_a $pointer_b),*]);
                    $($a = in(reg) $a.as_ptr(), $b = in(reg) $b.as_ptr(),)*
                );
                columns.assume_init()
            };
            store(carried(sum))
        }
    };
}

sum_of_products!(
    /// a·b.
    multiply(a b "zmm20" "{a}" "{b}")
);
sum_of_products!(
    /// ab + cd.
    sum_of_two(a b "zmm20" "{a}" "{b}", c d "zmm24" "{c}" "{d}")
);
sum_of_products!(
    /// ab + cd + ef.
    sum_of_three(a b "zmm20" "{a}" "{b}", c d "zmm24" "{c}" "{d}", e f "zmm26" "{e}" "{f}")
);

/// a²: the products of different limbs once, doubled, and the squares; then the reduction.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square(a: &Rows) -> Rows {
    let mut columns = MaybeUninit::<Columns>::uninit();
    // SAFETY: as in the sums of products; all forty columns are written.
    let [
        square @ ..,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = unsafe {
        with_columns!(
            columns;
            "vmovdqu64 zmm24, [{a}]",
            clear!("21"),
            "vpmadd52luq zmm21, zmm24, zmm24",
            "vmovdqa64 [{t}], zmm21",
            triangle_row!(0 1 1 2 1 2; 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6 7 7 7 8 8 8 9 9 9 10 10 10 11 11 11 12 12 12 13 13 13 14 14 14 15 15 15 16 16 16 17 17 17 18 18 18 19 19 19 0),
            triangle_row!(1 2 3 4 3 4; 2 3 4 3 4 5 4 5 6 5 6 7 6 7 8 7 8 9 8 9 10 9 10 11 10 11 12 11 12 13 12 13 14 13 14 15 14 15 16 15 16 17 16 17 18 17 18 19 18 19 0 19 0 1),
            triangle_row!(2 3 5 6 5 6; 3 5 6 4 6 7 5 7 8 6 8 9 7 9 10 8 10 11 9 11 12 10 12 13 11 13 14 12 14 15 13 15 16 14 16 17 15 17 18 16 18 19 17 19 0 18 0 1 19 1 2),
            triangle_row!(3 4 7 8 7 8; 4 7 8 5 8 9 6 9 10 7 10 11 8 11 12 9 12 13 10 13 14 11 14 15 12 15 16 13 16 17 14 17 18 15 18 19 16 19 0 17 0 1 18 1 2 19 2 3),
            triangle_row!(4 5 9 10 9 10; 5 9 10 6 10 11 7 11 12 8 12 13 9 13 14 10 14 15 11 15 16 12 16 17 13 17 18 14 18 19 15 19 0 16 0 1 17 1 2 18 2 3 19 3 4),
            triangle_row!(5 6 11 12 11 12; 6 11 12 7 12 13 8 13 14 9 14 15 10 15 16 11 16 17 12 17 18 13 18 19 14 19 0 15 0 1 16 1 2 17 2 3 18 3 4 19 4 5),
            triangle_row!(6 7 13 14 13 14; 7 13 14 8 14 15 9 15 16 10 16 17 11 17 18 12 18 19 13 19 0 14 0 1 15 1 2 16 2 3 17 3 4 18 4 5 19 5 6),
            triangle_row!(7 8 15 16 15 16; 8 15 16 9 16 17 10 17 18 11 18 19 12 19 0 13 0 1 14 1 2 15 2 3 16 3 4 17 4 5 18 5 6 19 6 7),
            triangle_row!(8 9 17 18 17 18; 9 17 18 10 18 19 11 19 0 12 0 1 13 1 2 14 2 3 15 3 4 16 4 5 17 5 6 18 6 7 19 7 8),
            triangle_row!(9 10 19 20 19 0; 10 19 0 11 0 1 12 1 2 13 2 3 14 3 4 15 4 5 16 5 6 17 6 7 18 7 8 19 8 9),
            triangle_row!(10 11 21 22 1 2; 11 1 2 12 2 3 13 3 4 14 4 5 15 5 6 16 6 7 17 7 8 18 8 9 19 9 10),
            triangle_row!(11 12 23 24 3 4; 12 3 4 13 4 5 14 5 6 15 6 7 16 7 8 17 8 9 18 9 10 19 10 11),
            triangle_row!(12 13 25 26 5 6; 13 5 6 14 6 7 15 7 8 16 8 9 17 9 10 18 10 11 19 11 12),
            triangle_row!(13 14 27 28 7 8; 14 7 8 15 8 9 16 9 10 17 10 11 18 11 12 19 12 13),
            triangle_row!(14 15 29 30 9 10; 15 9 10 16 10 11 17 11 12 18 12 13 19 13 14),
            triangle_row!(15 16 31 32 11 12; 16 11 12 17 12 13 18 13 14 19 14 15),
            triangle_row!(16 17 33 34 13 14; 17 13 14 18 14 15 19 15 16),
            triangle_row!(17 18 35 36 15 16; 18 15 16 19 16 17),
            triangle_row!(18 19 37 38 17 18; 19 17 18),
            "vmovdqu64 zmm20, [{a} + 64*19]",
            clear!("21"),
            "vpmadd52huq zmm21, zmm20, zmm20",
            "vmovdqa64 [{t} + 64*39], zmm21",
            each_column!("vmovdqa64 zmm", ", [{t} + 64*", "]\n"),
            rows!(reduce_row []);
            a = in(reg) a.as_ptr(),
        );
        columns.assume_init()
    };
    store(carried(square))
}
