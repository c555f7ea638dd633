//! Seeks of ours, and of somebody else's.

use super::*;

#[test]
fn a_seek_is_over_with_its_picture_and_a_later_one_replaces_it() {
    let mut line = Line::open();
    line.command(Command::Seek(at(10.0)));
    line.seek_begins();
    line.command(Command::Seek(at(30.0)));
    line.says(json!({"event": "playback-restart"}));
    assert_eq!(line.commands().len(), 2, "that was the first one's picture: nothing is asked of it");
    line.seek_begins();
    line.picture(30.02);
    assert_eq!(line.events(), [Event::Sought(at(30.02))]);
    line.picture(30.02);
    assert_eq!(line.take(), [], "a restart that nobody asked for");
    line.command(Command::Seek(at(5.0)));
    line.refuse_all();
    assert_eq!(line.events(), [Event::SeekFailed]);
    line.command(Command::Seek(at(1_000.0)));
    line.seek_begins();
    line.picture(59.98);
    assert_eq!(line.events(), [Event::Sought(at(59.98))], "beyond the end is the end");
}

#[test]
fn a_seek_that_ends_elsewhere_is_made_once_more_and_has_failed_then() {
    let mut line = Line::open();
    line.command(Command::Seek(at(10.0)));
    line.take();
    line.seek_begins();
    line.picture(3.0);
    assert!(line.commands().contains(&json!(["seek", 10.0, "absolute+exact"])));
    line.seek_begins();
    line.picture(3.0);
    assert_eq!(line.events(), [Event::SeekFailed]);
    line.command(Command::AskPosition);
    line.answer_all(json!(3.0));
    assert_eq!(line.events().len(), 1, "it says where it is again");
}

#[test]
fn somebody_elses_seek_is_undone_and_a_wish() {
    let mut line = Line::open();
    line.command(Command::Play);
    line.answer_all(json!(null));
    line.property("pause", json!(false));
    line.take();
    line.now += Duration::from_secs(4);
    line.says(json!({"event": "seek"}));
    line.command(Command::AskPosition);
    line.answer_all(json!(40.0));
    assert_eq!(line.events(), [], "where it strayed to is no place of the film's");
    line.picture(40.0);
    let outputs = line.take();
    assert!(outputs.contains(&Output::Event(Event::Wished(PlayerWish::Seek(at(40.0))))), "{outputs:?}");
    let undo =
        |output: &Output| matches!(output, Output::Line(line) if line.contains(r#"["seek",4.0,"absolute+exact"]"#));
    assert!(outputs.iter().any(undo), "{outputs:?}");
    line.seek_begins();
    line.picture(4.0);
    assert_eq!(line.events(), [], "nobody waits for the undoing's end");

    // A slider that is dragged on, while the first of its seeks is being undone.
    line.says(json!({"event": "seek"}));
    line.picture(20.0);
    line.seek_begins();
    line.picture(33.0);
    let wishes = [20.0, 33.0].map(|place| Event::Wished(PlayerWish::Seek(at(place))));
    assert_eq!(line.events(), wishes);
}

#[test]
fn seeks_of_mpvs_own_to_where_it_may_be_are_nobodys_wish() {
    let mut line = Line::open();
    line.says(json!({"event": "seek"}));
    line.picture(0.2);
    assert_eq!(line.events(), [], "a track was chosen");
    line.command(Command::Play);
    line.answer_all(json!(null));
    line.property("pause", json!(false));
    line.now += Duration::from_secs(10);
    line.take();
    // It may have waited for bytes in between.
    for place in [0.0, 6.0, 10.3] {
        line.says(json!({"event": "seek"}));
        line.picture(place);
        assert_eq!(line.events(), [], "{place}");
    }
    line.says(json!({"event": "seek"}));
    line.command(Command::Seek(at(50.0)));
    line.seek_begins();
    line.picture(50.0);
    assert_eq!(line.events(), [Event::Sought(at(50.0))], "ours came before the other's picture");
}
