//! How much later than a player says its sound leaves the speakers: another for each output, as headphones without a wire are late.

use std::collections::BTreeMap;

use crate::limits::OUTPUTS_MAX;

/// Seconds, from -5 to 5; negative where sound is early.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offsets {
    /// Of outputs that are not known by name.
    pub usual: f64,
    by_output: BTreeMap<String, f64>,
}

impl Offsets {
    /// The same for every output.
    pub fn all(usual: f64) -> Self {
        Self { usual, by_output: BTreeMap::new() }
    }

    /// That of the output, or the usual one.
    pub fn of(&self, output: Option<&str>) -> f64 {
        output.and_then(|output| self.by_output.get(output)).copied().unwrap_or(self.usual)
    }

    /// Those that were set by an output's name.
    pub fn by_output(&self) -> impl Iterator<Item = (&str, f64)> {
        self.by_output.iter().map(|(output, offset)| (output.as_str(), *offset))
    }

    /// Sets that of an output. With [`OUTPUTS_MAX`] others it takes the place of one of them.
    pub fn set(&mut self, output: &str, offset: f64) {
        if self.by_output.len() >= OUTPUTS_MAX && !self.by_output.contains_key(output) {
            self.by_output.pop_first();
        }
        self.by_output.insert(output.to_owned(), offset);
    }

    /// The usual one holds for it again.
    pub fn forget(&mut self, output: &str) {
        self.by_output.remove(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_its_own_or_the_usual_one() {
        let mut offsets = Offsets::all(0.1);
        offsets.set("Headphones", 0.3);
        assert_eq!([None, Some("Speakers"), Some("Headphones")].map(|output| offsets.of(output)), [0.1, 0.1, 0.3]);
        offsets.forget("Headphones");
        assert_eq!(offsets, Offsets::all(0.1));
    }

    #[test]
    fn there_are_only_so_many() {
        let mut offsets = Offsets::default();
        for number in 0..OUTPUTS_MAX + 10 {
            offsets.set(&format!("{number:04}"), 1.0);
        }
        assert_eq!(offsets.by_output().count(), OUTPUTS_MAX);
        assert_eq!((offsets.of(Some("0000")), offsets.of(Some("0041"))), (0.0, 1.0));
    }
}
