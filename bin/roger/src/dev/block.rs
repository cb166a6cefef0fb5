//! The block of addresses that a person names.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use core::str::FromStr;
use thiserror::Error;

/// An address of the block to use. Whether it is on loopback is for the system to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block(IpAddr);

/// Why a text names no block.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum BlockError {
    #[error("neither an IP address nor a block such as 127.0.0.0/24")]
    NotAnAddress,
    #[error("/{0} is not a block of 256 addresses: give /24, or one address")]
    Prefix(String),
}

impl Block {
    /// The block of an address.
    pub(super) const fn of(address: IpAddr) -> Self {
        Self(address)
    }

    /// An address in the block.
    pub(super) const fn address(self) -> IpAddr {
        self.0
    }
}

impl FromStr for Block {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, BlockError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse().map_err(|_| BlockError::NotAnAddress)?;
        match prefix {
            None | Some("24") => Ok(Self(address)),
            Some(other) => Err(BlockError::Prefix(other.to_owned())),
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_named_by_itself_or_by_an_address_in_it() {
        for text in ["127.7.8.0/24", "127.7.8.1", "127.7.8.255/24"] {
            assert_eq!(text.parse::<Block>().unwrap().to_string(), "127.7.8.0/24");
        }
    }

    #[test]
    fn what_names_no_block_is_refused_precisely() {
        for text in ["", "localhost", "127.0.0", "127.0.0.1:80", "/24"] {
            assert_eq!(
                text.parse::<Block>(),
                Err(BlockError::NotAnAddress),
                "{text}"
            );
        }
        for prefix in ["8", "32", "", "024", "24/24"] {
            let parsed = format!("127.0.0.0/{prefix}").parse::<Block>();
            assert_eq!(parsed, Err(BlockError::Prefix(prefix.to_owned())));
        }
    }
}
