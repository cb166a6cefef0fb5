//! Reads what `objdump` prints: functions and those of their instructions that can make time or memory depend on a
//! value.

use std::fmt;

/// Crates of which the code works with secrets, by what stands in the names of their functions. Functions of others
/// that have code of these inlined carry one of these names too, or that of the examination.
const WATCHED: [&str; 4] = ["roger_", "crypto_bigint", "subtle", "zeroize"];

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Jumps on a condition or through a table.
    Jump,
    /// Divides, in a time that depends on the numbers.
    Division,
    /// Calls `memcmp` or `bcmp`, which stop at the first difference.
    Comparison,
    /// Reads or writes memory with an index in a register.
    Index,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jump => "jump",
            Self::Division => "division",
            Self::Comparison => "comparison",
            Self::Index => "index",
        })
    }
}

/// An instruction that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) address: u64,
    pub(crate) kind: Kind,
    /// The function it stands in.
    pub(crate) function: String,
}

/// A function of the program.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) instructions: usize,
    pub(crate) sites: Vec<Site>,
}

/// The watched functions of a listing.
pub(crate) fn functions(listing: &str) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    let mut watched = false;
    let mut before = "";
    for line in listing.lines() {
        if let Some(name) = header(line) {
            watched = WATCHED.iter().any(|part| name.contains(part));
            if watched {
                functions.push(Function {
                    name: name.to_owned(),
                    instructions: 0,
                    sites: Vec::new(),
                });
            }
            continue;
        }
        let Some(function) = functions.last_mut().filter(|_| watched) else {
            continue;
        };
        let Some((address, instruction)) = instruction(line) else {
            continue;
        };
        function.instructions += 1;
        let probed = compares_stack(std::mem::replace(&mut before, instruction));
        if let Some(kind) = kind(instruction).filter(|_| !probed) {
            let function_name = function.name.clone();
            function.sites.push(Site {
                address,
                kind,
                function: function_name,
            });
        }
    }
    functions
}

/// A large frame is touched page by page, in a loop that ends where the frame does: its jump follows this comparison.
fn compares_stack(instruction: &str) -> bool {
    instruction.split_whitespace().eq(["cmp", "%r11,%rsp"])
}

/// `0000000000001000 <name>:`
fn header(line: &str) -> Option<&str> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    let is_address = address.chars().all(|digit| digit.is_ascii_hexdigit());
    is_address.then_some(name)
}

/// `    1004:`, a tab, `mov    %rax,(%rdi)`
fn instruction(line: &str) -> Option<(u64, &str)> {
    let (address, instruction) = line.trim_start().split_once(":\t")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    Some((address, instruction.trim()))
}

fn kind(instruction: &str) -> Option<Kind> {
    // Prefixes are words of their own.
    let words = instruction.split_whitespace();
    let name = words
        .clone()
        .find(|word| !matches!(*word, "notrack" | "bnd" | "rep" | "lock"))?;
    if name.starts_with("jmp") {
        // A jump to an address that stands in memory at a fixed place is a call of another library at the end of a function.
        let through_table = instruction.contains('*') && !instruction.contains("(%rip)");
        return through_table.then_some(Kind::Jump);
    }
    if name.starts_with('j') || name.starts_with("loop") {
        return Some(Kind::Jump);
    }
    if name.starts_with("div") || name.starts_with("idiv") {
        return Some(Kind::Division);
    }
    if name.starts_with("call") {
        let compares = instruction.contains("memcmp") || instruction.contains("bcmp");
        return compares.then_some(Kind::Comparison);
    }
    let touches_memory =
        !name.starts_with("lea") && !name.starts_with("nop") && !is_padding(instruction);
    (touches_memory && has_index(instruction)).then_some(Kind::Index)
}

/// Instructions between functions that are never executed.
fn is_padding(instruction: &str) -> bool {
    instruction.starts_with("cs nop") || instruction.starts_with("data16")
}

/// `disp(base,index,scale)` has an index, `disp(base)` none.
fn has_index(instruction: &str) -> bool {
    let mut operands = instruction.split('(').skip(1);
    operands.any(|operand| {
        operand
            .split(')')
            .next()
            .is_some_and(|inside| inside.contains(",%"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "
0000000000001000 <roger_p256::scalar::mul>:
    1000:\tpush   %rbp
    1001:\tmov    0x8(%rdi,%rcx,8),%rax
    1005:\tlea    0x8(%rdi,%rcx,8),%rax
    1009:\tje     1020 <roger_p256::scalar::mul+0x20>
    100b:\tjmp    1020 <roger_p256::scalar::mul+0x20>
    100d:\tnotrack jmp *%rax
    1010:\tdiv    %rcx
    1013:\tcall   2000 <bcmp@plt>
    1018:\tmov    0x8(%rdi),%rax
    101c:\tcs nopw 0x0(%rax,%rax,1)
    1020:\tcmp    %r11,%rsp
    1023:\tjne    1000 <roger_p256::scalar::mul>
    1025:\tcmp    %r11,%rcx
    1028:\tjne    1000 <roger_p256::scalar::mul>

0000000000002000 <other>:
    2000:\tje     2002 <other+0x2>
";

    #[test]
    fn finds_what_can_depend_on_a_value() {
        let functions = functions(LISTING);
        assert_eq!(functions.len(), 1);
        assert_eq!(functions[0].instructions, 14);
        let kinds: Vec<_> = functions[0]
            .sites
            .iter()
            .map(|site| (site.address, site.kind))
            .collect();
        let expected = [
            (0x1001, Kind::Index),
            (0x1009, Kind::Jump),
            (0x100d, Kind::Jump),
            (0x1010, Kind::Division),
            (0x1013, Kind::Comparison),
            (0x1028, Kind::Jump),
        ];
        assert_eq!(kinds, expected);
    }
}
