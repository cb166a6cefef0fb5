//! `CSeq` (RFC 3261 20.16) and `RAck` (RFC 3262 7.2).

use crate::header::HeaderError;
use crate::header::scan::{self, number_u32};
use crate::message::Method;
use core::fmt;

/// `CSeq: number METHOD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Sequence number; a sender stays below 2^31 (8.1.1.5), a receiver takes 32 bits.
    pub number: u32,
    /// Method of the request.
    pub method: Method,
}

impl CSeq {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::CSeq`] when it is not a 32-bit number and a method.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let value = scan::trim(value);
        let end = value
            .iter()
            .position(|octet| scan::is_space(*octet))
            .ok_or(HeaderError::CSeq)?;
        let (number, method) = value.split_at_checked(end).ok_or(HeaderError::CSeq)?;
        let number = number_u32(number).ok_or(HeaderError::CSeq)?;
        let method = Method::parse(scan::trim(method)).ok_or(HeaderError::CSeq)?;
        Ok(Self { number, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// `RAck: response-number CSeq-number METHOD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// `RSeq` of the provisional response that is acknowledged.
    pub response: u32,
    /// `CSeq` of that response.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads the value.
    ///
    /// # Errors
    /// [`HeaderError::CSeq`] when it is not two numbers and a method.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let value = scan::trim(value);
        let end = value
            .iter()
            .position(|octet| scan::is_space(*octet))
            .ok_or(HeaderError::CSeq)?;
        let (response, cseq) = value.split_at_checked(end).ok_or(HeaderError::CSeq)?;
        Ok(Self {
            response: number_u32(response).ok_or(HeaderError::CSeq)?,
            cseq: CSeq::parse(cseq)?,
        })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.response, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_number_and_method() {
        let cseq = CSeq::parse(b" 0009 \r\n INVITE").unwrap();
        assert_eq!(
            cseq,
            CSeq {
                number: 9,
                method: Method::Invite
            }
        );
        assert_eq!(cseq.to_string(), "9 INVITE");
        assert_eq!(
            RAck::parse(b"776656 1 INVITE").unwrap().to_string(),
            "776656 1 INVITE"
        );
    }

    #[test]
    fn malformed_values_are_refused() {
        for bad in [
            "",
            "1",
            "INVITE",
            "1INVITE",
            "4294967296 INVITE",
            "-1 INVITE",
            "1 IN VITE",
            "1 ",
        ] {
            assert_eq!(CSeq::parse(bad.as_bytes()), Err(HeaderError::CSeq), "{bad}");
        }
    }
}
