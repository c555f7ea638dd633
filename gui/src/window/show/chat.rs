//! Lines of chat as rows.

use session::proto::view::{ChatItem, Delivery};
use ui::ChatRow;

use super::{key, people, words};

pub(super) fn row(item: &ChatItem) -> ChatRow {
    let from = item.from.as_deref().map(words::clean).unwrap_or_default();
    ChatRow {
        key: key(item.key),
        initials: people::initials(&from).into(),
        colour: people::colour(&from),
        from: from.into(),
        mine: item.mine,
        text: words::clean(&item.text).into(),
        clock: item.at.map(clock).unwrap_or_default().into(),
        stamp: item.film_time.filter(|_| item.from.is_some()).map(words::time).unwrap_or_default().into(),
        #[expect(clippy::cast_possible_truncation, reason = "a place in a film, to a few milliseconds")]
        stamp_seconds: item.film_time.unwrap_or_default() as f32,
        pending: item.delivery == Delivery::Pending,
        failed: item.delivery == Delivery::Failed,
    }
}

/// "20:15" on this machine's clock.
fn clock(unix_millis: i64) -> String {
    crate::window::local_time::hours_and_minutes(unix_millis.div_euclid(1000))
}
