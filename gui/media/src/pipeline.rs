//! GStreamer's `playbin` with our ends on it. Knows no order of events and no wishes: see `projector`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gst::{BusSyncReply, ClockTime, MessageView, SeekFlags, SeekType};
use gst_app::{AppSink, AppSinkCallbacks};
use smol::Timer;
use smol::channel::{Sender, bounded};
use smol::future::or;

use crate::command::TrackKind;
use crate::event::Track;
use crate::frame::Shutter;
use crate::hearing::{Heard, text_sink};
use crate::limits::{CLOSING_MAX, DROPS_TOLD_MAX, FRAMES_MAX, LATENESS_MAX, MESSAGES_MAX};
use crate::pace::{self, Pace};
use crate::sound;
use crate::tracks;

/// Wakes the player's thread from any other, without ever waiting.
#[derive(Clone, Debug)]
pub(crate) struct Bell(pub(crate) Sender<()>);

impl Bell {
    pub(crate) fn ring(&self) {
        // Full: it is rung already. Closed: the player has gone.
        let _ = self.0.try_send(());
    }
}

/// One film in GStreamer. It has to be closed.
pub(crate) struct Pipeline {
    playbin: gst::Pipeline,
    pace: Pace,
    video: AppSink,
    sound: gst::Element,
    bus: gst::Bus,
    messages: Messages,
    pub(crate) shutter: Arc<Shutter>,
    /// Subtitles that came.
    pub(crate) heard: Arc<Heard>,
    tracks_changed: Arc<AtomicBool>,
}

/// What was said and not taken yet. Shared with GStreamer's threads.
type Messages = Arc<Mutex<VecDeque<gst::Message>>>;

type Done<T> = Result<T, gst::glib::BoolError>;

impl Pipeline {
    /// For the film at `uri`, at rest.
    pub(crate) fn new(uri: &str, sound: &gst::Element, shutter: Arc<Shutter>, bell: &Bell) -> Done<Self> {
        let video = video_sink(&shutter);
        let playbin = gst::ElementFactory::make("playbin").property("uri", uri).build()?;
        let playbin =
            playbin.downcast::<gst::Pipeline>().map_err(|_| gst::glib::bool_error!("playbin is no pipeline"))?;
        // No visualisation of sound, and no way for a sink to do without our filters.
        playbin.set_property_from_str("flags", "video+audio+text+soft-volume+deinterlace");
        playbin.set_property("video-sink", &video);
        playbin.set_property("audio-sink", sound);
        playbin.set_property("text-sink", text_sink());
        let heard = Arc::new(Heard::new(bell.clone()));
        let listening = Arc::clone(&heard);
        // Said before anything flows.
        playbin.connect("text-changed", false, move |values| {
            listening.listen(&values.first()?.get::<gst::Element>().ok()?);
            None
        });
        // Phones film lying on their side and say so in a tag.
        let upright = gst::ElementFactory::make("videoflip").build()?;
        upright.set_property_from_str("video-direction", "auto");
        playbin.set_property("video-filter", &upright);
        playbin.set_property("audio-filter", &gst::ElementFactory::make("scaletempo").build()?);
        playbin.connect("source-setup", false, |values| {
            let source = values.get(1)?.get::<gst::Element>().ok()?;
            be_patient(&source);
            None
        });
        let tracks_changed = Arc::new(AtomicBool::new(false));
        for signal in ["audio-changed", "text-changed", "video-changed", "audio-tags-changed", "text-tags-changed"] {
            let (changed, bell) = (Arc::clone(&tracks_changed), bell.clone());
            playbin.connect(signal, false, move |_| {
                changed.store(true, Ordering::Release);
                bell.ring();
                None
            });
        }
        let bus = playbin.bus().ok_or_else(|| gst::glib::bool_error!("a pipeline without a bus"))?;
        let messages = Arc::new(Mutex::new(VecDeque::new()));
        let (bell, said) = (bell.clone(), Arc::clone(&messages));
        // A bus calls this before it has the message itself: whoever is woken by the bell would not find it there.
        bus.set_sync_handler(move |_, message| {
            if is_of_use(message) && post(&said, message) {
                bell.ring();
            }
            BusSyncReply::Drop
        });
        let sound = sound.clone();
        Ok(Self { playbin, pace: Pace::new(), video, sound, bus, messages, shutter, heard, tracks_changed })
    }

    /// What was said since the last time, in order.
    pub(crate) fn poll_message(&self) -> Option<gst::Message> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Begins to go there. An error is told by a message as well.
    pub(crate) fn set_state(&self, state: gst::State) {
        if state == gst::State::Playing {
            self.pace.choose_clock(&self.playbin);
        }
        if let Err(error) = self.playbin.set_state(state) {
            log::debug!("no way to {state:?}: {error}");
        }
    }

    /// To the exact picture at that rate, whose sound keeps its pitch.
    pub(crate) fn seek(&self, to: Duration, rate: f64) -> Done<()> {
        let to = ClockTime::try_from(to).map_err(|_| gst::glib::bool_error!("no such place"))?;
        // A stop would have to be in the film, and none means its end.
        let flags = SeekFlags::FLUSH | SeekFlags::ACCURATE;
        self.playbin.seek(rate, flags, SeekType::Set, to, SeekType::None, ClockTime::NONE)
    }

    /// So many times as fast as it was told by the last seek, from now on, without a gap, and with another pitch.
    pub(crate) fn set_pace(&mut self, rate: f64) {
        self.pace.set(rate, &self.playbin);
    }

    /// It goes by the system's clock from its next start on, whatever its device's says.
    pub(crate) fn use_system_clock(&mut self) {
        self.pace.own_only = true;
    }

    /// It goes by the clock of a device that plays its sound.
    pub(crate) fn has_device(&self) -> bool {
        pace::has_device(&self.playbin)
    }

    /// The system's own name of the output that sound goes to.
    pub(crate) fn output(&self) -> Option<String> {
        sound::current(&self.sound)
    }

    /// It runs.
    pub(crate) fn on_playing(&self) {
        self.pace.keep(&self.playbin);
    }

    /// Where it is, by the pictures, or else by the sound.
    pub(crate) fn position(&self) -> Option<Duration> {
        let video = self.video.query_position::<ClockTime>().filter(|_| self.shutter.last().is_some());
        video.or_else(|| self.playbin.query_position::<ClockTime>()).map(Duration::from)
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        self.playbin.query_duration::<ClockTime>().map(Duration::from).filter(|duration| !duration.is_zero())
    }

    /// Shows the picture again that it stands at.
    pub(crate) fn repaint(&self) {
        if let Some(sample) = self.video.property::<Option<gst::Sample>>("last-sample") {
            self.shutter.pass(&sample);
        }
    }

    /// `volume` is a factor on samples.
    pub(crate) fn set_volume(&self, volume: f64, muted: bool) {
        self.playbin.set_property("volume", volume);
        self.playbin.set_property("mute", muted);
    }

    /// The element that makes pictures, and whether it is a part of the machine made for that.
    pub(crate) fn decoder(&self) -> Option<(String, bool)> {
        let klass = |factory: &gst::ElementFactory| {
            factory.metadata(gst::ELEMENT_METADATA_KLASS).unwrap_or_default().to_owned()
        };
        let factories = self.playbin.iterate_recurse().into_iter().flatten().filter_map(|element| element.factory());
        let mut decoders = factories.filter(|factory| klass(factory).contains("Decoder/Video"));
        decoders.next().map(|factory| (factory.name().to_string(), klass(&factory).contains("Hardware")))
    }

    /// Some thread works for it, or waits for bytes. `decodebin` keeps errors of a part to itself while it is adding that part, so
    /// that a damaged file may end in silence.
    pub(crate) fn is_at_work(&self) -> bool {
        let works =
            |element: &gst::Element| element.pads().iter().any(|pad| pad.task_state() == gst::TaskState::Started);
        self.playbin.iterate_recurse().into_iter().flatten().any(|element| works(&element))
    }

    /// Some latency in it has changed.
    pub(crate) fn recalculate_latency(&self) {
        if let Err(error) = self.playbin.recalculate_latency() {
            log::debug!("the latency cannot be told: {error}");
        }
    }

    /// The tracks of a kind.
    pub(crate) fn tracks(&self, kind: TrackKind) -> Vec<Track> {
        tracks::tracks(self.playbin.upcast_ref(), kind)
    }

    /// Plays that track, if there is one of that number.
    pub(crate) fn select(&self, kind: TrackKind, id: u32) -> bool {
        tracks::select(self.playbin.upcast_ref(), kind, id)
    }

    /// Tracks came, went, or have other names; asked once.
    pub(crate) fn have_tracks_changed(&self) -> bool {
        self.tracks_changed.swap(false, Ordering::AcqRel)
    }

    /// As a sound server's clock did.
    #[cfg(test)]
    pub(crate) fn leap(&self, by: Duration) {
        let clock = self.clock().expect("it runs");
        let later = clock.time() + ClockTime::try_from(by).expect("a short time");
        clock.set_calibration(clock.internal_time(), later, 1, 1);
    }

    #[cfg(test)]
    pub(crate) fn clock(&self) -> Option<gst::Clock> {
        self.playbin.clock()
    }

    /// Ends it: no picture comes any more. GStreamer's threads end now, or when what they wait for lets them go.
    pub(crate) fn close(&self) {
        self.shutter.close();
        self.bus.unset_sync_handler();
        let (done, is_done) = bounded::<()>(1);
        self.playbin.call_async(move |playbin| {
            if let Err(error) = playbin.set_state(gst::State::Null) {
                log::warn!("a pipeline does not end: {error}");
            }
            drop(done);
        });
        let late = async {
            Timer::after(CLOSING_MAX).await;
            log::warn!("a pipeline takes long to end");
        };
        let ended = async {
            // Nothing is ever sent: the channel is closed when it has ended.
            let _ = is_done.recv().await;
        };
        smol::block_on(or(ended, late));
    }
}

/// Takes pictures at the moment they are to be shown; late ones are dropped.
fn video_sink(shutter: &Arc<Shutter>) -> AppSink {
    let square = gst::Fraction::new(1, 1);
    let caps = gst::Caps::builder("video/x-raw").field("format", "RGBA").field("pixel-aspect-ratio", square).build();
    let lateness = i64::try_from(LATENESS_MAX.as_nanos()).unwrap_or(-1);
    let sink =
        AppSink::builder().caps(&caps).max_buffers(FRAMES_MAX).drop(true).qos(true).max_lateness(lateness).build();
    let (running, standing) = (Arc::clone(shutter), Arc::clone(shutter));
    sink.set_callbacks(
        AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                running.pass(&sink.pull_sample().map_err(|_| gst::FlowError::Eos)?);
                Ok(gst::FlowSuccess::Ok)
            })
            .new_preroll(move |sink| {
                standing.pass(&sink.pull_preroll().map_err(|_| gst::FlowError::Eos)?);
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    sink
}

/// Bytes of a film may come in an hour, when somebody who has them is there again: no answer is no error.
fn be_patient(source: &gst::Element) {
    if source.has_property_with_type("timeout", u32::static_type()) {
        source.set_property("timeout", 0_u32);
    }
    if source.has_property_with_type("retries", i32::static_type()) {
        source.set_property("retries", -1_i32);
    }
}

/// Keeps a message. Dropped pictures are told of one by one, and must not displace what matters.
fn post(messages: &Messages, message: &gst::Message) -> bool {
    let mut messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
    let is_drop = message.type_() == gst::MessageType::Qos;
    let is_taken = messages.len() < if is_drop { DROPS_TOLD_MAX } else { MESSAGES_MAX };
    if is_taken {
        messages.push_back(message.clone());
    }
    is_taken
}

/// Most messages are of no use, and a film makes thousands.
fn is_of_use(message: &gst::Message) -> bool {
    match message.view() {
        MessageView::StateChanged(change) => change.src().is_some_and(|source| source.is::<gst::Pipeline>()),
        MessageView::Element(_) => message.has_name("missing-plugin"),
        MessageView::Error(_)
        | MessageView::Warning(_)
        | MessageView::Eos(_)
        | MessageView::AsyncDone(_)
        | MessageView::Buffering(_)
        | MessageView::ClockLost(_)
        | MessageView::DurationChanged(_)
        | MessageView::Latency(_)
        | MessageView::Qos(_) => true,
        // GStreamer's own enum, which grows.
        _ => false,
    }
}
