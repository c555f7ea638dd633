//! Links that begin with `sharestream://` open the app (the desktop entry specification of freedesktop.org).

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The entry's name; `packaging/sharestream.desktop` is the one of a system.
const ENTRY: &str = "sharestream.desktop";

/// For tests, and for people who want their desktop left alone.
const SWITCH: &str = "SHARESTREAM_NO_REGISTER";

/// Makes links open this program, for this user, without a wait. What does not work is in the log.
pub(crate) fn register() {
    if std::env::var_os(SWITCH).is_some_and(|value| !value.is_empty()) {
        return;
    }
    let run = || {
        let (Some(folder), Ok(program)) = (applications(), std::env::current_exe()) else { return };
        match write(&folder, &program) {
            Ok(true) => tell_the_desktop(&folder),
            Ok(false) => {}
            Err(error) => log::info!("links do not open the app: {error}"),
        }
    };
    if let Err(error) = std::thread::Builder::new().name("scheme".to_owned()).spawn(run) {
        log::info!("links do not open the app: {error}");
    }
}

fn applications() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?;
    Some(data.join("applications"))
}

/// Writes the entry, unless it is there as it should be; says whether it did.
fn write(folder: &Path, program: &Path) -> io::Result<bool> {
    let path = folder.join(ENTRY);
    let entry = entry(program);
    if std::fs::read(&path).is_ok_and(|there| there == entry.as_bytes()) {
        return Ok(false);
    }
    std::fs::create_dir_all(folder)?;
    let new = folder.join(format!("{ENTRY}.{}.new", std::process::id()));
    std::fs::write(&new, entry)?;
    std::fs::rename(&new, &path)?;
    Ok(true)
}

fn entry(program: &Path) -> String {
    format!(
        "[Desktop Entry]
Type=Application
Name=ShareStream
Comment=Watch a film together that only one of you has
Comment[de]=Schaut zusammen einen Film, den nur einer von euch hat
Exec={} %u
Icon=sharestream
Terminal=false
Categories=AudioVideo;Video;Player;
MimeType=x-scheme-handler/sharestream;
",
        quoted(program)
    )
}

/// As the specification wants arguments: in double quotes, with four characters escaped, and percent signs doubled. The string is
/// escaped once more, as every string of the file.
fn quoted(program: &Path) -> String {
    let mut text = String::from("\"");
    for symbol in program.to_string_lossy().chars() {
        match symbol {
            '"' | '`' | '$' => text.extend(['\\', '\\', symbol]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            _ => text.push(symbol),
        }
    }
    text.push('"');
    text
}

/// Desktops look for themselves, too; these make it sooner.
fn tell_the_desktop(folder: &Path) {
    let run = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = command.status() {
            log::debug!("{program}: {error}");
        }
    };
    run("update-desktop-database", &[&folder.display().to_string()]);
    run("xdg-mime", &["default", ENTRY, "x-scheme-handler/sharestream"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_written_once_and_again_when_the_program_moved() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("applications");
        assert!(write(&place, Path::new("/opt/a b/sharestream")).unwrap());
        assert!(!write(&place, Path::new("/opt/a b/sharestream")).unwrap());
        let text = std::fs::read_to_string(place.join(ENTRY)).unwrap();
        assert!(text.contains("Exec=\"/opt/a b/sharestream\" %u\n"));
        assert!(text.contains("MimeType=x-scheme-handler/sharestream;"));
        assert!(write(&place, Path::new("/usr/bin/sharestream")).unwrap());
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "nothing is left lying");
    }

    #[test]
    fn a_path_cannot_command_the_desktop() {
        assert_eq!(quoted(Path::new("/a\"$`\\%")), "\"/a\\\\\"\\\\$\\\\`\\\\\\\\%%\"");
    }

    #[test]
    fn the_packaged_entry_says_the_same() {
        let packaged = include_str!("../../../packaging/sharestream.desktop");
        assert_eq!(packaged, entry(Path::new("sharestream")).replace("\"sharestream\"", "sharestream"));
    }
}
