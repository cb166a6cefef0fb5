//! Where a UE is, as its user says it: latitude and longitude in degrees.

use core::str::FromStr;
use roger_ue::client::Position;
use thiserror::Error;

/// A place somebody named. It has no `Debug`: where somebody is stands in no log.
#[derive(Clone)]
pub(super) struct Place(pub(super) Position);

/// Why a text names no place. It does not repeat the text.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum PlaceError {
    #[error(
        "a place is two numbers, latitude and longitude in degrees with a decimal point, such as 60.1699 24.9384"
    )]
    NotTwoNumbers,
    #[error(
        "the latitude is not from -90 to 90: it is said first, south is negative, then comes the longitude"
    )]
    Latitude,
    #[error(
        "the longitude is not from -180 to 180: it is said after the latitude, west is negative"
    )]
    Longitude,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let mut parts = text.split([' ', '\t', ',']).filter(|part| !part.is_empty());
        let mut number = || {
            let part = parts.next().ok_or(PlaceError::NotTwoNumbers)?;
            part.parse::<f64>().map_err(|_| PlaceError::NotTwoNumbers)
        };
        let (latitude, longitude) = (number()?, number()?);
        if parts.next().is_some() {
            return Err(PlaceError::NotTwoNumbers);
        }
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PlaceError::Latitude);
        }
        let position = Position::from_degrees(latitude, longitude);
        position.map(Self).ok_or(PlaceError::Longitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Result<(u32, u32), PlaceError> {
        let place: Place = text.parse()?;
        let coordinate = place.0.location.coordinate.unwrap();
        Ok((coordinate.latitude_code(), coordinate.longitude_code()))
    }

    #[test]
    fn two_numbers_with_space_or_comma_between_are_a_place() {
        let place = codes("60.1699 24.9384").unwrap();
        for text in [
            "60.1699,24.9384",
            " 60.1699 ,\t24.9384 ",
            "+60.1699 24.93840",
        ] {
            assert_eq!(codes(text), Ok(place), "{text}");
        }
        assert!(codes("-33.8688 151.2093").is_ok());
        assert!(codes("90 -180").is_ok());
    }

    #[test]
    fn what_is_no_place_is_refused_precisely_and_not_repeated() {
        for (text, error) in [
            ("", PlaceError::NotTwoNumbers),
            ("60.1699", PlaceError::NotTwoNumbers),
            ("60,1699 24,9384", PlaceError::NotTwoNumbers),
            ("60.1699 24.9384 7", PlaceError::NotTwoNumbers),
            ("60.1699N 24.9384E", PlaceError::NotTwoNumbers),
            ("90.001 0", PlaceError::Latitude),
            ("151.2093 -33.8688", PlaceError::Latitude),
            ("nan 0", PlaceError::Latitude),
            ("0 180.001", PlaceError::Longitude),
            ("0 inf", PlaceError::Longitude),
        ] {
            let said = error.to_string();
            assert_eq!(codes(text), Err(error), "{text}");
            assert!(!said.contains("151.2093"), "{said}");
        }
    }
}
