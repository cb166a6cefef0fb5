//! Constant-time arithmetic modulo the 1024-bit SAKKE prime (RFC 6509 Appendix A).
//!
//! [`Fp`] is one element, [`Fp8`] eight side by side. Three backends compute them, see [`Backend`]; nobody outside
//! sees which. [`OddModulus`] inverts modulo other numbers of that length too. Every operation takes the same time and
//! touches the same memory whatever the values are, unless its name says `vartime`.
//!
//! Neither type has `Debug`: field elements are coordinates of secret keys as often as of public ones.

#[cfg(target_arch = "x86_64")]
mod adx;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod backend;
mod eight;
mod element;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod invert;
mod limbs;
mod portable;
mod table;

pub use backend::{BACKEND_VARIABLE, Backend, BackendUnavailable};
pub use eight::{Fp8, LANES, LaneMask};
pub use element::{Fp, NotReduced};
pub use invert::OddModulus;
pub use limbs::{LIMBS, MODULUS, OCTETS};
pub use table::{ENTRIES, Table};
