//! Every sentence of the window is there in every language, and no translation is left over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What stands in the windows' files as `@tr("…")`.
fn sentences(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sentences(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "slint") {
            let text = fs::read_to_string(&path).expect("text");
            for rest in text.split("@tr(\"").skip(1) {
                let sentence = rest.split_once('"').expect("it ends").0;
                found.insert(sentence.to_owned(), path.display().to_string());
            }
        }
    }
}

/// `msgid` and `msgstr` of a file without contexts and plurals.
fn translations(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).expect("the language's file");
    let quoted = |line: &str, word: &str| {
        line.strip_prefix(word).and_then(|rest| rest.strip_prefix(" \"")?.strip_suffix('"')).map(str::to_owned)
    };
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| Some((quoted(pair[0], "msgid")?, quoted(pair[1], "msgstr")?)));
    pairs.filter(|(sentence, _)| !sentence.is_empty()).collect()
}

#[test]
fn german_is_complete() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut english = BTreeMap::new();
    sentences(&home.join("ui"), &mut english);
    let german = translations(&home.join("lang/de/LC_MESSAGES/sharestream-ui.po"));
    assert!(english.len() > 100);
    for (sentence, file) in &english {
        let translated = german.get(sentence).unwrap_or_else(|| panic!("{sentence:?} of {file} is not in German"));
        assert!(!translated.is_empty(), "{sentence:?} is empty in German");
        let holes = |text: &str| text.matches("{}").count();
        assert_eq!(holes(sentence), holes(translated), "{sentence:?}: {translated:?}");
    }
    for sentence in german.keys() {
        assert!(english.contains_key(sentence), "{sentence:?} is said nowhere any more");
    }
}
