//! Shared by the integration tests.
#![allow(dead_code)]

pub(crate) mod machines;
pub(crate) mod network;
pub(crate) mod vectors;
