//! Commands that the user typed.

use super::super::command::Command;
use super::super::news::News;
use super::super::place::Place;
use super::Session;

impl Session<'_> {
    pub(super) fn on_line(&mut self, line: &str) {
        self.typed = None;
        match Command::parse(line) {
            Ok(Some(Command::At(place))) => self.be_at(place),
            Ok(None) => {}
            Err(error) => {
                let reason = error.to_string();
                self.screen.tell(&News::Refused { reason });
            }
        }
    }

    pub(super) fn be_at(&self, Place(position): Place) {
        self.ue.set_position(position);
        self.screen.tell(&News::Place);
    }
}
