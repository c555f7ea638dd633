//! Where sound goes: the system's output, a certain one, or nowhere at the film's pace.

use gst::prelude::*;

use crate::limits::NAME_CHARS_MAX;
use crate::words::printable;

/// Where sound goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sound {
    /// Where the system plays sound; nowhere if it has no such place, which an event says.
    #[default]
    Auto,
    /// Nowhere, at the film's pace.
    Silent,
    /// The output of that name, one of [`sound_outputs`]; the system's if it is not there. GStreamer's name of a sink is one, too.
    Named(String),
}

/// Names of the outputs that are there now, in the system's order; asks the system, which takes a moment.
pub fn sound_outputs() -> Vec<String> {
    if gst::init().is_err() {
        return Vec::new();
    }
    devices().iter().map(|device| printable(&device.display_name(), NAME_CHARS_MAX)).collect()
}

/// An element that takes sound, and whether it can be heard.
pub(crate) fn sink(sound: &Sound) -> Result<(gst::Element, bool), gst::glib::BoolError> {
    let found = match sound {
        Sound::Silent => None,
        Sound::Auto => system(),
        Sound::Named(name) => named(name).or_else(|| {
            log::warn!("there is no sound output {name:?}: the system's is used");
            system()
        }),
    };
    match found {
        Some(sink) => Ok((sink, true)),
        None => Ok((silent()?, false)),
    }
}

/// Takes sound as fast as it would be heard.
pub(crate) fn silent() -> Result<gst::Element, gst::glib::BoolError> {
    gst::ElementFactory::make("fakesink").property("sync", true).build()
}

/// What GStreamer finds to play sound on. It tries what is installed, and gives a sink that discards if nothing works.
fn system() -> Option<gst::Element> {
    let chooser = gst::ElementFactory::make("autoaudiosink").build().ok()?;
    let is_ready = chooser.set_state(gst::State::Ready).is_ok();
    let chosen = chooser.downcast_ref::<gst::Bin>().and_then(|bin| bin.children().into_iter().next());
    let factory = chosen.and_then(|sink| sink.factory()).filter(|factory| is_ready && factory.name() != "fakesink");
    if let Err(error) = chooser.set_state(gst::State::Null) {
        log::debug!("a sound device does not close: {error}");
    }
    factory?.create().build().ok()
}

/// The system's own name of the output that a sink plays on now, if it has one: people plug things in while a film runs.
pub(crate) fn current(sink: &gst::Element) -> Option<String> {
    let is_told = sink.has_property_with_type("current-device", String::static_type());
    is_told.then(|| sink.property::<Option<String>>("current-device")).flatten()
}

/// What people call the output of that name of the system's: one of [`sound_outputs`].
pub(crate) fn output_name(current: &str) -> String {
    let is_it = |device: &gst::Device| {
        let internal = device.has_property_with_type("internal-name", String::static_type());
        internal && device.property::<Option<String>>("internal-name").as_deref() == Some(current)
    };
    let found = devices().into_iter().find(is_it);
    let name = found.map_or_else(|| current.to_owned(), |device| device.display_name().to_string());
    printable(&name, NAME_CHARS_MAX)
}

fn named(name: &str) -> Option<gst::Element> {
    let is_it = |device: &gst::Device| printable(&device.display_name(), NAME_CHARS_MAX) == name;
    if let Some(device) = devices().into_iter().find(is_it) {
        return device.create_element(None).ok();
    }
    let factory = gst::ElementFactory::find(name)?;
    let klass = factory.metadata(gst::ELEMENT_METADATA_KLASS).unwrap_or_default().to_owned();
    let takes_sound = klass.contains("Sink") && klass.contains("Audio");
    factory.create().build().ok().filter(|_| takes_sound)
}

fn devices() -> Vec<gst::Device> {
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Audio/Sink"), None);
    if monitor.start().is_err() {
        return Vec::new();
    }
    let devices = monitor.devices().into_iter().collect();
    monitor.stop();
    devices
}
