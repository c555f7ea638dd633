//! Where films were left, read from the person's folder and written there, one after another and beside everything else.

use std::collections::VecDeque;
use std::future::pending;

use engine_proto::infohash::Infohash;
use futures_lite::future::or;
use session_proto::settings::Place;
use smol::{Task, Timer, unblock};

use crate::limits::{PLACES_PATIENCE, PLACES_WAITING_MAX};
use crate::settings::Home;

/// What reads and writes; dropping it may lose what waits.
pub(crate) struct PlaceKeeper {
    /// `None`: nothing is kept.
    home: Option<Home>,
    waiting: VecDeque<Job>,
    running: Option<Task<Option<Place>>>,
}

#[derive(Clone, Copy)]
enum Job {
    Find(Infohash),
    Keep(Place),
}

impl PlaceKeeper {
    pub(crate) const fn new(home: Option<Home>) -> Self {
        Self { home, waiting: VecDeque::new(), running: None }
    }

    /// Where was it left? [`PlaceKeeper::next`] tells, if that is known.
    pub(crate) fn find(&mut self, film: Infohash) {
        self.push(Job::Find(film));
    }

    /// It is left there.
    pub(crate) fn keep(&mut self, place: Place) {
        // The newer place of the same film is enough.
        self.waiting.retain(|job| !matches!(job, Job::Keep(other) if other.info_hash == place.info_hash));
        self.push(Job::Keep(place));
    }

    /// The next place that was found. What it does goes on when it is called again.
    pub(crate) async fn next(&mut self) -> Place {
        loop {
            if let Some(running) = &mut self.running {
                let found = running.await;
                self.running = None;
                if let Some(place) = found {
                    return place;
                }
            } else if !self.begin() {
                return pending().await;
            }
        }
    }

    /// Does what waits, for a moment at most.
    pub(crate) async fn end(mut self) {
        let all = async {
            while self.running.is_some() || self.begin() {
                if let Some(running) = self.running.take() {
                    running.await;
                }
            }
        };
        let patience = async {
            Timer::after(PLACES_PATIENCE).await;
            log::warn!("the disk takes too long; where the film is left may be lost");
        };
        or(all, patience).await;
    }

    fn push(&mut self, job: Job) {
        if self.waiting.len() < PLACES_WAITING_MAX {
            self.waiting.push_back(job);
        } else {
            log::warn!("the disk takes too long; where a film is left is not kept");
        }
    }

    /// Begins with what waits longest; false when there is nothing.
    fn begin(&mut self) -> bool {
        let Some(home) = self.home.clone() else {
            self.waiting.clear();
            return false;
        };
        self.running = self.waiting.pop_front().map(|job| unblock(move || job.run(&home)));
        self.running.is_some()
    }
}

impl Job {
    fn run(self, home: &Home) -> Option<Place> {
        match self {
            Self::Find(film) => home.place(film),
            Self::Keep(place) => {
                if let Err(error) = home.keep_place(place) {
                    log::warn!("where the film is left is not kept: {error}");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(film: u8, at: f64) -> Place {
        Place { info_hash: Infohash([film; 20]), at, duration: 100.0 }
    }

    #[test]
    fn what_is_kept_is_found_and_the_end_waits_for_what_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        smol::block_on(async {
            let mut keeper = PlaceKeeper::new(Some(home.clone()));
            keeper.find(Infohash([1; 20]));
            keeper.keep(place(1, 20.0));
            keeper.keep(place(1, 30.0));
            keeper.find(Infohash([1; 20]));
            assert_eq!(keeper.next().await, place(1, 30.0), "the one that is not known says nothing");
            keeper.keep(place(2, 40.0));
            keeper.end().await;
        });
        assert_eq!(home.place(Infohash([2; 20])), Some(place(2, 40.0)));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut keeper = PlaceKeeper::new(None);
        (0..100).for_each(|film| keeper.keep(place(film, 20.0)));
        assert_eq!(keeper.waiting.len(), PLACES_WAITING_MAX);
        smol::block_on(keeper.end());
    }
}
