//! Push-to-talk by the space bar: the terminal in raw mode, restored whenever this is dropped.

use super::command::AT;
use super::typing::{Typed, Typing};
use core::time::Duration;
use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, KeyboardEnhancementFlags,
    PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::{execute, terminal};
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::mpsc;

/// How often the reading thread looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A held key repeats faster than this; nobody taps so fast.
const REPEAT: Duration = Duration::from_millis(80);
/// Longest wait for the reading thread.
const THREAD_PATIENCE: Duration = Duration::from_millis(250);
/// Keys that may wait.
const QUEUE: usize = 64;

/// What a key means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// The button goes down.
    Press,
    /// The button goes up.
    Release,
    /// The button changes.
    Toggle,
    /// Answer the call that rings.
    Accept,
    /// End the call.
    HangUp,
    /// A line is being typed; this is it so far.
    Typing(String),
    /// A line that was typed.
    Line(String),
    /// No line is being typed any more.
    GivenUp,
    /// Leave.
    Quit,
}

/// How the space bar works at this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ButtonMode {
    /// The terminal tells when a key is let go: hold to talk.
    Hold,
    /// It does not: tap to talk, tap to stop.
    Toggle,
}

/// The terminal as a radio.
pub(super) struct Keyboard {
    mode: ButtonMode,
    keys: mpsc::Receiver<Key>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Puts the terminal into raw mode and begins to read.
    ///
    /// # Errors
    /// When the terminal refuses; it is as before then.
    pub(super) fn open() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let mode = button_mode();
        let (sender, keys) = mpsc::channel(QUEUE);
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || read_keys(Meaning::new(mode), &sender, &end));
        Ok(Self {
            mode,
            keys,
            ended,
            thread: Some(thread),
        })
    }

    pub(super) const fn mode(&self) -> ButtonMode {
        self.mode
    }

    /// Whether there is no terminal any more: its window was closed.
    pub(super) fn is_gone(&self) -> bool {
        !io::stdin().is_terminal()
    }

    /// Waits for the reading thread, but not for ever: at a terminal that is gone it reads without end, and ends with
    /// the process.
    fn await_thread(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let until = Instant::now() + THREAD_PATIENCE;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next key; leaving, when the terminal is gone.
    pub(super) async fn next(&mut self) -> Key {
        self.keys.recv().await.unwrap_or(Key::Quit)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.await_thread();
        if self.mode == ButtonMode::Hold {
            let _ = execute!(io::stdout(), PopKeyboardEnhancementFlags);
        }
        let _ = terminal::disable_raw_mode();
    }
}

fn button_mode() -> ButtonMode {
    let wanted = KeyboardEnhancementFlags::REPORT_EVENT_TYPES
        | KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
        | KeyboardEnhancementFlags::REPORT_ALL_KEYS_AS_ESCAPE_CODES;
    let supported = terminal::supports_keyboard_enhancement().unwrap_or(false);
    if supported && execute!(io::stdout(), PushKeyboardEnhancementFlags(wanted)).is_ok() {
        return ButtonMode::Hold;
    }
    ButtonMode::Toggle
}

fn read_keys(mut meaning: Meaning, sender: &mpsc::Sender<Key>, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let event = match event::poll(LOOK_EVERY) {
            Ok(true) => event::read(),
            Ok(false) => continue,
            // The terminal is gone; the receiver sees the end of the channel.
            Err(_) => return,
        };
        let Ok(event) = event else {
            return;
        };
        let Event::Key(event) = event else {
            continue;
        };
        let Some(key) = meaning.of(event, Instant::now()) else {
            continue;
        };
        if sender.blocking_send(key).is_err() {
            return;
        }
    }
}

/// What key events mean.
struct Meaning {
    mode: ButtonMode,
    last_tap: Option<Instant>,
    /// The line that is being typed.
    typing: Option<Typing>,
}

impl Meaning {
    const fn new(mode: ButtonMode) -> Self {
        Self {
            mode,
            last_tap: None,
            typing: None,
        }
    }

    fn of(&mut self, event: KeyEvent, now: Instant) -> Option<Key> {
        // A button that was held before the line began is let go all the same.
        if event.kind != KeyEventKind::Release && self.typing.is_some() {
            return self.of_letter(&event);
        }
        if event.code == KeyCode::Char(' ') {
            return self.of_space(event.kind, now);
        }
        if event.kind != KeyEventKind::Press {
            return None;
        }
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Char('c' | 'd') if control => Some(Key::Quit),
            KeyCode::Char('q') => Some(Key::Quit),
            KeyCode::Char('a') => Some(Key::Accept),
            KeyCode::Char('h') => Some(Key::HangUp),
            KeyCode::Char('p') => {
                let typing = self.typing.insert(Typing::begin(AT));
                Some(Key::Typing(typing.text().to_owned()))
            }
            _ => None,
        }
    }

    fn of_letter(&mut self, event: &KeyEvent) -> Option<Key> {
        let typed = self.typing.as_mut()?.take(event)?;
        if !matches!(typed, Typed::SoFar(_)) {
            self.typing = None;
        }
        Some(match typed {
            Typed::SoFar(text) => Key::Typing(text),
            Typed::Line(line) => Key::Line(line),
            Typed::GivenUp => Key::GivenUp,
            Typed::Quit => Key::Quit,
        })
    }

    fn of_space(&mut self, kind: KeyEventKind, now: Instant) -> Option<Key> {
        match (self.mode, kind) {
            (ButtonMode::Hold, KeyEventKind::Press) => Some(Key::Press),
            (ButtonMode::Hold, KeyEventKind::Release) => Some(Key::Release),
            (ButtonMode::Hold, KeyEventKind::Repeat)
            | (ButtonMode::Toggle, KeyEventKind::Release) => None,
            (ButtonMode::Toggle, _) => {
                let before = self.last_tap.replace(now);
                let repeats = before.is_some_and(|before| now.duration_since(before) < REPEAT);
                (!repeats).then_some(Key::Toggle)
            }
        }
    }
}

/// Reads a password from the terminal without showing it; `None` when the user gives up.
///
/// # Errors
/// When the terminal refuses.
pub(super) fn read_password() -> io::Result<Option<String>> {
    terminal::enable_raw_mode()?;
    let typed = type_password();
    terminal::disable_raw_mode()?;
    typed
}

fn type_password() -> io::Result<Option<String>> {
    let mut typed = String::new();
    loop {
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(Some(typed)),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Ok(None);
            }
            KeyCode::Char(character) => typed.push(character),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(kind: KeyEventKind) -> KeyEvent {
        KeyEvent::new_with_kind(KeyCode::Char(' '), KeyModifiers::NONE, kind)
    }

    #[test]
    fn where_the_terminal_tells_releases_the_bar_is_held() {
        let (mut meaning, now) = (Meaning::new(ButtonMode::Hold), Instant::now());
        let means = |kind| meaning.of(space(kind), now);
        let kinds = [
            KeyEventKind::Press,
            KeyEventKind::Repeat,
            KeyEventKind::Release,
        ];
        let wanted = [Some(Key::Press), None, Some(Key::Release)];
        assert_eq!(kinds.map(means), wanted);
    }

    #[test]
    fn elsewhere_it_is_tapped_and_a_held_bar_does_not_flutter() {
        let (mut meaning, begun) = (Meaning::new(ButtonMode::Toggle), Instant::now());
        let mut at = |ms| {
            let now = begun + Duration::from_millis(ms);
            meaning.of(space(KeyEventKind::Press), now)
        };
        assert_eq!(at(0), Some(Key::Toggle));
        assert_eq!(at(30), None);
        assert_eq!(at(60), None);
        assert_eq!(at(90), None);
        assert_eq!(at(400), Some(Key::Toggle));
    }

    #[test]
    fn other_keys() {
        let mut meaning = Meaning::new(ButtonMode::Toggle);
        let mut means =
            |code, modifiers| meaning.of(KeyEvent::new(code, modifiers), Instant::now());
        assert_eq!(
            means(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Key::Quit)
        );
        assert_eq!(means(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(
            means(KeyCode::Char('q'), KeyModifiers::NONE),
            Some(Key::Quit)
        );
        assert_eq!(
            means(KeyCode::Char('a'), KeyModifiers::NONE),
            Some(Key::Accept)
        );
        assert_eq!(
            means(KeyCode::Char('h'), KeyModifiers::NONE),
            Some(Key::HangUp)
        );
    }

    #[test]
    fn after_p_the_keys_are_letters_until_the_line_is_done() {
        let mut meaning = Meaning::new(ButtonMode::Hold);
        let mut press = |code| {
            let event = KeyEvent::new(code, KeyModifiers::NONE);
            meaning.of(event, Instant::now())
        };
        let typing = |text: &str| Some(Key::Typing(text.to_owned()));
        assert_eq!(press(KeyCode::Char('p')), typing("at "));
        assert_eq!(press(KeyCode::Char('6')), typing("at 6"));
        assert_eq!(press(KeyCode::Char(' ')), typing("at 6 "));
        assert_eq!(press(KeyCode::Char('h')), typing("at 6 h"));
        let line = Key::Line("at 6 h".to_owned());
        assert_eq!(press(KeyCode::Enter), Some(line));
        assert_eq!(press(KeyCode::Char('h')), Some(Key::HangUp));
        press(KeyCode::Char('p'));
        assert_eq!(press(KeyCode::Esc), Some(Key::GivenUp));
        assert_eq!(press(KeyCode::Char(' ')), Some(Key::Press));
        press(KeyCode::Char('p'));
        let released = meaning.of(space(KeyEventKind::Release), Instant::now());
        assert_eq!(released, Some(Key::Release), "held before, let go now");
    }
}
