//! A phone that controls a kiosk. The QR code on its screen names a ticket; whoever comes in under it has stood before the screen, and becomes
//! cohost if the room is the kiosk's own. A ticket is good for one: then there is another on the screen, which the room has not seen.

use session::proto::invite::{Invite, remote_id};
use session::proto::view::View;
use session::proto::wish::Wish;
use session::qr::Qr;
use signal_proto::ids::ParticipantId;
use signal_proto::roles::Role;
use slint::ComponentHandle as _;
use ui::Room;

use super::desk::Desk;
use super::seat::picture;

/// What is on the screen.
pub(super) struct Remote {
    invite: Invite,
    ticket: String,
}

impl Remote {
    /// Secret until it is used.
    #[cfg(test)]
    pub(super) fn ticket(&self) -> &str {
        &self.ticket
    }
}

/// A ticket that nobody knows is on the screen from now on. Without a server there is no page for phones, and the code is the room's.
pub(super) fn offer(desk: &Desk, invite: &Invite) {
    let ticket = match getrandom::u64() {
        Ok(random) => format!("{random:016x}"),
        Err(error) => return log::warn!("no phone can control this: {error}"),
    };
    let Some(Ok(qr)) = invite.remote_link(&ticket).map(|link| Qr::new(&link)) else { return };
    let app = desk.app();
    let room = app.global::<Room>();
    room.set_qr(picture(&qr));
    room.set_remote(true);
    *desk.remote.borrow_mut() = Some(Remote { invite: invite.clone(), ticket });
}

/// There is none any more.
pub(super) fn withdraw(desk: &Desk) {
    desk.remote.take();
    desk.app().global::<Room>().set_remote(false);
}

/// Who has come in under the ticket.
pub(super) fn admit(desk: &Desk, view: &View) {
    let come = desk.remote.borrow().as_ref().is_some_and(|remote| {
        let id = remote_id(&remote.ticket);
        view.people.iter().any(|person| person.id == id)
    });
    if !come {
        return;
    }
    let Some(Remote { invite, ticket }) = desk.remote.take() else { return };
    if view.role == Some(Role::Host)
        && let Some(id) = ParticipantId::parse(&remote_id(&ticket))
    {
        desk.wish(Wish::SetRole(id, Role::Cohost));
    }
    offer(desk, &invite);
}
