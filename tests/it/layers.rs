//! Manifests of several files: what includes add, what overlays change, and which files are manifests at all.

use std::collections::BTreeSet;

use setai::manifest::render::{Style, render};
use setai::manifest::{
    Content, Diagnostic, Files, InvalidPath, Manifest, Previously, guild_files, parse, render_diagnostics,
};
use setai::model::{ChannelKind, ChannelRef, Image, OverwriteChoice, Permissions};

use crate::manifest::fixtures;
use crate::support::guilds::{Size, guild_of_seed};

fn valid(name: &str) -> Manifest {
    let (_, files, entry) = fixtures("valid").into_iter().find(|(n, ..)| n == name).expect("the fixture is there");
    parse(&files, &entry).manifest.expect("it is valid")
}

fn keys<V>(map: &indexmap::IndexMap<setai::model::Key, V>) -> Vec<&str> {
    map.keys().map(setai::model::Key::as_str).collect()
}

#[test]
fn an_overlay_changes_adds_moves_and_removes() {
    let manifest = valid("overlay");
    assert_eq!(manifest.guild.get(), 1_146_231_231_231_231_233);
    assert_eq!(keys(&manifest.roles), ["member", "tester"]);
    assert_eq!(keys(&manifest.categories), ["lounge"]);
    assert_eq!(keys(&manifest.channels), ["rules", "sandbox"]);
    let member = &manifest.roles["member"].attributes;
    assert_eq!(member.hoist, Some(true), "the overlay's field");
    assert_eq!(member.permissions, Some(Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES), "the base's field");
    let rules = &manifest.channels["rules"].attributes;
    assert_eq!(rules.parent, Some(None), "moving a channel is moving its line");
    assert_eq!(
        (rules.nsfw, rules.topic.clone().flatten().as_deref()),
        (Some(false), Some("Moved out of its category."))
    );
    assert_eq!(manifest.settings.name.as_deref(), Some("Staging"));
    assert_eq!(manifest.settings.features.0.len(), 2, "switches are laid one by one");
    assert_eq!(manifest.expectations.len(), 1, "what is expected of the base is expected of the overlay");
    assert_eq!(manifest.origins["roles.member.permissions"].file, "base/roles.yaml");
    assert_eq!(manifest.origins["roles.member.hoist"].file, "guild.yaml");
}

#[test]
fn includes_add_up_in_order() {
    let manifest = valid("parts");
    assert_eq!(keys(&manifest.roles), ["member", "friend", "guest"]);
    assert_eq!(keys(&manifest.channels), ["lobby", "room"]);
    assert_eq!(manifest.expectations.len(), 1);
    assert_eq!(manifest.roles["friend"].attributes.hoist, Some(true), "merge keys work");
}

#[test]
fn every_field_means_something() {
    let manifest = valid("everything");
    let forum = &manifest.channels["questions"].attributes;
    assert_eq!(forum.said().len(), 11, "{:?}", forum.said());
    assert_eq!(forum.overwrites, OverwriteChoice::Synced);
    let tags = forum.available_tags.0.as_ref().expect("tags");
    assert_eq!(
        tags.iter().map(|t| (t.name.as_str(), t.moderated)).collect::<Vec<_>>(),
        [("short", false), ("long", true), ("none", false),]
    );
    assert_eq!(manifest.channels["lobby"].attributes.overwrites, OverwriteChoice::Unmanaged);
    assert_eq!(manifest.channels["talk"].attributes.overwrites, OverwriteChoice::Exactly(Default::default()));
    assert_eq!(manifest.roles["gradient"].previously, Previously::Keys(vec![]), "certainly new");
    assert_eq!(manifest.roles["silent"].attributes.said(), ["name"]);
    assert_eq!(manifest.roles["admin"].attributes.name.as_deref(), Some("Admin"));
    assert_eq!(manifest.roles["everyone"].attributes.said(), ["permissions"]);
    let gradient = manifest.roles["gradient"].attributes.permissions.expect("said");
    assert!(gradient.contains(Permissions::from_bits(1 << 53) | Permissions::MANAGE_GUILD_EXPRESSIONS));
    let settings = &manifest.settings;
    assert_eq!(settings.splash, Some(None), "`null` clears");
    assert_eq!(settings.said().len(), 19);
    assert_eq!((settings.system_channel_flags.set, settings.system_channel_flags.clear), (0b00_1101, 0b11_0010));
    assert!(matches!(settings.public_updates_channel, Some(Some(ChannelRef::Live(_)))));
    let Some(Some(Image::Upload(icon))) = &settings.icon else { panic!("an image") };
    assert_eq!((icon.path.as_str(), icon.sha256.len()), ("images/icon.png", 64));
    assert!(icon.data_uri.starts_with("data:image/png;base64,iVBORw0KGgo"), "{}", icon.data_uri);
    let kinds: BTreeSet<_> = manifest.channels.values().filter_map(|c| c.attributes.kind).collect();
    assert_eq!(kinds.len(), ChannelKind::NAMED.len() - 1, "every kind of channel");
    assert_eq!(manifest.policy.ignore[1].to_string(), "channels.lobby.overwrites", "fields go by the model's names");
}

#[test]
fn the_later_permission_wins_and_named_sets_are_laid_in_order() {
    let manifest = valid("everything");
    let OverwriteChoice::Exactly(overwrites) = &manifest.categories["forums"].attributes.overwrites else {
        panic!("a set of overwrites")
    };
    let of = |text: &str| overwrites.get(&text.parse().expect("a target"));
    let read = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    assert_eq!(of("role:key:everyone").deny, Permissions::VIEW_CHANNEL, "replaced, not mixed with what it was");
    assert_eq!(of("role:key:everyone").allow, Permissions::NONE);
    assert_eq!(of("role:key:admin").allow, read | Permissions::SEND_MESSAGES);
    assert_eq!(of("role:key:admin").deny, Permissions::NONE, "`write` comes after `read`");
    let foreign = of("role:1146231231231231400");
    assert_eq!(foreign.allow, read | Permissions::ADD_REACTIONS);
    assert_eq!(foreign.deny, Permissions::SEND_MESSAGES | Permissions::CONNECT);
}

/// The content of a manifest without the places it was written at.
fn content(files: &Files) -> Content {
    let parsed = parse(files, "guild.yaml");
    let text = render_diagnostics(&parsed.diagnostics, files, false);
    let mut content = (*parsed.manifest.unwrap_or_else(|| panic!("{text}"))).clone();
    content.origins.clear();
    content
}

#[test]
fn a_manifest_in_pieces_means_what_it_means_in_one() {
    for seed in 0..40 {
        let text = render(&guild_of_seed(seed, Size::SMALL), &Style::default()).text;
        let whole = content(&files(&[("guild.yaml", &text)]));
        let begins_section = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
        let mut pieces: Vec<String> = Vec::new();
        for line in text.lines() {
            match pieces.last_mut() {
                Some(piece) if !begins_section(line) => *piece += &format!("{line}\n"),
                _ => pieces.push(format!("{line}\n")),
            }
        }
        let (own, parts): (Vec<String>, _) = pieces.into_iter().partition(|piece| !piece.contains("  "));
        let mut split = Files::default();
        let main = format!("{}include: [parts/*.yaml]\n", own.concat());
        split.insert("guild.yaml", main).expect("a path");
        for (at, part) in parts.iter().enumerate() {
            split.insert(&format!("parts/{at}.yaml"), part.as_str()).expect("a path");
        }
        assert!(parts.len() >= 2, "{text}");
        assert_eq!(content(&split), whole, "{text}");
    }
}

#[test]
fn an_overlay_that_says_nothing_changes_nothing_and_one_over_nothing_says_it_all() {
    for seed in 0..40 {
        let text = render(&guild_of_seed(seed, Size::SMALL), &Style::default()).text;
        let whole = content(&files(&[("guild.yaml", &text)]));
        let empty = "version: 1\nextends: base.yaml\n";
        assert_eq!(content(&files(&[("guild.yaml", empty), ("base.yaml", &text)])), whole, "{text}");
        let full = format!("extends: base.yaml\n{text}");
        assert_eq!(content(&files(&[("guild.yaml", &full), ("base.yaml", "version: 1\n")])), whole, "{text}");
        assert_eq!(content(&files(&[("guild.yaml", &full), ("base.yaml", &text)])), whole, "{text}");
    }
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|d| d.code).collect()
}

fn files(texts: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    texts.iter().for_each(|(path, text)| files.insert(path, *text).expect("a path"));
    files
}

#[test]
fn a_file_with_the_guild_key_is_a_manifest() {
    let found = guild_files(&files(&[
        ("a/guild.yaml", "version: 1\nguild: \"1\"\n"),
        ("a/roles.yaml", "roles: { x: { name: guild } }\n"),
        ("b.yml", "{\"version\":1,\"guild\":\"2\"}"),
        ("broken-part.yaml", "channels: { a: { topic: \"in this guild\" }\n"),
        ("broken.yaml", "guild: \"3\n"),
        ("notes.md", "guild: none\n"),
    ]));
    assert_eq!(found, (vec!["a/guild.yaml".to_owned(), "b.yml".to_owned(), "broken.yaml".to_owned()], vec![]));
}

#[test]
fn no_manifest_at_all_is_a_problem_and_so_are_two_for_one_guild() {
    let (found, problems) = guild_files(&files(&[("roles.yaml", "roles: {}\n")]));
    assert_eq!((found.len(), codes(&problems)), (0, vec!["SA0005"]));
    let twice = files(&[("a.yaml", "guild: \"7\"\n"), ("b.yaml", "version: 1\nguild: 7\n")]);
    let (found, problems) = guild_files(&twice);
    assert_eq!((found.len(), codes(&problems)), (2, vec!["SA0006"]));
    insta::assert_snapshot!(render_diagnostics(&problems, &twice, false), @r#"
    error[SA0006]: `a.yaml` and `b.yaml` both describe the guild 7
     --> b.yaml:2:8
      |
    2 | guild: 7
      |        ^ again here
      |
     ::: a.yaml:1:8
      |
    1 | guild: "7"
      |        --- first here
    "#);
}

#[test]
fn images_must_be_what_discord_takes() {
    let text = "version: 1\nguild: \"1\"\nsettings: { icon: a.svg }\nroles: { r: { icon: big.png } }\n";
    let mut files = files(&[("guild.yaml", text), ("a.svg", "<svg/>")]);
    let big: Vec<u8> = b"\x89PNG\r\n\x1a\n".iter().copied().chain(std::iter::repeat_n(0, 256 << 10)).collect();
    files.insert("big.png", big).expect("a path");
    let parsed = parse(&files, "guild.yaml");
    assert_eq!(codes(&parsed.diagnostics), ["SA0009", "SA0009"]);
}

#[test]
fn a_missing_entry_is_a_problem() {
    let parsed = parse(&Files::default(), "guild.yaml");
    assert_eq!(codes(&parsed.diagnostics), ["SA0001"]);
    assert!(parsed.manifest.is_none());
}

#[test]
fn more_categories_than_were_ever_seen_are_a_warning() {
    let many: String = (0..51).map(|i| format!("  c{i}: {{}}\n")).collect();
    let parsed = parse(&files(&[("g.yaml", &format!("version: 1\nguild: \"1\"\ncategories:\n{many}"))]), "g.yaml");
    assert_eq!(codes(&parsed.diagnostics), ["SA0307"]);
    assert!(parsed.manifest.is_some());
}

#[test]
fn a_flood_of_problems_is_cut() {
    let flood: String = (0..600).map(|i| format!("  r{i}: {{ nope: 1 }}\n")).collect();
    let parsed = parse(&files(&[("g.yaml", &format!("version: 1\nguild: \"1\"\nroles:\n{flood}"))]), "g.yaml");
    assert_eq!((parsed.diagnostics.len(), codes(&parsed.diagnostics).last()), (501, Some(&"SA0010")));
}

#[test]
fn files_cannot_be_named_outside_the_folder() {
    let refused = |path: &str| Files::single(path, "").expect_err("not a path");
    assert_eq!(refused("../a"), InvalidPath::Outside("../a".to_owned()));
    assert_eq!(refused("/a"), InvalidPath::Absolute("/a".to_owned()));
    assert_eq!(refused("a/"), InvalidPath::Nothing("a/".to_owned()));
}
