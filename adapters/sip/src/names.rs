//! Names of peers by number, since a target carries a number only.

use roger_sip::endpoint::ServerName;
use std::collections::HashMap;
use std::sync::Arc;

/// Names remembered; the table only grows, and names come from settings and from URIs that were looked up.
const MAX_NAMES: usize = 10_000;

/// Host names in lower case.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, ServerName>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name, a new one when it has none; `None` when there are too many.
    pub(crate) fn number(&mut self, name: &str) -> Option<ServerName> {
        let name = name.to_ascii_lowercase();
        if let Some(number) = self.numbers.get(name.as_str()) {
            return Some(*number);
        }
        if self.names.len() >= MAX_NAMES {
            return None;
        }
        let number = ServerName(u32::try_from(self.names.len()).ok()?);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        Some(number)
    }

    pub(crate) fn name(&self, number: ServerName) -> Option<Arc<str>> {
        let index = usize::try_from(number.0).ok()?;
        self.names.get(index).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_in_any_case_and_the_table_is_bounded() {
        let mut names = Names::default();
        let first = names.number("Example.ORG").unwrap();
        assert_eq!(names.number("example.org"), Some(first));
        assert_eq!(names.name(first).as_deref(), Some("example.org"));
        for number in 1..MAX_NAMES {
            assert!(names.number(&format!("n{number}")).is_some());
        }
        assert_eq!(names.number("one.more"), None);
        assert_eq!(names.number("n9"), names.number("N9"));
        assert_eq!(names.name(ServerName(u32::MAX)), None);
    }
}
