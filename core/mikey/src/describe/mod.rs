//! Explains octets field by field.
