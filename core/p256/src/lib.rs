//! P-256 as ECCSI needs it (RFC 6507): the points and numbers behind a signature, which libraries of ECDSA do not give.
//!
//! | for | use | time |
//! |---|---|---|
//! | j, v, SSK, KSAK | [`Point::multiply_generator`], every operation of [`Scalar`] | the same whatever the values are |
//! | verification | [`PublicSum`], [`KeyTable`], [`SenderTable`] | depends on the values, which are public |
//!
//! Points are always public and decoded with every check; only numbers can be secret. One [`Backend`] computes in the
//! field, chosen once.

#[cfg(target_arch = "x86_64")]
mod adx;
mod arithmetic;
mod backend;
mod coordinates;
mod generator;
mod invert;
mod limbs;
mod point;
mod portable;
mod public_sum;
mod recoding;
mod scalar;
#[cfg(test)]
mod tests;
mod window_table;

pub use backend::Backend;
pub use point::{DecodeError, Point, is_field_element};
pub use public_sum::{KeyTable, PublicSum, SenderTable};
pub use scalar::Scalar;
