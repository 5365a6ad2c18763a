//! Edits that cannot be made: nothing is written, and what is wrong is said.

use setai::manifest::Files;
use setai::manifest::edit::{Edit, Rewrite, Subject, Trouble, apply};

const GUILD: &str = "version: 1\nguild: \"900000000000000000\"\nroles: { admin: { name: Admin } }\nchannels: { rules: {} }\n\
                     categories: { study: { channels: { room: {} } } }\n";

#[track_caller]
fn refusal(text: &str, edit: &str) -> String {
    let files = Files::single("guild.yaml", text).expect("a path");
    refusal_in(&files, edit)
}

#[track_caller]
fn refusal_in(files: &Files, edit: &str) -> String {
    let edit: Edit = serde_json::from_str(edit).expect("an edit");
    apply(files, "guild.yaml", &[edit]).expect_err("it is refused").to_string()
}

#[test]
fn what_does_not_fit_is_said_with_the_nearest_word() {
    let cases = [
        (
            r#"{ "edit": "remove", "object": "channels.rulez" }"#,
            "edit 1: there is no `channels.rulez`; did you mean `rules`?",
        ),
        (
            r#"{ "edit": "set", "object": "roles.admin", "field": "colour", "value": "x" }"#,
            "edit 1: `roles.admin` has no field `colour`; did you mean `color`?",
        ),
        (
            r#"{ "edit": "add", "object": "channels.room" }"#,
            "edit 1: `channels.room` is there already; choose another key",
        ),
        (
            r#"{ "edit": "rename", "object": "channels.rules", "to": "room" }"#,
            "edit 1: `channels.room` is there already; choose another key",
        ),
        (
            r#"{ "edit": "remove", "object": "categories.study" }"#,
            "edit 1: `categories.study` still has the channels room; move or remove them first",
        ),
        (
            r#"{ "edit": "unset", "object": "channels.rules", "field": "topic" }"#,
            "edit 1: `channels.rules` says nothing of topic",
        ),
        (
            r#"{ "edit": "move", "object": "channels.rules", "category": "study", "place": { "after": "news" } }"#,
            "edit 1: `channels.rules` cannot stand beside `news`, which is not in the same place",
        ),
        (
            r#"{ "edit": "set_overwrite", "object": "channels.room", "target": "admin", "value": {} }"#,
            "edit 1: `channels.room` has no list of overwrites; set its `permissions` as a whole",
        ),
        (r#"{ "edit": "unexpect", "index": 0 }"#, "edit 1: there is no expectation 0; the first has the number 0"),
    ];
    for (edit, expected) in cases {
        assert_eq!(refusal(GUILD, edit), expected);
    }
}

#[test]
fn a_value_that_is_none_is_told_with_its_place_in_the_result() {
    let edit = r##"{ "edit": "set", "object": "roles.admin", "field": "color", "value": "red" }"##;
    let said = refusal(GUILD, edit);
    assert_eq!(said, "the result would be refused: SA0115 guild.yaml:3:39: `red` is not a colour");
}

#[test]
fn a_manifest_that_is_wrong_already_is_not_edited() {
    let said = refusal(
        "version: 1\nguild: \"1\"\nroles: { a: { naem: x } }\n",
        r#"{ "edit": "remove", "object": "roles.a" }"#,
    );
    assert_eq!(said, "the manifest must be mended first: SA0103 guild.yaml:3:15: unknown field `naem`");
}

#[test]
fn what_is_inherited_cannot_be_reordered_from_here() {
    let mut files =
        Files::single("guild.yaml", "version: 1\nguild: \"900000000000000000\"\nextends: base.yaml\n").expect("a path");
    files.insert("base.yaml", "version: 1\nguild: \"1\"\nroles: { a: { hoist: true }, b: {} }\n").expect("a path");
    let inherited =
        "edit 1: it is inherited from `base.yaml`, and this manifest cannot say it from here; edit that file instead";
    for edit in [
        r#"{ "edit": "move", "object": "roles.b", "place": "first" }"#,
        r#"{ "edit": "rename", "object": "roles.b", "to": "c" }"#,
        r#"{ "edit": "unset", "object": "roles.a", "field": "hoist" }"#,
        r#"{ "edit": "add", "object": "roles.c", "place": "first" }"#,
    ] {
        assert_eq!(refusal_in(&files, edit), inherited, "{edit}");
    }
}

#[test]
fn what_is_shared_is_written_out_and_that_is_told() {
    let text = "version: 1\nguild: \"900000000000000000\"\nroles:\n  a: &a { hoist: true }  # one\n  b: *a  # two\n";
    let files = Files::single("guild.yaml", text).expect("a path");
    let edit = |object: &str, field: &str| Edit::Set {
        object: object.parse::<Subject>().expect("a role"),
        field: field.to_owned(),
        value: setai::manifest::edit::Value::Bool(false),
    };
    let edited = apply(&files, "guild.yaml", &[edit("roles.b", "hoist")]).expect("it can be made");
    assert_eq!(edited.rewritten.iter().map(|r| &r.how).collect::<Vec<_>>(), [&Rewrite::AliasesWrittenOut]);
    let new = std::str::from_utf8(edited.files.get("guild.yaml").expect("the file")).expect("UTF-8");
    assert_eq!(new, text.replace("*a", "{ hoist: false }"));
}

#[test]
fn nothing_is_written_when_one_of_several_edits_is_wrong() {
    let files = Files::single("guild.yaml", GUILD).expect("a path");
    let good = Edit::Remove { object: Subject::Channel("rules".to_owned()) };
    let bad = Edit::Remove { object: Subject::Channel("ghost".to_owned()) };
    let error = apply(&files, "guild.yaml", &[good, bad]).expect_err("it is refused");
    assert_eq!(error.edit, Some(1));
    assert!(matches!(error.trouble, Trouble::NoSuchObject { .. }), "{error}");
}
