//! What a team could want of a guild, in a form the engine never sees: it is written down as a manifest for the engine, and
//! used by the tests to say what the guild must look like afterwards.

use serde_json::{Map, Value, json};
use setai::simulator::world::{Bits, Guild, Snowflake, kind};

use super::rng::Rng;

/// A wanted guild.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) prune: &'static str,
    pub(crate) on_remove: &'static str,
    /// `roles.r1`, `channels.c2`.
    pub(crate) protect: Vec<String>,
    /// By the field's name, which Discord, the language and the simulator share.
    pub(crate) settings: Map<String, Value>,
    pub(crate) everyone: Option<Bits>,
    pub(crate) roles: Vec<WishRole>,
    pub(crate) categories: Vec<WishChannel>,
    pub(crate) channels: Vec<WishChannel>,
}

/// How a key finds its object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// It is bound already, or adopted by its name.
    Known,
    /// `id:`.
    Pinned(Snowflake),
    /// `previously: []`.
    New,
    /// `previously: [key]`.
    Renamed(String),
}

#[derive(Clone, Debug)]
pub(crate) struct WishRole {
    pub(crate) key: String,
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) permissions: Option<Bits>,
    pub(crate) color: Option<u32>,
    pub(crate) hoist: Option<bool>,
    pub(crate) mentionable: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct WishChannel {
    pub(crate) key: String,
    pub(crate) origin: Origin,
    pub(crate) kind: u8,
    /// As it is written, and as Discord stores it.
    pub(crate) name: (String, String),
    /// The key of its category.
    pub(crate) category: Option<String>,
    pub(crate) overwrites: Wanted,
    pub(crate) fields: Map<String, Value>,
}

/// What is said of overwrites.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    Silent,
    Unmanaged,
    Exactly(Vec<(Who, Bits, Bits)>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Everyone,
    Role(String),
    User(Snowflake),
}

/// Permissions that random guilds play with: few, so that channels are often alike.
pub(crate) const PLAYED: [Bits; 12] = [
    Bits::VIEW_CHANNEL,
    Bits::SEND_MESSAGES,
    Bits::MANAGE_MESSAGES,
    Bits::ADD_REACTIONS,
    Bits::CONNECT,
    Bits::SPEAK,
    Bits::MENTION_EVERYONE,
    Bits::ATTACH_FILES,
    Bits::PRIORITY_SPEAKER,
    Bits::SEND_TTS_MESSAGES,
    Bits::USE_EMBEDDED_ACTIVITIES,
    Bits::MANAGE_THREADS,
];

pub(crate) fn some_bits(rng: &mut Rng) -> Bits {
    let percent = *rng.pick(&[10, 30, 60]);
    rng.some(&PLAYED, percent).into_iter().fold(Bits::NONE, |sum, bit| sum | bit)
}

/// Names as they are written, and what Discord makes of them.
const TEXT_NAMES: [(&str, &str); 8] = [
    ("general", "general"),
    ("General Chat!", "general-chat"),
    ("rules", "rules"),
    ("  Mod -- Log ", "mod-log"),
    ("📢 News", "📢-news"),
    ("Joey's Place", "joeys-place"),
    ("규칙", "규칙"),
    ("off_topic", "off_topic"),
];
const OTHER_NAMES: [(&str, &str); 5] = [
    ("Lounge", "Lounge"),
    (" Room   One! ", "Room One!"),
    ("📁 Area", "📁 Area"),
    ("General", "General"),
    ("Stage", "Stage"),
];
pub(crate) const ROLE_NAMES: [&str; 7] = ["Admin", "Moderator", "member", "Gamer", "@dev", "Crew", "Guest"];

pub(crate) fn is_text_like(channel_kind: u8) -> bool {
    !matches!(channel_kind, kind::VOICE | kind::STAGE | kind::CATEGORY)
}

pub(crate) fn some_name(rng: &mut Rng, channel_kind: u8) -> (String, String) {
    let (written, stored) = if is_text_like(channel_kind) { *rng.pick(&TEXT_NAMES) } else { *rng.pick(&OTHER_NAMES) };
    (written.to_owned(), stored.to_owned())
}

/// Fields a channel of that kind may have, with values Discord takes.
pub(crate) fn some_fields(rng: &mut Rng, channel_kind: u8) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |rng: &mut Rng, name: &str, values: &[Value]| {
        if rng.percent(35) {
            fields.insert(name.to_owned(), rng.pick(values).clone());
        }
    };
    let vocal = matches!(channel_kind, kind::VOICE | kind::STAGE);
    if channel_kind == kind::CATEGORY {
        return fields;
    }
    add(rng, "nsfw", &[json!(true), json!(false)]);
    add(rng, "rate_limit_per_user", &[json!(0), json!(5), json!(21_600)]);
    if vocal {
        add(rng, "bitrate", &[json!(8_000), json!(64_000)]);
        add(rng, "user_limit", &[json!(5), json!(99)]);
        add(rng, "rtc_region", &[json!("rotterdam"), Value::Null]);
    } else {
        let mut topics = vec![json!("Be kind."), json!("line one\nline two: #x"), Value::Null];
        if matches!(channel_kind, kind::FORUM | kind::MEDIA) {
            topics.push(json!("Guidelines. ".repeat(100)));
        }
        add(rng, "topic", &topics);
        add(rng, "default_auto_archive_duration", &[json!(60), json!(10_080), Value::Null]);
        add(rng, "default_thread_rate_limit_per_user", &[json!(0), json!(30)]);
    }
    fields
}

impl Wish {
    /// The manifest, without its header.
    pub(crate) fn yaml(&self) -> String {
        let mut sections = vec![("policy", self.policy()), ("settings", Value::Object(self.settings.clone()))];
        sections.push(("roles", self.written_roles()));
        let outside = self.channels.iter().filter(|c| c.category.is_none());
        sections.push(("channels", outside.map(|c| (c.key.clone(), c.written())).collect()));
        let categories = self.categories.iter().map(|category| {
            let inside = self.channels.iter().filter(|c| c.category.as_ref() == Some(&category.key));
            let mut written = category.written();
            let inside: Map<String, Value> = inside.map(|c| (c.key.clone(), c.written())).collect();
            written["channels"] = Value::Object(inside);
            (category.key.clone(), written)
        });
        sections.push(("categories", categories.collect()));
        // JSON is YAML.
        sections.into_iter().map(|(name, section)| format!("{name}: {section}\n")).collect()
    }

    fn policy(&self) -> Value {
        json!({"prune": self.prune, "on_remove": self.on_remove, "protect": self.protect, "approval": "never"})
    }

    fn written_roles(&self) -> Value {
        let mut roles: Map<String, Value> = self.roles.iter().map(|r| (r.key.clone(), r.written())).collect();
        if let Some(bits) = self.everyone {
            roles.insert("everyone".to_owned(), json!({"permissions": names(bits)}));
        }
        Value::Object(roles)
    }

    /// Categories and channels.
    pub(crate) fn all_channels(&self) -> impl Iterator<Item = &WishChannel> {
        self.categories.iter().chain(&self.channels)
    }

    /// Takes out what refers to keys that are gone.
    pub(crate) fn settle(&mut self) {
        let roles: Vec<String> = self.roles.iter().map(|r| r.key.clone()).collect();
        let categories: Vec<String> = self.categories.iter().map(|c| c.key.clone()).collect();
        for channel in self.categories.iter_mut().chain(&mut self.channels) {
            if let Wanted::Exactly(list) = &mut channel.overwrites {
                list.retain(|(who, _, _)| !matches!(who, Who::Role(key) if !roles.contains(key)));
            }
            if channel.category.as_ref().is_some_and(|key| !categories.contains(key)) {
                channel.category = None;
            }
        }
        let channels: Vec<&str> = self.channels.iter().map(|c| c.key.as_str()).collect();
        self.settings.retain(|field, value| {
            !field.ends_with("_channel") || value.as_str().is_none_or(|key| channels.contains(&key))
        });
    }
}

/// Official names of permission bits.
pub(crate) fn names(bits: Bits) -> Vec<String> {
    setai::model::Permissions::from_bits(bits.0).names()
}

fn with_origin(written: &mut Value, origin: &Origin) {
    match origin {
        Origin::Known => {}
        Origin::Pinned(id) => written["id"] = json!(id.to_string()),
        Origin::New => written["previously"] = json!([]),
        Origin::Renamed(key) => written["previously"] = json!([key]),
    }
}

impl WishRole {
    fn written(&self) -> Value {
        let mut written = json!({"name": self.name});
        with_origin(&mut written, &self.origin);
        if let Some(bits) = self.permissions {
            written["permissions"] = json!(names(bits));
        }
        if let Some(color) = self.color {
            written["color"] = json!(format!("#{color:06x}"));
        }
        if let Some(hoist) = self.hoist {
            written["hoist"] = json!(hoist);
        }
        if let Some(mentionable) = self.mentionable {
            written["mentionable"] = json!(mentionable);
        }
        written
    }
}

impl WishChannel {
    fn written(&self) -> Value {
        let mut written = json!({"name": self.name.0});
        with_origin(&mut written, &self.origin);
        if self.kind != kind::CATEGORY {
            let word = kind::NAMES.iter().find(|(_, number)| *number == self.kind).expect("a named kind").0;
            written["type"] = json!(word);
        }
        for (field, value) in &self.fields {
            written[field] = value.clone();
        }
        match &self.overwrites {
            Wanted::Silent => {}
            Wanted::Unmanaged => written["permissions"] = json!("unmanaged"),
            Wanted::Exactly(list) => {
                let entry = |(who, allow, deny): &(Who, Bits, Bits)| {
                    let target = match who {
                        Who::Everyone => "everyone".to_owned(),
                        Who::Role(key) => key.clone(),
                        Who::User(id) => format!("user:{id}"),
                    };
                    (target, json!({"allow": names(*allow), "deny": names(*deny)}))
                };
                written["permissions"] = Value::Object(list.iter().map(entry).collect());
            }
        }
        written
    }
}

/// Makes wishes.
pub(crate) struct Wisher<'r> {
    pub(crate) rng: &'r mut Rng,
    /// Counts keys, so that each is used once.
    pub(crate) count: usize,
    /// Members that may get overwrites of their own.
    pub(crate) users: Vec<Snowflake>,
    pub(crate) features: Vec<String>,
}

impl Wisher<'_> {
    fn key(&mut self, letter: char) -> String {
        self.count += 1;
        format!("{letter}{}", self.count)
    }

    /// A wish about a guild as it is: some of its objects, by id or by name, and new ones.
    pub(crate) fn about(&mut self, live: &Guild) -> Wish {
        let mut wish = Wish { prune: "managed", on_remove: "archive", ..Wish::default() };
        self.choose_policy(&mut wish);
        self.roles_of(&mut wish, live);
        self.categories_of(&mut wish, live);
        self.channels_of(&mut wish, live);
        self.extend(&mut wish, 3);
        self.settings_of(&mut wish);
        wish.settle();
        wish
    }

    fn choose_policy(&mut self, wish: &mut Wish) {
        wish.prune = ["managed", "managed", "managed", "managed", "managed", "none", "all"][self.rng.below(7)];
        wish.on_remove = ["archive", "delete", "delete", "forget"][self.rng.below(4)];
    }

    fn roles_of(&mut self, wish: &mut Wish, live: &Guild) {
        let mut roles: Vec<_> = live.roles.values().filter(|r| r.id != live.id && !r.managed).collect();
        roles.sort_by_key(|r| std::cmp::Reverse(r.rank()));
        for role in roles {
            let unique = live.roles.values().filter(|r| r.name == role.name).count() == 1;
            let origin = match self.rng.below(10) {
                0..=2 => Origin::Pinned(role.id),
                3..=6 if unique => Origin::Known,
                _ => continue,
            };
            let key = self.key('r');
            let mut wanted = WishRole { key, origin, name: role.name.clone(), ..self.role() };
            if self.rng.percent(20) && wanted.origin != Origin::Known {
                wanted.name = (*self.rng.pick(&ROLE_NAMES)).to_owned();
            }
            wish.roles.push(wanted);
        }
        if self.rng.percent(25) {
            self.rng.shuffle(&mut wish.roles);
        }
        wish.everyone = self.rng.percent(50).then(|| some_bits(self.rng));
    }

    fn role(&mut self) -> WishRole {
        WishRole {
            key: String::new(),
            origin: Origin::New,
            name: (*self.rng.pick(&ROLE_NAMES)).to_owned(),
            permissions: self.rng.percent(70).then(|| some_bits(self.rng)),
            color: self.rng.percent(40).then(|| *self.rng.pick(&[0, 0xe7_4c3c, 0x12_3456])),
            hoist: self.rng.percent(40).then(|| self.rng.percent(50)),
            mentionable: self.rng.percent(40).then(|| self.rng.percent(50)),
        }
    }

    fn categories_of(&mut self, wish: &mut Wish, live: &Guild) {
        for category in ordered(live).into_iter().filter(|c| c.is_category()) {
            let unique = live.channels.values().filter(|c| c.is_category() && c.name == category.name).count() == 1;
            let origin = match self.rng.below(10) {
                0..=2 => Origin::Pinned(category.id),
                3..=6 if unique => Origin::Known,
                _ => continue,
            };
            let name = (category.name.clone(), category.name.clone());
            let overwrites = self.overwrites(wish, false);
            let key = self.key('k');
            let fields = Map::new();
            wish.categories.push(WishChannel {
                key,
                origin,
                kind: kind::CATEGORY,
                name,
                category: None,
                overwrites,
                fields,
            });
        }
        if self.rng.percent(25) {
            self.rng.shuffle(&mut wish.categories);
        }
    }

    fn channels_of(&mut self, wish: &mut Wish, live: &Guild) {
        let family = |k: u8| if k == kind::ANNOUNCEMENT { kind::TEXT } else { k };
        for channel in ordered(live).into_iter().filter(|c| !c.is_category()) {
            let same = |c: &&setai::simulator::world::Channel| {
                family(c.kind) == family(channel.kind) && c.parent_id == channel.parent_id && c.name == channel.name
            };
            let unique = live.channels.values().filter(same).count() == 1;
            let parent = channel.parent_id.map(|id| {
                let category = &live.channels[&id];
                let spoken = wish.categories.iter().find(|w| match w.origin {
                    Origin::Pinned(pin) => pin == id,
                    _ => w.name.1 == category.name,
                });
                spoken.map(|w| w.key.clone())
            });
            let (origin, category) = match (self.rng.below(10), parent) {
                (0..=2, _) => (Origin::Pinned(channel.id), self.some_category(wish)),
                (3..=7, None) if unique => (Origin::Known, None),
                (3..=7, Some(Some(key))) if unique => (Origin::Known, Some(key)),
                _ => continue,
            };
            let overwrites = self.overwrites(wish, category.is_some());
            let key = self.key('c');
            let mut wanted = WishChannel {
                key,
                origin,
                kind: channel.kind,
                name: (channel.name.clone(), channel.name.clone()),
                category,
                overwrites,
                fields: some_fields(self.rng, channel.kind),
            };
            self.turn(&mut wanted);
            wish.channels.push(wanted);
        }
        if self.rng.percent(25) {
            self.rng.shuffle(&mut wish.channels);
        }
    }

    /// Text and announcement channels can become each other.
    fn turn(&mut self, channel: &mut WishChannel) {
        let can = self.features.iter().any(|f| f == "NEWS") && self.rng.percent(20);
        channel.kind = match channel.kind {
            kind::TEXT if can => kind::ANNOUNCEMENT,
            kind::ANNOUNCEMENT if can => kind::TEXT,
            same => same,
        };
    }

    fn some_category(&mut self, wish: &Wish) -> Option<String> {
        let keys: Vec<&String> = wish.categories.iter().map(|c| &c.key).collect();
        (!keys.is_empty() && self.rng.percent(75)).then(|| (*self.rng.pick(&keys)).clone())
    }

    pub(crate) fn overwrites(&mut self, wish: &Wish, inside: bool) -> Wanted {
        match self.rng.below(10) {
            3 if inside => Wanted::Silent,
            0..=2 => Wanted::Silent,
            3..=4 => Wanted::Unmanaged,
            _ => {
                let mut list = Vec::new();
                if self.rng.percent(70) {
                    list.push((Who::Everyone, self.few_bits(), self.few_bits()));
                }
                for role in &wish.roles {
                    if self.rng.percent(35) {
                        list.push((Who::Role(role.key.clone()), self.few_bits(), self.few_bits()));
                    }
                }
                if self.rng.percent(15) && !self.users.is_empty() {
                    list.push((Who::User(*self.rng.pick(&self.users)), self.few_bits(), self.few_bits()));
                }
                // The language says each bit once.
                for (_, allow, deny) in &mut list {
                    *deny = *deny & !*allow;
                }
                Wanted::Exactly(list)
            }
        }
    }

    fn few_bits(&mut self) -> Bits {
        match self.rng.below(4) {
            0 => Bits::VIEW_CHANNEL,
            1 => Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES,
            2 => Bits::NONE,
            _ => some_bits(self.rng),
        }
    }

    /// New objects.
    pub(crate) fn extend(&mut self, wish: &mut Wish, most: usize) {
        for _ in 0..self.rng.below(most + 1) {
            let role = WishRole { key: self.key('r'), ..self.role() };
            wish.roles.insert(self.rng.below(wish.roles.len() + 1), role);
        }
        for _ in 0..self.rng.below(most) {
            let overwrites = self.overwrites(wish, false);
            let category = WishChannel {
                key: self.key('k'),
                origin: Origin::New,
                kind: kind::CATEGORY,
                name: some_name(self.rng, kind::CATEGORY),
                category: None,
                overwrites,
                fields: Map::new(),
            };
            wish.categories.insert(self.rng.below(wish.categories.len() + 1), category);
        }
        for _ in 0..self.rng.below(most + 2) {
            let mut kinds = vec![kind::TEXT, kind::TEXT, kind::VOICE, kind::FORUM, kind::MEDIA];
            if self.features.iter().any(|f| f == "COMMUNITY") {
                kinds.extend([kind::ANNOUNCEMENT, kind::STAGE]);
            }
            let channel_kind = *self.rng.pick(&kinds);
            let category = self.some_category(wish);
            let overwrites = self.overwrites(wish, category.is_some());
            let channel = WishChannel {
                key: self.key('c'),
                origin: Origin::New,
                kind: channel_kind,
                name: some_name(self.rng, channel_kind),
                category,
                overwrites,
                fields: some_fields(self.rng, channel_kind),
            };
            wish.channels.insert(self.rng.below(wish.channels.len() + 1), channel);
        }
        // A new object never competes for a name with one that is found by it.
        let known: Vec<String> =
            wish.roles.iter().filter(|r| r.origin == Origin::Known).map(|r| r.name.clone()).collect();
        wish.roles.retain(|r| r.origin != Origin::New || !known.contains(&r.name));
        let known: Vec<String> =
            wish.all_channels().filter(|c| c.origin == Origin::Known).map(|c| c.name.1.clone()).collect();
        for list in [&mut wish.categories, &mut wish.channels] {
            list.retain(|c| c.origin != Origin::New || !known.contains(&c.name.1));
        }
    }

    fn settings_of(&mut self, wish: &mut Wish) {
        let mut say = |rng: &mut Rng, field: &str, values: &[Value]| {
            if rng.percent(20) {
                wish.settings.insert(field.to_owned(), rng.pick(values).clone());
            }
        };
        say(self.rng, "name", &[json!("A study group"), json!("Players")]);
        say(self.rng, "description", &[json!("About us"), Value::Null]);
        say(self.rng, "afk_timeout", &[json!(60), json!(3600)]);
        say(self.rng, "premium_progress_bar_enabled", &[json!(true), json!(false)]);
        let texts: Vec<String> = wish.channels.iter().filter(|c| c.kind == kind::TEXT).map(|c| c.key.clone()).collect();
        if !texts.is_empty() && self.rng.percent(30) {
            let key = self.rng.pick(&texts).clone();
            wish.settings.insert("system_channel".to_owned(), json!(key));
        }
    }

    /// What the same team could want next.
    pub(crate) fn next(&mut self, wish: &Wish) -> Wish {
        let mut next = wish.clone();
        for role in &mut next.roles {
            role.origin = Origin::Known;
        }
        for channel in next.categories.iter_mut().chain(&mut next.channels) {
            channel.origin = Origin::Known;
        }
        if self.rng.percent(50) {
            self.choose_policy(&mut next);
        }
        for section in ["roles", "categories", "channels"] {
            let keys: Vec<&String> = match section {
                "roles" => wish.roles.iter().map(|r| &r.key).collect(),
                "categories" => wish.categories.iter().map(|c| &c.key).collect(),
                _ => wish.channels.iter().map(|c| &c.key).collect(),
            };
            let protected = self.rng.some(&keys, 8);
            next.protect.extend(protected.into_iter().map(|key| format!("{section}.{key}")));
        }
        next.roles.retain(|_| !self.rng.percent(25));
        next.categories.retain(|_| !self.rng.percent(15));
        next.channels.retain(|_| !self.rng.percent(15));
        self.change_roles(&mut next);
        self.change_channels(&mut next);
        if self.rng.percent(40) {
            next.everyone = Some(some_bits(self.rng));
        }
        self.extend(&mut next, 2);
        next.settings.clear();
        self.settings_of(&mut next);
        next.settle();
        next
    }

    fn change_roles(&mut self, wish: &mut Wish) {
        let mut renamed = Vec::new();
        for at in 0..wish.roles.len() {
            if self.rng.percent(50) {
                let new = self.role();
                let role = &mut wish.roles[at];
                (role.permissions, role.color, role.hoist) =
                    (new.permissions.or(role.permissions), new.color, new.hoist);
                if self.rng.percent(30) {
                    role.name = new.name;
                }
            }
            if self.rng.percent(10) {
                let key = self.key('r');
                let old = std::mem::replace(&mut wish.roles[at].key, key.clone());
                wish.roles[at].origin = Origin::Renamed(old.clone());
                renamed.push((old, key));
            }
        }
        for channel in wish.categories.iter_mut().chain(&mut wish.channels) {
            let Wanted::Exactly(list) = &mut channel.overwrites else { continue };
            for (who, _, _) in list {
                if let Who::Role(key) = who
                    && let Some((_, new)) = renamed.iter().find(|(old, _)| old == key)
                {
                    *who = Who::Role(new.clone());
                }
            }
        }
        if self.rng.percent(30) {
            self.rng.shuffle(&mut wish.roles);
        }
    }

    fn change_channels(&mut self, wish: &mut Wish) {
        let base = wish.clone();
        for category in &mut wish.categories {
            if self.rng.percent(50) {
                category.overwrites = self.overwrites(&base, false);
            }
            if self.rng.percent(15) {
                category.name = some_name(self.rng, kind::CATEGORY);
            }
        }
        for channel in &mut wish.channels {
            if self.rng.percent(25) {
                channel.category = self.some_category(&base);
            }
            if self.rng.percent(35) {
                channel.overwrites = self.overwrites(&base, channel.category.is_some());
            }
            if self.rng.percent(30) {
                channel.fields = some_fields(self.rng, channel.kind);
            }
            if self.rng.percent(15) {
                channel.name = some_name(self.rng, channel.kind);
            }
            if self.rng.percent(10) {
                let key = self.key('c');
                channel.origin = Origin::Renamed(std::mem::replace(&mut channel.key, key));
            }
            self.turn(channel);
        }
        if self.rng.percent(30) {
            self.rng.shuffle(&mut wish.channels);
            self.rng.shuffle(&mut wish.categories);
        }
    }
}

/// The channels of a guild as the sidebar shows them.
fn ordered(live: &Guild) -> Vec<&setai::simulator::world::Channel> {
    let mut channels: Vec<_> = live.channels.values().collect();
    channels.sort_by_key(|c| (c.position, c.id));
    channels
}
