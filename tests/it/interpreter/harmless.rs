//! What no reading of a request may do: open or close a whole guild, make what nobody asked for, or remove what nobody
//! wanted to lose.

use setai::ai::rules::interpret;
use setai::ai::{EntityKind, Interpretation};
use setai::manifest::edit::{Edit, Subject, Value};

use super::{bases, cases};

/// Says that the whole guild is meant.
const EVERYWHERE: &[&str] = &[
    "everywhere",
    "anywhere",
    "whole server",
    "entire server",
    "the server",
    "this server",
    "our server",
    "guild-wide",
    "guildwide",
    "guild wide",
    "server-wide",
    "serverwide",
    "server wide",
    "in every channel",
    "in all channels",
    "in all the channels",
    "in any channel",
    "globally",
    "the guild",
    "everyone role",
    "role everyone",
    "@everyone",
    "by default",
];

/// Says that something goes.
const GOES: &str = "delet dellet delte dleet remov remvo renmov drop rid|of eras scrap trash destroy kill discard axe bin ditch \
    nuke purge wipe take|down take|out throw toss do|away goodbye dissolve eliminate chuck lose obliterate dump demolish \
    dismantle close|down can|go should|go must|go has|to|go need|to|go needs|to|go have|to|go may|go no|longer needed obsolete \
    required disappear gone";

/// A kind, and never a name by itself.
const KINDS: &[&str] =
    &["channels", "channel", "voice channels", "text channels", "categories", "category", "roles", "role"];
const UNITS: &[&str] = &[
    "kbps", "kbit", "people", "players", "users", "members", "min", "mins", "minutes", "seconds", "sec", "hours", "s",
    "m", "h",
];

fn is_value(name: &str) -> bool {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let unit = digits.trim_start_matches([' ', '-']).to_lowercase();
    digits.len() < name.len() && UNITS.contains(&unit.as_str())
}

/// What holds of every interpretation of every text.
pub(super) fn holds(says: &str, came: &Interpretation) {
    let low = says.to_lowercase();
    let says_any = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let goes = GOES.split_whitespace().any(|word| low.contains(&word.replace('|', " ")));
    let names_place =
        came.entities.iter().any(|entity| matches!(entity.kind, EntityKind::ChannelName | EntityKind::Category));
    for edit in &came.edits {
        match edit {
            Edit::Set { object: Subject::Role(role), field, .. } if role == "everyone" && field == "permissions" => {
                assert!(says_any(EVERYWHERE), "{says:?} is about the whole guild: {edit:?}");
            }
            Edit::Remove { .. } => assert!(goes, "{says:?} removes something: {edit:?}"),
            Edit::Add {
                object: Subject::Role(name) | Subject::Category(name) | Subject::Channel(name),
                fields,
                ..
            } => {
                let shown = match fields.get("name") {
                    Some(Value::Text(shown)) => shown,
                    _ => name,
                };
                let is_called = says_any(&["called", "named", "name", "\"", "'", "`"]);
                assert!(!is_value(shown) || is_called, "{says:?} makes a value: {edit:?}");
                let words = shown.to_lowercase().replace('-', " ");
                let mere = KINDS.iter().any(|kind| words.starts_with(&format!("{kind} ")) && kind.ends_with('s'));
                assert!(!mere || is_called, "{says:?} makes a kind: {edit:?}");
            }
            _ => {}
        }
    }
    let touches_all = came
        .edits
        .iter()
        .any(|edit| matches!(edit, Edit::Set { object: Subject::Role(role), field, .. } if role == "everyone" && field == "permissions"));
    assert!(!(names_place && touches_all) || says_any(EVERYWHERE), "{says:?} names a place and changes the guild");
}

#[test]
fn no_request_of_the_corpus_does_more_than_was_asked() {
    let bases = bases();
    for case in ["dev.yaml", "more.yaml", "everyday.yaml"].into_iter().flat_map(cases) {
        holds(&case.says, &interpret(&case.says, &bases[&case.base], "guild.yaml"));
    }
}

/// Requests that could be taken for something worse than they are, none of which may come to an edit.
const DOUBTFUL: &[(&str, &str)] = &[
    ("community", "nobody can write"),
    ("community", "only moderators can write"),
    ("community", "everyone should have access"),
    ("community", "take view channel away from everyone"),
    ("community", "let everyone stream"),
    ("community", "remove #memes from community"),
    ("community", "remove cooking and gardening from hobbies"),
    ("community", "remove helpers from #art"),
    ("community", "remove art's permission for artists"),
    ("community", "remove artist from Bob"),
    ("community", "remove the voice permission from newcomers"),
    ("community", "remove the members from the lounge"),
    ("community", "delete inactive channels in hobbies"),
    ("community", "delete memes or general"),
    ("community", "purge #general"),
    ("community", "wipe #general"),
    ("community", "delete the link in #rules"),
    ("community", "delete all channels except the good ones"),
    ("community", "create a channel 64 kbps"),
    ("community", "make 5 people"),
    ("community", "add 3 days"),
    ("gaming", "a duo voice channel for recruits only in squads, limit 2"),
    ("school", "15 min"),
];

#[test]
fn a_doubtful_request_comes_to_nothing() {
    let bases = bases();
    for (base, says) in DOUBTFUL {
        let came = interpret(says, &bases[*base], "guild.yaml");
        assert!(came.edits.is_empty(), "{says:?} came to {:?}", came.edits);
        assert_eq!(came.not_understood.len(), 1, "{says:?}");
    }
}

#[test]
fn whoever_leaves_the_place_out_is_asked_where() {
    let files = &bases()["community"];
    let came = interpret("nobody may stream any more", files, "guild.yaml");
    assert_eq!(came.not_understood[0].why, "say where: in which channel or category, or everywhere");
    let everywhere = interpret("nobody may speak on the whole server", files, "guild.yaml");
    assert!(everywhere.not_understood.is_empty(), "{everywhere:?}");
    let there = interpret("Rename #art to gallery. Only artists can write.", files, "guild.yaml");
    let about = |edit: &Edit| !matches!(edit, Edit::Set { object: Subject::Role(_), .. });
    assert!(there.edits.iter().all(about) && there.edits.len() > 1, "{there:?}");
}
