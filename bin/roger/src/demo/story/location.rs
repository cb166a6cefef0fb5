//! Where the members are: each reports it, since the server wants it of everybody who logs on (TS 24.379 cl. 13.3).

use super::Stage;
use crate::demo::StoryError;
use roger_documents::location_info::{Coordinate, Location};
use roger_ue::client::{Position, UeEvent};

/// Where the first member is, in degrees; the others are north of her.
const FIRST_PLACE: (f64, f64) = (61.497_752, 23.760_954);
/// Degrees to the north from one member to the next: about a kilometre.
const APART: f64 = 0.01;
/// E-UTRAN cell of the first member, in the PLMN 001-01, which is for tests.
const FIRST_CELL: u64 = 0x0C5_E7A1;

/// Where a member is, by number.
pub(super) fn place_of(member: usize) -> Result<Location, StoryError> {
    let number = u16::try_from(member).map_err(|_| nowhere(member))?;
    let (north, east) = FIRST_PLACE;
    let coordinate = Coordinate::from_degrees(north + f64::from(number) * APART, east);
    Ok(Location {
        serving_ecgi: Some(format!("00101{:07X}", FIRST_CELL + u64::from(number))),
        coordinate: Some(coordinate.ok_or_else(|| nowhere(member))?),
    })
}

fn nowhere(member: usize) -> StoryError {
    StoryError::Wrong(format!("member {member} is nowhere on earth"))
}

/// The devices of the members find out where they are, and say so to the server. Mallory's does not find out.
pub(super) async fn report(stage: &Stage<'_>) -> Result<((), String), StoryError> {
    let mut reporting = Vec::new();
    for (number, player) in stage.members.iter().enumerate() {
        let location = place_of(number)?;
        let mark = player.mark();
        player.ue.set_position(Position {
            location: location.clone(),
            ..Position::default()
        });
        reporting.push((player, mark, location));
    }
    for (player, mark, location) in &reporting {
        let told = player.expect(
            *mark,
            "the answer to a location report",
            |event| match event {
                UeEvent::LocationReported => Some(Ok(())),
                UeEvent::LocationNotReported(refusal) => Some(Err(refusal.to_string())),
                _ => None,
            },
        );
        told.await?.map_err(|refusal| {
            let who = player.name();
            StoryError::Wrong(format!("{who}: the location was not taken: {refusal}"))
        })?;
        let known = stage.system.locations_of(player.id());
        if !known.iter().any(|known| known.report.location == *location) {
            let who = player.name();
            return Err(StoryError::Wrong(format!(
                "the server does not know where {who} is"
            )));
        }
    }
    if !stage.system.locations_of(stage.mallory.id()).is_empty() {
        return Err(StoryError::Wrong(
            "the server knows a place of mallory, who never told one".to_owned(),
        ));
    }
    let detail = format!(
        "{} members say where they are, as the server wants it at log-on; mallory does not know where she is",
        reporting.len()
    );
    Ok(((), detail))
}
