#![no_main]
//! SRTCP packets of every profile and both E bits, with outputs of exactly the promised size.
use libfuzzer_sys::fuzz_target;
use roger_base::Secret;
use roger_keys::srtp::HmacMasterKey;
use roger_srtp::{MasterKey, Mki, Profile, ReceiverContext, SenderContext, SrtcpProtection, Suite, describe_rtcp};

fuzz_target!(|data: &[u8]| {
    let Some(([choice, mki_octets], packet)) = data.split_first_chunk::<2>() else { return };
    let mki_octets = usize::from(*mki_octets) % 129;
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
    let protection = match choice & 2 {
        0 => SrtcpProtection::Encrypted,
        _ => SrtcpProtection::AuthenticatedOnly,
    };
    let profile = Profile::FLOOR.with_suite(suite).and_then(|p| p.with_mki_octets(mki_octets)).expect("a legal profile");
    let profile = profile.with_srtcp(protection);
    let mki = Mki::new(&vec![0; mki_octets]).expect("at most 128 octets");
    let mut receiver = ReceiverContext::new(profile);
    receiver.add_key(mki.clone(), &master).expect("the key fits");
    let _ = describe_rtcp(packet, &profile);
    let mut out = vec![0xEE; packet.len()];
    if receiver.unprotect_rtcp_into(packet, &mut out).is_err() {
        assert!(out.iter().all(|octet| *octet == 0xEE));
    }
    let mut sender = SenderContext::new(profile, mki, &master).expect("the key fits");
    let mut exact = vec![0; packet.len() + profile.rtcp_overhead()];
    if sender.protect_rtcp_into(packet, &mut exact).is_ok() {
        let mut opened = vec![0; packet.len()];
        assert_eq!(receiver.unprotect_rtcp_into(&exact, &mut opened), Ok(packet.len()));
        assert_eq!(opened, packet);
        assert!(receiver.unprotect_rtcp(&exact).is_err());
    }
});
