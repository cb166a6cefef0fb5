//! Kamailio as a child of the demo: gone after Ctrl-C. That the story is played behind it is shown by the tests of the
//! wire.

use super::{demo, has_codec, interrupt, processes_in, text};

/// Whether Kamailio is there; in continuous integration it has to be.
pub(crate) fn installed() -> bool {
    roger_testkit::find_program_beside("kamailio", "/usr/sbin").is_some()
}

#[test]
fn an_unknown_core_is_refused_by_the_command_line() {
    let output = demo(&["--sip-core", "asterisk"]);
    assert!(!output.status.success());
    let complaint = text(&output.stderr);
    assert!(complaint.contains("embedded, kamailio"), "{complaint}");
}

#[test]
fn ctrl_c_ends_it_too() {
    if !has_codec() || !installed() {
        return;
    }
    interrupt(&["--sip-core", "kamailio"], |servers, folder| {
        assert!(servers.contains("(Kamailio)"), "{servers}");
        // Itself and what it forked.
        assert!(processes_in(folder) > 1);
    });
}
