//! Where a key is in the text.

use core::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One step of the way to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(&'static str),
    Item(usize),
}

/// The value that a way leads to, or the last table before what is not there.
pub(crate) fn find(text: &str, way: &[Step]) -> Range<usize> {
    let Ok(document) = DeTable::parse(text) else {
        return 0..0;
    };
    let mut found = 0..0;
    let mut steps = way.iter();
    let Some(Step::Key(first)) = steps.next() else {
        return found;
    };
    let mut value = entry(document.get_ref(), first, &mut found);
    for step in steps {
        let Some(inside) = value else { break };
        value = match (inside.get_ref(), step) {
            (DeValue::Table(table), Step::Key(key)) => entry(table, key, &mut found),
            (DeValue::Array(items), Step::Item(at)) => {
                let item = items.get(*at);
                if let Some(item) = item {
                    found = item.span();
                }
                item
            }
            _ => None,
        };
    }
    match value {
        // The span of a whole section would cover pages.
        Some(value) if !matches!(value.get_ref(), DeValue::Table(_)) => value.span(),
        _ => found,
    }
}

fn entry<'a, 'i>(
    table: &'a DeTable<'i>,
    key: &str,
    found: &mut Range<usize>,
) -> Option<&'a Spanned<DeValue<'i>>> {
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
    *found = name.span();
    Some(value)
}
