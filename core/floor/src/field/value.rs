//! Reading and writing the value of one field.

use crate::wire::{RawField, ValueForm};
use crate::{Error, error::FieldProblem};
use core::fmt::Display;

/// A field's value on the wire.
pub(crate) trait FieldValue: Sized + Display {
    fn read(value: &[u8]) -> Result<Self, FieldProblem>;
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Reads a field whose header may matter; only the List of SSRCs has more than one form.
    fn read_field(raw: &RawField<'_>) -> Result<Self, FieldProblem> {
        match raw.form {
            ValueForm::Ordinary => Self::read(raw.value),
            ValueForm::CountInsteadOfLength => Err(FieldProblem::Length(raw.value.len())),
        }
    }
}

/// A value of exactly `N` octets.
pub(crate) fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], FieldProblem> {
    value
        .try_into()
        .map_err(|_| FieldProblem::Length(value.len()))
}

/// Text.
pub(crate) fn text(value: &[u8]) -> Result<&str, FieldProblem> {
    core::str::from_utf8(value).map_err(|_| FieldProblem::NotUtf8)
}

/// Takes `count` octets off the front of what is left of a value.
pub(crate) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], FieldProblem> {
    let (head, tail) = rest
        .split_at_checked(count)
        .ok_or(FieldProblem::InnerOverrun)?;
    *rest = tail;
    Ok(head)
}

/// Takes an array off the front of what is left of a value.
pub(crate) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FieldProblem> {
    exactly(take(rest, N)?)
}

/// Takes one octet off the front of what is left of a value.
pub(crate) fn take_octet(rest: &mut &[u8]) -> Result<u8, FieldProblem> {
    take_array::<1>(rest).map(|[octet]| octet)
}
