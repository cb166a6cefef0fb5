//! `dateTime` of XML Schema: written with `Z`, read with any zone; a missing zone is UTC.

use roger_base::UnixTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Writes whole seconds of UTC, `2014-01-26T10:07:14Z`. Times beyond the year 9999 are written as its end.
#[must_use]
pub fn write(time: UnixTime) -> String {
    const LAST: i64 = 253_402_300_799;
    let seconds = i64::try_from(time.0).unwrap_or(LAST).min(LAST);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Reads a time from 1970 on; fractions of a second are dropped. Nothing when it is not a `dateTime`.
#[must_use]
pub fn parse(text: &str) -> Option<UnixTime> {
    let local = format_description!(
        version = 2,
        "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]"
    );
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok();
    let moment =
        moment.or_else(|| Some(PrimitiveDateTime::parse(text, &local).ok()?.assume_utc()))?;
    Some(UnixTime(u64::try_from(moment.unix_timestamp()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_understood() {
        let time = UnixTime(1_390_730_834);
        assert_eq!(write(time), "2014-01-26T10:07:14Z");
        for text in [
            "2014-01-26T10:07:14Z",
            "2014-01-26T10:07:14",
            "2014-01-26T11:07:14.25+01:00",
            "2014-01-26T10:07:14.9",
        ] {
            assert_eq!(parse(text), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2014-01-26",
            "2014-13-26T10:07:14Z",
            "1969-12-31T23:59:59Z",
            "2014-01-26T10:07:14Zx",
            "now",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn any_number_can_be_written() {
        assert_eq!(write(UnixTime(u64::MAX)), "9999-12-31T23:59:59Z");
        assert_eq!(parse(&write(UnixTime(0))), Some(UnixTime(0)));
    }
}
