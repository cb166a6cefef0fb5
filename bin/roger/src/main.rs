//! `roger`: demo, development servers, UE and inspection in one program.

fn main() {}
