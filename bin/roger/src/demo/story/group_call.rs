//! A prearranged group call: a talk burst, a second user who is denied the floor, and one who comes late.

use super::arrival::affiliate_one;
use super::{Stage, keys_of};
use crate::demo::StoryError;
use crate::demo::burst::{HeardCopy, SaidBurst};
use crate::demo::facts::PhaseKind;
use crate::demo::player::{Mark, Player};
use crate::demo::voice::{Enough, talk};
use core::time::Duration;
use roger_audio::SpeechFrame;
use roger_base::GroupId;
use roger_ue::client::{Button, CallNumber, CallParty, UeEvent, UeInput};
use roger_ue::shell::SpeechError;
use std::sync::Arc;
use tokio::time::sleep;

/// The member who talks first.
pub(super) const TALKER: usize = 0;
/// The member who is denied the floor.
pub(super) const DENIED: usize = 1;
/// The member who affiliates while the talker talks.
pub(super) const LATE: usize = 2;

/// Frames that a burst has at least: 2 s.
const LEAST_FRAMES: usize = 100;
/// Said before a second user presses her button, and again after the last one has come.
const SOME_SPEECH: Duration = Duration::from_millis(700);

/// A member in a call.
#[derive(Clone, Copy)]
pub(super) struct InCall<'s> {
    pub(super) player: &'s Player,
    pub(super) call: CallNumber,
}

/// Waits for the call that comes in, and for its establishment.
pub(super) async fn join<'s>(
    player: &'s Player,
    mark: Mark,
    group: &GroupId,
) -> Result<InCall<'s>, StoryError> {
    let call = player
        .expect(mark, "the group call", |event| match event {
            UeEvent::IncomingCall {
                call,
                party: CallParty::Group(called),
                ..
            } if called == group => Some(*call),
            _ => None,
        })
        .await?;
    established(player, mark, call).await
}

async fn established(
    player: &Player,
    mark: Mark,
    call: CallNumber,
) -> Result<InCall<'_>, StoryError> {
    player
        .expect(mark, "the establishment of the call", |event| {
            (*event == UeEvent::CallEstablished(call)).then_some(())
        })
        .await?;
    Ok(InCall { player, call })
}

/// Waits until the own call is established, and gives its number.
pub(super) async fn own_call(player: &Player, mark: Mark) -> Result<InCall<'_>, StoryError> {
    let call = player
        .expect(mark, "the establishment of the call", |event| match event {
            UeEvent::CallEstablished(call) => Some(Ok(*call)),
            UeEvent::CallFailed(_, refusal) => Some(Err(refusal.to_string())),
            _ => None,
        })
        .await?
        .map_err(|refusal| {
            StoryError::Wrong(format!("{}: the call failed: {refusal}", player.name()))
        })?;
    Ok(InCall { player, call })
}

/// Waits for the permission to talk.
pub(super) async fn may_talk(talker: InCall<'_>, mark: Mark) -> Result<(), StoryError> {
    talker
        .player
        .expect(mark, "the floor", |event| match event {
            UeEvent::MayTalk(call) if *call == talker.call => Some(Ok(())),
            UeEvent::FloorDenied(call, cause) if *call == talker.call => Some(Err(cause.clone())),
            _ => None,
        })
        .await?
        .map_err(|cause| StoryError::Wrong(format!("the floor was denied: {cause}")))
}

/// Waits until everybody knows that nobody talks.
pub(super) async fn release(talker: InCall<'_>, others: &[InCall<'_>]) -> Result<(), StoryError> {
    let marks: Vec<Mark> = others.iter().map(|other| other.player.mark()).collect();
    talker
        .player
        .input(UeInput::Ptt(talker.call, Button::Released));
    for (other, mark) in others.iter().zip(marks) {
        other
            .player
            .expect(mark, "the end of the burst", |event| {
                (*event == UeEvent::FloorIdle(other.call)).then_some(())
            })
            .await?;
    }
    Ok(())
}

/// Everybody hangs up and hears that the call is over.
pub(super) async fn hang_up(everybody: &[InCall<'_>]) -> Result<(), StoryError> {
    let marks: Vec<Mark> = everybody.iter().map(|one| one.player.mark()).collect();
    for one in everybody {
        one.player.input(UeInput::HangUp(one.call));
    }
    for (one, mark) in everybody.iter().zip(marks) {
        one.player
            .expect(mark, "the end of the call", |event| {
                (*event == UeEvent::CallEnded(one.call)).then_some(())
            })
            .await?;
    }
    Ok(())
}

/// The call while it is on.
pub(super) struct Running {
    talker: CallNumber,
    listeners: Vec<(usize, CallNumber)>,
    late: Option<CallNumber>,
    capture_from: usize,
    enough: Enough,
    talking: tokio::task::JoinHandle<Result<Vec<SpeechFrame>, SpeechError>>,
}

/// Alice calls the group, gets the floor, and begins to talk.
pub(super) async fn begin(stage: &Stage<'_>) -> Result<(Running, String), StoryError> {
    let capture_from = stage.capture_position();
    let alice = stage.member(TALKER)?;
    let marks: Vec<Mark> = stage.members.iter().map(Player::mark).collect();
    let mark = alice.mark();
    alice.input(UeInput::CallGroup(stage.group.clone()));
    let talker = own_call(alice, mark).await?;
    let mut listeners = Vec::new();
    for (number, (player, mark)) in stage.members.iter().zip(marks).enumerate() {
        if number != TALKER && number != LATE {
            listeners.push((number, join(player, mark, &stage.group).await?.call));
        }
    }
    may_talk(talker, mark).await?;
    let (ue, call, frames) = (Arc::clone(&alice.ue), talker.call, stage.voice.long()?);
    let enough = Enough::default();
    let until = enough.clone();
    let talking = tokio::spawn(async move { talk(&ue, call, frames, LEAST_FRAMES, &until).await });
    sleep(SOME_SPEECH).await;
    let detail = format!("alice talks to {} members", listeners.len());
    let running = Running {
        talker: talker.call,
        listeners,
        late: None,
        capture_from,
        enough,
        talking,
    };
    Ok((running, detail))
}

/// Bob presses his button while alice talks.
pub(super) async fn deny(
    stage: &Stage<'_>,
    running: Running,
) -> Result<(Running, String), StoryError> {
    let bob = stage.member(DENIED)?;
    let call = call_of(&running, DENIED)?;
    let mark = bob.mark();
    bob.input(UeInput::Ptt(call, Button::Pressed));
    let cause = bob
        .expect(mark, "the denial of the floor", |event| match event {
            UeEvent::FloorDenied(denied, cause) if *denied == call => Some(Ok(cause.clone())),
            UeEvent::MayTalk(granted) if *granted == call => Some(Err(())),
            _ => None,
        })
        .await?
        .map_err(|()| StoryError::Wrong("two users have the floor".to_owned()))?;
    bob.input(UeInput::Ptt(call, Button::Released));
    Ok((running, format!("bob: {cause}")))
}

fn call_of(running: &Running, member: usize) -> Result<CallNumber, StoryError> {
    let found = running
        .listeners
        .iter()
        .find(|(number, _)| *number == member);
    found
        .map(|(_, call)| *call)
        .ok_or_else(|| StoryError::Wrong("a listener is missing".to_owned()))
}

/// Carol affiliates, is called in, learns who talks, and hears the rest.
pub(super) async fn late_entry(
    stage: &Stage<'_>,
    running: &mut Running,
) -> Result<((), String), StoryError> {
    let carol = stage.member(LATE)?;
    let mark = carol.mark();
    affiliate_one(stage, carol).await?;
    let joined = join(carol, mark, &stage.group).await?;
    let talker = carol
        .expect(mark, "the name of the talker", |event| match event {
            UeEvent::SomebodyTalks(call, talker) if *call == joined.call => {
                Some(talker.mcptt_id.clone())
            }
            _ => None,
        })
        .await?;
    if talker.as_ref() != Some(stage.member(TALKER)?.id()) {
        return Err(StoryError::Wrong(format!(
            "carol was told that {talker:?} talks"
        )));
    }
    carol.expect_speech(joined.call, 10).await?;
    running.late = Some(joined.call);
    Ok((
        (),
        "carol affiliates, is called in, and hears alice in mid-burst".to_owned(),
    ))
}

/// Alice ends her burst; everybody hangs up; what was heard is kept.
pub(super) async fn end(
    stage: &mut Stage<'_>,
    running: Running,
) -> Result<((), String), StoryError> {
    sleep(SOME_SPEECH).await;
    running.enough.say();
    let said = running
        .talking
        .await
        .map_err(|error| StoryError::Wrong(error.to_string()))??;
    let talker = InCall {
        player: stage.member(TALKER)?,
        call: running.talker,
    };
    let mut others = Vec::new();
    for (number, call) in &running.listeners {
        let player = stage.member(*number)?;
        player.expect_speech(*call, said.len()).await?;
        others.push(InCall {
            player,
            call: *call,
        });
    }
    if let (Some(call), Some(on_time)) = (running.late, others.first().copied()) {
        let player = stage.member(LATE)?;
        player
            .expect_end_of_speech(call, on_time.player, on_time.call)
            .await?;
        others.push(InCall { player, call });
    }
    release(talker, &others).await?;
    let late_id = stage.member(LATE)?.id();
    let heard = others
        .iter()
        .map(|other| {
            let late = other.player.id() == late_id;
            HeardCopy::take(&other.player.ue, other.player.name(), other.call, late)
        })
        .collect();
    others.push(talker);
    hang_up(&others).await?;
    let detail = format!(
        "{:.1} s heard by {} members",
        said.len() as f64 / 50.0,
        others.len() - 1
    );
    let burst = SaidBurst {
        title: "group-alice".to_owned(),
        frames: said,
        heard,
    };
    let mut keys = Vec::new();
    for player in &stage.members {
        keys.push(keys_of(player).await?);
    }
    stage.keys_before = keys;
    stage.bursts.push(burst);
    stage.end_phase(PhaseKind::First, running.capture_from);
    Ok(((), detail))
}
