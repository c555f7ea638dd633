//! Pictures on their way out: what GStreamer hands over, as a [`Frame`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst_video::prelude::*;

/// A picture to be shown now. It is lent: whoever wants to keep it copies it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// In pixels, which are square.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from one row to the next, at least four times the width.
    pub stride: usize,
    /// Red, green, blue, alpha; the alpha is opaque.
    pub rgba: &'a [u8],
    /// Its place in the film.
    pub at: Duration,
    /// How long it is shown, when the film says so.
    pub duration: Option<Duration>,
}

/// Who takes pictures.
pub(crate) type Frames = Arc<dyn Fn(&Frame<'_>) + Send + Sync>;

/// The last picture that was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) at: Duration,
    /// How long one of them is shown.
    pub(crate) lasts: Option<Duration>,
    /// On the system's clock.
    pub(crate) when: Instant,
}

/// Lets pictures through to whoever takes them, and remembers the last one. Shared with GStreamer's threads.
pub(crate) struct Shutter {
    frames: Frames,
    open: AtomicBool,
    last: Mutex<Option<Shown>>,
}

impl Shutter {
    /// Closed.
    pub(crate) const fn new(frames: Frames) -> Self {
        Self { frames, open: AtomicBool::new(false), last: Mutex::new(None) }
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// The last picture that was let through.
    pub(crate) fn last(&self) -> Option<Shown> {
        *self.lock()
    }

    /// On a thread of GStreamer's. What is no picture is left out.
    pub(crate) fn pass(&self, sample: &gst::Sample) {
        if self.open.load(Ordering::Acquire) && self.try_pass(sample).is_none() {
            log::warn!("a picture could not be read");
        }
    }

    fn try_pass(&self, sample: &gst::Sample) -> Option<()> {
        let buffer = sample.buffer()?;
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let picture = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
        let at = stream_time(sample)?;
        let rate = info.fps();
        let lasts = match (u64::try_from(rate.numer()), u64::try_from(rate.denom())) {
            (Ok(frames), Ok(seconds)) if frames > 0 => Some(Duration::from_secs(seconds) / u32::try_from(frames).ok()?),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => buffer.duration().map(Duration::from),
        };
        let frame = Frame {
            width: picture.width(),
            height: picture.height(),
            stride: usize::try_from(*picture.plane_stride().first()?).ok()?,
            rgba: picture.plane_data(0).ok()?,
            at,
            duration: lasts,
        };
        (self.frames)(&frame);
        *self.lock() = Some(Shown { at, lasts, when: Instant::now() });
        Some(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shown>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sample's place in the film.
pub(crate) fn stream_time(sample: &gst::Sample) -> Option<Duration> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let pts = sample.buffer()?.pts()?;
    segment.to_stream_time(pts).map(Duration::from)
}
