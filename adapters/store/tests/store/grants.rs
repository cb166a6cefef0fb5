//! Codes and refresh tokens.

use crate::bench::{Bench, NOW, code_grant, digest, on_both, refresh_grant};
use roger_base::UnixTime;
use roger_oidc::provider::{GrantRepository, PutOutcome, Redemption, Rotation};
use roger_oidc::{GrantId, Revocations};

fn a_code_is_redeemed_once_also_after_a_restart(bench: &mut Bench) {
    let code = digest("code");
    bench.open().put_code(&code, &code_grant("g")).unwrap();
    assert_eq!(
        bench.open().redeem_code(&code).unwrap(),
        Redemption::Fresh(Box::new(code_grant("g")))
    );
    let replayed = Redemption::Replayed(GrantId::new("g").unwrap());
    assert_eq!(bench.open().redeem_code(&code).unwrap(), replayed);
    assert_eq!(
        bench.open().redeem_code(&digest("other")).unwrap(),
        Redemption::Unknown
    );
}

fn a_revoked_grant_gives_no_more_refresh_tokens(bench: &mut Bench) {
    let store = bench.open();
    let (first, second, third) = (digest("1"), digest("2"), digest("3"));
    let grant = refresh_grant("g");
    assert_eq!(store.put_refresh(&first, &grant), Ok(PutOutcome::Stored));
    assert_eq!(store.refresh(&first), Ok(Some(grant.clone())));
    assert_eq!(store.rotate_refresh(&first, &second), Ok(Rotation::Rotated));
    assert_eq!(store.rotate_refresh(&first, &third), Ok(Rotation::Reused));
    assert_eq!(store.rotate_refresh(&third, &first), Ok(Rotation::Unknown));
    assert!(!Revocations::is_revoked(&store, &grant.grant));
    store.revoke_grant(&grant.grant).unwrap();
    store.revoke_grant(&grant.grant).unwrap();
    let store = bench.open();
    assert!(Revocations::is_revoked(&store, &grant.grant));
    assert_eq!(
        store.rotate_refresh(&second, &third),
        Ok(Rotation::GrantRevoked)
    );
    assert_eq!(
        store.put_refresh(&third, &grant),
        Ok(PutOutcome::GrantRevoked)
    );
}

fn ended_grants_are_forgotten_when_no_token_of_theirs_can_live(bench: &mut Bench) {
    let store = bench.open();
    store.put_code(&digest("code"), &code_grant("g")).unwrap();
    store
        .put_refresh(&digest("token"), &refresh_grant("g"))
        .unwrap();
    let grant = GrantId::new("g").unwrap();
    store.revoke_grant(&grant).unwrap();
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 60 + 7200)),
        Ok(0)
    );
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 61 + 7200)),
        Ok(1)
    );
    assert!(Revocations::is_revoked(&store, &grant));
    assert_eq!(
        store.forget_ended_grants(UnixTime(NOW.0 + 86_401 + 7200)),
        Ok(2)
    );
    assert!(!Revocations::is_revoked(&store, &grant));
}

on_both!(
    a_code_is_redeemed_once_also_after_a_restart,
    a_revoked_grant_gives_no_more_refresh_tokens,
    ended_grants_are_forgotten_when_no_token_of_theirs_can_live
);
