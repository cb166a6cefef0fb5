//! `roger ue`: one user with her UE in a terminal.

pub(crate) mod state;
