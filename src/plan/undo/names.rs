//! What the references of a plan stand for after it was applied, and while it is taken back.

use std::collections::BTreeMap;

use crate::model::{
    Bindings, Change, ChannelAttributes, ChannelPatch, ChannelRef, ForumTag, Image, Key, NameEcho, ObjectKind,
    Overwrites, Ref, RolePatch, RoleRef, SettingsPatch, Target, same_channel_name,
};
use crate::plan::Plan;
use crate::plan::operation::{Operation, StepId};
use crate::plan::undo::DoneStep;

use super::way::kind_of;

/// What stands for what. References of the plan are looked up once; what comes out of here is not looked up again.
pub(super) struct Names<'a> {
    bindings: &'a Bindings,
    made_roles: BTreeMap<&'a Key, RoleRef>,
    made_categories: BTreeMap<&'a Key, ChannelRef>,
    made_channels: BTreeMap<&'a Key, ChannelRef>,
    /// What stands for deleted objects that are made again.
    pub(super) remade_roles: BTreeMap<u64, RoleRef>,
    pub(super) remade_channels: BTreeMap<u64, ChannelRef>,
}

impl<'a> Names<'a> {
    /// Knows what the plan created: by what was written down, or else by what is bound.
    pub(super) fn of(plan: &'a Plan, done: &BTreeMap<StepId, DoneStep>, bindings: &'a Bindings) -> Self {
        let mut names = Self {
            bindings,
            made_roles: BTreeMap::new(),
            made_categories: BTreeMap::new(),
            made_channels: BTreeMap::new(),
            remade_roles: BTreeMap::new(),
            remade_channels: BTreeMap::new(),
        };
        for step in &plan.steps {
            let created = done.get(&step.id).and_then(|done| done.created);
            match &step.operation {
                Operation::CreateRole { key, .. } => {
                    let bound = bindings.roles.get(key).map(|bound| bound.id);
                    let made = created.and_then(twilight_model::id::Id::new_checked).or(bound);
                    names.made_roles.extend(made.map(|id| (key, Ref::Live(id))));
                }
                Operation::CreateChannel { key, channel } => {
                    let (made, bound) = match kind_of(channel.kind) {
                        ObjectKind::Category => (&mut names.made_categories, &bindings.categories),
                        ObjectKind::Role | ObjectKind::Channel => (&mut names.made_channels, &bindings.channels),
                    };
                    let bound = bound.get(key).map(|bound| bound.id);
                    let id = created.and_then(twilight_model::id::Id::new_checked).or(bound);
                    made.extend(id.map(|id| (key, Ref::Live(id))));
                }
                _ => {}
            }
        }
        names
    }

    /// The role that a step of the plan created.
    pub(super) fn made_role(&self, key: &Key) -> Option<&RoleRef> {
        self.made_roles.get(key)
    }

    /// The channel or category that a step of the plan created.
    pub(super) fn made_channel(&self, kind: ObjectKind, key: &Key) -> Option<&ChannelRef> {
        match kind {
            ObjectKind::Category => self.made_categories.get(key),
            ObjectKind::Role | ObjectKind::Channel => self.made_channels.get(key),
        }
    }

    fn role(&self, role: &RoleRef) -> RoleRef {
        let now = match role {
            Ref::Live(id) => self.remade_roles.get(&id.get()),
            Ref::Planned(key) => self.made_roles.get(key),
        };
        now.unwrap_or(role).clone()
    }

    pub(super) fn channel(&self, kind: ObjectKind, channel: &ChannelRef) -> ChannelRef {
        let now = match channel {
            Ref::Live(id) => self.remade_channels.get(&id.get()),
            Ref::Planned(key) => self.made_channel(kind, key),
        };
        now.unwrap_or(channel).clone()
    }

    /// The overwrites without those of roles that are gone.
    pub(super) fn overwrites(&self, overwrites: &Overwrites, is_there: impl Fn(&RoleRef) -> bool) -> Overwrites {
        let renamed = overwrites.map_roles(|role| self.role(role));
        let gone = |target: &Target| matches!(target, Target::Role(role) if !is_there(role));
        let gone: Vec<Target> = renamed.entries().map(|(target, _)| target).filter(|t| gone(t)).cloned().collect();
        renamed.without(&gone)
    }

    /// The overwrites without those of roles that are made again: with the role Discord had deleted them everywhere.
    pub(super) fn lasting(&self, overwrites: &Overwrites) -> Overwrites {
        let remade: Vec<Target> = self.remade_roles.values().cloned().map(Target::Role).collect();
        overwrites.without(&remade)
    }

    /// What a change of settings means now.
    pub(super) fn in_settings(&self, changes: &SettingsPatch) -> SettingsPatch {
        let mut changes = changes.clone();
        for (_, change) in channels_of(&mut changes) {
            each_side(change, |side| *side = side.as_ref().map(|channel| self.channel(ObjectKind::Channel, channel)));
        }
        for (_, change) in images_of(&mut changes) {
            each_side(change, |side| self.recognise(side));
        }
        changes
    }

    /// What a change of a role means now.
    pub(super) fn in_role(&self, key: Option<&Key>, changes: &RolePatch) -> RolePatch {
        let mut changes = changes.clone();
        let echo = key.and_then(|key| self.bindings.roles.get(key)?.name_echo.as_ref());
        each_side(&mut changes.name, |side| heard(side, echo));
        each_side(&mut changes.icon, |side| self.recognise(side));
        changes
    }

    /// What a change of a channel means now.
    pub(super) fn in_channel(
        &self,
        key: Option<&Key>,
        changes: &ChannelPatch,
        now: &ChannelAttributes,
        is_there: impl Fn(&RoleRef) -> bool,
    ) -> ChannelPatch {
        let mut changes = changes.clone();
        let bound = match kind_of(now.kind) {
            ObjectKind::Category => &self.bindings.categories,
            ObjectKind::Role | ObjectKind::Channel => &self.bindings.channels,
        };
        let echo = key.and_then(|key| bound.get(key)?.name_echo.as_ref());
        each_side(&mut changes.name, |side| {
            heard(side, echo);
            if same_channel_name(now.kind, side, &now.name) {
                side.clone_from(&now.name);
            }
        });
        each_side(&mut changes.parent, |side| {
            *side = side.as_ref().map(|parent| self.channel(ObjectKind::Category, parent));
        });
        each_side(&mut changes.available_tags, |side| tags_of(side, &now.available_tags));
        each_side(&mut changes.overwrites, |side| *side = self.overwrites(side, &is_there));
        changes
    }

    /// An image that was uploaded, by the hash Discord gave it.
    fn recognise(&self, image: &mut Option<Image>) {
        if let Some(Image::Upload(source)) = image
            && let Some(hash) = self.bindings.images.get(&source.sha256)
        {
            *image = Some(Image::Hash(hash.clone()));
        }
    }
}

/// Does something to both values of a change.
fn each_side<T>(change: &mut Option<Change<T>>, each: impl Fn(&mut T)) {
    if let Some(Change { from, to }) = change {
        each(from);
        each(to);
    }
}

/// What Discord made of a name.
fn heard(name: &mut String, echo: Option<&NameEcho>) {
    if let Some(NameEcho { asked, got }) = echo
        && asked == name
    {
        name.clone_from(got);
    }
}

/// Tags as they can be sent: with the snowflakes of those that are there. Others would be new ones.
fn tags_of(tags: &mut [ForumTag], now: &[ForumTag]) {
    for tag in tags {
        let of_name = || now.iter().find(|live| live.name == tag.name).and_then(|live| live.id);
        let is_there = tag.id.is_some() && now.iter().any(|live| live.id == tag.id);
        tag.id = if is_there { tag.id } else { of_name() };
    }
}

type ChannelChange = Option<Change<Option<ChannelRef>>>;
type ImageChange = Option<Change<Option<Image>>>;

/// The settings that name channels.
pub(super) fn channels_of(changes: &mut SettingsPatch) -> [(&'static str, &mut ChannelChange); 5] {
    let SettingsPatch {
        afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel, ..
    } = changes;
    [
        ("afk_channel", afk_channel),
        ("system_channel", system_channel),
        ("rules_channel", rules_channel),
        ("public_updates_channel", public_updates_channel),
        ("safety_alerts_channel", safety_alerts_channel),
    ]
}

/// The settings that are pictures.
pub(super) fn images_of(changes: &mut SettingsPatch) -> [(&'static str, &mut ImageChange); 4] {
    let SettingsPatch { icon, splash, discovery_splash, banner, .. } = changes;
    [("icon", icon), ("splash", splash), ("discovery_splash", discovery_splash), ("banner", banner)]
}
