//! What the window draws. The `.slint` files beside this crate are compiled here and nowhere else, since that takes a while.
slint::include_modules!();
