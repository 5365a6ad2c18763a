//! What no proposal may do, in as many spellings as there are, and what every proposal may.

use serde_json::{Value, json};
use setai::ai::guard::{Breach, MOST, breaches};
use setai::manifest::Files;
use setai::manifest::edit::{Edit, apply};

const GUILD: &str = r#"version: 1
guild: "1200000000000000001"
name: Maple Street
policy:
  max_deletions: 5
  protect: [roles.moderator, channels.rules, channels.mod-log]
  ignore: [channels.memes.topic, channels.lounge]
permission_sets:
  read: { allow: [view_channel], deny: [send_messages] }
  owner: { allow: [administrator] }
access:
  staff: { everyone: { deny: [view_channel] }, moderator: { allow: [view_channel] } }
roles:
  owner: { permissions: owner }
  moderator: { permissions: [kick_members] }
  helper: { permissions: [manage_messages] }
  member: {}
  everyone: { permissions: [view_channel] }
channels:
  lounge: { type: voice }
categories:
  information:
    permissions: { everyone: read }
    channels: { rules: { permissions: { everyone: read } }, memes: {}, general: { permissions: { everyone: read } } }
  team:
    permissions: staff
    channels: { mod-log: {}, staff: {} }
expectations:
  - { role: member, cannot: [view_channel], in: [team] }
"#;

fn guild() -> Files {
    Files::single("guild.yaml", GUILD).expect("a path")
}

/// What edits of these files breach; they must fit the manifest.
#[track_caller]
fn breached_in(files: &Files, edits: Value) -> Vec<String> {
    let edits: Vec<Edit> = serde_json::from_value(edits).expect("edits");
    let edited = apply(files, "guild.yaml", &edits).unwrap_or_else(|error| panic!("{error}"));
    breaches(files, &edited.files, "guild.yaml", &edits).iter().map(Breach::to_string).collect()
}

#[track_caller]
fn breached(edits: Value) -> Vec<String> {
    breached_in(&guild(), edits)
}

#[track_caller]
fn is_breached(edits: Value, word: &str) {
    let found = breached(edits);
    assert!(found.iter().any(|breach| breach.contains(word)), "{word}: {found:?}");
}

#[test]
fn everyday_edits_breach_nothing() {
    let everyday = [
        json!([{ "edit": "add", "object": "channels.books", "category": "information", "fields": { "topic": "Books" } }]),
        json!([{ "edit": "remove", "object": "channels.lounge" }]),
        json!([{ "edit": "rename", "object": "channels.memes", "to": "fun" }]),
        json!([{ "edit": "rename", "object": "roles.member", "to": "neighbour" }]),
        json!([{ "edit": "rename", "object": "categories.team", "to": "crew" }]),
        json!([{ "edit": "move", "object": "channels.memes", "category": "team", "place": "first" }]),
        json!([{ "edit": "add", "object": "roles.artist", "fields": { "color": "#ff0000" }, "place": { "before": "member" } }]),
        json!([{ "edit": "set", "object": "roles.helper", "field": "permissions", "value": ["kick_members", "pin_messages"] }]),
        json!([{ "edit": "set_overwrite", "object": "channels.general", "target": "helper", "value": { "allow": ["manage_messages"] } }]),
        json!([{ "edit": "set", "object": "settings", "field": "name", "value": "Maple" }]),
        json!([{ "edit": "set", "object": "roles.owner", "field": "hoist", "value": true }]),
        json!([{ "edit": "rename", "object": "roles.owner", "to": "boss" }]),
    ];
    for edits in everyday {
        assert_eq!(breached(edits.clone()), Vec::<String>::new(), "{edits}");
    }
}

#[test]
fn nobody_becomes_administrator_however_it_is_spelled() {
    let set =
        |value: Value| json!([{ "edit": "set", "object": "roles.helper", "field": "permissions", "value": value }]);
    let spellings = [
        set(json!(["administrator"])),
        set(json!(["Administrator"])),
        set(json!(["ADMINISTRATOR"])),
        set(json!(["bit_3"])),
        set(json!(["bit 03"])),
        set(json!("owner")),
        set(json!({ "use": ["read", "owner"] })),
        set(json!({ "use": "read", "allow": ["bit-3"] })),
        json!([{ "edit": "add", "object": "roles.friend", "fields": { "permissions": ["administrator"] } }]),
        json!([{ "edit": "add", "object": "roles.friend", "fields": { "permissions": "owner" } }]),
        json!([{ "edit": "set", "object": "roles.everyone", "field": "permissions", "value": ["administrator"] }]),
        json!([{ "edit": "set_overwrite", "object": "channels.general", "target": "helper", "value": { "allow": ["administrator"] } }]),
        json!([{ "edit": "set_overwrite", "object": "channels.general", "target": "helper", "value": "owner" }]),
        json!([{ "edit": "set_overwrite", "object": "channels.general", "target": "user:80351110224678912", "value": "owner" }]),
        json!([{ "edit": "set", "object": "categories.information", "field": "permissions",
                 "value": { "helper": { "use": "owner" } } }]),
        json!([{ "edit": "set_overwrite", "object": "access.staff", "target": "helper", "value": { "allow": ["bit_3"] } }]),
        json!([{ "edit": "add", "object": "permission_sets.crew", "fields": { "allow": ["administrator"] } }]),
        json!([{ "edit": "add", "object": "permission_sets.crew", "fields": { "extends": "owner" } }]),
        json!([{ "edit": "set", "object": "permission_sets.read", "field": "extends", "value": ["owner"] }]),
        json!([{ "edit": "set", "object": "permission_sets.read", "field": "allow", "value": ["bit_3"] },
               { "edit": "set", "object": "roles.helper", "field": "permissions", "value": "read" }]),
        json!([{ "edit": "rename", "object": "roles.helper", "to": "boss" },
               { "edit": "set", "object": "roles.boss", "field": "permissions", "value": "owner" }]),
    ];
    for edits in spellings {
        is_breached(edits, "`administrator`");
    }
}

#[test]
fn numbers_are_no_permissions() {
    for value in [json!(8), json!([8]), json!(["8"]), json!(["0x8"]), json!(["1 << 3"])] {
        let edits = json!([{ "edit": "set", "object": "roles.helper", "field": "permissions", "value": value }]);
        let edits: Vec<Edit> = serde_json::from_value(edits).expect("edits");
        apply(&guild(), "guild.yaml", &edits).expect_err("the language has no such permission");
    }
}

#[test]
fn policy_and_expectations_stay() {
    let policy =
        |field: &str, value: Value| json!([{ "edit": "set", "object": "policy", "field": field, "value": value }]);
    is_breached(policy("max_deletions", json!("100%")), "`policy.max_deletions`");
    is_breached(policy("max_updates", json!(1)), "`policy.max_updates`");
    is_breached(policy("prune", json!("all")), "`policy.prune`");
    is_breached(policy("on_remove", json!("delete")), "`policy.on_remove`");
    is_breached(policy("approval", json!("never")), "`policy.approval`");
    is_breached(policy("drift", json!("heal")), "`policy.drift`");
    is_breached(policy("protect", json!([])), "`policy.protect`");
    is_breached(policy("protect", json!(["roles.moderator", "channels.rules"])), "`policy.protect`");
    is_breached(policy("ignore", json!(["channels.*.overwrites"])), "`policy.ignore`");
    is_breached(policy("windows", json!(["Mon-Fri 09:00-18:00 Europe/Berlin"])), "`policy.windows`");
    is_breached(json!([{ "edit": "unset", "object": "policy", "field": "protect" }]), "`policy.protect`");
    is_breached(json!([{ "edit": "unexpect", "index": 0 }]), "`expectations`");
    is_breached(
        json!([{ "edit": "expect", "expectation": { "role": "member", "can": ["view_channel"] } }]),
        "`expectations`",
    );
    is_breached(json!([{ "edit": "remove", "object": "roles.member" }]), "`expectations`");
}

#[test]
fn what_is_protected_is_neither_removed_nor_changed() {
    is_breached(
        json!([{ "edit": "remove", "object": "channels.rules" }]),
        "`channels.rules` is protected by `policy.protect` and would be removed",
    );
    is_breached(json!([{ "edit": "rename", "object": "channels.rules", "to": "law" }]), "its key");
    is_breached(json!([{ "edit": "set", "object": "channels.rules", "field": "topic", "value": "none" }]), "its topic");
    is_breached(json!([{ "edit": "move", "object": "channels.rules", "category": "team" }]), "its parent");
    is_breached(
        json!([{ "edit": "move", "object": "channels.rules", "category": "information", "place": "last" }]),
        "its place",
    );
    is_breached(
        json!([{ "edit": "unset_overwrite", "object": "channels.rules", "target": "everyone" }]),
        "its overwrites",
    );
    is_breached(
        json!([{ "edit": "set", "object": "roles.moderator", "field": "permissions", "value": [] }]),
        "its permissions",
    );
    // It has what its category has, and what that has comes from elsewhere.
    is_breached(
        json!([{ "edit": "unset_overwrite", "object": "access.staff", "target": "everyone" }]),
        "`channels.mod-log`",
    );
    is_breached(
        json!([{ "edit": "set", "object": "categories.team", "field": "permissions", "value": "unmanaged" }]),
        "`channels.mod-log`",
    );
    // Another set of the same name, which it uses.
    is_breached(
        json!([{ "edit": "set", "object": "permission_sets.read", "field": "deny", "value": [] }]),
        "`channels.rules`",
    );
}

#[test]
fn nobody_changes_sides_with_a_protected_role() {
    is_breached(
        json!([{ "edit": "move", "object": "roles.helper", "place": "first" }]),
        "`roles.helper` would change places",
    );
    is_breached(
        json!([{ "edit": "move", "object": "roles.owner", "place": "last" }]),
        "`roles.owner` would change places",
    );
    is_breached(json!([{ "edit": "move", "object": "roles.moderator", "place": "last" }]), "`roles.moderator`");
    assert_eq!(breached(json!([{ "edit": "move", "object": "roles.helper", "place": "last" }])), Vec::<String>::new());
}

#[test]
fn no_key_is_bound_to_an_id() {
    let id = "1146231231231231400";
    is_breached(json!([{ "edit": "set", "object": "roles.helper", "field": "id", "value": id }]), "bound to an id");
    is_breached(json!([{ "edit": "add", "object": "channels.x", "fields": { "id": id } }]), "bound to an id");
}

#[test]
fn a_request_stays_small() {
    let some = |count: usize| -> Value {
        (0..count).map(|n| json!({ "edit": "add", "object": format!("channels.room-{n}") })).collect()
    };
    assert_eq!(breached(some(MOST)), Vec::<String>::new());
    is_breached(some(MOST + 1), "it would touch 51 objects");
}

/// Two guilds in one folder, of which one shares a file with this one and one builds on it.
fn neighbours() -> Files {
    let mut files = Files::default();
    let texts = [
        ("guild.yaml", "version: 1\nguild: \"1\"\ninclude: [shared.yaml, own.yaml]\nroles: { a: {} }\n"),
        ("shared.yaml", "channels: { general: {} }\n"),
        ("own.yaml", "categories: { talk: {} }\n"),
        ("other.yaml", "version: 1\nguild: \"2\"\ninclude: [shared.yaml]\n"),
        ("staging.yaml", "version: 1\nguild: \"3\"\nextends: guild.yaml\n"),
        ("notes.yaml", "roles: { b: {} }\n"),
    ];
    texts.iter().for_each(|(path, text)| files.insert(path, *text).expect("a path"));
    files
}

#[test]
fn other_guilds_stay_as_they_are() {
    let files = neighbours();
    let found =
        breached_in(&files, json!([{ "edit": "set", "object": "channels.general", "field": "topic", "value": "x" }]));
    assert!(found.iter().any(|breach| breach.contains("guild in `other.yaml`")), "{found:?}");
    let found = breached_in(&files, json!([{ "edit": "set", "object": "roles.a", "field": "hoist", "value": true }]));
    assert_eq!(found, ["it would change the guild in `staging.yaml` too, which shares files with this one"]);
}

#[test]
fn files_that_are_none_of_the_manifest_stay_as_they_are() {
    let before = neighbours();
    let change = |path: &str, text: &str| {
        let mut after = before.clone();
        after.insert(path, text).expect("a path");
        breaches(&before, &after, "guild.yaml", &[])
    };
    let file = |path: &str| path.to_owned();
    assert_eq!(change("notes.yaml", "roles: {}\n"), [Breach::Outside { file: file("notes.yaml") }]);
    assert_eq!(change("new.yaml", "roles: {}\n"), [Breach::Outside { file: file("new.yaml") }]);
    let found = change("other.yaml", "version: 1\nguild: \"2\"\n");
    assert!(found.contains(&Breach::OtherGuild { file: file("other.yaml") }), "{found:?}");
    let heads = [
        ("version: 1\nguild: \"4\"\ninclude: [shared.yaml, own.yaml]\nroles: { a: {} }\n", "guild"),
        ("version: 1\nguild: \"1\"\ninclude: [shared.yaml, own.yaml, notes.yaml]\nroles: { a: {} }\n", "include"),
        (
            "version: 1\nguild: \"1\"\nextends: notes.yaml\ninclude: [shared.yaml, own.yaml]\nroles: { a: {} }\n",
            "extends",
        ),
    ];
    for (text, field) in heads {
        let found = change("guild.yaml", text);
        let breach = Breach::Head { file: file("guild.yaml"), field: field.to_owned() };
        assert!(found.contains(&breach), "{field}: {found:?}");
    }
    assert_eq!(change("guild.yaml", "version: 1\n"), [Breach::Unreadable]);
}
