//! What is measured, what the peer does for the same purpose, and what is demanded.

use crate::error::BenchError;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// An operation that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// SAKKE encapsulation to a new recipient.
    Encapsulate,
    /// SAKKE encapsulation of one secret to many new recipients.
    EncapsulateBatch,
    /// SAKKE decapsulation with a prepared RSK.
    Decapsulate,
    /// SAKKE decapsulation with an RSK just received.
    DecapsulateUnprepared,
    /// RSK of a new identifier, as KMS.
    Rsk,
    /// RSKs of many new identifiers, as KMS.
    RskBatch,
    /// Check of a received RSK.
    RskValidate,
    /// SSK and PVT of a new identifier, as KMS.
    EccsiPair,
    /// ECCSI signature.
    EccsiSign,
    /// ECCSI verification of a sender never heard before.
    EccsiVerify,
    /// ECCSI verification of a prepared sender.
    EccsiVerifyPrepared,
    /// GMK messages, one for each member of a group.
    IMessageCreateBatch,
    /// A GMK message received: parsed, verified, decapsulated.
    IMessageReceive,
}

use Operation::{
    Decapsulate, DecapsulateUnprepared, EccsiPair, EccsiSign, EccsiVerify, EccsiVerifyPrepared,
    Encapsulate, EncapsulateBatch, IMessageCreateBatch, IMessageReceive, Rsk, RskBatch,
    RskValidate,
};

/// A floor for one core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// Times the peer's figure.
    Ratio(f64),
    /// Operations a second.
    PerS(f64),
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(times) => write!(f, "{times}x"),
            Self::PerS(count) => write!(f, "{}/s", crate::table::figure(*count)),
        }
    }
}

impl Operation {
    /// Every operation, in the order of the table.
    pub const ALL: [Self; 13] = [
        Encapsulate,
        EncapsulateBatch,
        Decapsulate,
        DecapsulateUnprepared,
        Rsk,
        RskBatch,
        RskValidate,
        EccsiPair,
        EccsiSign,
        EccsiVerify,
        EccsiVerifyPrepared,
        IMessageCreateBatch,
        IMessageReceive,
    ];

    /// The name in tables, documents and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Encapsulate => "encapsulate",
            EncapsulateBatch => "encapsulate_batch",
            Decapsulate => "decapsulate",
            DecapsulateUnprepared => "decapsulate_unprepared",
            Rsk => "rsk",
            RskBatch => "rsk_batch",
            RskValidate => "rsk_validate",
            EccsiPair => "eccsi_pair",
            EccsiSign => "eccsi_sign",
            EccsiVerify => "eccsi_verify",
            EccsiVerifyPrepared => "eccsi_verify_prepared",
            IMessageCreateBatch => "imessage_create_batch",
            IMessageReceive => "imessage_receive",
        }
    }

    /// The peer's operation for the same purpose; it makes no whole messages.
    pub(crate) const fn of_peer(self) -> Option<PeerOperation> {
        match self {
            Encapsulate | EncapsulateBatch => Some(PeerOperation::Encapsulate),
            Decapsulate | DecapsulateUnprepared => Some(PeerOperation::Decapsulate),
            Rsk | RskBatch => Some(PeerOperation::Rsk),
            RskValidate => Some(PeerOperation::RskValidate),
            EccsiPair => Some(PeerOperation::Pair),
            EccsiSign => Some(PeerOperation::Sign),
            EccsiVerify | EccsiVerifyPrepared => Some(PeerOperation::Verify),
            IMessageCreateBatch | IMessageReceive => None,
        }
    }

    /// What is demanded with a backend of the field; nothing of the portable one.
    #[must_use]
    pub fn bar(self, backend: &str) -> Option<Bar> {
        let (ifma, adx) = self.bars()?;
        match backend {
            "ifma" => Some(ifma),
            "adx" => Some(adx),
            _ => None,
        }
    }

    /// With IFMA, and with ADX only.
    const fn bars(self) -> Option<(Bar, Bar)> {
        use Bar::{PerS, Ratio};
        match self {
            Encapsulate => Some((Ratio(20.0), Ratio(15.0))),
            EncapsulateBatch => Some((Ratio(60.0), Ratio(17.0))),
            Decapsulate => Some((Ratio(17.0), Ratio(9.0))),
            Rsk => Some((Ratio(3.7), Ratio(3.0))),
            RskBatch => Some((Ratio(11.0), Ratio(4.0))),
            EccsiSign => Some((Ratio(3.0), Ratio(3.0))),
            EccsiVerify => Some((Ratio(17.0), Ratio(17.0))),
            EccsiVerifyPrepared => Some((Ratio(30.0), Ratio(30.0))),
            IMessageCreateBatch => Some((PerS(4000.0), PerS(1000.0))),
            IMessageReceive => Some((PerS(1100.0), PerS(600.0))),
            DecapsulateUnprepared | RskValidate | EccsiPair => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Operation {
    type Err = BenchError;

    fn from_str(name: &str) -> Result<Self, BenchError> {
        let found = Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name);
        found.ok_or_else(|| BenchError::LocalOperation(name.to_owned()))
    }
}

/// An operation of the peer; the names are those of `benches/peers/wolfssl_ibc.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerOperation {
    Encapsulate,
    Decapsulate,
    Rsk,
    RskValidate,
    Pair,
    PairCheck,
    Sign,
    Verify,
}

impl PeerOperation {
    pub(crate) const ALL: [Self; 8] = [
        Self::Encapsulate,
        Self::Decapsulate,
        Self::Rsk,
        Self::RskValidate,
        Self::Pair,
        Self::PairCheck,
        Self::Sign,
        Self::Verify,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Encapsulate => "encapsulate",
            Self::Decapsulate => "decapsulate",
            Self::Rsk => "rsk",
            Self::RskValidate => "rsk_validate",
            Self::Pair => "pair",
            Self::PairCheck => "pair_check",
            Self::Sign => "sign",
            Self::Verify => "verify",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Operation;

    #[test]
    fn every_name_is_read_back() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse::<Operation>().unwrap(), operation);
        }
        assert!("encapsulation".parse::<Operation>().is_err());
    }

    #[test]
    fn nothing_is_demanded_of_the_portable_backend() {
        assert!(
            Operation::ALL
                .iter()
                .all(|operation| operation.bar("portable").is_none())
        );
        assert!(Operation::Rsk.bar("ifma").is_some());
    }
}
