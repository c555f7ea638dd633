//! What a room remembers of people who are gone.

use std::collections::BTreeMap;

use crate::ids::ParticipantId;

/// Something of each of so many people at most. Who was remembered first is forgotten first.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    max: usize,
    people: BTreeMap<ParticipantId, (u64, T)>,
    /// Invariant: the numbers in `people`, and whose they are.
    order: BTreeMap<u64, ParticipantId>,
    next: u64,
}

impl<T> Remembered<T> {
    pub(super) const fn up_to(max: usize) -> Self {
        Self { max, people: BTreeMap::new(), order: BTreeMap::new(), next: 0 }
    }

    /// Remembers somebody as the last, also one who was remembered before.
    pub(super) fn insert(&mut self, who: ParticipantId, what: T) {
        self.remove(&who);
        if self.people.len() >= self.max
            && let Some((_, first)) = self.order.pop_first()
        {
            self.people.remove(&first);
        }
        self.order.insert(self.next, who.clone());
        self.people.insert(who, (self.next, what));
        self.next += 1;
    }

    pub(super) fn remove(&mut self, who: &ParticipantId) -> Option<T> {
        let (number, what) = self.people.remove(who)?;
        self.order.remove(&number);
        Some(what)
    }

    /// Everybody, in the order in which they are forgotten.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&ParticipantId, &T)> {
        self.order.values().filter_map(|who| Some((who, &self.people.get(who)?.1)))
    }

    /// Those of an earlier one.
    pub(super) fn from_order(max: usize, people: impl IntoIterator<Item = (ParticipantId, T)>) -> Self {
        let mut remembered = Self::up_to(max);
        people.into_iter().for_each(|(who, what)| remembered.insert(who, what));
        remembered
    }

    pub(super) fn contains(&self, who: &ParticipantId) -> bool {
        self.people.contains_key(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_remembered_first_is_forgotten_first() {
        let [ann, bea, cem, dan] = ["ann", "bea", "cem", "dan"].map(|name| ParticipantId::parse(name).unwrap());
        let mut past = Remembered::up_to(2);
        past.insert(dan.clone(), 1);
        past.insert(ann.clone(), 2);
        past.insert(dan.clone(), 3);
        past.insert(bea.clone(), 4);
        assert!(!past.contains(&ann), "dan was told of again since");
        assert_eq!(past.remove(&dan), Some(3));
        assert_eq!(past.remove(&dan), None);
        past.insert(cem.clone(), 5);
        assert!(past.contains(&bea) && past.contains(&cem), "who was taken out leaves room");
        assert_eq!((past.people.len(), past.order.len()), (2, 2));
    }
}
