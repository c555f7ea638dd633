//! One app for a person: a second start hands over what it was asked for and ends.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smol::channel::{Receiver, Sender, bounded};

/// What a start is asked for: a link, or a film's path. As long as the longest path.
const WORD_LEN_MAX: u64 = 8 * 1024;

/// Starts that wait to be heard. Full: a later one is not heard.
const CALLS_MAX: usize = 8;

/// A start that says nothing for so long is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a start found.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nobody was there: others call here from now on.
    First(Instance),
    /// Somebody was, and has it now.
    Handed,
}

/// The place of the only one. It is free again when the value goes.
#[derive(Debug)]
pub(crate) struct Instance {
    path: PathBuf,
    calls: Receiver<String>,
}

/// Takes the place of the only one in that folder, or hands `word` over; an empty one only calls the window to the front.
///
/// # Errors
/// When the folder takes no socket, or is not the person's alone.
pub(crate) fn claim(folder: &Path, word: &str) -> io::Result<Claim> {
    own(folder)?;
    let path = folder.join("sharestream.sock");
    if hand_over(&path, word).is_ok() {
        return Ok(Claim::Handed);
    }
    // Whoever had it is gone without tidying up.
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(&path)?;
    let (calls_in, calls) = bounded(CALLS_MAX);
    std::thread::Builder::new().name("calls".to_owned()).spawn(move || hear(&listener, &calls_in))?;
    Ok(Claim::First(Instance { path, calls }))
}

/// `$XDG_RUNTIME_DIR`, else a folder of one's own among the temporary ones.
pub(crate) fn folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    runtime.unwrap_or_else(|| std::env::temp_dir().join(format!("sharestream-{}", rustix::process::getuid().as_raw())))
}

impl Instance {
    /// What later starts were asked for.
    pub(crate) fn calls(&self) -> Receiver<String> {
        self.calls.clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Somebody may have tidied up.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Nobody else can put a socket there.
fn own(folder: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let about = std::fs::symlink_metadata(folder)?;
    if about.is_dir() && about.uid() == rustix::process::getuid().as_raw() && about.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} is not this user's alone", folder.display())))
}

fn hand_over(path: &Path, word: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(word.replace('\n', " ").as_bytes())?;
    stream.write_all(b"\n")?;
    let mut heard = [0];
    stream.read_exact(&mut heard)
}

fn hear(listener: &UnixListener, calls: &Sender<String>) {
    for stream in listener.incoming() {
        let heard = stream.and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let mut line = Vec::new();
            BufReader::new((&stream).take(WORD_LEN_MAX)).read_until(b'\n', &mut line)?;
            stream.write_all(b"!")?;
            Ok(String::from_utf8_lossy(&line).trim().to_owned())
        });
        match heard {
            Ok(_) if calls.is_closed() => return,
            Ok(word) => {
                if calls.try_send(word).is_err() {
                    log::warn!("too many starts at once");
                }
            }
            Err(error) => log::info!("another start was not understood: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_start_hands_its_word_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("own");
        let Claim::First(first) = claim(&place, "").unwrap() else { panic!("nobody else is there") };
        let calls = first.calls();
        assert!(matches!(claim(&place, "sharestream://join/ABC1-2345").unwrap(), Claim::Handed));
        assert_eq!(calls.recv_blocking().unwrap(), "sharestream://join/ABC1-2345");
        assert!(matches!(claim(&place, "").unwrap(), Claim::Handed));
        assert_eq!(calls.recv_blocking().unwrap(), "");
        // Its end makes room for another.
        drop((first, calls));
        assert!(matches!(claim(&place, "").unwrap(), Claim::First(_)));
    }

    #[test]
    fn a_socket_of_somebody_who_died_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("own");
        own(&place).unwrap();
        drop(UnixListener::bind(place.join("sharestream.sock")).unwrap());
        assert!(matches!(claim(&place, "x").unwrap(), Claim::First(_)));
    }

    #[test]
    fn a_folder_of_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(claim(folder.path(), "x").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn rubbish_disturbs_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("own");
        let Claim::First(first) = claim(&place, "").unwrap() else { panic!("nobody else is there") };
        let mut stream = UnixStream::connect(place.join("sharestream.sock")).unwrap();
        stream.write_all(&[0xff; 10]).unwrap();
        drop(stream);
        let mut stream = UnixStream::connect(place.join("sharestream.sock")).unwrap();
        // More than is read; the other end may close before all of it is written.
        let _ = stream.write_all(&[b'x'; 64 * 1024]);
        drop(stream);
        assert!(matches!(claim(&place, "after").unwrap(), Claim::Handed));
        let calls = first.calls();
        let heard: Vec<String> =
            std::iter::from_fn(|| calls.recv_blocking().ok()).take_while(|word| word != "after").collect();
        assert!(heard.iter().all(|word| word.len() <= usize::try_from(WORD_LEN_MAX).unwrap() * 3));
    }
}
