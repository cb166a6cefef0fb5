//! Documents and keys of the GMS.

use crate::bench::{Bench, group_key, on_both};
use roger_base::{GroupId, KeyId, McpttId, PurposeTag, Secret};
use roger_gms::{Change, GroupRepository, StoredDocument};
use roger_keys::{Gmk, Rand};

fn a_change_of_the_group_server_is_kept_whole(bench: &mut Bench) {
    let store = bench.open();
    let group = GroupId::new("sip:fire-1@mcptt.example.org").unwrap();
    let member = McpttId::new("sip:alice@mcptt.example.org").unwrap();
    let document = |text: &str| StoredDocument {
        octets: text.as_bytes().to_vec(),
        etag: format!("e-{text}"),
    };
    let mut key = group_key(&mut bench.random);
    let change = Change {
        group: Some((group.clone(), Some(document("group")))),
        keys: vec![key.clone()],
        transport: vec![(member.clone(), Some(document("gktp")))],
    };
    store.commit(&change).unwrap();
    let store = bench.open();
    assert_eq!(store.group(&group).unwrap(), Some(document("group")));
    assert_eq!(store.transport(&member).unwrap(), Some(document("gktp")));
    let keys = store.keys().unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].gmk.secret() == key.gmk.secret());
    assert_eq!(keys[0].gmk.rand().octets(), key.gmk.rand().octets());
    assert_eq!(
        (keys[0].id(), keys[0].activation, keys[0].expiry),
        (key.id(), key.activation, key.expiry)
    );

    key.revoked = true;
    let removal = Change {
        group: Some((group.clone(), None)),
        keys: vec![key],
        transport: vec![(member.clone(), None)],
    };
    store.commit(&removal).unwrap();
    assert_eq!(store.group(&group).unwrap(), None);
    assert_eq!(store.transport(&member).unwrap(), None);
    assert!(store.keys().unwrap().is_empty());
}

fn documents_set_aside_appear_with_the_commit_or_never(bench: &mut Bench) {
    let store = bench.open();
    let member = |name: &str| McpttId::new(format!("sip:{name}@mcptt.example.org")).unwrap();
    let document = |text: &str| StoredDocument {
        octets: text.as_bytes().to_vec(),
        etag: format!("e-{text}"),
    };
    let (alice, bob) = (member("alice"), member("bob"));
    let first = [(alice.clone(), Some(document("one")))];
    store.set_aside(&first).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);
    let store = bench.open();
    store.discard_set_aside().unwrap();
    store.commit(&Change::default()).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);

    store.set_aside(&first).unwrap();
    let change = Change {
        transport: vec![(bob.clone(), Some(document("two")))],
        ..Change::default()
    };
    store.commit(&change).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), Some(document("one")));
    assert_eq!(store.transport(&bob).unwrap(), Some(document("two")));

    store.set_aside(&[(alice.clone(), None)]).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), Some(document("one")));
    store.commit(&Change::default()).unwrap();
    assert_eq!(store.transport(&alice).unwrap(), None);
    assert_eq!(store.transport(&bob).unwrap(), Some(document("two")));
}

#[test]
fn a_gmk_needs_its_purpose_tag() {
    // What `read_key` relies on: a row whose id is no GMK-ID is refused by the type.
    let rand = Rand::new(&[1; 16]).unwrap();
    assert!(Gmk::new(Secret::new([1; 16]), KeyId::new(PurposeTag::Csk, 1), rand).is_err());
}

on_both!(
    a_change_of_the_group_server_is_kept_whole,
    documents_set_aside_appear_with_the_commit_or_never
);
