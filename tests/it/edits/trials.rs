//! Random manifests and random edits, held against an edit of the same document as JSON.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use setai::manifest::edit::{self, Edit, Edited, Place, Subject};
use setai::manifest::{Content, Files, parse, render_diagnostics};

use super::sketch::{self, Page, document, some_overwrite, some_permissions, some_text, some_text_of_one_line, typed};
use crate::support::rng::Rng;
use crate::support::seeds::{seeds, trials};

/// An edit, what the document is afterwards, and what it is about.
struct Trial {
    edit: Edit,
    wanted: Value,
    /// Paths whose lines may change.
    touched: Vec<String>,
    /// Paths whose comments may go.
    removed: Vec<String>,
}

#[test]
fn an_edit_means_what_it_says_and_leaves_the_rest_as_it_was_typed() {
    let made = trials(seeds(700, 60_000), async |seed| {
        let mut rng = Rng::seeded(seed);
        let mut known = document(&mut rng);
        let page = typed(&known, &mut rng);
        let mut files = Files::single("guild.yaml", page.text.clone()).expect("a path");
        let parsed = parse(&files, "guild.yaml");
        let problems = render_diagnostics(&parsed.diagnostics, &files, false);
        let read = parsed.manifest.unwrap_or_else(|| panic!("the sketch is no manifest:\n{problems}\n{}", page.text));
        assert_eq!(without_places(&read), meant(&known), "the sketch says what it should:\n{}", page.text);
        let mut in_place = 0;
        let mut before = Some(page);
        for _ in 0..3 {
            let Some(trial) = some_trial(&mut rng, &known) else { continue };
            let edited = edit::apply(&files, "guild.yaml", std::slice::from_ref(&trial.edit))
                .unwrap_or_else(|error| panic!("{error}\n{:?}\n{}", trial.edit, text_of(&files)));
            check(&trial, &edited, before.as_ref(), &files);
            in_place += usize::from(edited.rewritten.is_empty());
            (known, files, before) = (trial.wanted, edited.files, None);
        }
        (in_place, 3)
    });
    let in_place: usize = made.iter().map(|(in_place, _)| in_place).sum();
    let all: usize = made.iter().map(|(_, all)| all).sum();
    assert!(in_place * 100 >= all * 85, "only {in_place} of {all} edits were made in their place");
}

fn text_of(files: &Files) -> &str {
    std::str::from_utf8(files.get("guild.yaml").expect("the file")).expect("UTF-8")
}

fn without_places(content: &Content) -> Content {
    Content { origins: Default::default(), ..content.clone() }
}

/// What a document means. JSON is YAML.
#[track_caller]
fn meant(document: &Value) -> Content {
    let files = Files::single("guild.yaml", document.to_string()).expect("a path");
    let parsed = parse(&files, "guild.yaml");
    let problems = render_diagnostics(&parsed.diagnostics, &files, false);
    without_places(&parsed.manifest.unwrap_or_else(|| panic!("no manifest:\n{problems}\n{document:#}")))
}

fn check(trial: &Trial, edited: &Edited, page: Option<&Page>, files: &Files) {
    let (old, new) = (text_of(files), text_of(&edited.files));
    let told = || format!("{:#?}\n--- before\n{old}\n--- after\n{new}\n({:?})", trial.edit, edited.rewritten);
    let parsed = parse(&edited.files, "guild.yaml").manifest.unwrap_or_else(|| panic!("no manifest: {}", told()));
    assert_eq!(without_places(&parsed), meant(&trial.wanted), "another meaning: {}", told());
    if old != new {
        let broken = new.matches('\n').count() != new.matches("\r\n").count();
        assert!(!old.contains("\r\n") || !broken, "line breaks are mixed: {}", told());
        assert_eq!(old.ends_with('\n'), new.ends_with('\n'), "the end of the file: {}", told());
    }
    let Some(page) = page else { return };
    let is_under = |owner: &str, paths: &[String]| {
        paths
            .iter()
            .any(|path| owner == path || owner.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    for (comment, owner) in &page.comments {
        let stays = !is_under(owner, &trial.removed);
        let is_there = new.lines().any(|line| line.ends_with(comment.as_str()));
        assert!(is_there || !stays, "the comment `{comment}` of {owner} is lost: {}", told());
    }
    if !edited.rewritten.is_empty() {
        return;
    }
    let mut left = new.lines();
    for (line, owner) in page.lines.iter().filter(|(line, _)| !line.trim().is_empty()) {
        // A line of what is around a place changes when the place is written on it, or is the first or last of its kind.
        let is_around = |path: &String| !owner.is_empty() && is_under(path, std::slice::from_ref(owner));
        let is_touched = is_under(owner, &trial.touched) || trial.touched.iter().any(is_around);
        if !is_touched {
            // The last one between brackets has no comma.
            let is_same = |other: &str| other == line || without_comma(other) == without_comma(line);
            assert!(left.any(is_same), "the line `{line}` of {owner} is lost or moved: {}", told());
        }
    }
}

fn without_comma(line: &str) -> String {
    let (said, remark) = line.split_once("  # note").unwrap_or((line, ""));
    format!("{}{remark}", said.strip_suffix(',').unwrap_or(said))
}

// ---- edits ----

fn keys(node: &Value) -> Vec<String> {
    node.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

fn some_key(rng: &mut Rng, section: &Value) -> Option<String> {
    let keys = keys(section);
    if keys.is_empty() { None } else { Some(rng.pick(&keys).clone()) }
}

/// Every channel: its category, and its key.
fn channels(document: &Value) -> Vec<(Option<String>, String)> {
    let outside = keys(&document["channels"]).into_iter().map(|key| (None, key));
    let inside = keys(&document["categories"]).into_iter().flat_map(|category| {
        let keys = keys(&document["categories"][&category]["channels"]);
        keys.into_iter().map(move |key| (Some(category.clone()), key))
    });
    outside.chain(inside).collect()
}

fn some_channel(rng: &mut Rng, known: &Value) -> Option<(Option<String>, String)> {
    let channels = channels(known);
    if channels.is_empty() { None } else { Some(rng.pick(&channels).clone()) }
}

fn home<'d>(document: &'d mut Value, category: Option<&str>) -> &'d mut Map<String, Value> {
    let around = match category {
        None => document,
        Some(category) => &mut document["categories"][category],
    };
    let map = around.as_object_mut().expect("a map").entry("channels").or_insert_with(|| json!({}));
    map.as_object_mut().expect("a map")
}

fn path_of(category: Option<&str>, key: &str) -> String {
    category.map_or_else(|| format!("channels.{key}"), |category| format!("categories.{category}.channels.{key}"))
}

fn yaml(value: &Value) -> edit::Value {
    serde_json::from_value(value.clone()).expect("a value")
}

fn insert_at(map: &mut Map<String, Value>, key: &str, value: Value, place: &Place) {
    let at = match place {
        Place::First => 0,
        Place::Last => map.len(),
        Place::Before(other) => map.keys().position(|key| key == other).expect("a sibling"),
        Place::After(other) => map.keys().position(|key| key == other).expect("a sibling") + 1,
    };
    map.shift_insert(at, key.to_owned(), value);
}

fn some_place(rng: &mut Rng, siblings: &[String]) -> Place {
    match (rng.below(4), siblings) {
        (0, _) => Place::First,
        (1, [_, ..]) => Place::Before(rng.pick(siblings).clone()),
        (2, [_, ..]) => Place::After(rng.pick(siblings).clone()),
        _ => Place::Last,
    }
}

fn some_trial(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let kinds: [fn(&mut Rng, &Value) -> Option<Trial>; 12] = [
        set_of_role,
        set_of_channel,
        unset,
        add_role,
        add_channel,
        remove_role,
        remove_channel,
        rename,
        move_channel,
        move_role,
        overwrite,
        others,
    ];
    rng.pick(&kinds)(rng, known)
}

fn trial(edit: Edit, wanted: Value, touched: &str) -> Option<Trial> {
    Some(Trial { edit, wanted, touched: vec![touched.to_owned()], removed: Vec::new() })
}

fn set_of_role(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let key = some_key(rng, &known["roles"])?;
    let (field, value) = match rng.below(4) {
        0 => ("name", some_text(rng)),
        1 => ("color", rng.pick(&[json!("#00ff00"), Value::Null]).clone()),
        2 => ("hoist", json!(rng.percent(50))),
        _ => ("permissions", some_permissions(rng)),
    };
    let mut wanted = known.clone();
    wanted["roles"][&key][field] = value.clone();
    let edit = Edit::Set { object: Subject::Role(key.clone()), field: field.to_owned(), value: yaml(&value) };
    let mut trial = trial(edit, wanted, &format!("roles.{key}.{field}"))?;
    // Items that are taken from a list go with their comments.
    if field == "permissions" {
        trial.removed = (0..9).map(|at| format!("roles.{key}.permissions.{at}")).collect();
    }
    Some(trial)
}

fn set_of_channel(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let (category, key) = some_channel(rng, known)?;
    let text = some_text(rng);
    let (field, value) = match rng.below(3) {
        0 => ("topic", rng.pick(&[text, Value::Null]).clone()),
        1 => ("nsfw", json!(rng.percent(50))),
        _ => ("rate_limit_per_user", json!(rng.below(60))),
    };
    let mut wanted = known.clone();
    home(&mut wanted, category.as_deref())[&key][field] = value.clone();
    let edit = Edit::Set { object: Subject::Channel(key.clone()), field: field.to_owned(), value: yaml(&value) };
    trial(edit, wanted, &format!("{}.{field}", path_of(category.as_deref(), &key)))
}

fn unset(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let (category, key) = some_channel(rng, known)?;
    let mut wanted = known.clone();
    let channel = home(&mut wanted, category.as_deref())[&key].as_object_mut()?;
    let fields: Vec<String> =
        channel.keys().filter(|field| !["type", "tags"].contains(&field.as_str())).cloned().collect();
    let field = rng.pick(if fields.is_empty() { return None } else { &fields }).clone();
    channel.shift_remove(&field);
    let edit = Edit::Unset { object: Subject::Channel(key.clone()), field: field.clone() };
    let touched = format!("{}.{field}", path_of(category.as_deref(), &key));
    Some(Trial { edit, wanted, removed: vec![touched.clone()], touched: vec![touched] })
}

fn fields_of(value: &Value) -> IndexMap<String, edit::Value> {
    value.as_object().expect("a map").iter().map(|(key, value)| (key.clone(), yaml(value))).collect()
}

fn add_role(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let place = some_place(rng, &keys(&known["roles"]));
    let name = some_text(rng);
    let value = json!({ "name": name, "permissions": some_permissions(rng) });
    let key = format!("n{}", rng.below(1_000));
    if known["roles"].get(&key).is_some() {
        return None;
    }
    let mut wanted = known.clone();
    insert_at(wanted["roles"].as_object_mut()?, &key, value.clone(), &place);
    let object = Subject::Role(key);
    trial(Edit::Add { object, category: None, fields: fields_of(&value), place }, wanted, "roles.none")
}

fn add_channel(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let category = if rng.percent(30) { None } else { Some(rng.pick(&keys(&known["categories"])).clone()) };
    let mut wanted = known.clone();
    let map = home(&mut wanted, category.as_deref());
    let siblings: Vec<String> = map.keys().cloned().collect();
    let place = some_place(rng, &siblings);
    let text = some_text(rng);
    let value = rng.pick(&[json!({}), json!({ "topic": text, "nsfw": true })]).clone();
    let key = format!("n{}", rng.below(1_000));
    if siblings.contains(&key) || channels(known).iter().any(|(_, other)| *other == key) {
        return None;
    }
    insert_at(map, &key, value.clone(), &place);
    let object = Subject::Channel(key);
    let touched = category.as_ref().map_or_else(|| "channels.none".to_owned(), |k| format!("categories.{k}.channels"));
    trial(Edit::Add { object, category, fields: fields_of(&value), place }, wanted, &touched)
}

/// Takes out an expectation, or a place of it, that names something.
fn forget_in_expectations(wanted: &mut Value, field: &str, name: &str, touched: &mut Vec<String>) {
    let Some(list) = wanted.get_mut("expectations").and_then(Value::as_array_mut) else { return };
    let mut at = 0;
    list.retain_mut(|expectation| {
        let own = format!("expectations.{at}");
        at += 1;
        let is_named = match expectation.get_mut(field) {
            None => false,
            Some(Value::Array(items)) if items.len() > 1 => {
                let before = items.len();
                items.retain(|item| item != name);
                if items.len() != before {
                    touched.push(own.clone());
                }
                false
            }
            Some(Value::Array(items)) => items.iter().any(|item| item == name),
            Some(other) => other == name,
        };
        if is_named {
            touched.push(own);
        }
        !is_named
    });
}

fn forget_patterns(wanted: &mut Value, pattern: &str, touched: &mut Vec<String>) {
    if let Some(list) = wanted.pointer_mut("/policy/protect").and_then(Value::as_array_mut) {
        list.retain(|item| item != pattern);
        touched.push("policy.protect".to_owned());
    }
}

/// Everything that can have overwrites, by path.
fn holders(document: &Value) -> Vec<Vec<String>> {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let mut holders: Vec<Vec<String>> = keys(&document["access"]).iter().map(|key| own(&["access", key])).collect();
    holders.extend(keys(&document["categories"]).iter().map(|key| own(&["categories", key, "permissions"])));
    holders.extend(channels(document).iter().map(|(category, key)| {
        let path = path_of(category.as_deref(), key);
        path.split('.').map(str::to_owned).chain(["permissions".to_owned()]).collect()
    }));
    holders
}

fn at<'d>(document: &'d mut Value, path: &[String]) -> Option<&'d mut Value> {
    path.iter().try_fold(document, |node, key| node.get_mut(key))
}

fn remove_role(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let key = some_key(rng, &known["roles"])?;
    if keys(&known["roles"]).len() < 2 && rng.percent(70) {
        return None;
    }
    let mut wanted = known.clone();
    let mut touched = vec![format!("roles.{key}")];
    wanted["roles"].as_object_mut()?.shift_remove(&key);
    for holder in holders(known) {
        if let Some(Value::Object(map)) = at(&mut wanted, &holder)
            && map.shift_remove(&key).is_some()
        {
            touched.push(format!("{}.{key}", holder.join(".")));
        }
    }
    forget_in_expectations(&mut wanted, "role", &key, &mut touched);
    forget_patterns(&mut wanted, &format!("roles.{key}"), &mut touched);
    let removed = touched.clone();
    Some(Trial { edit: Edit::Remove { object: Subject::Role(key) }, wanted, touched, removed })
}

fn remove_channel(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let (category, key) = some_channel(rng, known)?;
    let mut wanted = known.clone();
    let mut touched = vec![path_of(category.as_deref(), &key)];
    home(&mut wanted, category.as_deref()).shift_remove(&key);
    if let Some(settings) = wanted.get_mut("settings").and_then(Value::as_object_mut)
        && settings.get("system_channel") == Some(&json!(key))
    {
        settings.shift_remove("system_channel");
        touched.push("settings.system_channel".to_owned());
    }
    forget_in_expectations(&mut wanted, "in", &key, &mut touched);
    forget_patterns(&mut wanted, &format!("channels.{key}"), &mut touched);
    let removed = touched.clone();
    Some(Trial { edit: Edit::Remove { object: Subject::Channel(key) }, wanted, touched, removed })
}

fn rekeyed(map: &mut Map<String, Value>, key: &str, to: &str) {
    let at = map.keys().position(|other| other == key).expect("the key");
    let value = map.shift_remove(key).expect("the key");
    map.shift_insert(at, to.to_owned(), value);
}

fn rename(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let to = format!("m{}", rng.below(1_000));
    let mut wanted = known.clone();
    let remember = |object: &mut Value, key: &str| {
        match object["previously"].as_array_mut() {
            Some(list) => list.push(json!(key)),
            None => object["previously"] = json!([key]),
        }
        if object.get("name").is_none() {
            object["name"] = json!(key);
        }
    };
    let is_taken = known["roles"].get(&to).is_some();
    let (edit, mut touched) = if !is_taken && rng.percent(50) {
        let key = some_key(rng, &known["roles"])?;
        remember(&mut wanted["roles"][&key], &key);
        rekeyed(wanted["roles"].as_object_mut()?, &key, &to);
        let mut touched = vec![format!("roles.{key}")];
        for holder in holders(known) {
            if let Some(Value::Object(map)) = at(&mut wanted, &holder)
                && map.contains_key(&key)
            {
                rekeyed(map, &key, &to);
                touched.push(holder.join("."));
            }
        }
        replace_in(&mut wanted, "expectations", &key, &to);
        replace_in(&mut wanted, "policy", &format!("roles.{key}"), &format!("roles.{to}"));
        (Edit::Rename { object: Subject::Role(key), to }, touched)
    } else {
        let (category, key) = some_channel(rng, known)?;
        if channels(known).iter().any(|(_, other)| *other == to) {
            return None;
        }
        let map = home(&mut wanted, category.as_deref());
        remember(&mut map[&key], &key);
        rekeyed(map, &key, &to);
        replace_in(&mut wanted, "settings", &key, &to);
        replace_in(&mut wanted, "expectations", &key, &to);
        replace_in(&mut wanted, "policy", &format!("channels.{key}"), &format!("channels.{to}"));
        (Edit::Rename { object: Subject::Channel(key.clone()), to }, vec![path_of(category.as_deref(), &key)])
    };
    touched.extend(["settings", "expectations", "policy"].map(str::to_owned));
    Some(Trial { edit, wanted, touched, removed: Vec::new() })
}

fn replace_in(document: &mut Value, section: &str, from: &str, to: &str) {
    if let Some(section) = document.get_mut(section) {
        replace(section, from, to);
    }
}

fn replace(node: &mut Value, from: &str, to: &str) {
    match node {
        Value::String(text) if text == from => *text = to.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, from, to)),
        _ => {}
    }
}

fn move_channel(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let (from, key) = some_channel(rng, known)?;
    let to = if rng.percent(25) { None } else { Some(rng.pick(&keys(&known["categories"])).clone()) };
    let mut wanted = known.clone();
    let value = home(&mut wanted, from.as_deref()).shift_remove(&key)?;
    let map = home(&mut wanted, to.as_deref());
    let siblings: Vec<String> = map.keys().cloned().collect();
    let place = some_place(rng, &siblings);
    insert_at(map, &key, value, &place);
    let around = to.as_ref().map_or_else(|| "channels.none".to_owned(), |k| format!("categories.{k}.channels"));
    let touched = vec![path_of(from.as_deref(), &key), around];
    let object = Subject::Channel(key);
    Some(Trial { edit: Edit::Move { object, category: to, place }, wanted, touched, removed: Vec::new() })
}

fn move_role(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let section = *rng.pick(&["roles", "categories"]);
    let key = some_key(rng, &known[section])?;
    let mut wanted = known.clone();
    let map = wanted[section].as_object_mut()?;
    let value = map.shift_remove(&key)?;
    let siblings: Vec<String> = map.keys().cloned().collect();
    let place = some_place(rng, &siblings);
    insert_at(map, &key, value, &place);
    let object = if section == "roles" { Subject::Role(key.clone()) } else { Subject::Category(key.clone()) };
    trial(Edit::Move { object, category: None, place }, wanted, &format!("{section}.{key}"))
}

fn overwrite(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let mut wanted = known.clone();
    let holder = rng.pick(&holders(known)).clone();
    let object = match holder.as_slice() {
        [section, name] if section == "access" => Subject::Access(name.clone()),
        [section, key, _] if section == "categories" => Subject::Category(key.clone()),
        other => Subject::Channel(other[other.len() - 2].clone()),
    };
    let Some(Value::Object(map)) = at(&mut wanted, &holder) else { return None };
    let targets: Vec<String> = map.keys().filter(|key| *key != "use").cloned().collect();
    if rng.percent(35) && targets.len() > 1 {
        let target = rng.pick(&targets).clone();
        map.shift_remove(&target);
        let touched = format!("{}.{target}", holder.join("."));
        let edit = Edit::UnsetOverwrite { object, target };
        return Some(Trial { edit, wanted, removed: vec![touched.clone()], touched: vec![touched] });
    }
    let target = rng.pick(&["everyone".to_owned(), keys(&known["roles"]).pop()?, "user:77".to_owned()]).clone();
    let value = some_overwrite(rng);
    map.insert(target.clone(), value.clone());
    let touched = format!("{}.{target}", holder.join("."));
    let edit = Edit::SetOverwrite { object, target, value: yaml(&value) };
    // What a target had and has no longer goes with its comments.
    Some(Trial { edit, wanted, removed: vec![touched.clone()], touched: vec![touched] })
}

fn others(rng: &mut Rng, known: &Value) -> Option<Trial> {
    let mut wanted = known.clone();
    match rng.below(5) {
        0 => {
            let value = some_text_of_one_line(rng);
            wanted["settings"]["description"] = value.clone();
            let edit = Edit::Set { object: Subject::Settings, field: "description".to_owned(), value: yaml(&value) };
            trial(edit, wanted, "settings.description")
        }
        1 => {
            wanted["settings"]["features"]["invites_disabled"] = json!(true);
            let field = "features.invites_disabled".to_owned();
            let edit = Edit::Set { object: Subject::Settings, field, value: edit::Value::Bool(true) };
            trial(edit, wanted, "settings.features")
        }
        2 => {
            let expectation = json!({ "role": "everyone", "cannot": ["kick_members"] });
            wanted["expectations"].as_array_mut()?.push(expectation.clone());
            trial(Edit::Expect { expectation: fields_of(&expectation) }, wanted, "expectations")
        }
        3 => {
            let list = wanted["expectations"].as_array_mut()?;
            let index = if list.is_empty() { return None } else { rng.below(list.len()) };
            list.remove(index);
            let touched = format!("expectations.{index}");
            let edit = Edit::Unexpect { index };
            Some(Trial { edit, wanted, removed: vec![touched.clone()], touched: vec![touched] })
        }
        _ => {
            let forums = channels(known);
            let forum = forums.iter().find(|(category, key)| {
                let mut copy = known.clone();
                home(&mut copy, category.as_deref())[key]["type"] == "forum"
            });
            let (category, key) = forum?.clone();
            let channel = &mut home(&mut wanted, category.as_deref())[&key];
            let touched = format!("{}.tags", path_of(category.as_deref(), &key));
            let new = json!({ "name": "fresh", "emoji": "\u{1f7e2}" });
            if channel.get("tags").is_none() {
                channel["tags"] = json!([]);
            }
            let tags = channel["tags"].as_array_mut()?;
            let is = |tag: &Value, name: &str| tag == name || tag["name"] == name;
            let (edit, removed) = if rng.percent(50) {
                match tags.iter_mut().find(|tag| is(tag, "fresh")) {
                    Some(tag) => *tag = new.clone(),
                    None => tags.push(new.clone()),
                }
                (Edit::SetTag { channel: key, tag: "fresh".to_owned(), value: yaml(&new) }, Vec::new())
            } else {
                let at = tags.iter().position(|tag| is(tag, "done"))?;
                tags.remove(at);
                (Edit::UnsetTag { channel: key, tag: "done".to_owned() }, vec![format!("{touched}.{at}")])
            };
            Some(Trial { edit, wanted, touched: vec![touched], removed })
        }
    }
}

/// What a sketch says is not all of one kind.
#[test]
fn sketches_have_comments_brackets_blocks_and_anchors() {
    let pages: Vec<Page> = (0..200)
        .map(|seed| {
            let mut rng = Rng::seeded(seed);
            let document = sketch::document(&mut rng);
            typed(&document, &mut rng)
        })
        .collect();
    for sign in ["# note", "{ ", "&a", "<<: *", "|-", "\r\n", ": *a", "- ", "''"] {
        assert!(pages.iter().any(|page| page.text.contains(sign)), "no page has `{sign}`");
    }
}
