//! A member is removed; the others get a new key and talk under it.

use super::Stage;
use super::group_call::{InCall, TALKER, hang_up, join, may_talk, own_call, release};
use crate::demo::StoryError;
use crate::demo::burst::{HeardCopy, SaidBurst};
use crate::demo::facts::PhaseKind;
use crate::demo::player::{Mark, Player};
use crate::demo::voice::{Enough, talk};
use roger_base::KeyId;
use roger_ue::client::{GroupKeyState, UeEvent, UeInput};

/// The member who is removed.
pub(super) const REMOVED: usize = 3;
/// Seconds said under the new key.
const SECONDS: usize = 1;

/// Those who stay.
fn remaining<'s>(stage: &'s Stage<'_>) -> impl Iterator<Item = (usize, &'s Player)> {
    stage
        .members
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != REMOVED)
}

/// The dispatcher takes a member out; the others get the new key, and later hear that the old one is over.
pub(super) async fn remove(stage: &Stage<'_>) -> Result<((), String), StoryError> {
    let marks: Vec<(&Player, Mark)> = remaining(stage)
        .map(|(_, player)| (player, player.mark()))
        .collect();
    let members: Vec<_> = remaining(stage)
        .map(|(_, player)| player.id().clone())
        .collect();
    stage.dispatcher.put_group(&stage.group, &members).await?;
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for (player, mark) in &marks {
        new.push(key(stage, player, *mark, GroupKeyState::Valid).await?);
    }
    for (player, mark) in &marks {
        old.push(key(stage, player, *mark, GroupKeyState::Revoked).await?);
    }
    new.dedup();
    old.dedup();
    let ([new], [old]) = (new.as_slice(), old.as_slice()) else {
        return Err(StoryError::Wrong(
            "the members have different group keys".to_owned(),
        ));
    };
    let removed = stage.member(REMOVED)?.name();
    let detail = format!("{removed} is out; GMK {new} is in use, GMK {old} is revoked");
    Ok(((), detail))
}

async fn key(
    stage: &Stage<'_>,
    player: &Player,
    mark: Mark,
    wanted: GroupKeyState,
) -> Result<KeyId, StoryError> {
    player
        .expect(mark, "news about the group key", |event| match event {
            UeEvent::GroupKey {
                gmk_id,
                groups,
                state,
            } if *state == wanted && groups.contains(&stage.group) => Some(*gmk_id),
            _ => None,
        })
        .await
}

/// A call under the new key, to which the removed member is not invited and cannot get in.
pub(super) async fn call(stage: &mut Stage<'_>) -> Result<((), String), StoryError> {
    let from = stage.capture_position();
    let alice = stage.member(TALKER)?;
    let dave = stage.member(REMOVED)?;
    let daves = dave.mark();
    let marks: Vec<(&Player, Mark)> = remaining(stage)
        .filter(|(number, _)| *number != TALKER)
        .map(|(_, player)| (player, player.mark()))
        .collect();
    let mark = alice.mark();
    alice.input(UeInput::CallGroup(stage.group.clone()));
    let talker = own_call(alice, mark).await?;
    let mut listeners = Vec::new();
    for (player, mark) in marks {
        listeners.push(join(player, mark, &stage.group).await?);
    }
    may_talk(talker, mark).await?;
    let frames = stage.voice.short(SECONDS)?;
    let all = frames.len();
    let said = talk(&alice.ue, talker.call, frames, all, &Enough::default()).await?;
    for listener in &listeners {
        listener
            .player
            .expect_speech(listener.call, said.len())
            .await?;
    }
    release(talker, &listeners).await?;
    let refusal = refused(stage, daves).await?;
    let heard = listeners
        .iter()
        .map(|one| HeardCopy::take(&one.player.ue, one.player.name(), one.call, false))
        .collect();
    let detail = format!(
        "{} members hear alice; dave calls and is refused: {refusal}",
        listeners.len()
    );
    listeners.push(InCall { ..talker });
    hang_up(&listeners).await?;
    let burst = SaidBurst {
        title: "new-key-alice".to_owned(),
        frames: said,
        heard,
    };
    stage.bursts.push(burst);
    stage.end_phase(PhaseKind::Second, from);
    Ok(((), detail))
}

/// The removed member was not called, and is refused when he calls.
async fn refused(stage: &Stage<'_>, mark: Mark) -> Result<String, StoryError> {
    let dave = stage.member(REMOVED)?;
    if dave.happened(mark, |event| matches!(event, UeEvent::IncomingCall { .. })) {
        return Err(StoryError::Wrong(
            "the removed member was called".to_owned(),
        ));
    }
    dave.input(UeInput::CallGroup(stage.group.clone()));
    dave.expect(mark, "the refusal of the call", |event| match event {
        UeEvent::CallFailed(_, refusal) => Some(refusal.to_string()),
        _ => None,
    })
    .await
}
