//! From the registration at the SIP core to the affiliation, and back to the log-off.

use super::{Stage, for_all};
use crate::demo::StoryError;
use crate::demo::player::Player;
use roger_documents::affiliation::AffiliationStatus;
use roger_ue::client::{Authorisation, GroupKeyState, UeEvent, UeInput};
use tokio::time::sleep;

type Done = Result<((), String), StoryError>;

/// Registration at the SIP core waits for no log-in and no token (TS 24.379 cl. 7.2.1).
pub(super) async fn register(stage: &Stage<'_>) -> Done {
    let registered = for_all(stage.everybody(), async |player: &Player| {
        let mark = player.mark();
        player.input(UeInput::Register(Authorisation::None));
        player
            .expect(mark, "the registration", |event| {
                matches!(event, UeEvent::Registered).then_some(())
            })
            .await
    });
    let count = registered.await?.len();
    Ok((
        (),
        format!("{count} UEs by digest, before any of them has a token"),
    ))
}

/// OpenID Connect with code and PKCE, password by the log-in page.
pub(super) async fn log_in(stage: &mut Stage<'_>) -> Done {
    let logged_in = for_all(stage.everybody(), async |player: &Player| {
        let id = player
            .ue
            .log_in(&player.person.login, player.person.password())
            .await?;
        if id != *player.id() {
            return Err(StoryError::Wrong(format!(
                "{} was logged in as {id}",
                player.name()
            )));
        }
        Ok(player
            .ue
            .secrets()
            .await
            .map_or_else(Vec::new, |secrets| secrets.tokens))
    });
    let tokens: Vec<_> = logged_in.await?.into_iter().flatten().collect();
    let detail = format!("{} users, {} tokens", stage.members.len() + 1, tokens.len());
    stage.secrets.extend(tokens);
    Ok(((), detail))
}

/// Certificate and key sets, wrapped and signed, every check made (TS 33.180 cl. 5.3).
pub(super) async fn fetch_keys(stage: &Stage<'_>) -> Done {
    let fetched = for_all(stage.everybody(), async |player: &Player| {
        Ok(player.ue.fetch_keys().await?)
    });
    let count = fetched.await?.len();
    Ok((
        (),
        format!("{count} key sets unwrapped and checked (ECCSI, SAKKE, UID)"),
    ))
}

/// Every other UE authorises with its next REGISTER, the rest by PUBLISH.
pub(super) async fn authorise(stage: &mut Stage<'_>) -> Done {
    let everybody: Vec<&Player> = stage.everybody().collect();
    let by_register: Vec<&Player> = everybody.iter().copied().step_by(2).collect();
    for_all(by_register.iter().copied(), async |player: &Player| {
        let mark = player.mark();
        player.input(UeInput::Register(Authorisation::InRegister));
        player
            .expect(mark, "the registration with a token", |event| {
                matches!(event, UeEvent::Registered).then_some(())
            })
            .await
    })
    .await?;
    for_all(everybody.iter().copied(), async |player: &Player| {
        let mark = player.mark();
        player.input(UeInput::Publish);
        player
            .expect(mark, "the service authorisation", |event| {
                matches!(event, UeEvent::Authorised).then_some(())
            })
            .await
    })
    .await?;
    let by_publish = everybody.len() - by_register.len();
    let detail = format!("{} by REGISTER, {by_publish} by PUBLISH", by_register.len());
    let held = |player: &Player| {
        player
            .ue
            .look(|client| client.client_server_key().map(|bound| bound.csk.clone()))
    };
    let csks: Vec<_> = everybody.iter().copied().filter_map(held).collect();
    if csks.len() != everybody.len() {
        return Err(StoryError::Wrong(
            "a UE is authorised and has no CSK".to_owned(),
        ));
    }
    stage.csks.extend(csks);
    Ok(((), detail))
}

/// The group is made; its key comes to each member by a message of her own.
pub(super) async fn distribute_group_key(stage: &Stage<'_>) -> Done {
    for_all(stage.everybody(), async |player: &Player| {
        let mark = player.mark();
        player.input(UeInput::WatchGroups(Vec::new()));
        player
            .expect(mark, "the subscription", |event| {
                matches!(event, UeEvent::Watching).then_some(())
            })
            .await
    })
    .await?;
    let marks: Vec<_> = stage
        .members
        .iter()
        .map(|player| (player, player.mark()))
        .collect();
    stage
        .dispatcher
        .put_group(&stage.group, &stage.member_ids())
        .await?;
    let mut ids = Vec::new();
    for (player, mark) in marks {
        let id = player
            .expect(mark, "the group key", |event| match event {
                UeEvent::GroupKey {
                    gmk_id,
                    groups,
                    state: GroupKeyState::Valid,
                } if groups.contains(&stage.group) => Some(*gmk_id),
                _ => None,
            })
            .await?;
        ids.push(id);
    }
    ids.dedup();
    let [id] = ids.as_slice() else {
        return Err(StoryError::Wrong(
            "the members have different group keys".to_owned(),
        ));
    };
    let detail = format!(
        "GMK {id} to {} members, a message for each",
        stage.members.len()
    );
    Ok(((), detail))
}

/// Everybody but the one who comes late.
pub(super) async fn affiliate(stage: &Stage<'_>) -> Done {
    let late = stage.member(super::group_call::LATE)?.id();
    let early = stage.members.iter().filter(|player| player.id() != late);
    let count = for_all(early, async |player: &Player| {
        affiliate_one(stage, player).await
    })
    .await?
    .len();
    Ok((
        (),
        format!(
            "{count} members; {} will come late",
            stage.member(super::group_call::LATE)?.name()
        ),
    ))
}

/// One member.
pub(super) async fn affiliate_one(stage: &Stage<'_>, player: &Player) -> Result<(), StoryError> {
    let mark = player.mark();
    player.input(UeInput::Affiliate(vec![stage.group.clone()]));
    player
        .expect(mark, "the affiliation", |event| match event {
            UeEvent::Affiliation(group, AffiliationStatus::Affiliated) if *group == stage.group => {
                Some(())
            }
            _ => None,
        })
        .await
}

/// Mallory is registered and authorised, and still cannot call the group.
pub(super) async fn outsider(stage: &Stage<'_>) -> Done {
    let mark = stage.mallory.mark();
    stage.mallory.input(UeInput::CallGroup(stage.group.clone()));
    let refusal = stage
        .mallory
        .expect(mark, "the refusal of the call", |event| match event {
            UeEvent::CallFailed(_, refusal) => Some(refusal.to_string()),
            _ => None,
        })
        .await?;
    Ok((
        (),
        format!("mallory calls the group and is refused: {refusal}"),
    ))
}

/// Leaves the MC service, then the SIP core.
pub(super) async fn log_off(stage: &Stage<'_>) -> Done {
    for player in stage.everybody() {
        player.ue.log_off().await;
    }
    // The answers are still under way; nothing depends on them any more.
    sleep(core::time::Duration::from_millis(300)).await;
    let kept = |player: &&Player| {
        player
            .ue
            .look(|client| client.client_server_key().is_some())
    };
    if let Some(player) = stage.everybody().find(kept) {
        return Err(StoryError::Wrong(format!(
            "{} still has a CSK",
            player.name()
        )));
    }
    for player in stage.everybody() {
        player.ue.stop();
    }
    Ok(((), "tokens and CSKs erased".to_owned()))
}
