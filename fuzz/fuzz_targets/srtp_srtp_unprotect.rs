#![no_main]
//! SRTP packets of every profile: nothing panics, nothing is written or kept before it was verified.
use libfuzzer_sys::fuzz_target;
use roger_base::Secret;
use roger_keys::srtp::HmacMasterKey;
use roger_srtp::{MasterKey, Mki, Profile, ReceiverContext, SenderContext, Suite, describe_rtp};

fuzz_target!(|data: &[u8]| {
    let Some((choice, packet)) = data.split_first() else { return };
    let mki_octets = usize::from(choice >> 1) % 129;
    let (suite, master): (_, MasterKey) = match choice & 1 {
        0 => {
            let key = roger_keys::MasterKey { key: Secret::new([1; 16]), salt: Secret::new([2; 12]) };
            (Suite::AeadAes128Gcm, key.into())
        }
        _ => {
            let key = HmacMasterKey { key: Secret::new([1; 16]), salt: Secret::new([2; 14]) };
            (Suite::AesCm128HmacSha1Tag80, key.into())
        }
    };
    let base = if suite == Suite::AeadAes128Gcm && mki_octets == 8 { Profile::GROUP } else { Profile::PRIVATE };
    let profile = base.with_suite(suite).and_then(|p| p.with_mki_octets(mki_octets)).expect("a legal profile");
    let mki = Mki::new(&vec![0; mki_octets]).expect("at most 128 octets");
    let mut receiver = ReceiverContext::new(profile);
    receiver.add_key(mki.clone(), &master).expect("the key fits");
    let _ = describe_rtp(packet, &profile);
    let mut out = vec![0xEE; packet.len()];
    if receiver.unprotect_rtp_into(packet, &mut out).is_err() {
        assert!(out.iter().all(|octet| *octet == 0xEE));
    }
    let mut sender = SenderContext::new(profile, mki, &master).expect("the key fits");
    if let Ok(protected) = sender.protect_rtp(packet) {
        let mut exact = vec![0; packet.len()];
        assert_eq!(receiver.unprotect_rtp_into(&protected, &mut exact), Ok(packet.len()));
        assert_eq!(exact, packet);
        assert!(receiver.unprotect_rtp(&protected).is_err());
    }
});
