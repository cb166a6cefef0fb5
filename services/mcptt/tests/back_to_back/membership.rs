//! Removal of a member, and her return.

use crate::bench::{ALICE, BOB, Bench, CAROL, group_of};
use crate::group_call::rtp;
use crate::ue::outcome;

fn in_call(members: &[usize]) -> Bench {
    let mut bench = Bench::new();
    for index in members {
        bench.join_group(*index);
    }
    bench.group_call(members[0], &members[1..]);
    for index in members {
        bench.ues[*index].floor_messages();
    }
    bench
}

#[test]
fn a_removed_member_is_taken_out_and_the_others_go_on() {
    let mut bench = in_call(&[ALICE, BOB, CAROL]);
    bench.put_group(group_of(&[ALICE, CAROL]));
    assert!(bench.was_hung_up(BOB));
    assert!(!bench.was_hung_up(CAROL));
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    assert_eq!(bench.ues[CAROL].heard.len(), 1);
    assert!(bench.ues[BOB].heard.is_empty());
    let handle = bench.call_group(BOB);
    let response = bench.response_to(BOB, handle).unwrap();
    assert_eq!(outcome(&response), (403, Some(116)));
}

#[test]
fn the_floor_is_taken_from_a_removed_talker() {
    let mut bench = in_call(&[ALICE, BOB, CAROL]);
    bench.put_group(group_of(&[BOB, CAROL]));
    assert!(bench.was_hung_up(ALICE));
    assert!(bench.ues[BOB].floor_names().contains(&"Floor Idle"));
    // What she still sends reaches nobody.
    bench.send_rtp(ALICE, &rtp(0xA11CE, 1));
    assert!(bench.ues[BOB].heard.is_empty() && bench.ues[CAROL].heard.is_empty());
}

#[test]
fn removing_all_but_one_ends_the_call() {
    let mut bench = in_call(&[ALICE, BOB]);
    bench.put_group(group_of(&[ALICE]));
    assert!(bench.was_hung_up(BOB));
    assert!(bench.was_hung_up(ALICE));
    bench.assert_no_media_ports();
}

#[test]
fn a_disabled_group_has_no_call() {
    let mut bench = in_call(&[ALICE, BOB]);
    let mut document = group_of(&[ALICE, BOB]);
    document.disabled = true;
    bench.put_group(document);
    assert!(bench.was_hung_up(ALICE) && bench.was_hung_up(BOB));
    bench.assert_no_media_ports();
}

#[test]
fn who_is_taken_back_affiliates_and_enters_late() {
    let mut bench = in_call(&[ALICE, BOB, CAROL]);
    bench.put_group(group_of(&[ALICE, CAROL]));
    assert!(bench.was_hung_up(BOB));
    bench.put_group(group_of(&[ALICE, BOB, CAROL]));
    assert!(bench.incoming(BOB).is_none(), "not affiliated any more");
    let response = bench.publish_affiliations(BOB, &[&crate::bench::fire()]);
    assert_eq!(outcome(&response), (200, None));
    let incoming = bench.invited(BOB);
    bench.accept(BOB, &incoming);
    bench.send_rtp(ALICE, &rtp(0xA11CE, 2));
    assert_eq!(bench.ues[BOB].heard.len(), 1);
}

#[test]
fn a_client_that_gives_up_its_affiliation_leaves_the_call() {
    let mut bench = in_call(&[ALICE, BOB, CAROL]);
    bench.publish_affiliations(BOB, &[]);
    assert!(bench.was_hung_up(BOB));
    assert!(!bench.was_hung_up(CAROL));
}
