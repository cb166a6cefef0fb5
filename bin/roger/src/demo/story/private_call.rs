//! A private call with a PCK in its offer; both sides talk.

use super::Stage;
use super::group_call::{InCall, hang_up, may_talk, own_call, release};
use crate::demo::StoryError;
use crate::demo::burst::{HeardCopy, SaidBurst};
use crate::demo::facts::PhaseKind;
use crate::demo::player::{Mark, Player};
use crate::demo::voice::{Enough, talk};
use roger_audio::SpeechFrame;
use roger_ue::client::{Button, CallParty, Commencement, UeEvent, UeInput};

/// Who calls and who is called.
const CALLER: usize = 0;
const CALLED: usize = 1;
/// Seconds said by each.
const SECONDS: usize = 1;

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<((), String), StoryError> {
    let from = stage.capture_position();
    let (alice, bob) = (stage.member(CALLER)?, stage.member(CALLED)?);
    let (alices, bobs) = (alice.mark(), bob.mark());
    alice.input(UeInput::CallUser(bob.id().clone(), Commencement::Automatic));
    let caller = own_call(alice, alices).await?;
    let called = answer(bob, bobs, alice).await?;
    let frames = stage.voice.short(SECONDS)?;
    may_talk(caller, alices).await?;
    let first = say(caller, called, frames.clone(), "private-alice").await?;
    let mark = bob.mark();
    bob.input(UeInput::Ptt(called.call, Button::Pressed));
    may_talk(called, mark).await?;
    let second = say(called, caller, frames, "private-bob").await?;
    hang_up(&[caller, called]).await?;
    stage.bursts.extend([first, second]);
    stage.end_phase(PhaseKind::Private, from);
    let detail = format!("alice and bob, {SECONDS} s each way, under a PCK of their own");
    Ok(((), detail))
}

/// The called side answers by itself.
async fn answer<'s>(
    player: &'s Player,
    mark: Mark,
    from: &Player,
) -> Result<InCall<'s>, StoryError> {
    let call = player
        .expect(mark, "the private call", |event| match event {
            UeEvent::IncomingCall {
                call,
                party: CallParty::User(user),
                ..
            } if user == from.id() => Some(*call),
            _ => None,
        })
        .await?;
    player
        .expect(mark, "the establishment of the call", |event| {
            (*event == UeEvent::CallEstablished(call)).then_some(())
        })
        .await?;
    Ok(InCall { player, call })
}

/// One burst, heard to its end by the other side.
pub(super) async fn say(
    talker: InCall<'_>,
    listener: InCall<'_>,
    frames: Vec<SpeechFrame>,
    title: &str,
) -> Result<SaidBurst, StoryError> {
    let (before, all) = (listener.player.heard(listener.call), frames.len());
    let said = talk(
        &talker.player.ue,
        talker.call,
        frames,
        all,
        &Enough::default(),
    )
    .await?;
    listener
        .player
        .expect_speech(listener.call, before + said.len())
        .await?;
    release(talker, &[listener]).await?;
    let name = listener.player.name();
    let heard = HeardCopy::take(&listener.player.ue, name, listener.call, false);
    Ok(SaidBurst {
        title: title.to_owned(),
        frames: said,
        heard: vec![heard],
    })
}
