//! What a guild must look like after a wish was granted, worked out without the engine: the guild before, with the wish laid
//! over it, and nothing else changed but what Discord does by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use setai::model::{BindingState, Bindings, KindBindings};
use setai::simulator::world::{Bits, Channel, Guild, Overwrite, Role, Snowflake, kind};

use crate::support::wish::{Wanted, Who, Wish, WishChannel};

/// What each key is bound to.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    pub(super) roles: BTreeMap<String, Bound>,
    pub(super) categories: BTreeMap<String, Bound>,
    pub(super) channels: BTreeMap<String, Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) id: Snowflake,
    protected: bool,
    archived: bool,
}

impl Ids {
    pub(super) fn of(bindings: &Bindings) -> Self {
        fn bound<M>(bindings: &KindBindings<twilight_model::id::Id<M>>) -> BTreeMap<String, Bound> {
            let entry = |b: &setai::model::Binding<twilight_model::id::Id<M>>| Bound {
                id: Snowflake(b.id.get()),
                protected: b.protected,
                archived: b.state == BindingState::Archived,
            };
            bindings.iter().map(|(key, b)| (key.to_string(), entry(b))).collect()
        }
        let Bindings { roles, categories, channels, images: _ } = bindings;
        Self { roles: bound(roles), categories: bound(categories), channels: bound(channels) }
    }

    pub(super) fn all(&self) -> BTreeSet<Snowflake> {
        [&self.roles, &self.categories, &self.channels].into_iter().flat_map(|m| m.values().map(|b| b.id)).collect()
    }
}

/// The guild after `wish`, given the bindings before and after.
pub(super) fn expected(before: &Guild, wish: &Wish, old: &Ids, new: &Ids) -> Guild {
    let mut oracle = Oracle { before, wish, old, new, guild: before.clone() };
    oracle.roles();
    oracle.categories();
    oracle.channels();
    oracle.remove_channels();
    oracle.remove_categories();
    oracle.remove_roles();
    oracle.settings();
    oracle.guild
}

struct Oracle<'a> {
    before: &'a Guild,
    wish: &'a Wish,
    old: &'a Ids,
    new: &'a Ids,
    guild: Guild,
}

impl Oracle<'_> {
    fn roles(&mut self) {
        if let Some(bits) = self.wish.everyone {
            let id = self.guild.id;
            let everyone = self.guild.roles.get_mut(&id).expect("@everyone");
            everyone.permissions = bits | nameless(everyone.permissions);
        }
        for wanted in &self.wish.roles {
            let Some(Bound { id, .. }) = self.new.roles.get(&wanted.key).copied() else { continue };
            let role = self.guild.roles.entry(id).or_insert_with(|| Role { id, ..Role::default() });
            role.name.clone_from(&wanted.name);
            if let Some(bits) = wanted.permissions {
                role.permissions = bits | nameless(role.permissions);
            }
            if let Some(color) = wanted.color {
                role.colors.primary_color = color;
            }
            role.hoist = wanted.hoist.unwrap_or(role.hoist);
            role.mentionable = wanted.mentionable.unwrap_or(role.mentionable);
        }
    }

    /// What a list comes to on a channel that has these now: bits nobody has a name for are nobody's to take away.
    fn overwrites(&self, list: &[(Who, Bits, Bits)], channel: Snowflake) -> Vec<Overwrite> {
        let live = self.before.channels.get(&channel).map_or(&[][..], |c| &c.permission_overwrites);
        let entry = |(who, allow, deny): &(Who, Bits, Bits)| {
            let (id, kind) = match who {
                Who::Everyone => (self.guild.id, Overwrite::ROLE),
                Who::Role(key) => (self.new.roles.get(key).expect("a settled role").id, Overwrite::ROLE),
                Who::User(id) => (*id, Overwrite::MEMBER),
            };
            let said = *allow | *deny;
            let now = live.iter().find(|o| (o.id, o.kind) == (id, kind) && said != Bits::NONE);
            let kept = |bits: Bits| nameless(bits) & !said;
            let (more, less) = now.map_or((Bits::NONE, Bits::NONE), |o| (kept(o.allow), kept(o.deny)));
            Overwrite { id, kind, allow: *allow | more, deny: *deny | less }
        };
        list.iter().map(entry).collect()
    }

    /// What a channel takes over from its category: all but the bits nobody has a name for, of which it keeps its own. A new
    /// one gets those as well that Discord takes.
    fn synced(&self, list: &[Overwrite], channel: Snowflake) -> Vec<Overwrite> {
        let Some(live) = self.before.channels.get(&channel) else {
            let taken = |o: &Overwrite| Overwrite { allow: o.allow & KNOWN, deny: o.deny & KNOWN, ..*o };
            return list.iter().map(taken).collect();
        };
        if said(&live.permission_overwrites, self.before) == said(list, &self.guild) {
            return list.to_vec();
        }
        let named = |bits: Bits| bits & !nameless(bits);
        let named: Vec<_> =
            list.iter().map(|o| Overwrite { allow: named(o.allow), deny: named(o.deny), ..*o }).collect();
        let merge = |o: &Overwrite| {
            let own = live.overwrite(o.id).filter(|_| o.allow | o.deny != Bits::NONE);
            let kept = |bits: Bits| nameless(bits) & !(o.allow | o.deny);
            let (allow, deny) = own.map_or((Bits::NONE, Bits::NONE), |own| (kept(own.allow), kept(own.deny)));
            Overwrite { allow: o.allow | allow, deny: o.deny | deny, ..*o }
        };
        named.iter().map(merge).collect()
    }

    fn lay(&mut self, id: Snowflake, wanted: &WishChannel, parent: Option<Snowflake>) {
        let vocal = matches!(wanted.kind, kind::VOICE | kind::STAGE);
        let blank = Channel { id, bitrate: if vocal { 64_000 } else { 0 }, ..Channel::default() };
        let seats = if wanted.kind == kind::STAGE { 10_000 } else { 0 };
        let channel = self.guild.channels.entry(id).or_insert(Channel { user_limit: seats, ..blank });
        channel.kind = wanted.kind;
        channel.name.clone_from(&wanted.name.1);
        channel.parent_id = parent;
        let mut raw = json!(channel);
        for (field, value) in &wanted.fields {
            raw[field] = value.clone();
        }
        *channel = serde_json::from_value(raw).expect("a channel");
    }

    fn categories(&mut self) {
        for wanted in &self.wish.categories {
            let Some(Bound { id, .. }) = self.new.categories.get(&wanted.key).copied() else { continue };
            self.lay(id, wanted, None);
            if let Wanted::Exactly(list) = &wanted.overwrites {
                let list = self.overwrites(list, id);
                self.lead(id, &list);
                self.guild.channels.get_mut(&id).expect("laid above").permission_overwrites = list;
            }
        }
    }

    /// Discord changes the channels along that have the same overwrites; those the wish speaks of end as it says.
    fn lead(&mut self, category: Snowflake, list: &[Overwrite]) {
        let Some(category_before) = self.before.channels.get(&category) else { return };
        let was = said(&category_before.permission_overwrites, self.before);
        if said(list, &self.guild) == was {
            return;
        }
        for child in self.before.children(category) {
            // Entries of roles that are gone make a difference to Discord.
            let raw = |channel: &Channel| {
                let mut list = channel.permission_overwrites.clone();
                list.retain(|o| (o.allow | o.deny) != Bits::NONE);
                list.sort_unstable();
                list
            };
            if raw(child) == raw(category_before) {
                let child = self.guild.channels.get_mut(&child.id).expect("nothing is removed yet");
                child.permission_overwrites = list.to_vec();
            }
        }
    }

    fn channels(&mut self) {
        for wanted in &self.wish.channels {
            let Some(Bound { id, .. }) = self.new.channels.get(&wanted.key).copied() else { continue };
            let category = wanted.category.as_ref().map(|key| self.new.categories.get(key).expect("a category").id);
            self.lay(id, wanted, category);
            let kept = self.before.channels.get(&id).map(|c| c.permission_overwrites.clone()).unwrap_or_default();
            let list = match (&wanted.overwrites, category) {
                (Wanted::Exactly(list), _) => self.overwrites(list, id),
                (Wanted::Silent, Some(category)) => {
                    let list = self.guild.channels[&category].permission_overwrites.clone();
                    self.synced(&list, id)
                }
                (Wanted::Silent | Wanted::Unmanaged, _) => kept,
            };
            self.guild.channels.get_mut(&id).expect("laid above").permission_overwrites = list;
        }
    }

    /// Of a name space: bound objects whose key is gone, and with `prune: all` everything else.
    fn gone(&self, section: &str, candidates: &[Snowflake]) -> Vec<Snowflake> {
        let (old, new): (&BTreeMap<String, Bound>, Vec<&String>) = match section {
            "roles" => (&self.old.roles, self.wish.roles.iter().map(|r| &r.key).collect()),
            "categories" => (&self.old.categories, self.wish.categories.iter().map(|c| &c.key).collect()),
            _ => (&self.old.channels, self.wish.channels.iter().map(|c| &c.key).collect()),
        };
        let bound = match section {
            "roles" => &self.new.roles,
            "categories" => &self.new.categories,
            _ => &self.new.channels,
        };
        let spoken: Vec<Snowflake> = new.iter().filter_map(|key| bound.get(*key)).map(|b| b.id).collect();
        let archive = self.archive();
        let is_gone = |id: &Snowflake| {
            if spoken.contains(id) || Some(*id) == archive {
                return false;
            }
            match old.iter().find(|(_, b)| b.id == *id && !b.archived) {
                Some((key, b)) => !b.protected && !self.wish.protect.contains(&format!("{section}.{key}")),
                None => {
                    let channel = self.before.channels.get(id);
                    let archived = archive.is_some() && channel.is_some_and(|c| c.parent_id == archive);
                    self.wish.prune == "all" && !archived
                }
            }
        };
        if self.wish.prune == "none" { Vec::new() } else { candidates.iter().copied().filter(is_gone).collect() }
    }

    fn archive(&self) -> Option<Snowflake> {
        self.new.categories.get("archive").map(|b| b.id)
    }

    fn remove_channels(&mut self) {
        let candidates: Vec<Snowflake> =
            self.before.channels.values().filter(|c| !c.is_category()).map(|c| c.id).collect();
        for id in self.gone("channels", &candidates) {
            match self.wish.on_remove {
                "archive" => {
                    let archive = self.archive().expect("an archive");
                    let hide = Overwrite {
                        id: self.guild.id,
                        kind: Overwrite::ROLE,
                        allow: Bits::NONE,
                        deny: Bits::VIEW_CHANNEL,
                    };
                    self.guild.channels.entry(archive).or_insert_with(|| Channel {
                        id: archive,
                        kind: kind::CATEGORY,
                        name: "Archive".to_owned(),
                        permission_overwrites: vec![hide],
                        ..Channel::default()
                    });
                    let channel = self.guild.channels.get_mut(&id).expect("a candidate");
                    (channel.parent_id, channel.permission_overwrites) = (Some(archive), vec![hide]);
                }
                "delete" => self.drop_channel(id),
                _ => {}
            }
        }
    }

    fn drop_channel(&mut self, id: Snowflake) {
        self.guild.channels.remove(&id);
        self.guild.system_channel_id = self.guild.system_channel_id.filter(|system| *system != id);
    }

    fn remove_categories(&mut self) {
        let candidates: Vec<Snowflake> =
            self.before.channels.values().filter(|c| c.is_category()).map(|c| c.id).collect();
        for id in self.gone("categories", &candidates) {
            if self.wish.on_remove != "forget" && self.guild.children(id).next().is_none() {
                self.drop_channel(id);
            }
        }
    }

    fn remove_roles(&mut self) {
        let candidates: Vec<Snowflake> =
            self.before.roles.values().filter(|r| r.id != self.before.id && !r.managed).map(|r| r.id).collect();
        if self.wish.on_remove != "delete" {
            return;
        }
        for id in self.gone("roles", &candidates) {
            self.guild.roles.remove(&id);
            self.guild.members.values_mut().for_each(|m| m.roles.retain(|r| *r != id));
        }
    }

    fn settings(&mut self) {
        for (field, value) in &self.wish.settings {
            match (field.as_str(), value) {
                ("name", Value::String(name)) => self.guild.name.clone_from(name),
                ("description", value) => self.guild.description = value.as_str().map(str::to_owned),
                ("afk_timeout", value) => self.guild.afk_timeout = value.as_u64().expect("seconds") as u32,
                ("premium_progress_bar_enabled", value) => {
                    self.guild.premium_progress_bar_enabled = value.as_bool().expect("a flag");
                }
                ("system_channel", Value::String(key)) => {
                    self.guild.system_channel_id = self.new.channels.get(key).map(|b| b.id);
                }
                (field, value) => panic!("no rule for {field}: {value}"),
            }
        }
    }
}

/// The overwrites that say something, of roles that exist, in a fixed order.
pub(super) fn said(list: &[Overwrite], guild: &Guild) -> Vec<Overwrite> {
    let counts = |o: &&Overwrite| {
        (o.allow | o.deny) != Bits::NONE && (o.kind == Overwrite::MEMBER || guild.roles.contains_key(&o.id))
    };
    let mut list: Vec<Overwrite> = list.iter().filter(counts).copied().collect();
    list.sort_unstable();
    list
}

/// Everything that differs, in words. Positions are only compared as an order, elsewhere.
pub(super) fn differences(expected: &Guild, found: &Guild) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: String, a: Option<Value>, b: Option<Value>| {
        if a != b {
            let show = |v: Option<Value>| v.map_or_else(|| "nothing".to_owned(), |v| v.to_string());
            differences.push(format!("{what}\n  expected {}\n  found    {}", show(a), show(b)));
        }
    };
    let roles: BTreeSet<_> = expected.roles.keys().chain(found.roles.keys()).collect();
    for id in roles {
        let raw = |guild: &Guild| guild.roles.get(id).map(|r| json!(Role { position: 0, ..r.clone() }));
        compare(format!("role {id}"), raw(expected), raw(found));
    }
    let channels: BTreeSet<_> = expected.channels.keys().chain(found.channels.keys()).collect();
    for id in channels {
        let raw = |guild: &Guild| {
            let channel = guild.channels.get(id)?;
            let permission_overwrites = said(&channel.permission_overwrites, found);
            // Two spellings of "none".
            let topic = channel.topic.clone().filter(|topic| !topic.is_empty());
            let slowmode = channel.default_thread_rate_limit_per_user.filter(|seconds| *seconds > 0);
            Some(json!(Channel {
                position: 0,
                permission_overwrites,
                topic,
                default_thread_rate_limit_per_user: slowmode,
                ..channel.clone()
            }))
        };
        compare(format!("channel {id}"), raw(expected), raw(found));
    }
    let rest = |guild: &Guild| {
        let (roles, channels) = (BTreeMap::new(), BTreeMap::new());
        Some(json!(Guild { roles, channels, audit_log: Vec::new(), ..guild.clone() }))
    };
    compare("settings or members".to_owned(), rest(expected), rest(found));
    differences
}

/// Where the order is not as wished, or the order of what nobody spoke of has changed.
pub(super) fn disorder(before: &Guild, after: &Guild, wish: &Wish, new: &Ids) -> Vec<String> {
    let mut problems = Vec::new();
    let bucket = |c: &Channel| match c.kind {
        kind::CATEGORY => 0,
        kind::VOICE | kind::STAGE => 2,
        _ => 1,
    };
    let spot =
        |guild: &Guild, id: &Snowflake| guild.channels.get(id).map(|c| ((c.parent_id, bucket(c)), (c.position, c.id)));
    let wished: Vec<Snowflake> = wish
        .categories
        .iter()
        .filter_map(|c| new.categories.get(&c.key))
        .chain(wish.channels.iter().filter_map(|c| new.channels.get(&c.key)))
        .map(|b| b.id)
        .collect();
    let mut last = BTreeMap::new();
    for id in &wished {
        let Some((place, rank)) = spot(after, id) else { continue };
        if last.insert(place, rank).is_some_and(|previous| previous > rank) {
            problems.push(format!("channel {id} stands too high"));
        }
    }
    let others: Vec<&Channel> = after.channels.values().filter(|c| !wished.contains(&c.id)).collect();
    for a in &others {
        for b in &others {
            let (Some(was_a), Some(was_b)) = (spot(before, &a.id), spot(before, &b.id)) else { continue };
            let (Some(is_a), Some(is_b)) = (spot(after, &a.id), spot(after, &b.id)) else { continue };
            let stayed = was_a.0 == was_b.0 && is_a.0 == is_b.0 && was_a.0 == is_a.0;
            if stayed && was_a.1 < was_b.1 && is_a.1 > is_b.1 {
                problems.push(format!("channels {} and {} changed their order", a.id, b.id));
            }
        }
    }
    problems.extend(disorder_of_roles(before, after, wish, new));
    problems
}

fn disorder_of_roles(before: &Guild, after: &Guild, wish: &Wish, new: &Ids) -> Vec<String> {
    let mut problems = Vec::new();
    let wished: Vec<Snowflake> = wish.roles.iter().filter_map(|r| new.roles.get(&r.key)).map(|b| b.id).collect();
    for pair in wished.windows(2) {
        let (Some(above), Some(below)) = (after.roles.get(&pair[0]), after.roles.get(&pair[1])) else { continue };
        if above.rank() < below.rank() {
            problems.push(format!("role {} should stand above {}", above.id, below.id));
        }
    }
    let others: Vec<&Role> = after.roles.values().filter(|r| !wished.contains(&r.id)).collect();
    for a in &others {
        for b in &others {
            let (Some(was_a), Some(was_b)) = (before.roles.get(&a.id), before.roles.get(&b.id)) else { continue };
            if was_a.rank() > was_b.rank() && a.rank() < b.rank() {
                problems.push(format!("roles {} and {} changed their order", a.id, b.id));
            }
        }
    }
    problems
}

/// The bits the simulated Discord takes on write.
const KNOWN: Bits = Bits((1 << 54) - 1);

/// The bits outside the 52 of Discord's permission table.
fn nameless(bits: Bits) -> Bits {
    bits & !Bits(0x001F_7FFF_FFFF_FFFF)
}
