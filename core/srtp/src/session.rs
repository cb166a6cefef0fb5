//! Session keys made ready: derivation rate 0, so they are derived once (RFC 3711 cl. 4.3, TS 33.180 cl. 7.5.1).

use crate::{
    MasterKey, SrtpError, Suite,
    cipher::{CounterMode, Gcm, PacketCipher},
};
use roger_keys::session::{CipherError, hmac_session_keys, session_keys};

/// Ciphers of both flows under one master key.
pub(crate) struct SessionCiphers {
    pub(crate) rtp: PacketCipher,
    pub(crate) rtcp: PacketCipher,
}

impl SessionCiphers {
    /// Derives and prepares.
    ///
    /// # Errors
    /// [`SrtpError::LocalSaltLength`] when the master key belongs to another suite.
    pub(crate) fn derive(master: &MasterKey, suite: Suite) -> Result<Self, SrtpError> {
        master.require(suite)?;
        let broken = |_: CipherError| SrtpError::LocalCrypto;
        match master {
            MasterKey::Gcm(master) => {
                let keys = session_keys(master).map_err(broken)?;
                Ok(Self {
                    rtp: PacketCipher::Gcm(Gcm::new(&keys.srtp_key, keys.srtp_salt)?),
                    rtcp: PacketCipher::Gcm(Gcm::new(&keys.srtcp_key, keys.srtcp_salt)?),
                })
            }
            MasterKey::CounterMode(master) => {
                let keys = hmac_session_keys(master).map_err(broken)?;
                let rtp =
                    CounterMode::new(&keys.srtp_key, keys.srtp_salt, &keys.srtp_authentication)?;
                let rtcp =
                    CounterMode::new(&keys.srtcp_key, keys.srtcp_salt, &keys.srtcp_authentication)?;
                Ok(Self {
                    rtp: PacketCipher::CounterMode(Box::new(rtp)),
                    rtcp: PacketCipher::CounterMode(Box::new(rtcp)),
                })
            }
        }
    }
}
