//! Codecs: payload type, encoding and its parameters (RFC 4867 8.1, 8.3; TS 26.179).

use crate::sdp::Unusable;
use crate::sdp::read::number;

/// A payload type with what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding.
    pub encoding: Encoding,
    /// Parameters as written (the text behind the payload type of a=fmtp).
    pub parameters: Option<String>,
}

/// What is encoded how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// AMR wideband in a form that this system reads.
    AmrWb(AmrWb),
    /// Anything else, passed on but not spoken.
    Other {
        /// Encoding name, empty for a static payload type without a=rtpmap.
        name: String,
        /// Clock rate, 0 when unknown.
        rate: u32,
    },
}

/// Parameters of AMR-WB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmrWb {
    /// Octet-aligned (`octet-align=1`) or bandwidth-efficient payload.
    pub octet_aligned: bool,
    /// Modes that may be sent, bit n for mode n; all of 0 to 8 when not restricted.
    pub modes: u16,
    /// Most milliseconds of redundancy; `None` when not limited.
    pub max_red: Option<u32>,
}

/// Modes 0 to 8.
const ALL_MODES: u16 = 0x01FF;

/// Parameters that an answer repeats as offered; others are ours to leave out.
const REPEATED: [&str; 6] = [
    "octet-align",
    "mode-set",
    "mode-change-capability",
    "mode-change-period",
    "mode-change-neighbor",
    "max-red",
];

impl Codec {
    /// Joins the payload type with its a=rtpmap and a=fmtp.
    pub(super) fn read(
        payload_type: u8,
        map: Option<&str>,
        parameters: Option<&str>,
    ) -> Result<Self, Unusable> {
        let map = map.unwrap_or_default();
        let mut parts = map.split('/');
        let name = parts.next().unwrap_or_default();
        let rate = parts
            .next()
            .map(|rate| number(rate, u32::MAX, "a=rtpmap"))
            .transpose()?
            .unwrap_or(0);
        let channels = parts
            .next()
            .map(|channels| number(channels, 255, "a=rtpmap"))
            .transpose()?
            .unwrap_or(1);
        let is_amr_wb = name.eq_ignore_ascii_case("AMR-WB") && rate == 16_000 && channels == 1;
        let amr_wb = if is_amr_wb {
            AmrWb::read(parameters.unwrap_or_default())?
        } else {
            None
        };
        let encoding = match amr_wb {
            Some(amr_wb) => Encoding::AmrWb(amr_wb),
            None => Encoding::Other {
                name: name.to_owned(),
                rate,
            },
        };
        Ok(Self {
            payload_type,
            encoding,
            parameters: parameters.map(str::to_owned),
        })
    }

    /// AMR-WB parameters, when the codec is one this system speaks.
    #[must_use]
    pub const fn amr_wb(&self) -> Option<&AmrWb> {
        match &self.encoding {
            Encoding::AmrWb(amr_wb) => Some(amr_wb),
            Encoding::Other { .. } => None,
        }
    }

    /// The parameters an answer repeats: those understood, as offered.
    pub(super) fn answered_parameters(&self) -> Option<String> {
        let text = self.parameters.as_deref()?;
        let kept: Vec<&str> = text
            .split(';')
            .map(str::trim)
            .filter(|param| is_repeated(param))
            .collect();
        (!kept.is_empty()).then(|| kept.join(";"))
    }
}

fn is_repeated(param: &str) -> bool {
    let name = param.split('=').next().unwrap_or_default().trim();
    REPEATED
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

impl AmrWb {
    /// Reads a=fmtp; `None` for a form that is not read here (CRC, sorting, interleaving, several channels).
    fn read(parameters: &str) -> Result<Option<Self>, Unusable> {
        const PLACE: &str = "a=fmtp of AMR-WB";
        let mut read = Self {
            octet_aligned: false,
            modes: ALL_MODES,
            max_red: None,
        };
        let mut readable = true;
        for param in parameters
            .split(';')
            .map(str::trim)
            .filter(|param| !param.is_empty())
        {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "octet-align" => read.octet_aligned = number(value, 1, PLACE)? == 1,
                "max-red" => read.max_red = Some(number(value, 65_535, PLACE)?),
                "mode-set" => read.modes = mode_set(value)?,
                "crc" | "robust-sorting" => readable &= number(value, 1, PLACE)? == 0,
                "channels" => readable &= number(value, 255, PLACE)? == 1,
                "interleaving" => readable = false,
                _ => {}
            }
        }
        Ok(readable.then_some(read))
    }

    /// Whether a mode (0 to 8) may be sent.
    #[must_use]
    pub const fn allows_mode(&self, mode: u8) -> bool {
        mode <= 8 && self.modes & (1 << mode) != 0
    }
}

fn mode_set(value: &str) -> Result<u16, Unusable> {
    let mut modes = value
        .split(',')
        .map(|mode| number(mode.trim(), 8, "mode-set"));
    modes.try_fold(0u16, |set, mode| Ok(set | (1 << mode?)))
}
