//! Finds the log-in form in a page: as much HTML as that needs, within bounds.

/// Largest page looked at, in octets.
const MAX_PAGE_OCTETS: usize = 256 * 1024;
/// Most fields of a form.
const MAX_FIELDS: usize = 32;

/// A form: where it goes and its fields with their values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The `action` as written.
    pub(super) action: String,
    /// Names and values of the `input` elements.
    pub(super) fields: Vec<(String, String)>,
}

/// The first form of a page that is sent by POST.
pub(super) fn first_post_form(page: &str) -> Option<Form> {
    if page.len() > MAX_PAGE_OCTETS {
        return None;
    }
    let mut form: Option<Form> = None;
    for tag in tags(page) {
        let name = tag
            .split(|c: char| c.is_ascii_whitespace())
            .next()
            .unwrap_or_default();
        if name.eq_ignore_ascii_case("form") && form.is_none() {
            if attribute(tag, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
                form = Some(Form {
                    action: attribute(tag, "action").unwrap_or_default(),
                    fields: Vec::new(),
                });
            }
        } else if name.eq_ignore_ascii_case("/form") && form.is_some() {
            return form;
        } else if name.eq_ignore_ascii_case("input") {
            add_field(form.as_mut(), tag)?;
        }
    }
    form
}

fn add_field(form: Option<&mut Form>, tag: &str) -> Option<()> {
    let (Some(form), Some(name)) = (form, attribute(tag, "name")) else {
        return Some(());
    };
    if form.fields.len() == MAX_FIELDS {
        return None;
    }
    form.fields
        .push((name, attribute(tag, "value").unwrap_or_default()));
    Some(())
}

/// What stands between `<` and `>`, quotes respected.
fn tags(page: &str) -> impl Iterator<Item = &str> {
    let mut rest = page;
    core::iter::from_fn(move || {
        let (_, after) = rest.split_once('<')?;
        let mut quote = None;
        let end = after.char_indices().find(|(_, c)| match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(*c);
                false
            }
            (Some(open), _) if open == *c => {
                quote = None;
                false
            }
            (None, '>') => true,
            _ => false,
        });
        let (end, _) = end?;
        let (tag, after) = after.split_at_checked(end)?;
        rest = after;
        Some(tag)
    })
}

/// The value of a quoted attribute, with character references resolved.
fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.split_ascii_whitespace().last().unwrap_or_default();
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = after.get(1..)?.split_once(quote)?;
        if name.eq_ignore_ascii_case(wanted) {
            return Some(resolved(value));
        }
        rest = after;
    }
    None
}

/// The references that an HTML writer uses inside attributes.
fn resolved(value: &str) -> String {
    const REFERENCES: [(&str, &str); 10] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    REFERENCES
        .iter()
        .fold(value.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_action_and_fields() {
        let page = r#"<html><form method="get" action="/search"><input name="q"></form>
            <FORM action='/login?a=1&amp;b=2' method='POST'><input type="hidden" name="session" value="a&quot;>b">
            <input name="username"><input type="submit"></FORM><form method="post" action="/other"></form>"#;
        let form = first_post_form(page).unwrap();
        assert_eq!(form.action, "/login?a=1&b=2");
        let fields =
            [("session", "a\">b"), ("username", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(form.fields, fields);
    }

    #[test]
    fn a_page_without_a_form_or_beyond_the_bounds_has_none() {
        assert_eq!(first_post_form("<p>no</p>"), None);
        assert_eq!(first_post_form(&" ".repeat(MAX_PAGE_OCTETS + 1)), None);
        let many = format!(
            "<form method=\"post\">{}",
            "<input name=\"x\">".repeat(MAX_FIELDS + 1)
        );
        assert_eq!(first_post_form(&many), None);
    }

    proptest! {
        #[test]
        fn any_page_is_read(page in "[<>=\"'a-z /&;]{0,300}") {
            let _ = first_post_form(&page);
        }
    }
}
