//! The files that a configuration names: where they are, and whether they can be used.

use crate::error::Finding;
use crate::sections::{Config, Role, Tls};
use crate::span::Step;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What a file must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There, and anybody may read it.
    Public,
    /// There, and closed to others.
    Secret,
    /// Made when it is not there; its folder is.
    Written,
    /// Made by `roger admin init`; closed to others when it is there.
    Made,
    /// A folder made by `roger admin init`, below a folder that is there.
    Folder,
}

type Visit<'a> = &'a mut dyn FnMut(&mut PathBuf, Kind, &[Step]);

/// Shows every path with its place.
fn visit(config: &mut Config, each: Visit<'_>) {
    use Kind::{Folder, Made, Public, Secret, Written};
    if let Some(path) = &mut config.store.sqlite {
        each(path, Written, &[Step::Key("store"), Step::Key("sqlite")]);
    }
    let secrets = Step::Key("secrets");
    let at = [secrets.clone(), Step::Key("key_file")];
    each(&mut config.secrets.key_file, Made, &at);
    if let Some(path) = &mut config.secrets.passphrase_file {
        each(
            path,
            Secret,
            &[secrets.clone(), Step::Key("passphrase_file")],
        );
    }
    if let Some(token) = &mut config.secrets.pkcs11 {
        let at = |key| [secrets.clone(), Step::Key("pkcs11"), Step::Key(key)];
        each(&mut token.module, Public, &at("module"));
        each(&mut token.pin_file, Secret, &at("pin_file"));
    }
    let at = [Step::Key("audit"), Step::Key("folder")];
    each(&mut config.audit.folder, Folder, &at);
    visit_servers(config, each);
}

fn visit_servers(config: &mut Config, each: Visit<'_>) {
    if let Some(idm) = &mut config.idm {
        visit_tls(&mut idm.tls, "idm", each);
    }
    if let Some(kms) = &mut config.kms {
        visit_tls(&mut kms.tls, "kms", each);
        for (number, trusted) in kms.trusted_issuers.iter_mut().enumerate() {
            let list = [Step::Key("kms"), Step::Key("trusted_issuers")];
            let files = [
                ("keys_file", &mut trusted.keys_file),
                ("authority", &mut trusted.authority),
            ];
            for (key, path) in files {
                let item = [Step::Item(number), Step::Key(key)];
                let at: Vec<_> = list.iter().cloned().chain(item).collect();
                if let Some(path) = path {
                    each(path, Kind::Public, &at);
                }
            }
        }
    }
    if let Some(tls) = &mut config.management.tls {
        visit_tls(tls, "management", each);
    }
}

fn visit_tls(tls: &mut Tls, section: &'static str, each: Visit<'_>) {
    let at = |key| [Step::Key(section), Step::Key("tls"), Step::Key(key)];
    each(&mut tls.certificate, Kind::Public, &at("certificate"));
    each(&mut tls.key, Kind::Secret, &at("key"));
    if let Some(path) = &mut tls.client_authority {
        each(path, Kind::Public, &at("client_authority"));
    }
}

/// Makes relative paths start at a folder.
pub(crate) fn resolve(config: &mut Config, folder: &Path) {
    visit(config, &mut |path, _, _| *path = folder.join(&*path));
}

/// Looks at every file of these roles, and at those that all have in common.
pub(crate) fn check(config: &Config, roles: &[Role]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (idm, kms) = (roles.contains(&Role::Idm), roles.contains(&Role::Kms));
    // The visitor lends paths mutably; nothing is changed here.
    visit(&mut config.clone(), &mut |path, kind, at| {
        let used = match at.first() {
            Some(Step::Key("idm")) => idm,
            Some(Step::Key("kms")) => kms,
            Some(Step::Key("management")) => idm || kms,
            _ => true,
        };
        if let Some(what) = used.then(|| wrong(path, kind)).flatten() {
            let at = at.to_vec();
            findings.push(Finding { at, what });
        }
    });
    findings
}

fn wrong(path: &Path, kind: Kind) -> Option<String> {
    let shown = path.display();
    let found = std::fs::metadata(path);
    match (&found, kind) {
        (Ok(found), Kind::Folder) if found.is_dir() => None,
        (Ok(_), Kind::Folder) => Some(format!("{shown} is not a folder")),
        (Ok(found), _) if !found.is_file() => Some(format!("{shown} is not a file")),
        (Err(error), Kind::Public | Kind::Secret) => Some(format!("{shown}: {error}")),
        (Err(_), Kind::Written | Kind::Made | Kind::Folder) => match path.parent() {
            Some(folder) if folder.is_dir() => None,
            _ => Some(format!("the folder of {shown} is not there")),
        },
        (Ok(found), Kind::Secret | Kind::Made) => {
            let mode = found.permissions().mode() & 0o777;
            let open = mode & 0o007 != 0;
            open.then(|| format!("everybody can get at {shown} (mode {mode:03o}): chmod o= it"))
        }
        (Ok(_), Kind::Public | Kind::Written) => None,
    }
}
