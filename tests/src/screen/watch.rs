//! Looks at the screen 250 times a second and keeps what changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::display::{Display, WINDOWS};
use super::trace::Trace;

/// Four looks a picture at 60 a second.
const EVERY: Duration = Duration::from_millis(4);

/// A look under way; it goes on until [`Watch::end`], or until it is dropped.
pub struct Watch {
    begin: Instant,
    ends: Arc<AtomicBool>,
    looking: Option<JoinHandle<Seen>>,
}

/// What was seen.
pub struct Seen {
    /// When the first look was; all else counts from there.
    pub begin: Instant,
    /// What each window showed.
    pub windows: [Trace; WINDOWS],
    /// How long the longest gap between two looks was: by so much an instant may be wrong at worst.
    pub gap_max: Duration,
    /// The looks, and those of them that came more than two pictures after the one before.
    pub looks: u64,
    /// See [`Seen::looks`].
    pub late: u64,
}

impl Watch {
    /// Begins.
    pub fn start(display: Arc<Display>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let begin = Instant::now();
        let told = Arc::clone(&ends);
        let looking = std::thread::spawn(move || look(&display, begin, &told));
        Self { begin, ends, looking: Some(looking) }
    }

    /// How long it lasts so far; the time of what is seen now.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Ends it.
    pub fn end(mut self) -> Seen {
        self.ends.store(true, Ordering::Relaxed);
        let looking = self.looking.take().expect("it is taken here and by the end of the value");
        looking.join().expect("looking does not panic")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // The screen goes with the thread that looks at it.
        if let Some(looking) = self.looking.take() {
            drop(looking.join());
        }
    }
}

fn look(display: &Display, begin: Instant, ends: &AtomicBool) -> Seen {
    let mut seen = Seen { begin, windows: Default::default(), gap_max: Duration::ZERO, looks: 0, late: 0 };
    let mut last = begin;
    while !ends.load(Ordering::Relaxed) {
        let shown = display.look();
        let now = Instant::now();
        let gap = now - last;
        seen.looks += 1;
        seen.late += u64::from(gap > Duration::from_millis(34));
        seen.gap_max = seen.gap_max.max(gap);
        last = now;
        for (trace, frame) in seen.windows.iter_mut().zip(shown) {
            trace.push(now - begin, frame);
        }
        std::thread::sleep(EVERY);
    }
    seen
}
