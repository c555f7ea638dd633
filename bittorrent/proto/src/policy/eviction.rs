//! Which pieces are kept when the disk is bounded, which are fetched, and which go.
//!
//! Every reader has a run of pieces ahead of it that are fetched, and a shorter one behind it that is not given up lightly.
//! Both grow by turns, a piece a reader, until the bound is reached: so what is kept always fits, however many read. What
//! lies in neither goes as room is needed: first what all readers have passed, the furthest first, then what they reach
//! last. Pure. Prose: docs/streaming.md.

use crate::bitfield::Bitfield;

/// One in so many of the pieces that fit is kept behind the readers, for the small steps back that people make.
const BEHIND_SHARE: u32 = 4;

/// What is kept, and in which order it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What lies ahead of readers, nearest first.
    pub ahead: Vec<u32>,
    /// That, and what lies close behind them: at most as many as fit.
    pub kept: Bitfield,
}

/// Makes the plan for readers at these pieces, of whom the first ones come first, with room for `pieces_max`.
pub fn plan(readers: &[u32], wanted: &Bitfield, pieces_max: u32) -> Plan {
    let mut kept = Bitfield::new_empty(wanted.len());
    let furthest_back = readers.iter().copied().min().unwrap_or(0);
    let passed = wanted.iter_ones().take_while(|piece| *piece < furthest_back).count();
    let behind_max = (pieces_max / BEHIND_SHARE).min(u32::try_from(passed).unwrap_or(u32::MAX));
    let mut ahead = Vec::new();
    let steps_ahead = |step: u32| move |at: &u32| at.checked_add(step);
    grow(readers, wanted, steps_ahead, |piece| {
        if kept.count_ones() >= pieces_max - behind_max {
            return false;
        }
        if kept.set(piece) {
            ahead.push(piece);
        }
        true
    });
    let steps_behind = |step: u32| move |at: &u32| at.checked_sub(step + 1);
    grow(readers, wanted, steps_behind, |piece| {
        let fits = kept.count_ones() < pieces_max;
        if fits {
            kept.set(piece);
        }
        fits
    });
    Plan { ahead, kept }
}

/// Offers the pieces one, two, three steps from each reader, until `take` has enough or there are no more.
fn grow<F: Fn(&u32) -> Option<u32>>(
    readers: &[u32],
    wanted: &Bitfield,
    steps: impl Fn(u32) -> F,
    mut take: impl FnMut(u32) -> bool,
) {
    for step in 0..wanted.len() {
        let mut any = false;
        for piece in readers.iter().filter_map(steps(step)).filter(|piece| *piece < wanted.len()) {
            any = true;
            if wanted.get(piece) && !take(piece) {
                return;
            }
        }
        if !any {
            return;
        }
    }
}

/// The pieces to give up, `count` at most, the first to go first. None that is planned to be kept, and none that is `held`:
/// somebody reads it this moment.
pub fn victims(have: &Bitfield, plan: &Plan, readers: &[u32], count: usize, held: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut free: Vec<(bool, u32, u32)> = have
        .iter_ones()
        .filter(|piece| !plan.kept.get(*piece) && !held(*piece))
        .map(|piece| {
            let to_come = readers.iter().filter(|reader| **reader <= piece).map(|reader| piece - reader).min();
            let passed = readers.iter().filter(|reader| **reader > piece).map(|reader| reader - piece).min();
            match (to_come, passed) {
                (Some(distance), _) => (true, u32::MAX - distance, piece),
                (None, distance) => (false, u32::MAX - distance.unwrap_or(0), piece),
            }
        })
        .collect();
    free.sort_unstable();
    free.into_iter().take(count).map(|(_, _, piece)| piece).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(len: u32, pieces: &[u32]) -> Bitfield {
        let mut field = Bitfield::new_empty(len);
        pieces.iter().for_each(|piece| {
            field.set(*piece);
        });
        field
    }

    #[test]
    fn most_of_the_room_is_ahead_and_some_behind() {
        let wanted = Bitfield::new_full(100);
        let made = plan(&[50], &wanted, 8);
        assert_eq!(made.ahead, [50, 51, 52, 53, 54, 55]);
        assert_eq!(made.kept, of(100, &[48, 49, 50, 51, 52, 53, 54, 55]));
        assert_eq!(plan(&[0], &wanted, 8).ahead, (0..8).collect::<Vec<_>>(), "nothing is behind the first");
        assert_eq!(plan(&[98], &wanted, 8).kept, of(100, &[92, 93, 94, 95, 96, 97, 98, 99]));
    }

    #[test]
    fn readers_share_the_room_by_turns() {
        let wanted = Bitfield::new_full(100);
        assert_eq!(plan(&[50, 10], &wanted, 8).ahead, [50, 10, 51, 11, 52, 12]);
        assert_eq!(plan(&[3, 3, 4], &wanted, 4).ahead, [3, 4, 5], "what two need counts once");
        assert_eq!(plan(&(0..30).map(|at| at * 3).collect::<Vec<_>>(), &wanted, 4).ahead, [0, 3, 6, 9]);
    }

    #[test]
    fn what_is_passed_goes_first_and_then_what_comes_last() {
        let wanted = Bitfield::new_full(100);
        let have = of(100, &[2, 30, 47, 49, 50, 51, 70, 90]);
        let plan = plan(&[50], &wanted, 8);
        assert_eq!(victims(&have, &plan, &[50], 9, |_| false), [2, 30, 47, 90, 70]);
        assert_eq!(victims(&have, &plan, &[50], 2, |piece| piece == 30), [2, 47]);
        // Nobody has passed what is ahead of the slower of two.
        assert_eq!(victims(&have, &super::plan(&[50, 20], &wanted, 4), &[50, 20], 9, |_| false)[0], 2);
    }

    proptest! {
        #[test]
        fn what_is_kept_fits_and_is_never_given_up(
            readers in proptest::collection::vec(0u32..64, 1..8),
            wanted in proptest::collection::vec(any::<bool>(), 64),
            here in proptest::collection::vec(any::<bool>(), 64),
            pieces_max in 4u32..40,
            count in 0usize..70,
        ) {
            let bits = |bools: &[bool]| {
                of(64, &(0..64).filter(|at| bools[*at as usize]).collect::<Vec<_>>())
            };
            let (wanted, have) = (bits(&wanted), bits(&here));
            let made = plan(&readers, &wanted, pieces_max);
            prop_assert!(made.kept.count_ones() <= pieces_max);
            prop_assert!(made.ahead.iter().all(|piece| made.kept.get(*piece) && wanted.get(*piece)));
            prop_assert!(!wanted.get(readers[0]) || made.ahead.first() == Some(&readers[0]));
            let gone = victims(&have, &made, &readers, count, |piece| piece % 7 == 0);
            prop_assert!(gone.iter().all(|piece| have.get(*piece) && !made.kept.get(*piece) && piece % 7 != 0));
            let free = have.iter_ones().filter(|piece| !made.kept.get(*piece) && piece % 7 != 0).count();
            prop_assert_eq!(gone.len(), free.min(count));
            let mut once = gone;
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), free.min(count));
        }
    }
}
