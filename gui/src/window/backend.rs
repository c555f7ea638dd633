//! What draws the window.

/// The variable by which people choose; Slint reads it.
const CHOICE: &str = "SLINT_BACKEND";

/// Without a graphics card the processor draws, and it does so at a quarter of the cost of pretending to be a card.
pub(super) fn choose() {
    if std::env::var_os(CHOICE).is_some() || has_graphics_card() {
        return;
    }
    let selected =
        slint::BackendSelector::new().backend_name("winit".to_owned()).renderer_name("software".to_owned()).select();
    if let Err(error) = selected {
        log::info!("the window is drawn as the system likes: {error}");
    }
}

/// There is a device that draws (Linux: a render node). Elsewhere there always is one.
fn has_graphics_card() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let Ok(devices) = std::fs::read_dir("/dev/dri") else { return false };
    devices.flatten().any(|device| device.file_name().to_string_lossy().starts_with("renderD"))
}
