//! `roger`: demo, development servers, UE and inspection in one program.

mod capture;

fn main() {}
