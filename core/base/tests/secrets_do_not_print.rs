//! Printing a secret does not compile.
#![allow(missing_docs)]

#[test]
fn printing_a_secret_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
