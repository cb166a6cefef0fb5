//! Stands in for `libfuzzer_sys` in the fuzz targets, so that a test can run them on the inputs that are kept.

/// Makes a function of a fuzz target: `run`, which takes one input and panics when the target finds something.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:block) => {
        pub(crate) fn run($data: &[u8]) $body
    };
}
