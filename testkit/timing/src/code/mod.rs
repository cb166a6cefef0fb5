//! Looks at the machine code of everything that works with secrets: where it jumps, divides, reads at a computed place
//! or compares memory, the line of the source must be on the list of public places.
//!
//! The list names lines of the source, not addresses: a compiler may order and inline as it likes. What it must not do
//! is to make a jump of a line that had none, as it does with masks when it sees through them.

mod disassembly;
mod permitted;
mod place;

use crate::arguments::Code;
use crate::outcome::Failure;
use disassembly::{Function, Kind};
use permitted::Permitted;
use place::{Place, Sources};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is permitted, with reasons.
const LIST: &str = include_str!("../../public-places.txt");

/// The file with code that leaks on purpose, of which a place must be found.
const LEAKY: &str = "testkit/timing/src/leaky.rs";

/// A place in the source, and how many instructions come from it.
type Places = BTreeMap<Place, usize>;

/// Compares a program with the list.
pub(crate) fn run(choice: &Code) -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let program = choice.program.as_ref().unwrap_or(&own);
    let mut permitted = Permitted::read(LIST)?;
    let functions = disassembly::functions(&output_of("objdump", program, &[])?);
    let sites: Vec<_> = functions
        .iter()
        .flat_map(|function| &function.sites)
        .collect();
    let frames = place::frames(&addresses_to_lines(program, &sites)?);
    let mut sources = Sources::new(&choice.sources);
    let places = places(&sites, &frames, &mut sources);

    let (leaky, places): (Places, Places) = places
        .into_iter()
        .partition(|(place, _)| place.file == LEAKY);
    let unknown = report(&places, &mut permitted, choice.list);
    if choice.list {
        list_functions(&functions);
    }
    println!(
        "{} functions with {} instructions; {} places where they jump, divide, compare or read at a computed place; \
         {unknown} of them not on the list",
        functions.len(),
        functions
            .iter()
            .map(|function| function.instructions)
            .sum::<usize>(),
        places.len(),
    );
    if choice.program.is_none() && !leaky.keys().any(|place| place.kind == Kind::Jump) {
        println!("the branches of {LEAKY} were not seen: this examination proves nothing");
        return Err(Failure::Code { unknown: 1 });
    }
    match unknown {
        0 => Ok(()),
        unknown => Err(Failure::Code { unknown }),
    }
}

fn places(
    sites: &[&disassembly::Site],
    frames: &BTreeMap<u64, Vec<place::Frame>>,
    sources: &mut Sources,
) -> Places {
    let mut places = Places::new();
    for site in sites {
        let frames = frames
            .get(&site.address)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if let Some(place) = Place::of(site, frames, sources) {
            *places.entry(place).or_default() += 1;
        }
    }
    places
}

/// Prints what is not permitted, or everything, and counts the former.
fn report(places: &Places, permitted: &mut Permitted, everything: bool) -> usize {
    let mut unknown = 0;
    for (place, count) in places {
        let reason = permitted.reason_for(place);
        if reason.is_none() {
            unknown += 1;
        }
        if everything || reason.is_none() {
            println!(
                "{} {place} ({count}): {}",
                place.kind,
                reason.unwrap_or("NOT ON THE LIST")
            );
        }
    }
    if everything {
        for entry in permitted.unused() {
            println!("not needed here: {entry}");
        }
    }
    unknown
}

fn list_functions(functions: &[Function]) {
    println!("\n| function | instructions | jumps | divisions | comparisons | computed places |");
    println!("|---|---|---|---|---|---|");
    for function in functions {
        let count = |kind: Kind| {
            function
                .sites
                .iter()
                .filter(|site| site.kind == kind)
                .count()
        };
        println!(
            "| `{}` | {} | {} | {} | {} | {} |",
            function.name,
            function.instructions,
            count(Kind::Jump),
            count(Kind::Division),
            count(Kind::Comparison),
            count(Kind::Index),
        );
    }
}

fn output_of(tool: &'static str, program: &Path, input: &[String]) -> Result<String, Failure> {
    let arguments: &[&str] = match tool {
        "objdump" => &["--disassemble", "--demangle", "--no-show-raw-insn"],
        _ => &[
            "--addresses",
            "--inlines",
            "--functions",
            "--demangle",
            "--exe",
        ],
    };
    let mut child = Command::new(tool)
        .args(arguments)
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::Tool {
            program: tool,
            reason: error.to_string(),
        })?;
    let mut stdin = child.stdin.take();
    let text = input.join("\n");
    // Written from a thread of its own: both pipes have an end.
    let writer = std::thread::spawn(move || {
        stdin.as_mut().map_or(Ok(()), |stdin| {
            std::io::Write::write_all(stdin, text.as_bytes())
        })
    });
    let output = child.wait_with_output()?;
    // A tool that closes its input early says why itself.
    let _ = writer.join();
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::Tool {
            program: tool,
            reason,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn addresses_to_lines(program: &Path, sites: &[&disassembly::Site]) -> Result<String, Failure> {
    let addresses: Vec<_> = sites
        .iter()
        .map(|site| format!("{:x}", site.address))
        .collect();
    output_of("addr2line", program, &addresses)
}
