//! A few edits as a person would see them in a pull request.

use setai::manifest::Files;
use setai::manifest::edit::{Edit, apply};
use similar::TextDiff;

const GUILD: &str = r##"# The server of the study group.
version: 1
guild: "900000000000000000"

settings:
  system_channel: welcome     # where Discord greets

permission_sets:
  hidden: { deny: [view_channel] }

access:
  staff_only: { everyone: hidden, moderator: { allow: [view_channel] } }

roles:
  # Top of the list is top of the hierarchy.
  admin:     { name: Admin, color: "#e74c3c" }   # two people
  moderator:
    name: 'Moderator'
    permissions:
      - manage_messages   # since 2024
      - kick_members
  # Everyone who has read the rules.
  member: { name: Member }

channels:
  welcome: { topic: Start here }

categories:
  information:
    name: 📢 Information
    channels:
      rules: { topic: Be kind. }  # pinned in every channel

      # Written by the team.
      news:
        topic: |
          What is new.
          And what is old.
  study:
    channels: {}

expectations:
  - { role: moderator, can: [manage_messages], in: [rules, news] }
  - { role: everyone, cannot: [administrator], in: [news] }
"##;

/// The difference some edits make, given as the JSON that a program would send.
fn diff_of(edits: &str) -> String {
    let files = Files::single("guild.yaml", GUILD).expect("a path");
    diff_in(&files, edits)
}

fn diff_in(files: &Files, edits: &str) -> String {
    let edits: Vec<Edit> = serde_json::from_str(edits).expect("edits");
    let again: Vec<Edit> = serde_json::from_str(&serde_json::to_string(&edits).expect("JSON")).expect("edits");
    assert_eq!(edits, again, "edits survive a way through JSON");
    let edited = apply(files, "guild.yaml", &edits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(edited.rewritten, [], "all in place");
    let text = |files: &Files, name: &str| String::from_utf8(files.get(name).expect("a file").to_vec()).expect("UTF-8");
    let diff = |name: &String| {
        let (old, new) = (text(files, name), text(&edited.files, name));
        TextDiff::from_lines(&old, &new).unified_diff().context_radius(1).header(name, name).to_string()
    };
    edited.changed.iter().map(diff).collect()
}

#[test]
fn fields_change_in_their_lines() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "set", "object": "roles.admin", "field": "color", "value": "#00ff00" },
        { "edit": "set", "object": "roles.moderator", "field": "name", "value": "Mod's" },
        { "edit": "set", "object": "roles.moderator", "field": "permissions", "value": ["manage_messages", "ban_members"] },
        { "edit": "set", "object": "roles.member", "field": "hoist", "value": true },
        { "edit": "set", "object": "channels.news", "field": "topic", "value": "Short." },
        { "edit": "set", "object": "channels.rules", "field": "topic", "value": null },
        { "edit": "set", "object": "settings", "field": "features.invites_disabled", "value": true }
    ]"##
    ));
}

#[test]
fn what_is_new_stands_where_it_belongs() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "add", "object": "roles.helper", "fields": { "name": "Helper" }, "place": { "after": "moderator" } },
        { "edit": "add", "object": "channels.room", "category": "study", "fields": { "type": "voice", "user_limit": 8 } },
        { "edit": "add", "object": "channels.faq", "category": "information", "fields": { "topic": "Read me" }, "place": { "before": "news" } },
        { "edit": "add", "object": "categories.archive", "fields": { "permissions": "staff_only" } },
        { "edit": "expect", "expectation": { "role": "member", "cannot": ["ban_members"] } }
    ]"##
    ));
}

#[test]
fn what_goes_takes_what_refers_to_it_along() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "remove", "object": "channels.news" },
        { "edit": "remove", "object": "roles.moderator" },
        { "edit": "remove", "object": "channels.welcome" }
    ]"##
    ));
}

#[test]
fn a_new_key_is_used_everywhere() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "rename", "object": "roles.moderator", "to": "crew" },
        { "edit": "rename", "object": "channels.welcome", "to": "lobby" },
        { "edit": "rename", "object": "permission_sets.hidden", "to": "secret" },
        { "edit": "rename", "object": "access.staff_only", "to": "staff" }
    ]"##
    ));
}

#[test]
fn comments_move_with_what_they_are_about() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "move", "object": "channels.news", "category": "study" },
        { "edit": "move", "object": "roles.member", "place": { "before": "moderator" } },
        { "edit": "move", "object": "channels.rules", "place": "first" }
    ]"##
    ));
}

#[test]
fn overwrites_and_tags_are_changed_one_by_one() {
    insta::assert_snapshot!(diff_of(
        r##"[
        { "edit": "set", "object": "channels.news", "field": "permissions", "value": "staff_only" },
        { "edit": "set_overwrite", "object": "channels.news", "target": "member", "value": "hidden" },
        { "edit": "set_overwrite", "object": "access.staff_only", "target": "admin", "value": { "allow": ["view_channel"] } },
        { "edit": "unset_overwrite", "object": "access.staff_only", "target": "moderator" },
        { "edit": "set", "object": "channels.rules", "field": "type", "value": "forum" },
        { "edit": "set_tag", "channel": "rules", "tag": "open", "value": "open" },
        { "edit": "set_tag", "channel": "rules", "tag": "done", "value": { "name": "done", "moderated": true } },
        { "edit": "unset_tag", "channel": "rules", "tag": "open" }
    ]"##
    ));
}

/// A staging server that is like the real one, and files of their own for roles and channels.
fn layered() -> Files {
    let mut files = Files::single(
        "guild.yaml",
        "version: 1\nguild: \"900000000000000000\"\nextends: base.yaml\ninclude: [own/*.yaml]\n\nchannels:\n  # Only here.\n  lab: { topic: Try }\n",
    )
    .expect("a path");
    let base = "version: 1\nguild: \"900000000000000001\"\nroles:\n  admin: { name: Admin, hoist: true }\n  member: {}\n\
                channels:\n  rules: { topic: Be kind., nsfw: false }\n  news: {}\n";
    files.insert("base.yaml", base).expect("a path");
    files.insert("own/roles.yaml", "roles:\n  # Ours.\n  tester: { hoist: true }\n").expect("a path");
    files.insert("own/study.yaml", "categories:\n  study:\n    channels:\n      room: {}  # big\n").expect("a path");
    files
}

#[test]
fn an_edit_goes_into_the_file_that_says_it_and_never_into_the_base() {
    insta::assert_snapshot!(diff_in(
        &layered(),
        r##"[
        { "edit": "set", "object": "roles.admin", "field": "hoist", "value": false },
        { "edit": "set", "object": "roles.tester", "field": "hoist", "value": false },
        { "edit": "set", "object": "channels.rules", "field": "topic", "value": "Be kinder." },
        { "edit": "remove", "object": "channels.news" },
        { "edit": "move", "object": "channels.lab", "category": "study", "place": "first" },
        { "edit": "add", "object": "roles.guest", "fields": { "name": "Guest" } }
    ]"##
    ));
}
