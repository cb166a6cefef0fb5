//! Floor control parameters of `a=fmtp:MCPTT` (TS 24.380 cl. 14).

use crate::sdp::Unusable;
use crate::sdp::read::number;
use core::fmt;

/// Most parameters that are read.
const MAX_PARAMETERS: usize = 32;

/// Parameters of the floor control channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FloorParameters {
    /// `mc_queueing`: the client can queue, or the server will.
    pub queueing: bool,
    /// `mc_priority`: highest floor priority wanted or granted, 1 to 255.
    pub priority: Option<u8>,
    /// `mc_granted`: in an offer "understood in an answer", in an answer "you have the floor".
    pub granted: bool,
    /// `mc_implicit_request`: this offer is a Floor Request, or the answer accepts it as one.
    pub implicit_request: bool,
    /// `mc_ssrc`: audio SSRC (R17).
    pub ssrc: Option<u32>,
    /// `mc_floor_ssrc`: SSRC that the peer puts into floor messages (R17).
    pub floor_ssrc: Option<u32>,
    /// `mc_no_floor_ctrl`: a call on a pre-established session without floor control.
    pub no_floor_control: bool,
}

impl FloorParameters {
    /// Reads the text behind `MCPTT ` of the attribute. Unknown parameters are ignored.
    ///
    /// # Errors
    /// [`Unusable::FloorParameter`] when a known parameter occurs twice, lacks its value or has one too many,
    /// [`Unusable::Number`] when its value is out of range.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let mut read = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for param in text
            .split(';')
            .map(str::trim)
            .filter(|param| !param.is_empty())
        {
            let (name, value) = match param.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (param, None),
            };
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) || seen.len() == MAX_PARAMETERS {
                return Err(Unusable::FloorParameter);
            }
            read.take(&name, value)?;
            seen.push(name);
        }
        Ok(read)
    }

    fn take(&mut self, name: &str, value: Option<&str>) -> Result<(), Unusable> {
        let flag = || {
            if value.is_none() {
                Ok(true)
            } else {
                Err(Unusable::FloorParameter)
            }
        };
        let text = || value.ok_or(Unusable::FloorParameter);
        match name {
            "mc_queueing" => self.queueing = flag()?,
            "mc_granted" => self.granted = flag()?,
            "mc_implicit_request" => self.implicit_request = flag()?,
            "mc_no_floor_ctrl" => self.no_floor_control = flag()?,
            "mc_priority" => self.priority = Some(priority(text()?)?),
            "mc_ssrc" => self.ssrc = Some(number(text()?, u32::MAX, "mc_ssrc")?),
            "mc_floor_ssrc" => self.floor_ssrc = Some(number(text()?, u32::MAX, "mc_floor_ssrc")?),
            _ => {}
        }
        Ok(())
    }

    /// What an answer may contain: of what the answerer would like, that which the offer has; the priority is
    /// the smaller one.
    #[must_use]
    pub fn within(&self, offer: &Self) -> Self {
        Self {
            queueing: self.queueing && offer.queueing,
            priority: self
                .priority
                .zip(offer.priority)
                .map(|(wanted, offered)| wanted.min(offered)),
            granted: self.granted && offer.granted,
            implicit_request: self.implicit_request && offer.implicit_request,
            ssrc: self.ssrc.filter(|_| offer.ssrc.is_some()),
            floor_ssrc: self.floor_ssrc.filter(|_| offer.floor_ssrc.is_some()),
            no_floor_control: self.no_floor_control && offer.no_floor_control,
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn priority(text: &str) -> Result<u8, Unusable> {
    let value = number(text, 255, "mc_priority")?;
    u8::try_from(value)
        .ok()
        .filter(|value| *value > 0)
        .ok_or(Unusable::Number("mc_priority"))
}

impl fmt::Display for FloorParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set: bool, name: &str| set.then(|| name.to_owned());
        let params = [
            flag(self.queueing, "mc_queueing"),
            self.priority
                .map(|priority| format!("mc_priority={priority}")),
            flag(self.granted, "mc_granted"),
            flag(self.implicit_request, "mc_implicit_request"),
            self.ssrc.map(|ssrc| format!("mc_ssrc={ssrc}")),
            self.floor_ssrc.map(|ssrc| format!("mc_floor_ssrc={ssrc}")),
            flag(self.no_floor_control, "mc_no_floor_ctrl"),
        ];
        let written: Vec<String> = params.into_iter().flatten().collect();
        f.write_str(&written.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parameters_of_the_clause() {
        let read =
            FloorParameters::parse("mc_queueing;mc_priority=5;mc_granted;mc_implicit_request")
                .unwrap();
        assert!(read.queueing && read.granted && read.implicit_request && !read.no_floor_control);
        assert_eq!(read.priority, Some(5));
        assert_eq!(
            read.to_string(),
            "mc_queueing;mc_priority=5;mc_granted;mc_implicit_request"
        );
        let tolerant =
            FloorParameters::parse(" MC_Queueing ; mc_priority = 255;mc_ssrc=4294967295;x=y;;")
                .unwrap();
        assert_eq!(
            (tolerant.queueing, tolerant.priority, tolerant.ssrc),
            (true, Some(255), Some(u32::MAX))
        );
        assert!(FloorParameters::parse("").unwrap().is_empty());
    }

    #[test]
    fn refuses_what_is_malformed() {
        for bad in [
            "mc_priority",
            "mc_priority=",
            "mc_priority=0",
            "mc_priority=256",
            "mc_priority=-1",
            "mc_priority=5x",
            "mc_priority=99999999999999999999",
            "mc_ssrc=4294967296",
            "mc_floor_ssrc=",
            "mc_queueing=1",
            "mc_queueing;mc_queueing",
            "mc_priority=1;MC_PRIORITY=2",
        ] {
            assert!(FloorParameters::parse(bad).is_err(), "{bad}");
        }
        let many: String = (0..33).map(|index| format!("p{index};")).collect();
        assert!(FloorParameters::parse(&many).is_err());
    }

    #[test]
    fn an_answer_stays_within_the_offer() {
        let all = FloorParameters {
            queueing: true,
            priority: Some(9),
            granted: true,
            implicit_request: true,
            ssrc: Some(1),
            floor_ssrc: Some(2),
            no_floor_control: true,
        };
        assert!(all.within(&FloorParameters::default()).is_empty());
        let offer = FloorParameters {
            priority: Some(5),
            queueing: true,
            ..FloorParameters::default()
        };
        assert_eq!(all.within(&offer).to_string(), "mc_queueing;mc_priority=5");
        assert!(FloorParameters::default().within(&all).is_empty());
    }
}
