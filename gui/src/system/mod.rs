//! How the app sits on a desktop: a file each. Nothing here knows the window.

pub(crate) mod awake;
#[cfg(target_os = "linux")]
pub(crate) mod media_keys;
pub(crate) mod picker;
pub(crate) mod qr_picture;
#[cfg(target_os = "linux")]
pub(crate) mod scheme;
#[cfg(unix)]
pub(crate) mod single_instance;
