//! Marks what a request costs CPU time for: `tracing` spans of the target `roger::cpu`, which `roger bench kms` adds up.

/// Evaluates an expression inside a mark. Without a subscriber for the target that is the look at one flag.
macro_rules! marked {
    ($name:literal, $work:expr) => {
        ::tracing::trace_span!(target: "roger::cpu", parent: None, $name).in_scope(|| $work)
    };
}

pub(crate) use marked;
