//! Elements of location-info (TS 24.379 F.3.2).

use crate::error::DocumentError;
use crate::location_info::{
    AreaChange, ConfigScope, Coordinate, Location, LocationConfiguration, LocationInfo,
    LocationReport, LocationRequest, MAX_TRIGGERS, NAMESPACE, ReportContent, ReportType,
    SignallingEvent, Trigger, TriggerEvent,
};
use crate::read::{self, all};
use core::time::Duration;
use roger_xml::Writer;
use roger_xml::markup::{child, elements, optional_child, text_of};
use roger_xml::names::XENC;
use roxmltree::Node;

/// Longest id, cell or area.
const MAX_TEXT_OCTETS: usize = 128;
/// Longest interval: one week.
const MAX_SECONDS: u64 = 7 * 24 * 3600;

/// Names of the elements of one kind of area: of the change, any change, entering, leaving.
struct AreaNames {
    change: &'static str,
    any: &'static str,
    enter: &'static str,
    exit: &'static str,
    event: fn(AreaChange) -> TriggerEvent,
}

const AREAS: [AreaNames; 3] = [
    AreaNames {
        change: "CellChange",
        any: "AnyCellChange",
        enter: "EnterSpecificCell",
        exit: "ExitSpecificCell",
        event: TriggerEvent::Cell,
    },
    AreaNames {
        change: "TrackingAreaChange",
        any: "AnyTrackingAreaChange",
        enter: "EnterSpecificTrackingArea",
        exit: "ExitSpecificTrackingArea",
        event: TriggerEvent::TrackingArea,
    },
    AreaNames {
        change: "PlmnChange",
        any: "AnyPlmnChange",
        enter: "EnterSpecificPlmn",
        exit: "ExitSpecificPlmn",
        event: TriggerEvent::Plmn,
    },
];

const SIGNALLING: &str = "McpttSignallingEvent";
const EMERGENCY: &str = "EmergencyEvent";

const fn signalling_name(event: SignallingEvent) -> &'static str {
    match event {
        SignallingEvent::InitialLogOn => "InitialLogOn",
        SignallingEvent::ConfigurationReceived => "LocationConfigurationReceived",
        SignallingEvent::GroupCall => "GroupCallNonEmergency",
        SignallingEvent::PrivateCall => "PrivateCallNonEmergency",
        SignallingEvent::EmergencyGroupCall => "GroupCallEmergency",
        SignallingEvent::ImminentPeril => "GroupCallImminentPeril",
        SignallingEvent::EmergencyPrivateCall => "PrivateCallEmergency",
        SignallingEvent::EmergencyAlert => "InitiateEmergencyAlert",
    }
}

pub(crate) fn read(root: Node<'_, '_>) -> Result<LocationInfo, DocumentError> {
    let configuration = optional_child(root, NAMESPACE, "Configuration")?;
    let request = optional_child(root, NAMESPACE, "Request")?;
    let report = optional_child(root, NAMESPACE, "Report")?;
    match (configuration, request, report) {
        (Some(node), None, None) => Ok(LocationInfo::Configuration(configured(node)?)),
        (None, Some(node), None) => Ok(LocationInfo::Request(LocationRequest {
            id: label(node.attribute("RequestId").unwrap_or_default(), "RequestId")?,
        })),
        (None, None, Some(node)) => Ok(LocationInfo::Report(reported(node)?)),
        (None, None, None) => Err(DocumentError::PeerMissing(
            "Configuration, Request or Report",
        )),
        // A reader that took one of two would do something else than another reader.
        _ => Err(DocumentError::PeerValue("location-info")),
    }
}

// Configuration ----------------------------------------------------------------------------------------------

fn configured(node: Node<'_, '_>) -> Result<LocationConfiguration, DocumentError> {
    let scope = match node.attribute("ConfigScope") {
        None | Some("Full") => ConfigScope::Full,
        Some("Update") => ConfigScope::Update,
        Some(_) => return Err(DocumentError::PeerValue("ConfigScope")),
    };
    let content = |name| -> Result<ReportContent, DocumentError> {
        let node = optional_child(node, NAMESPACE, name)?;
        Ok(node.map(report_content).transpose()?.unwrap_or_default())
    };
    let criteria = optional_child(node, NAMESPACE, "TriggeringCriteria")?;
    Ok(LocationConfiguration {
        scope,
        normal: content("NonEmergencyLocationInformation")?,
        emergency: content("EmergencyLocationInformation")?,
        triggers: criteria.map(triggers).transpose()?.unwrap_or_default(),
    })
}

fn report_content(node: Node<'_, '_>) -> Result<ReportContent, DocumentError> {
    const INTERVAL: &str = "minimumIntervalLength";
    let interval: Option<u64> = read::optional_number(node, NAMESPACE, INTERVAL)?;
    let has = |name| elements(node).any(|child| child.has_tag_name((NAMESPACE, name)));
    Ok(ReportContent {
        serving_ecgi: has("ServingEcgi"),
        coordinate: has("GeographicalCoordinate") || has("GeographicalCordinate"),
        minimum_interval: seconds(interval.unwrap_or_default(), INTERVAL)?,
    })
}

fn triggers(criteria: Node<'_, '_>) -> Result<Vec<Trigger>, DocumentError> {
    let mut found = Vec::new();
    for names in &AREAS {
        if let Some(change) = optional_child(criteria, NAMESPACE, names.change)? {
            area_triggers(change, names, &mut found)?;
        }
    }
    for node in all(criteria, NAMESPACE, "PeriodicReport") {
        let value = read::number(text_of(node, "PeriodicReport")?.trim(), "PeriodicReport")?;
        let period = seconds(value, "PeriodicReport")?;
        if period.is_zero() {
            return Err(DocumentError::PeerValue("PeriodicReport"));
        }
        found.push(trigger(node, TriggerEvent::Periodic(period))?);
    }
    for node in all(criteria, NAMESPACE, "TravelledDistance") {
        let metres = read::number(
            text_of(node, "TravelledDistance")?.trim(),
            "TravelledDistance",
        )?;
        if metres == 0 {
            return Err(DocumentError::PeerValue("TravelledDistance"));
        }
        found.push(trigger(node, TriggerEvent::TravelledDistance(metres))?);
    }
    for parent in [SIGNALLING, EMERGENCY] {
        let Some(parent) = optional_child(criteria, NAMESPACE, parent)? else {
            continue;
        };
        for event in SignallingEvent::ALL {
            for node in all(parent, NAMESPACE, signalling_name(event)) {
                found.push(trigger(node, TriggerEvent::Signalling(event))?);
            }
        }
    }
    if found.len() > MAX_TRIGGERS {
        return Err(DocumentError::PeerValue("TriggeringCriteria"));
    }
    Ok(found)
}

fn area_triggers(
    change: Node<'_, '_>,
    names: &AreaNames,
    found: &mut Vec<Trigger>,
) -> Result<(), DocumentError> {
    for node in all(change, NAMESPACE, names.any) {
        found.push(trigger(node, (names.event)(AreaChange::Any))?);
    }
    for (name, kind) in [
        (names.enter, AreaChange::Enter as fn(String) -> AreaChange),
        (names.exit, AreaChange::Exit),
    ] {
        for node in all(change, NAMESPACE, name) {
            let area = label(text_of(node, name)?.trim(), name)?;
            if area.is_empty() {
                return Err(DocumentError::PeerValue(name));
            }
            found.push(trigger(node, (names.event)(kind(area)))?);
        }
    }
    Ok(())
}

fn trigger(node: Node<'_, '_>, event: TriggerEvent) -> Result<Trigger, DocumentError> {
    let id = label(read::attribute(node, "TriggerId")?, "TriggerId")?;
    Ok(Trigger { id, event })
}

fn seconds(value: u64, name: &'static str) -> Result<Duration, DocumentError> {
    if value > MAX_SECONDS {
        return Err(DocumentError::PeerValue(name));
    }
    Ok(Duration::from_secs(value))
}

/// A short text without control characters.
fn label(text: &str, name: &'static str) -> Result<String, DocumentError> {
    if text.len() > MAX_TEXT_OCTETS || text.chars().any(char::is_control) {
        return Err(DocumentError::PeerValue(name));
    }
    Ok(text.to_owned())
}

// Report -----------------------------------------------------------------------------------------------------

fn reported(node: Node<'_, '_>) -> Result<LocationReport, DocumentError> {
    let kind = match node.attribute("ReportType") {
        Some("Emergency") => ReportType::Emergency,
        None | Some("NonEmergency") => ReportType::NonEmergency,
        Some(_) => return Err(DocumentError::PeerValue("ReportType")),
    };
    let id = node.attribute("ReportID");
    if all(node, NAMESPACE, "TriggerId")
        .nth(MAX_TRIGGERS)
        .is_some()
    {
        return Err(DocumentError::PeerValue("TriggerId"));
    }
    let fired = all(node, NAMESPACE, "TriggerId")
        .map(|node| label(text_of(node, "TriggerId")?.trim(), "TriggerId"));
    let current = optional_child(node, NAMESPACE, "CurrentLocation")?;
    Ok(LocationReport {
        id: id.map(|id| label(id, "ReportID")).transpose()?,
        kind,
        triggers: fired.collect::<Result<_, _>>()?,
        location: current.map(location).transpose()?.unwrap_or_default(),
    })
}

fn location(current: Node<'_, '_>) -> Result<Location, DocumentError> {
    let ecgi = optional_child(current, NAMESPACE, "CurrentServingEcgi")?;
    let coordinate = optional_child(current, NAMESPACE, "CurrentCoordinate")?;
    Ok(Location {
        serving_ecgi: ecgi.map(serving_ecgi).transpose()?.flatten(),
        coordinate: coordinate.map(read_coordinate).transpose()?,
    })
}

fn serving_ecgi(node: Node<'_, '_>) -> Result<Option<String>, DocumentError> {
    const NAME: &str = "CurrentServingEcgi";
    check_open(node, NAME)?;
    let ecgi = optional_child(node, NAMESPACE, "Ecgi")?;
    ecgi.map(|ecgi| label(text_of(ecgi, NAME)?.trim(), NAME))
        .transpose()
}

fn read_coordinate(node: Node<'_, '_>) -> Result<Coordinate, DocumentError> {
    let code = |name: &'static str| -> Result<u32, DocumentError> {
        let axis = child(node, NAMESPACE, name)?;
        check_open(axis, name)?;
        let octets = child(axis, NAMESPACE, "threebytes")?;
        read::number(text_of(octets, name)?.trim(), name)
    };
    let (latitude, longitude) = (code("latitude")?, code("longitude")?);
    Coordinate::from_codes(latitude, longitude).ok_or(DocumentError::PeerValue("CurrentCoordinate"))
}

fn check_open(node: Node<'_, '_>, name: &'static str) -> Result<(), DocumentError> {
    let encrypted = node.attribute("type") == Some("Encrypted")
        || elements(node).any(|child| child.tag_name().namespace() == Some(XENC));
    if encrypted {
        return Err(DocumentError::PeerEncrypted(name));
    }
    Ok(())
}

// Writing ----------------------------------------------------------------------------------------------------

pub(crate) fn write(info: &LocationInfo) -> String {
    let mut writer = Writer::with_declaration();
    let w = &mut writer;
    w.start("location-info").attribute("xmlns", NAMESPACE);
    match info {
        LocationInfo::Configuration(configuration) => write_configuration(w, configuration),
        LocationInfo::Request(request) => {
            w.start("Request")
                .attribute("RequestId", &request.id)
                .end("Request");
        }
        LocationInfo::Report(report) => write_report(w, report),
    }
    w.end("location-info");
    writer.finish()
}

fn write_configuration(w: &mut Writer, configuration: &LocationConfiguration) {
    let scope = match configuration.scope {
        ConfigScope::Full => "Full",
        ConfigScope::Update => "Update",
    };
    w.start("Configuration").attribute("ConfigScope", scope);
    write_content(w, "NonEmergencyLocationInformation", configuration.normal);
    write_content(w, "EmergencyLocationInformation", configuration.emergency);
    if !configuration.triggers.is_empty() {
        w.start("TriggeringCriteria");
        write_triggers(w, &configuration.triggers);
        w.end("TriggeringCriteria");
    }
    w.end("Configuration");
}

fn write_content(w: &mut Writer, name: &str, content: ReportContent) {
    w.start(name);
    for (name, wanted) in [
        ("ServingEcgi", content.serving_ecgi),
        ("GeographicalCoordinate", content.coordinate),
    ] {
        if wanted {
            w.start(name).end(name);
        }
    }
    let interval = content.minimum_interval.as_secs();
    w.leaf("minimumIntervalLength", &interval.to_string())
        .end(name);
}

/// Triggers in the order of the schema: areas, period, distance, events.
fn write_triggers(w: &mut Writer, triggers: &[Trigger]) {
    for names in &AREAS {
        let of_kind = triggers.iter().filter_map(|trigger| {
            let change = match &trigger.event {
                TriggerEvent::Cell(change)
                | TriggerEvent::TrackingArea(change)
                | TriggerEvent::Plmn(change) => change,
                _ => return None,
            };
            ((names.event)(change.clone()) == trigger.event).then_some((trigger, change))
        });
        let of_kind: Vec<_> = of_kind.collect();
        write_area(w, names, &of_kind);
    }
    for trigger in triggers {
        let (name, value) = match trigger.event {
            TriggerEvent::Periodic(period) => ("PeriodicReport", period.as_secs()),
            TriggerEvent::TravelledDistance(metres) => ("TravelledDistance", u64::from(metres)),
            _ => continue,
        };
        write_trigger(w, name, trigger, &value.to_string());
    }
    for (parent, emergency) in [(SIGNALLING, false), (EMERGENCY, true)] {
        write_events(w, parent, triggers, emergency);
    }
}

fn write_area(w: &mut Writer, names: &AreaNames, triggers: &[(&Trigger, &AreaChange)]) {
    if triggers.is_empty() {
        return;
    }
    w.start(names.change);
    for (trigger, change) in triggers {
        match change {
            AreaChange::Any => write_trigger(w, names.any, trigger, ""),
            AreaChange::Enter(area) => write_trigger(w, names.enter, trigger, area),
            AreaChange::Exit(area) => write_trigger(w, names.exit, trigger, area),
        }
    }
    w.end(names.change);
}

fn write_events(w: &mut Writer, parent: &str, triggers: &[Trigger], emergency: bool) {
    let events = triggers.iter().filter_map(|trigger| match trigger.event {
        TriggerEvent::Signalling(event) if event.is_emergency() == emergency => {
            Some((trigger, event))
        }
        _ => None,
    });
    let events: Vec<_> = events.collect();
    if events.is_empty() {
        return;
    }
    w.start(parent);
    for (trigger, event) in events {
        write_trigger(w, signalling_name(event), trigger, "");
    }
    w.end(parent);
}

fn write_trigger(w: &mut Writer, name: &str, trigger: &Trigger, text: &str) {
    w.start(name).attribute("TriggerId", &trigger.id);
    if !text.is_empty() {
        w.text(text);
    }
    w.end(name);
}

fn write_report(w: &mut Writer, report: &LocationReport) {
    let kind = match report.kind {
        ReportType::Emergency => "Emergency",
        ReportType::NonEmergency => "NonEmergency",
    };
    w.start("Report")
        .optional_attribute("ReportID", report.id.as_deref())
        .attribute("ReportType", kind);
    for trigger in &report.triggers {
        w.leaf("TriggerId", trigger);
    }
    w.start("CurrentLocation");
    if let Some(ecgi) = &report.location.serving_ecgi {
        w.start("CurrentServingEcgi").attribute("type", "Normal");
        w.leaf("Ecgi", ecgi).end("CurrentServingEcgi");
    }
    if let Some(coordinate) = report.location.coordinate {
        w.start("CurrentCoordinate");
        write_axis(w, "longitude", coordinate.longitude_code());
        write_axis(w, "latitude", coordinate.latitude_code());
        w.end("CurrentCoordinate");
    }
    w.end("CurrentLocation").end("Report");
}

fn write_axis(w: &mut Writer, name: &str, code: u32) {
    w.start(name).attribute("type", "Normal");
    w.leaf("threebytes", &code.to_string()).end(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn every_trigger() -> Vec<Trigger> {
        let mut events = Vec::new();
        for names in &AREAS {
            events.push((names.event)(AreaChange::Any));
            events.push((names.event)(AreaChange::Enter("26201ABCDEF0".to_owned())));
            events.push((names.event)(AreaChange::Exit("26201ABCDEF1".to_owned())));
        }
        events.push(TriggerEvent::Periodic(Duration::from_secs(60)));
        events.push(TriggerEvent::TravelledDistance(100));
        events.extend(SignallingEvent::ALL.map(TriggerEvent::Signalling));
        let numbered = events.into_iter().enumerate();
        numbered
            .map(|(number, event)| Trigger {
                id: format!("t{number}"),
                event,
            })
            .collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let content = ReportContent {
            serving_ecgi: true,
            coordinate: true,
            minimum_interval: Duration::from_secs(5),
        };
        let report = LocationReport {
            id: Some("r1".to_owned()),
            kind: ReportType::Emergency,
            triggers: vec!["a".to_owned(), "b<".to_owned()],
            location: Location {
                serving_ecgi: Some("26201ABCDEF0".to_owned()),
                coordinate: Coordinate::from_codes(1, 16_777_215),
            },
        };
        for info in [
            LocationInfo::Configuration(LocationConfiguration {
                scope: ConfigScope::Update,
                normal: content,
                emergency: ReportContent::default(),
                triggers: every_trigger(),
            }),
            LocationInfo::Configuration(LocationConfiguration::default()),
            LocationInfo::Request(LocationRequest { id: "q".to_owned() }),
            LocationInfo::Report(report),
            LocationInfo::Report(LocationReport::default()),
        ] {
            assert_eq!(LocationInfo::read(info.write().as_bytes()), Ok(info));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let read = |inner: &str| {
            let text = format!("<location-info xmlns=\"{NAMESPACE}\">{inner}</location-info>");
            LocationInfo::read(text.as_bytes())
        };
        let criteria = |inner: &str| {
            format!(
                "<Configuration><TriggeringCriteria>{inner}</TriggeringCriteria></Configuration>"
            )
        };
        let at = |latitude: &str| {
            format!(
                "<Report><CurrentLocation><CurrentCoordinate><longitude><threebytes>1</threebytes></longitude>{latitude}\
                 </CurrentCoordinate></CurrentLocation></Report>"
            )
        };
        assert!(read(&at("<latitude><threebytes>1</threebytes></latitude>")).is_ok());
        let many = "<PeriodicReport TriggerId='t'>1</PeriodicReport>".repeat(MAX_TRIGGERS + 1);
        let long = "x".repeat(MAX_TEXT_OCTETS + 1);
        for bad in [
            String::new(),
            "<Request/><Report/>".to_owned(),
            "<Request/><Request/>".to_owned(),
            format!("<Request RequestId='{long}'/>"),
            "<Report ReportType='Never'/>".to_owned(),
            "<Configuration ConfigScope='Part'/>".to_owned(),
            criteria("<PeriodicReport TriggerId='t'>0</PeriodicReport>"),
            criteria("<PeriodicReport TriggerId='t'>9999999</PeriodicReport>"),
            criteria("<PeriodicReport>1</PeriodicReport>"),
            criteria("<TravelledDistance TriggerId='t'>-1</TravelledDistance>"),
            criteria("<CellChange><EnterSpecificCell TriggerId='t'/></CellChange>"),
            criteria(&many),
            at(""),
            at("<latitude><threebytes>16777216</threebytes></latitude>"),
            at("<latitude type='Encrypted'><threebytes>1</threebytes></latitude>"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
