//! Writes well-formed XML into a string: every text and attribute value is escaped here and nowhere else.

/// Writes elements in order. The caller gives names from constants and values from anywhere.
///
/// Characters that XML 1.0 cannot carry become U+FFFD, so that the result is always well-formed.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
    open_tag: bool,
}

impl Writer {
    /// An empty document.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A document that begins with the XML declaration.
    #[must_use]
    pub fn with_declaration() -> Self {
        Self {
            text: r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned(),
            open_tag: false,
        }
    }

    /// Begins an element; attributes may follow.
    pub fn start(&mut self, name: &str) -> &mut Self {
        self.close_tag();
        self.text.push('<');
        self.text.push_str(name);
        self.open_tag = true;
        self
    }

    /// Adds an attribute to the element just begun.
    pub fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        escape_into(&mut self.text, value, true);
        self.text.push('"');
        self
    }

    /// Adds an attribute when there is a value.
    pub fn optional_attribute(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.attribute(name, value);
        }
        self
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        escape_into(&mut self.text, text, false);
        self
    }

    /// Adds XML that is already well-formed in this place.
    pub fn raw(&mut self, xml: &str) -> &mut Self {
        self.close_tag();
        self.text.push_str(xml);
        self
    }

    /// Ends the element of this name; an element without content is written as one empty tag.
    pub fn end(&mut self, name: &str) -> &mut Self {
        if self.open_tag {
            self.text.push_str("/>");
            self.open_tag = false;
            return self;
        }
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        self
    }

    /// A whole element with text.
    pub fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        self.start(name).text(text).end(name)
    }

    /// A whole element with text, when there is a value.
    pub fn optional_leaf(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.leaf(name, text);
        }
        self
    }

    /// The document.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.close_tag();
        self.text
    }

    fn close_tag(&mut self) {
        if self.open_tag {
            self.text.push('>');
            self.open_tag = false;
        }
    }
}

/// Escapes text for use between quotation marks of an attribute.
pub(crate) fn escape_attribute(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    escape_into(&mut text, value, true);
    text
}

/// Escapes text for use between tags.
pub(crate) fn escape_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    escape_into(&mut text, value, false);
    text
}

fn escape_into(text: &mut String, value: &str, attribute: bool) {
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' if attribute => text.push_str("&quot;"),
            // A parser turns these into spaces or line feeds unless they are references.
            '\n' if attribute => text.push_str("&#xA;"),
            '\t' if attribute => text.push_str("&#x9;"),
            '\r' => text.push_str("&#xD;"),
            '\n' | '\t' => text.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::{Limits, parse};

    #[test]
    fn values_cannot_break_out() {
        let hostile = "a\"<b>&amp;\r\n\t]]>\u{1}'";
        let mut writer = Writer::with_declaration();
        writer
            .start("r")
            .attribute("a", hostile)
            .text(hostile)
            .end("r");
        let text = writer.finish();
        let document = parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        let expected = hostile.replace('\u{1}', "\u{fffd}");
        assert_eq!(
            document.root_element().attribute("a"),
            Some(expected.as_str())
        );
        assert_eq!(document.root_element().text(), Some(expected.as_str()));
    }

    #[test]
    fn an_element_without_content_is_one_tag() {
        let mut writer = Writer::new();
        writer
            .start("a")
            .start("b")
            .attribute("c", "d")
            .end("b")
            .end("a");
        assert_eq!(writer.finish(), r#"<a><b c="d"/></a>"#);
    }
}
