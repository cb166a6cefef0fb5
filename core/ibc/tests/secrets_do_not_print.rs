//! Printing a secret key does not compile; printing a public one does.
#![allow(missing_docs)]

#[test]
fn printing_a_secret_key_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/print_*.rs");
    cases.compile_fail("tests/ui/display_*.rs");
    cases.pass("tests/ui/public_keys_print.rs");
}
