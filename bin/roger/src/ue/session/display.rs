//! What was heard, and the status line.

use super::super::calls::Over;
use super::super::keyboard::ButtonMode;
use super::super::news::{News, party_name};
use super::super::talking::seconds;
use super::Session;
use tokio::time::Instant;

impl Session<'_> {
    pub(super) fn on_burst_over(&self, over: &Over) {
        let burst = &over.burst;
        self.screen.tell(&News::Silent {
            party: over.party.clone(),
            who: burst.who.clone(),
            seconds: over.lasted.as_secs_f64(),
            heard_seconds: seconds(burst.packets),
        });
        let Some(ssrc) = burst.ssrc else {
            return;
        };
        let heard = self.ue.take_heard_of(over.call, ssrc);
        let (Some(keep), Some(codec)) = (&self.kit.keep, &self.kit.codec) else {
            return;
        };
        for heard in heard {
            let who = burst.who.clone();
            self.screen
                .tell(&match keep.save(codec, &heard, &who, burst.since) {
                    Ok(file) => News::Saved { who, file },
                    Err(reason) => News::Refused {
                        reason: format!("the recording of {who}: {reason}"),
                    },
                });
        }
    }

    pub(super) fn show_status(&mut self) {
        let Some(keyboard) = &self.kit.keyboard else {
            return;
        };
        if let Some(typed) = &self.typed {
            let text = format!("{typed}_  latitude and longitude, then Enter; Esc gives up");
            return self.screen.show_status(&text);
        }
        let hint = match keyboard.mode() {
            ButtonMode::Hold => "hold space to talk",
            ButtonMode::Toggle => "space: talk / stop",
        };
        let now = Instant::now();
        let what = match (&self.talking, self.calls.active()) {
            (Some(talking), _) => format!("YOU TALK {:.1} s", seconds(talking.frames())),
            (None, Some((_, call))) => match &call.burst {
                Some(burst) => {
                    let lasts = burst.lasts(now).as_secs_f64();
                    format!(
                        "{}: {} talks {lasts:.1} s",
                        party_name(&call.party),
                        burst.who
                    )
                }
                None => format!("{}: nobody talks", party_name(&call.party)),
            },
            (None, None) => "no call".to_owned(),
        };
        let ringing = match self.calls.ringing() {
            Some(_) => ", a: answer",
            None => "",
        };
        let text = format!("[{what}]  {hint}{ringing}, h: hang up, p: position, q: leave");
        self.screen.show_status(&text);
    }
}
