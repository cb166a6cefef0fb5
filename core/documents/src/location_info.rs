//! Where a client is, and when it says so: `application/vnd.3gpp.mcptt-location-info+xml` (TS 24.379 cl. 13, F.3).
//!
//! ```text
//! <location-info> ─┬─ <Configuration ConfigScope="Full">  what reports hold, and what triggers one
//!                  ├─ <Request RequestId="…"/>            a report now
//!                  └─ <Report ReportID="…" ReportType="NonEmergency">  triggers, cell, coordinates
//! ```
//! Cell and coordinates are elements with `type="Normal"` or `"Encrypted"`; nothing else of the document says where
//! anybody is. Coordinates are three octets each, as TS 23.032 cl. 6.1 codes them. Names that only later releases have
//! are read over.

use crate::location_info_xml as xml;
use crate::read;
use crate::{Document, DocumentError};
use core::fmt;
use core::time::Duration;

/// Namespace of the document.
pub const NAMESPACE: &str = "urn:3gpp:ns:mcpttLocationInfo:1.0";

/// Most triggers of one configuration or one report.
pub const MAX_TRIGGERS: usize = 64;

/// One of the three things that a document can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationInfo {
    /// From the participating function: when to report what.
    Configuration(LocationConfiguration),
    /// From the participating function, or from a user who may ask: report now.
    Request(LocationRequest),
    /// From a client.
    Report(LocationReport),
}

/// `<Request>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationRequest {
    /// `@RequestId`: comes back as `@ReportID`.
    pub id: String,
}

/// `@ConfigScope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConfigScope {
    /// Replaces what the client had.
    #[default]
    Full,
    /// Adds to it; a trigger of the same id is replaced.
    Update,
}

/// Which parts of a location a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportContent {
    /// `<ServingEcgi>`.
    pub serving_ecgi: bool,
    /// `<GeographicalCoordinate>` (spelled `<GeographicalCordinate>` in the schema of some releases).
    pub coordinate: bool,
    /// `<minimumIntervalLength>`: least time between two reports; zero is none.
    pub minimum_interval: Duration,
}

/// `<Configuration>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationConfiguration {
    /// `@ConfigScope`.
    pub scope: ConfigScope,
    /// `<NonEmergencyLocationInformation>`.
    pub normal: ReportContent,
    /// `<EmergencyLocationInformation>`.
    pub emergency: ReportContent,
    /// `<TriggeringCriteria>`.
    pub triggers: Vec<Trigger>,
}

/// What makes a client report, and how the report says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// `@TriggerId`.
    pub id: String,
    /// What has to happen.
    pub event: TriggerEvent,
}

/// Something that happens at a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerEvent {
    /// `<CellChange>`, by ECGI.
    Cell(AreaChange),
    /// `<TrackingAreaChange>`.
    TrackingArea(AreaChange),
    /// `<PlmnChange>`.
    Plmn(AreaChange),
    /// `<PeriodicReport>`: seconds.
    Periodic(Duration),
    /// `<TravelledDistance>`: metres.
    TravelledDistance(u32),
    /// `<McpttSignallingEvent>` or, of emergencies, `<EmergencyEvent>` \[I for the name\].
    Signalling(SignallingEvent),
}

/// How an area has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AreaChange {
    /// `<AnyCellChange>` and the like.
    Any,
    /// `<EnterSpecificCell>` and the like.
    Enter(String),
    /// `<ExitSpecificCell>` and the like.
    Exit(String),
}

/// A procedure of the client that triggers a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignallingEvent {
    /// The user was authorised.
    InitialLogOn,
    /// A configuration was received.
    ConfigurationReceived,
    /// A group call that is no emergency.
    GroupCall,
    /// A private call that is no emergency.
    PrivateCall,
    /// An emergency group call.
    EmergencyGroupCall,
    /// An imminent peril group call.
    ImminentPeril,
    /// An emergency private call.
    EmergencyPrivateCall,
    /// An emergency alert.
    EmergencyAlert,
}

impl SignallingEvent {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::InitialLogOn,
        Self::ConfigurationReceived,
        Self::GroupCall,
        Self::PrivateCall,
        Self::EmergencyGroupCall,
        Self::ImminentPeril,
        Self::EmergencyPrivateCall,
        Self::EmergencyAlert,
    ];

    /// Whether the report that it triggers is one of an emergency.
    #[must_use]
    pub const fn is_emergency(self) -> bool {
        matches!(
            self,
            Self::EmergencyGroupCall
                | Self::ImminentPeril
                | Self::EmergencyPrivateCall
                | Self::EmergencyAlert
        )
    }
}

/// `@ReportType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportType {
    /// Of an emergency.
    Emergency,
    /// Every other.
    #[default]
    NonEmergency,
}

/// `<Report>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationReport {
    /// `@ReportID`: that of the request that it answers.
    pub id: Option<String>,
    /// `@ReportType`.
    pub kind: ReportType,
    /// `<TriggerId>`, one for each trigger that fired.
    pub triggers: Vec<String>,
    /// `<CurrentLocation>`.
    pub location: Location,
}

/// Where somebody is. Never shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// `<CurrentServingEcgi>`: PLMN and cell.
    pub serving_ecgi: Option<String>,
    /// `<CurrentCoordinate>`.
    pub coordinate: Option<Coordinate>,
}

/// Says only what is known, not where it is.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("serving_ecgi", &self.serving_ecgi.as_ref().map(|_| "…"))
            .field("coordinate", &self.coordinate)
            .finish()
    }
}

/// A place on the ellipsoid: 24 bits each (TS 23.032 cl. 6.1). Never shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Coordinate {
    latitude: u32,
    longitude: u32,
}

impl fmt::Debug for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Values that three octets have.
const RANGE: f64 = 16_777_216.0;
/// The sign of a latitude.
const SOUTH: u32 = 1 << 23;
/// Mean radius of the earth in metres.
const EARTH: f64 = 6_371_008.8;

impl Coordinate {
    /// Codes degrees, north and east positive; nothing outside ±90 and ±180.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return None;
        }
        let north = (latitude.abs() * (RANGE / 2.0) / 90.0).floor();
        // The pole itself has the highest code that there is.
        let north = (north as u32).min(SOUTH - 1);
        let sign = if latitude < 0.0 { SOUTH } else { 0 };
        let east = (longitude * RANGE / 360.0).floor().rem_euclid(RANGE);
        Some(Self {
            latitude: sign | north,
            longitude: east as u32,
        })
    }

    /// Takes the two codes; nothing when one has more than three octets.
    #[must_use]
    pub const fn from_codes(latitude: u32, longitude: u32) -> Option<Self> {
        if latitude >> 24 != 0 || longitude >> 24 != 0 {
            return None;
        }
        Some(Self {
            latitude,
            longitude,
        })
    }

    /// Code of the latitude: sign, then 23 bits.
    #[must_use]
    pub const fn latitude_code(self) -> u32 {
        self.latitude
    }

    /// Code of the longitude: two's complement of 24 bits.
    #[must_use]
    pub const fn longitude_code(self) -> u32 {
        self.longitude
    }

    /// Latitude and longitude in degrees, at the middle of the code.
    #[must_use]
    pub fn degrees(self) -> (f64, f64) {
        let north = (f64::from(self.latitude & (SOUTH - 1)) + 0.5) * 90.0 / (RANGE / 2.0);
        let sign = if self.latitude & SOUTH == 0 {
            1.0
        } else {
            -1.0
        };
        let east = (f64::from(self.longitude) + 0.5) * 360.0 / RANGE;
        (
            sign * north,
            if east >= 180.0 { east - 360.0 } else { east },
        )
    }

    /// Metres along a great circle.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let ((a, b), (c, d)) = (self.degrees(), other.degrees());
        let (north, east) = ((c - a).to_radians() / 2.0, (d - b).to_radians() / 2.0);
        let chord =
            north.sin().powi(2) + a.to_radians().cos() * c.to_radians().cos() * east.sin().powi(2);
        2.0 * EARTH * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl Document for LocationInfo {
    const MEDIA_TYPE: &'static str = "application/vnd.3gpp.mcptt-location-info+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse(octets)?;
        xml::read(read::root(&document, NAMESPACE, "location-info")?)
    }

    fn write(&self) -> String {
        xml::write(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_survive_within_the_step_of_three_octets() {
        for (latitude, longitude) in [
            (0.0, 0.0),
            (48.137_154, 11.576_124),
            (-33.868_82, 151.209_296),
            (90.0, 180.0),
            (-90.0, -180.0),
            (-0.000_001, -0.000_001),
        ] {
            let coordinate = Coordinate::from_degrees(latitude, longitude).unwrap();
            let (north, east) = coordinate.degrees();
            assert!((north - latitude).abs() < 1.1e-5, "{latitude} {north}");
            let around = (east - longitude).abs();
            assert!(around.min(360.0 - around) < 2.2e-5, "{longitude} {east}");
        }
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0)] {
            assert_eq!(Coordinate::from_degrees(latitude, longitude), None);
        }
        assert_eq!(Coordinate::from_codes(1 << 24, 0), None);
    }

    #[test]
    fn distances_are_those_of_the_map() {
        let at = |a, b| Coordinate::from_degrees(a, b).unwrap();
        let munich = at(48.137_154, 11.576_124);
        assert!(munich.distance(munich) < 0.01);
        let berlin = munich.distance(at(52.520_008, 13.404_954));
        assert!((berlin - 504_000.0).abs() < 2_000.0, "{berlin}");
        let across = at(0.0, 179.999).distance(at(0.0, -179.999));
        assert!((across - 222.0).abs() < 5.0, "{across}");
    }

    #[test]
    fn nothing_that_is_printed_says_where_somebody_is() {
        let location = Location {
            serving_ecgi: Some("26201ABCDEF0".to_owned()),
            coordinate: Coordinate::from_codes(123_456, 654_321),
        };
        let shown = format!("{location:?}");
        assert!(
            !shown.contains("26201") && !shown.contains("123456"),
            "{shown}"
        );
    }
}
