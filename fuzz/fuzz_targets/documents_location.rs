#![no_main]
//! What is read is written and read again as the same value, and nothing of a location gets out of `Debug`.
use libfuzzer_sys::fuzz_target;
use roger_documents::Document;
use roger_documents::location_info::LocationInfo;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = LocationInfo::read(data) else {
        return;
    };
    let again = LocationInfo::read(document.write().as_bytes());
    assert!(again.is_ok_and(|again| again == document));
    if let LocationInfo::Report(report) = &document {
        let shown = format!("{:?}", report.location);
        let cell = report.location.serving_ecgi.as_deref().unwrap_or_default();
        // Names of fields are shown; a cell that is a part of one says nothing.
        assert!(cell.len() < 32 || !shown.contains(cell));
        if let Some(coordinate) = report.location.coordinate {
            let (north, east) = coordinate.degrees();
            assert!((-90.1..=90.1).contains(&north) && (-180.1..=180.1).contains(&east));
            assert!(coordinate.distance(coordinate) < 1.0);
        }
    }
});
