//! Names from strangers made safe for every system's disk.
//!
//! The rules hold on every system, not only where each is needed: a download moves between machines, and one torrent
//! has one set of names. Opening a file inside the download folder and nowhere else is the driver's part.

use std::collections::{BTreeMap, BTreeSet};

/// Bytes of one component. Every file system in use takes 255; 240 leaves room for a suffix such as `.part`.
pub const COMPONENT_LEN_MAX: usize = 240;

/// Bytes of a path with its separators. Linux takes 4,096 and macOS 1,024, the download folder included.
pub const PATH_LEN_MAX: usize = 1_024;

/// Components of a path.
pub const PATH_DEPTH_MAX: usize = 32;

/// Files of a torrent that may be renamed because another has their name.
pub const RENAMES_MAX: usize = 500;

/// More than [`RENAMES_MAX`] files share their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {RENAMES_MAX} files have the name of another")]
pub struct TooManyDuplicates;

/// One safe component of a path; nothing for `.` and `..`, which name no file.
pub fn component(name: &[u8]) -> Option<String> {
    let visible: String = name
        .utf8_chunks()
        .flat_map(|chunk| {
            let replacement = (!chunk.invalid().is_empty()).then_some('_');
            chunk.valid().chars().filter(|&c| !is_dropped(c)).map(replaced).chain(replacement)
        })
        .collect();
    // After the invisible characters are gone, so that two dots with one between them are still two dots.
    if visible == "." || visible == ".." {
        return None;
    }
    Some(finish(&visible))
}

/// A safe component where there must be one: `_` stands for what [`component`] drops.
pub fn component_or_underscore(name: &[u8]) -> String {
    component(name).unwrap_or_else(|| "_".to_owned())
}

/// Renames files until no two share a path on a system that ignores case, and none is where another has its folder.
/// `name.ext` becomes `name.1.ext`. Takes safe, non-empty paths and leaves them so.
pub fn make_unique<'a>(paths: impl IntoIterator<Item = &'a mut Vec<String>>) -> Result<(), TooManyDuplicates> {
    let mut paths: Vec<&mut Vec<String>> = paths.into_iter().collect();
    let mut taken = BTreeSet::new();
    for path in &paths {
        for depth in 1..path.len() {
            taken.insert(key(&path[..depth]));
        }
    }
    // The next suffix to try for each path, so that a thousand files `a`, `a.1`, `a.2`… cost a thousand looks.
    let mut next_suffix: BTreeMap<String, u32> = BTreeMap::new();
    let mut renames = 0;
    for path in &mut paths {
        let wanted = key(path);
        if taken.insert(wanted.clone()) {
            continue;
        }
        renames += 1;
        if renames > RENAMES_MAX {
            return Err(TooManyDuplicates);
        }
        let Some(last) = path.pop() else { continue };
        let suffix = next_suffix.entry(wanted).or_insert(1);
        loop {
            path.push(with_suffix(&last, *suffix));
            *suffix += 1;
            if taken.insert(key(path)) {
                break;
            }
            path.pop();
        }
    }
    Ok(())
}

/// Separators, and characters that are invisible or turn the writing direction: with them `gpj.exe` can look like
/// `exe.jpg`.
fn is_dropped(c: char) -> bool {
    matches!(c, '/' | '\\' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn replaced(c: char) -> char {
    if c.is_control() || matches!(c, '"' | '*' | ':' | '<' | '>' | '?' | '|') { '_' } else { c }
}

/// Ends, length and reserved names, for a name of harmless characters.
fn finish(name: &str) -> String {
    let name = trim_end(name);
    // Room for the underscore. A name that only the cut makes reserved is short: `cut` trims what is before the dot.
    let cut = cut(name, COMPONENT_LEN_MAX - usize::from(is_reserved(name)));
    let name = trim_end(&cut);
    if name.is_empty() {
        "_".to_owned()
    } else if is_reserved(name) {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

/// Windows drops dots and spaces at the end, so that two names become one.
fn trim_end(name: &str) -> &str {
    name.trim_end_matches(['.', ' '])
}

/// Windows opens a device for these, whatever follows a dot.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_lowercase();
    if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "clock$" | "conin$" | "conout$") {
        return true;
    }
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).unwrap_or_default();
    let mut characters = number.chars();
    matches!((characters.next(), characters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

/// At most `len` bytes, keeping the extension: a player chooses by it.
fn cut(name: &str, len: usize) -> String {
    if name.len() <= len {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    format!("{}{extension}", trim_end(start_of(stem, len.saturating_sub(extension.len()))))
}

/// As much of `text` as fits into `len` bytes without cutting a character.
fn start_of(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

/// The name before its extension, and the extension with its dot: of ten characters at most, else empty.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name[dot + 1..].chars().count() <= EXTENSION_CHARS_MAX => name.split_at(dot),
        Some(_) | None => (name, ""),
    }
}

const EXTENSION_CHARS_MAX: usize = 10;

fn with_suffix(name: &str, suffix: u32) -> String {
    let (stem, extension) = split_extension(name);
    let tail = format!(".{suffix}{extension}");
    finish(&format!("{}{tail}", start_of(stem, (COMPONENT_LEN_MAX - 1).saturating_sub(tail.len()))))
}

/// What a file system that ignores case compares.
fn key(path: &[String]) -> String {
    path.iter().flat_map(|component| [component.to_lowercase(), "/".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn safe(name: &str) -> String {
        component_or_underscore(name.as_bytes())
    }

    #[test]
    fn ordinary_names_stay() {
        for name in
            ["film.mkv", "Ein Film (2019) [1080p].mp4", "映画.webm", ".hidden", "a..b", "-", "console.txt", "com10"]
        {
            assert_eq!(component(name.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for name in [".", "..", "/..", "..\\", ".\u{200b}.", "\u{202e}.", "./."] {
            assert_eq!(component(name.as_bytes()), None, "{name:?}");
            assert_eq!(safe(name), "_");
        }
        let cases = [
            ("", "_"),
            ("/", "_"),
            ("...", "_"),
            (" ", "_"),
            ("/etc/passwd", "etcpasswd"),
            ("..\\..\\evil", "....evil"),
            ("C:\\x", "C_x"),
            ("a\0b\x7f\u{85}c", "a_b__c"),
            ("name::$DATA", "name__$DATA"),
            ("what? <\"no|*\">", "what_ __no____"),
            ("film.mkv. . ", "film.mkv"),
            ("exe.\u{202e}gpj", "exe.gpj"),
            ("\u{feff}a\u{2066}b", "ab"),
        ];
        for (name, expected) in cases {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn invalid_utf_8_becomes_underscores() {
        assert_eq!(component(b"a\xffb").as_deref(), Some("a_b"));
        // The overlong form of a slash.
        assert_eq!(component(b"a\xc0\xafb").as_deref(), Some("a__b"));
        assert_eq!(component(b"cut\xe2\x82").as_deref(), Some("cut_"));
    }

    #[test]
    fn windows_devices_get_an_underscore() {
        for name in
            ["con", "CON.txt", "Nul", "com1.mkv", "LPT9", "COM¹", "lpt³.x", "aux .txt", "clock$", "CONIN$", "com0"]
        {
            assert_eq!(safe(name), format!("_{name}"));
        }
        assert_eq!(safe("nul."), "_nul");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let cut = safe(&format!("{}.mkv", "a".repeat(300)));
        assert_eq!((cut.len(), &cut[230..]), (240, "aaaaaa.mkv"));
        let cut = safe(&"é".repeat(200));
        assert_eq!((cut.len(), cut.chars().count()), (240, 120));
        assert_eq!(safe(&format!("x.{}", "y".repeat(300))).len(), 240);
        assert_eq!(safe(&format!("nul.{}", "y".repeat(300))).len(), 240);
        // Cutting must not lay a reserved name bare.
        assert_eq!(safe(&format!("con{}x.txt", " ".repeat(300))), "_con.txt");
    }

    fn unique(paths: &[&str]) -> Result<Vec<String>, TooManyDuplicates> {
        let mut paths: Vec<Vec<String>> =
            paths.iter().map(|path| path.split('/').map(str::to_owned).collect()).collect();
        make_unique(&mut paths)?;
        Ok(paths.into_iter().map(|path| path.join("/")).collect())
    }

    #[test]
    fn files_of_one_name_are_numbered() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["a.mkv", "A.MKV", "a.mkv"], &["a.mkv", "A.1.MKV", "a.2.mkv"]),
            (&["x/a", "X/A", "y/a"], &["x/a", "X/A.1", "y/a"]),
            (&["a", "a.1", "a"], &["a", "a.1", "a.2"]),
            // A file cannot stand where a folder does.
            (&["a", "a/b"], &["a.1", "a/b"]),
        ];
        for (paths, expected) in cases {
            assert_eq!(unique(paths).unwrap(), expected);
        }
        assert!(unique(&vec!["a"; 501]).is_ok());
        assert_eq!(unique(&vec!["a"; 502]), Err(TooManyDuplicates));
    }

    fn assert_safe(name: &str) {
        assert!(!name.is_empty() && name.len() <= COMPONENT_LEN_MAX, "{name:?}");
        assert!(!name.contains(['/', '\\', ':', '\0', '\u{202e}']), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert!(!name.ends_with(['.', ' ']), "{name:?}");
        assert!(!is_reserved(name), "{name:?}");
    }

    proptest! {
        #[test]
        fn every_component_is_safe(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(name) = component(&bytes) {
                assert_safe(&name);
                prop_assert_eq!(component(name.as_bytes()), Some(name), "a safe name stays as it is");
            }
        }

        #[test]
        fn every_component_of_nasty_text_is_safe(text in "(con|nul|\\.|/|\\\\| |\u{202e}|é|a{80}|com¹|\u{0}){0,12}") {
            if let Some(name) = component(text.as_bytes()) {
                assert_safe(&name);
                prop_assert_eq!(component(name.as_bytes()), Some(name));
            }
        }

        #[test]
        fn made_unique_they_are_safe_and_unique(
            names in proptest::collection::vec(("[aAbB.1]{1,3}", "([aAbB.1]{1,3}|con|z{239}|con {235}x)"), 1..30),
            flat: bool,
        ) {
            let mut paths: Vec<Vec<String>> = names
                .iter()
                .map(|(folder, file)| if flat { vec![safe(file)] } else { vec![safe(folder), safe(file)] })
                .collect();
            make_unique(&mut paths).unwrap();
            let keys: BTreeSet<String> = paths.iter().map(|path| key(path)).collect();
            prop_assert_eq!(keys.len(), paths.len());
            for path in &paths {
                path.iter().for_each(|name| assert_safe(name));
                prop_assert!(!keys.iter().any(|other| *other != key(path) && other.starts_with(&key(path))));
            }
        }
    }
}
