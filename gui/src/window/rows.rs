//! Lists that the window shows: only what changed is drawn again.

use std::rc::Rc;

use slint::{Model as _, ModelRc, VecModel};

/// A list of the window.
pub(super) struct Rows<T>(Rc<VecModel<T>>);

impl<T: Clone + PartialEq + 'static> Rows<T> {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(Rc::new(VecModel::default()))
    }

    /// For the window to look at.
    pub(super) fn model(&self) -> ModelRc<T> {
        ModelRc::from(Rc::clone(&self.0))
    }

    /// Shows these from now on. A row that stays as it is keeps what it has of the mouse and the keyboard.
    pub(super) fn show(&self, rows: Vec<T>) {
        while self.0.row_count() > rows.len() {
            self.0.remove(self.0.row_count() - 1);
        }
        for (index, row) in rows.into_iter().enumerate() {
            match self.0.row_data(index) {
                Some(there) if there == row => {}
                Some(_) => self.0.set_row_data(index, row),
                None => self.0.push(row),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_it_was_given_last() {
        let rows = Rows::new();
        let model = rows.model();
        for now in [vec![1, 2, 3], vec![1, 5, 3, 4], vec![], vec![9]] {
            rows.show(now.clone());
            assert_eq!(model.iter().collect::<Vec<_>>(), now);
        }
    }
}
