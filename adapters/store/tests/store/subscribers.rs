//! Subscribers of the SIP core.

use crate::bench::{Bench, on_both};
use roger_adapter_store::StoreFault;
use roger_base::{Impu, SecretBytes};
use roger_sipcore::{Subscriber, SubscriberRepository};

fn subscribers_come_back_with_their_identities_in_order(bench: &mut Bench) {
    let store = bench.open();
    let subscriber = |name: &str, identities: &[&str]| Subscriber {
        username: name.to_owned(),
        identities: identities
            .iter()
            .map(|identity| Impu::new(*identity).unwrap())
            .collect(),
        password: SecretBytes::new(format!("password of {name}").into_bytes()),
    };
    store
        .put_subscriber(&subscriber(
            "user1",
            &["sip:z@ims.example", "tel:+1", "sip:a@ims.example"],
        ))
        .unwrap();
    store
        .put_subscriber(&subscriber("user2", &["sip:user2@ims.example"]))
        .unwrap();
    let stolen = store.put_subscriber(&subscriber(
        "user3",
        &["sip:new@ims.example", "sip:user2@ims.example"],
    ));
    assert_eq!(stolen, Err(StoreFault::LocalDuplicate));

    let all = bench.open().subscribers().unwrap();
    let found = all.by_identity("tel:+1").unwrap();
    assert_eq!(found.username, "user1");
    let identities: Vec<_> = found.identities.iter().map(Impu::as_str).collect();
    assert_eq!(
        identities,
        ["sip:z@ims.example", "tel:+1", "sip:a@ims.example"]
    );
    assert!(found.password == SecretBytes::new(b"password of user1".to_vec()));
    // The refused subscriber left nothing behind.
    assert!(all.by_username("user3").is_none() && all.by_identity("sip:new@ims.example").is_none());
}

on_both!(subscribers_come_back_with_their_identities_in_order);
