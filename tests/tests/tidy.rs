//! The fences of ARCHITECTURE.md, checked: who may depend on whom, what a protocol core may contain, and that
//! every file, dependency and fuzz target is as we promised one another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Bytes arrive at a core as values, and time as an argument: these crates bring sockets, files, threads or clocks.
const IO_CRATES: [&str; 22] = [
    "async-executor",
    "async-fs",
    "async-global-executor",
    "async-io",
    "async-lock",
    "async-net",
    "async-process",
    "async-signal",
    "async-std",
    "blocking",
    "event-listener",
    "getrandom",
    "hyper",
    "if-addrs",
    "mio",
    "polling",
    "rand",
    "rustix",
    "smol",
    "smol-hyper",
    "socket2",
    "tokio",
];

/// Who of us may use whom, dev-dependencies apart. Whatever is not here is a reversed arrow.
const ARROWS: [(&str, &[&str]); 17] = [
    ("bittorrent-proto", &[]),
    ("engine-proto", &[]),
    ("httprange", &[]),
    ("signal-proto", &[]),
    ("bittorrent", &["bittorrent-proto"]),
    ("sharestream-signal", &["signal-proto"]),
    ("sharestream-signal-client", &["signal-proto"]),
    ("sharestream-engine", &["bittorrent", "bittorrent-proto", "engine-proto", "httprange"]),
    ("session-proto", &["engine-proto", "signal-proto"]),
    (
        "sharestream-session",
        &[
            "session-proto",
            "engine-proto",
            "signal-proto",
            "sharestream-signal-client",
            "sharestream-engine",
            "sharestream-signal",
        ],
    ),
    (
        "sharestream",
        &[
            "sharestream-session",
            "session-proto",
            "engine-proto",
            "signal-proto",
            "sharestream-engine",
            "sharestream-signal",
            "sharestream-media",
            "sharestream-ui",
        ],
    ),
    ("sharestream-media", &[]),
    ("sharestream-ui", &[]),
    ("sim", &["bittorrent-proto", "engine-proto", "session-proto", "signal-proto"]),
    ("tests", &["sim", "bittorrent-proto"]),
    (
        "benches",
        &["bittorrent", "bittorrent-proto", "engine-proto", "httprange", "sim", "sharestream-engine", "signal-proto"],
    ),
    ("fuzz", &["bittorrent-proto", "engine-proto", "httprange", "signal-proto"]),
];

/// Lines of a library file, tests included, above which it has two subjects.
const FILE_LINES_MAX: usize = 1000;

/// What a core's source never says, with the reason that clippy.toml beside it gives as well.
const CORE_WORDS: [&str; 7] =
    ["Instant::now", "SystemTime::now", "smol::", "thread::spawn", "thread::sleep", "std::fs", "std::env"];

/// What no source says.
const BANNED_WORDS: [&str; 5] = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "smol::Timer::after(Duration::MAX"];

#[test]
fn a_core_depends_on_nothing_that_does_io() {
    let metadata = metadata();
    for core in workspace(&metadata).filter(|package| package.name.ends_with("-proto")) {
        let closure = closure(&metadata, &core.id);
        for name in IO_CRATES {
            assert!(!closure.contains(name), "{} reaches {name}: a core does no I/O", core.name);
        }
    }
}

#[test]
fn arrows_point_as_drawn() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let ours: BTreeSet<&str> = workspace(&metadata).map(|package| package.name.as_str()).collect();
    for package in workspace(&metadata) {
        let name = package.name.as_str();
        let may =
            allowed.get(name).unwrap_or_else(|| panic!("{name} is new: draw its arrows here and in ARCHITECTURE.md"));
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            if !ours.contains(used) {
                continue;
            }
            assert_ne!(used, "benches", "{name} depends on the benches");
            // A driver may test itself in the simulator, and a test may use what it tests.
            let in_tests = dependency.kind == DependencyKind::Development;
            assert!(in_tests || may.contains(&used), "{name} depends on {used}: that arrow is reversed or not drawn");
        }
    }
}

#[test]
fn every_outside_crate_says_why_it_is_here() {
    let text = read(&root().join("Cargo.toml"));
    let (_, after) = text.split_once("[workspace.dependencies]").expect("the workspace names its dependencies");
    let lines = after.lines().skip(1).take_while(|line| !line.starts_with('['));
    let outside: Vec<&str> = lines.filter(|line| line.contains('=') && !line.contains("path = ")).collect();
    assert!(outside.len() > 10, "the section was found");
    for line in outside {
        let reason = line.split_once('#').map_or("", |(_, reason)| reason.trim());
        assert!(reason.split(' ').count() >= 2, "no reason: {line}");
    }
}

#[test]
fn members_take_dependencies_lints_and_edition_from_the_workspace() {
    for package in workspace(&metadata()) {
        let text = read(package.manifest_path.as_std_path());
        // What Slint makes of .slint files is not ours to lint.
        let generated = package.name.as_str() == "sharestream-ui";
        assert!(generated || text.contains("[lints]\nworkspace = true"), "{} has lints of its own", package.name);
        assert!(text.contains("edition.workspace = true"), "{}", package.name);
        let own = text.lines().find(|line| line.contains("version = \"") && !line.starts_with("version"));
        assert_eq!(own, None, "{}: versions are named once, in the workspace", package.name);
    }
}

#[test]
fn a_core_reads_no_clock_and_opens_nothing() {
    for package in workspace(&metadata()).filter(|package| package.name.ends_with("-proto")) {
        for file in sources(&folder(package).join("src")) {
            for (number, line) in code_lines(&file).into_iter().take_while(|_| !is_part(&file)) {
                // Tests come last, and take their first instant from somewhere.
                if line.starts_with("#[cfg(test)]") {
                    break;
                }
                for word in CORE_WORDS {
                    assert!(!says(&line, word), "{}:{number}: `{word}` in a core", file.display());
                }
            }
        }
        assert!(folder(package).join("clippy.toml").is_file(), "{} has no clippy.toml with the fence", package.name);
    }
}

#[test]
fn files_are_short_and_finished() {
    let own = Path::new(file!()).file_name().expect("this file has a name");
    for package in workspace(&metadata()) {
        let is_library = package.name != "tests" && package.name != "benches";
        for file in sources(folder(package)).into_iter().filter(|file| file.file_name() != Some(own)) {
            let text = read(&file);
            let lines = text.lines().count();
            assert!(!is_library || lines <= FILE_LINES_MAX, "{} has {lines} lines", file.display());
            assert!(text.starts_with("//!") || is_part(&file), "{} does not say what it is for", file.display());
            for (number, line) in code_lines(&file) {
                for word in BANNED_WORDS {
                    assert!(!line.contains(word), "{}:{number}: `{word}`", file.display());
                }
            }
        }
    }
}

#[test]
fn nothing_of_ours_is_unsafe() {
    let forbids = read(&root().join("Cargo.toml")).contains("unsafe_code = \"forbid\"");
    assert!(forbids, "the workspace forbids unsafe code; `members_take_…` sees to it that all members inherit that");
}

#[test]
fn every_fuzz_target_has_a_body_and_a_corpus() {
    let fuzz = root().join("fuzz");
    let manifest = read(&fuzz.join("Cargo.toml"));
    let bodies = sources(&fuzz.join("src")).iter().map(|file| read(file)).collect::<String>();
    let targets: Vec<PathBuf> = sources(&fuzz.join("fuzz_targets"));
    assert!(!targets.is_empty());
    for target in &targets {
        let name = target.file_stem().and_then(|name| name.to_str()).expect("a plain name");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        assert!(bodies.contains(&format!("pub fn {name}(")), "{name} has no body in fuzz/src");
        assert!(read(target).contains(&format!("fuzz::{name}")), "{name} does not call its body");
        let corpus = fs::read_dir(fuzz.join("corpus").join(name)).map_or(0, Iterator::count);
        assert!(corpus > 0, "{name} has no corpus");
    }
    let named = manifest.lines().filter(|line| line.starts_with("[[bin]]")).count();
    assert_eq!(named, targets.len(), "fuzz/Cargo.toml names a target without a file");
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    for script in ["run", "test", ".ci/run"] {
        let path = root().join(script);
        let mode = fs::metadata(&path).unwrap_or_else(|error| panic!("{script}: {error}")).permissions().mode();
        assert_ne!(mode & 0o111, 0, "{script} is not executable");
        assert!(read(&path).contains("set -euo pipefail"), "{script} goes on after a failure");
    }
}

#[test]
fn every_file_of_tests_is_run() {
    let script = read(&root().join("test"));
    for file in fs::read_dir(root().join("tests/tests")).expect("the folder this file is in").flatten() {
        let path = file.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(script.split([' ', '(', ')']).any(|word| word == name), "./test does not run {}", path.display());
    }
}

fn root() -> PathBuf {
    tests::built::package_dir().parent().expect("the package lies in the workspace").to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().expect("cargo reads its own workspace")
}

fn workspace(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.workspace_packages().into_iter()
}

fn folder(package: &Package) -> &Path {
    package.manifest_path.parent().expect("a manifest lies in a folder").as_std_path()
}

/// Names of everything a package links in a normal build, on any system.
fn closure<'a>(metadata: &'a Metadata, start: &PackageId) -> BTreeSet<&'a str> {
    let graph = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let (mut seen, mut open) = (BTreeSet::from([start]), vec![start]);
    while let Some(id) = open.pop() {
        let node = graph.nodes.iter().find(|node| node.id == *id).expect("every package has a node");
        for dependency in &node.deps {
            let linked = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            let Some(node) = graph.nodes.iter().find(|node| node.id == dependency.pkg) else { continue };
            if linked && seen.insert(&node.id) {
                open.push(&node.id);
            }
        }
    }
    metadata.packages.iter().filter(|package| seen.contains(&package.id)).map(|package| package.name.as_str()).collect()
}

/// Every `.rs` file below a folder, build output apart. A folder with a manifest of its own belongs to another package.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let is_other = path.ends_with("target") || path.join("Cargo.toml").is_file();
        if path.is_dir() && !is_other {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Lines outside comments, numbered from 1.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = read(file);
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
    numbered.map(|(number, line)| (number, line.to_owned())).collect()
}

/// Whether a line has the word, and not merely one that ends like it (`sha1_smol::` has nothing to do with smol).
fn says(line: &str, word: &str) -> bool {
    let before = line.match_indices(word).map(|(at, _)| line[..at].chars().next_back());
    before.into_iter().any(|before| !before.is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

/// Tests in a file of their own, and what they share.
fn is_part(file: &Path) -> bool {
    let names_tests = |stem: &str| stem.ends_with("tests") || stem == "testing";
    let in_tests = file.parent().is_some_and(|folder| folder.ends_with("tests"));
    in_tests || file.file_stem().and_then(|stem| stem.to_str()).is_some_and(names_tests)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
