//! Texts nobody would write: words in any order, characters of all scripts, the same word a thousand times.
//!
//! Whatever comes in, nothing panics, positions lie within the text, edits apply or are refused in clear words, and nothing
//! ever grants `administrator` or weakens what protects a guild.

use std::time::Instant;

use setai::ai::Interpretation;
use setai::ai::rules::{LONGEST, interpret};
use setai::manifest::edit::{Edit, Subject, Value};
use setai::manifest::{Files, edit};

use super::bases;
use crate::support::rng::Rng;
use crate::support::seeds::{seeds, trials};

const WORDS: &[&str] = &[
    "create",
    "delete",
    "rename",
    "move",
    "make",
    "set",
    "let",
    "give",
    "take away",
    "hide",
    "show",
    "lock",
    "unlock",
    "add",
    "remove",
    "only",
    "everyone",
    "nobody",
    "except",
    "but",
    "not",
    "don't",
    "can",
    "may",
    "should",
    "and",
    ",",
    ".",
    ":",
    "then",
    "to",
    "in",
    "from",
    "with",
    "for",
    "called",
    "the",
    "a",
    "two",
    "three",
    "50",
    "#general",
    "#rules",
    "@helper",
    "moderators",
    "artist",
    "Lounge",
    "Hobbies",
    "category",
    "channel",
    "voice channel",
    "role",
    "forum",
    "tags",
    "topic",
    "slowmode",
    "10s",
    "five minutes",
    "user limit",
    "7",
    "red",
    "#ff0000",
    "private",
    "public",
    "read-only",
    "visible",
    "administrator",
    "admin",
    "permission",
    "kick",
    "ban people",
    "write",
    "see",
    "\"",
    "'quoted'",
    "it",
    "them",
    "there",
    "all channels in",
    "everything",
    "policy",
    "protection",
    "expectations",
    "approval",
    "at the top",
    "before",
    "after",
    "under",
    "🎮",
    "ideas",
    "please",
    "!",
    "?",
    "if",
    "because",
    "\n- ",
    "afk channel",
    "verification",
    "high",
    "all permissions",
    "Student",
    "Squad 1",
    "teacher",
    "mute",
];

/// A text of a few dozen words.
fn salad(rng: &mut Rng, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..rng.between(1, words) {
        text.push_str(WORDS[rng.below(WORDS.len())]);
        if rng.percent(92) {
            text.push(' ');
        }
    }
    text.chars().take(LONGEST).collect()
}

/// Characters from anywhere.
fn scrawl(rng: &mut Rng, length: usize) -> String {
    let mut text = String::new();
    for _ in 0..rng.between(0, length) {
        let c = match rng.below(6) {
            0 => char::from_u32(rng.below(0x11_0000) as u32).unwrap_or('\u{FFFD}'),
            1 => *rng.pick(&[
                '\'', '"', '`', '“', '#', '@', '-', '_', '>', ':', ',', '.', '\u{301}', '\u{200D}', 'ß', 'İ', 'ǆ',
                '\u{0}',
            ]),
            2 => ' ',
            _ => *rng.pick(&['a', 'e', 's', 't', 'r', '1', '0', 'm', 'é', '語', '🎮', 'л']),
        };
        text.push(c);
    }
    text
}

/// What holds of every interpretation.
fn holds(files: &Files, says: &str, came: &Interpretation) {
    let characters: Vec<char> = says.chars().collect();
    let positions = came.not_understood.iter().map(|part| (part.position, &part.text));
    for (position, text) in positions.chain(came.entities.iter().map(|entity| (entity.position, &entity.value))) {
        let there = characters.get(position.start..position.end).map(|part| part.iter().collect::<String>());
        assert_eq!(there.as_ref(), Some(text), "{position:?} in {says:?}");
    }
    assert!((0.0..=1.0).contains(&came.confidence_score), "{says:?}");
    assert_eq!(came.confidence_score == 0.0, came.edits.is_empty(), "{says:?}");
    for edit in &came.edits {
        assert!(!grants_everything(edit), "{says:?} grants administrator: {edit:?}");
        let weakens =
            matches!(edit, Edit::Expect { .. } | Edit::Unexpect { .. }) || about(edit) == Some(&Subject::Policy);
        assert!(!weakens, "{says:?} lifts a protection: {edit:?}");
    }
    super::harmless::holds(says, came);
    if let Err(error) = edit::apply(files, "guild.yaml", &came.edits) {
        assert!(!error.to_string().is_empty());
        let is_clear = !matches!(
            error.trouble,
            edit::Trouble::Astray | edit::Trouble::Unwritable { .. } | edit::Trouble::Unreadable { .. }
        );
        assert!(is_clear, "{says:?}: {error}");
    }
}

fn about(edit: &Edit) -> Option<&Subject> {
    match edit {
        Edit::Add { object, .. }
        | Edit::Remove { object }
        | Edit::Rename { object, .. }
        | Edit::Move { object, .. }
        | Edit::Set { object, .. }
        | Edit::Unset { object, .. }
        | Edit::SetOverwrite { object, .. }
        | Edit::UnsetOverwrite { object, .. } => Some(object),
        Edit::SetTag { .. } | Edit::UnsetTag { .. } | Edit::Expect { .. } | Edit::Unexpect { .. } => None,
    }
}

fn grants_everything(edit: &Edit) -> bool {
    let value = match edit {
        Edit::Add { fields, .. } => fields.get("permissions"),
        Edit::Set { field, value, .. } => Some(value).filter(|_| field == "permissions"),
        Edit::SetOverwrite { value, .. } => Some(value),
        _ => None,
    };
    value.is_some_and(names_it)
}

fn names_it(value: &Value) -> bool {
    match value {
        Value::Text(text) => text == "administrator",
        Value::List(items) => items.iter().any(names_it),
        Value::Map(entries) => entries.iter().any(|(key, value)| key != "deny" && names_it(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[test]
fn words_in_any_order_do_no_harm() {
    trials(seeds(300, 20_000), async |seed| {
        let mut rng = Rng::seeded(seed);
        let bases = bases();
        let files = &bases[*rng.pick(&["community", "gaming", "school"])];
        let says = salad(&mut rng, 30);
        holds(files, &says, &interpret(&says, files, "guild.yaml"));
    });
}

#[test]
fn characters_of_all_scripts_do_no_harm() {
    trials(seeds(300, 20_000), async |seed| {
        let mut rng = Rng::seeded(seed);
        let files = &bases()["community"];
        let says = scrawl(&mut rng, 200);
        holds(files, &says, &interpret(&says, files, "guild.yaml"));
    });
}

#[test]
fn the_same_request_is_always_understood_alike() {
    trials(seeds(50, 2000), async |seed| {
        let says = salad(&mut Rng::seeded(seed), 40);
        let files = &bases()["gaming"];
        assert_eq!(interpret(&says, files, "guild.yaml"), interpret(&says, files, "guild.yaml"));
    });
}

#[test]
fn a_request_as_long_as_allowed_takes_no_longer_than_a_moment() {
    let bases = bases();
    let files = &bases["community"];
    let repeated = [
        "and ",
        "a ",
        "#general ",
        "create a channel ",
        "delete #memes and ",
        "\"",
        "'a ",
        "let helpers write in ",
        "rename a to b and ",
        "10 ",
        "in ",
        "except ",
        "make it private, ",
        "- ",
        "all channels in ",
        "x",
        "topic ",
    ];
    let mut texts: Vec<String> = repeated.iter().map(|part| part.repeat(LONGEST / part.chars().count())).collect();
    texts.push(salad(&mut Rng::seeded(1), 2000));
    for says in texts {
        let begun = Instant::now();
        holds(files, &says, &interpret(&says, files, "guild.yaml"));
        let took = begun.elapsed();
        assert!(took.as_secs() < 20, "{took:?}: {}", says.chars().take(60).collect::<String>());
    }
}
