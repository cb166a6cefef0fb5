//! Who is served where: found by host, beginning of the path and KMS URI, however many there are.

use crate::directory::DomainAddress;
use std::collections::{HashMap, HashSet};

/// What every path of a KMS has after the beginning that belongs to its domain.
const ROOT: &str = "/keymanagement/";

/// Domains by address, then by KMS URI.
pub(crate) struct AddressIndex<T> {
    places: HashMap<DomainAddress, HashMap<String, T>>,
    kms_uris: HashSet<String>,
    /// Octets of the longest beginning: no longer one has to be looked for.
    longest: usize,
}

impl<T> Default for AddressIndex<T> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            kms_uris: HashSet::new(),
            longest: 0,
        }
    }
}

impl<T> AddressIndex<T> {
    /// Serves a further domain; `false` when its KMS URI is served already.
    pub(crate) fn add(&mut self, mut address: DomainAddress, kms_uri: &str, domain: T) -> bool {
        if !self.kms_uris.insert(kms_uri.to_owned()) {
            return false;
        }
        if let Some(host) = &mut address.host {
            host.make_ascii_lowercase();
        }
        self.longest = self.longest.max(address.prefix.len());
        let place = self.places.entry(address).or_default();
        place.insert(kms_uri.to_owned(), domain);
        true
    }

    /// The domain of a host and path, with the beginning of the path that belongs to it. Where host and path leave
    /// several, the KMS URI decides.
    pub(crate) fn find<'p>(
        &self,
        host: Option<&str>,
        path: &'p str,
        kms_uri: impl FnOnce() -> Option<String>,
    ) -> Option<(&'p str, &T)> {
        let places: Vec<_> = self.places_of(host, path);
        if let [(prefix, place)] = places.as_slice()
            && place.len() == 1
        {
            return place.values().next().map(|domain| (*prefix, domain));
        }
        let kms_uri = kms_uri()?;
        let mut found = places.into_iter();
        found.find_map(|(prefix, place)| Some((prefix, place.get(&kms_uri)?)))
    }

    fn places_of<'p>(
        &self,
        host: Option<&str>,
        path: &'p str,
    ) -> Vec<(&'p str, &HashMap<String, T>)> {
        let own = host.map(|host| without_port(host).to_ascii_lowercase());
        let hosts = [own.clone(), None];
        // A request without host has the second only.
        let hosts = if own.is_none() { &hosts[1..] } else { &hosts };
        let prefixes = path.match_indices(ROOT).map(|(begin, _)| begin);
        let prefixes = prefixes.take_while(|begin| *begin <= self.longest);
        let mut found = Vec::new();
        for prefix in prefixes.filter_map(|begin| path.get(..begin)) {
            for host in hosts {
                let address = DomainAddress {
                    host: host.clone(),
                    prefix: prefix.to_owned(),
                };
                found.extend(self.places.get(&address).map(|place| (prefix, place)));
            }
        }
        found
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Domains of one server: as many as a nation has agencies, and more.
    const MANY: u32 = 65_000;

    fn address(host: Option<&str>, prefix: &str) -> DomainAddress {
        DomainAddress {
            host: host.map(str::to_owned),
            prefix: prefix.to_owned(),
        }
    }

    fn unasked() -> Option<String> {
        panic!("host and path suffice")
    }

    #[test]
    fn each_of_many_domains_is_found_by_its_host() {
        let mut index = AddressIndex::default();
        for number in 0..MANY {
            let host = format!("kms{number}.example.org");
            assert!(index.add(address(Some(&host), ""), &host, number));
        }
        for number in 0..MANY {
            let host = format!("KMS{number}.example.org:8444");
            let found = index.find(Some(&host), "/keymanagement/identity/v1/init", unasked);
            assert_eq!(found, Some(("", &number)));
        }
        assert!(
            index
                .find(Some("kms.x"), "/keymanagement/x", || None)
                .is_none()
        );
    }

    #[test]
    fn each_of_many_domains_is_found_by_its_path_or_by_its_kms_uri() {
        let (mut by_path, mut by_uri) = (AddressIndex::default(), AddressIndex::default());
        for number in 0..MANY {
            let uri = format!("kms{number}.example.org");
            assert!(by_path.add(address(None, &format!("/a{number}")), &uri, number));
            assert!(by_uri.add(address(None, ""), &uri, number));
        }
        for number in 0..MANY {
            let (prefix, uri) = (format!("/a{number}"), format!("kms{number}.example.org"));
            let path = format!("{prefix}/keymanagement/identity/v1/init");
            let found = by_path.find(Some("h"), &path, unasked);
            assert_eq!(found, Some((prefix.as_str(), &number)));
            let found = by_uri.find(None, "/keymanagement/x", || Some(uri));
            assert_eq!(found, Some(("", &number)));
        }
        assert!(
            by_path
                .find(None, "/a0/b/keymanagement/x", || None)
                .is_none()
        );
        assert!(by_uri.find(None, "/keymanagement/x", || None).is_none());
        assert!(
            by_uri
                .find(None, "/keymanagement/x", || Some("kms".into()))
                .is_none()
        );
    }

    #[test]
    fn a_kms_uri_is_served_once() {
        let mut index = AddressIndex::default();
        assert!(index.add(address(None, ""), "kms.x", 1));
        assert!(!index.add(address(Some("h"), "/b"), "kms.x", 2));
    }

    #[test]
    fn a_path_of_nothing_but_beginnings_costs_no_more_than_the_longest_one_known() {
        let mut index = AddressIndex::default();
        assert!(index.add(address(None, "/a"), "kms.x", 1));
        let path = ROOT.repeat(2000);
        assert!(index.places_of(Some("h"), &path).is_empty());
        let path = format!("/a{path}");
        assert_eq!(index.find(None, &path, unasked), Some(("/a", &1)));
    }
}
