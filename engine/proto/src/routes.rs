//! Which path of the local server leads to which file.
//!
//! `/<name>` for the film, `/<torrent>/<path>` for the other files of a folder. Where a path is taken, all of the later
//! torrent's lie under its infohash, so that a path never changes its meaning while a player holds it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::infohash::Infohash;

/// The paths in use. Invariant: each leads to one torrent.
#[derive(Debug)]
pub struct Routes<K> {
    taken: BTreeMap<String, K>,
}

impl<K> Default for Routes<K> {
    fn default() -> Self {
        Self { taken: BTreeMap::new() }
    }
}

/// The paths given to one torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Each file's own path, decoded, with a leading slash, in the torrent's order.
    pub files: Vec<String>,
    /// Further paths that lead to a file: (path, place in the torrent's list).
    pub aliases: Vec<(String, usize)>,
}

impl<K: Copy + Eq> Routes<K> {
    /// Gives `owner` a path for each of its files.
    ///
    /// `name` is the torrent's; `paths` are the files' in it, with `/` between parts, and `film` is the place of the one
    /// that plays. A torrent of a single file that is not in a folder has one path, equal to its name.
    pub fn claim(&mut self, owner: K, infohash: Infohash, name: &str, paths: &[&str], film: usize) -> Granted {
        let plain = granted("", name, paths, film);
        let free = all_paths(&plain).all(|path| !is_reserved(path) && !self.taken.contains_key(path));
        let granted = if free { plain } else { granted(&format!("/{infohash}"), name, paths, film) };
        for path in all_paths(&granted) {
            // A path under an infohash is that torrent's own; the first of two equal paths in a bad torrent wins.
            self.taken.entry(path.clone()).or_insert(owner);
        }
        granted
    }

    /// Takes back every path of `owner`.
    pub fn release(&mut self, owner: K) {
        self.taken.retain(|_, other| *other != owner);
    }
}

/// The URL of a decoded path.
pub fn url(port: u16, path: &str) -> String {
    format!("http://localhost:{port}{}", utf8_percent_encode(path, &ESCAPED))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// All but the unreserved characters of RFC 3986, section 2.3, and the slash between parts.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

fn granted(prefix: &str, name: &str, paths: &[&str], film: usize) -> Granted {
    let alone = paths.len() == 1 && paths[0] == name;
    let own_name = |path: &str| format!("{prefix}/{}", file_name(path));
    let in_folder = |path: &str| format!("{prefix}/{name}/{path}");
    let files = paths
        .iter()
        .enumerate()
        .map(|(index, path)| if index == film || alone { own_name(path) } else { in_folder(path) })
        .collect();
    let aliases = paths.get(film).filter(|_| !alone).map(|path| (in_folder(path), film)).into_iter().collect();
    Granted { files, aliases }
}

fn all_paths(granted: &Granted) -> impl Iterator<Item = &String> {
    granted.files.iter().chain(granted.aliases.iter().map(|(path, _)| path))
}

/// `/-/` is the engine's own.
fn is_reserved(path: &str) -> bool {
    path == "/-" || path.starts_with("/-/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: Infohash = Infohash([0x11; 20]);
    const TWO: Infohash = Infohash([0x22; 20]);

    #[test]
    fn the_film_has_the_short_path() {
        let mut routes = Routes::default();
        let granted = routes.claim(1, ONE, "film.mp4", &["film.mp4"], 0);
        assert_eq!(granted, Granted { files: vec!["/film.mp4".into()], aliases: vec![] });
        let granted = routes.claim(2, TWO, "Folder", &["a.srt", "cd 1/b.mkv"], 1);
        assert_eq!(granted.files, ["/Folder/a.srt", "/b.mkv"]);
        assert_eq!(granted.aliases, [("/Folder/cd 1/b.mkv".to_owned(), 1)]);
    }

    #[test]
    fn the_later_of_one_name_goes_under_its_infohash() {
        let mut routes = Routes::default();
        routes.claim(1, ONE, "film.mp4", &["film.mp4"], 0);
        assert_eq!(routes.claim(2, TWO, "film.mp4", &["film.mp4"], 0).files, [format!("/{TWO}/film.mp4")]);
        routes.release(1);
        assert_eq!(routes.claim(3, ONE, "film.mp4", &["film.mp4"], 0).files, ["/film.mp4"]);
    }

    #[test]
    fn the_engines_own_folder_is_nobodys() {
        let mut routes = Routes::default();
        assert_eq!(routes.claim(1, ONE, "-", &["-"], 0).files, [format!("/{ONE}/-")]);
        assert_eq!(
            routes.claim(2, TWO, "-", &["status", "x"], 1).files,
            [format!("/{TWO}/-/status"), format!("/{TWO}/x")]
        );
    }

    #[test]
    fn urls_are_escaped() {
        assert_eq!(url(42069, "/é & 100%?#.mp4"), "http://localhost:42069/%C3%A9%20%26%20100%25%3F%23.mp4");
        assert_eq!(url(1, "/a-b_c.d~e/f"), "http://localhost:1/a-b_c.d~e/f");
    }

    proptest! {
        #[test]
        fn no_path_has_two_owners(names in proptest::collection::vec("[a-c-]{1,2}", 1..12)) {
            let mut routes = Routes::default();
            let mut seen = std::collections::BTreeSet::new();
            for (owner, name) in names.iter().enumerate() {
                let infohash = Infohash([u8::try_from(owner).unwrap(); 20]);
                let granted = if owner % 2 == 0 {
                    routes.claim(owner, infohash, name, &[name], 0)
                } else {
                    routes.claim(owner, infohash, name, &["a", "b/c"], 1)
                };
                for path in all_paths(&granted) {
                    prop_assert!(seen.insert(path.clone()), "{path} twice");
                    prop_assert!(!is_reserved(path));
                }
            }
        }
    }
}
