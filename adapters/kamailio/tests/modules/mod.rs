//! Modules of Kamailio that have Debian packages of their own.

/// Whether a module is there, whatever the machine; in continuous integration it has to be.
pub fn has_module(name: &str) -> bool {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let file = format!("kamailio/modules/{name}.so");
    let is_there = folders
        .flatten()
        .any(|folder| folder.path().join(&file).is_file());
    if !is_there {
        roger_testkit::skip(&format!("the module {name} of Kamailio is not installed"));
    }
    is_there
}
