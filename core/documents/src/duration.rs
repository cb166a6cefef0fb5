//! Durations of group documents: written as `PT90S`, read as that or as a number of seconds.

use crate::error::DocumentError;
use crate::group::GROUP_INFO;
use crate::read::{number, optional_text};
use core::time::Duration;
use roxmltree::Node;

/// Seconds as a number or a `duration` of XML Schema in days, hours, minutes and seconds.
pub(crate) fn optional(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<Duration>, DocumentError> {
    let Some(text) = optional_text(node, GROUP_INFO, name)? else {
        return Ok(None);
    };
    parse(&text).map(Some).ok_or(DocumentError::PeerValue(name))
}

fn parse(text: &str) -> Option<Duration> {
    let Some(rest) = text.strip_prefix('P') else {
        return Some(Duration::from_secs(number(text, "duration").ok()?));
    };
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let (mut seconds, mut parts) = (0_u64, 0);
    for (part, units) in [
        (days, [('D', 86_400_u64)].as_slice()),
        (time, &[('H', 3600), ('M', 60), ('S', 1)]),
    ] {
        let mut part = part;
        for (letter, factor) in units {
            let Some((digits, tail)) = part.split_once(*letter) else {
                continue;
            };
            let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
            let value: u64 = number(whole, "duration").ok()?;
            seconds = seconds.checked_add(value.checked_mul(*factor)?)?;
            parts += 1;
            part = tail;
        }
        if !part.is_empty() {
            return None;
        }
    }
    (parts > 0).then(|| Duration::from_secs(seconds))
}

pub(crate) fn write(duration: Duration) -> String {
    format!("PT{}S", duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_both_kinds_are_read() {
        let seconds = |text: &str| parse(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("PT90S"), Some(90));
        assert_eq!(seconds("P1DT1H1M1.5S"), Some(90_061));
        for text in [
            "",
            "P",
            "PT",
            "P1Y",
            "PTS",
            "PT-1S",
            "1.5",
            "PT1S1M",
            "PT99999999999999999999S",
            "P999999999999999999D",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
