//! Participating function.
