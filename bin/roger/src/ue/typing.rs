//! A line that a user types while the terminal is in raw mode.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longest line.
const MAX_CHARACTERS: usize = 64;

/// The line so far.
pub(super) struct Typing(String);

/// What a key has made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// It goes on.
    SoFar(String),
    /// It is done.
    Line(String),
    /// The user gave it up.
    GivenUp,
    /// The user wants to leave.
    Quit,
}

impl Typing {
    /// Begins with a text that the user may change.
    pub(super) fn begin(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The line so far.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// A key that was pressed; `None` for one that means nothing here.
    pub(super) fn take(&mut self, event: &KeyEvent) -> Option<Typed> {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Char('c' | 'd') if control => return Some(Typed::Quit),
            KeyCode::Enter => return Some(Typed::Line(core::mem::take(&mut self.0))),
            KeyCode::Esc => return Some(Typed::GivenUp),
            KeyCode::Backspace => {
                self.0.pop();
            }
            KeyCode::Char(character) if !control && self.0.chars().count() < MAX_CHARACTERS => {
                self.0.push(character);
            }
            _ => return None,
        }
        Some(Typed::SoFar(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(typing: &mut Typing, code: KeyCode) -> Option<Typed> {
        typing.take(&KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn a_line_is_typed_corrected_and_done() {
        let mut typing = Typing::begin("at ");
        for character in "6x".chars() {
            press(&mut typing, KeyCode::Char(character));
        }
        let after = press(&mut typing, KeyCode::Backspace);
        assert_eq!(after, Some(Typed::SoFar("at 6".to_owned())));
        // The letters that are keys otherwise are letters here.
        press(&mut typing, KeyCode::Char('q'));
        let done = press(&mut typing, KeyCode::Enter);
        assert_eq!(done, Some(Typed::Line("at 6q".to_owned())));
    }

    #[test]
    fn it_is_given_up_left_and_bounded() {
        let mut typing = Typing::begin("");
        assert_eq!(press(&mut typing, KeyCode::Left), None);
        for _ in 0..1_000 {
            press(&mut typing, KeyCode::Char('ä'));
        }
        assert_eq!(typing.text().chars().count(), MAX_CHARACTERS);
        assert_eq!(press(&mut typing, KeyCode::Esc), Some(Typed::GivenUp));
        let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(typing.take(&quit), Some(Typed::Quit));
    }
}
