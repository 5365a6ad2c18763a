//! What the bot can archive and delete, and which categories stay for what is left in them.

use crate::model::{Channel, ChannelRef, Guild, Key, Permissions, Ref};
use crate::plan::note::{Note, NoteCode, Weight};
use crate::plan::remove::Removals;
use crate::plan::resolve::Desired;

use super::{GIVE_THESE, Limiter, lacking_to_change};

impl Limiter<'_> {
    /// True when the bot can move channels into the archive, or make one.
    fn can_archive(&self, archive: &ChannelRef) -> bool {
        let needed = Permissions::MANAGE_CHANNELS | Permissions::VIEW_CHANNEL;
        let held = self.channels.get(archive).map_or(self.bot.permissions, |category| self.bot.in_channel(category));
        held.contains(needed)
    }

    fn channel_removal(&mut self, key: Option<&Key>, channel: &Channel, archive: Option<&ChannelRef>) -> bool {
        let section = if channel.is_category() { "categories" } else { "channels" };
        let subject = format!("{section}.{}", key.map_or(channel.attributes.name.as_str(), Key::as_str));
        let held = self.bot.in_channel(channel);
        // Before a channel is deleted it is hidden, should anything else in the plan open it.
        let may_hide = !channel.is_category() && self.bot.permissions.contains(Permissions::MANAGE_ROLES);
        let hides = archive.is_some() || may_hide;
        let kind = channel.attributes.kind;
        let lacking = lacking_to_change(held, kind)
            .or_else(|| (hides && !held.contains(Permissions::MANAGE_ROLES)).then_some("manage_roles"));
        // What hides it leaves the bot what it holds in the guild, whatever the channel's overwrites gave it before.
        let lacking_then = hides.then(|| lacking_to_change(self.bot.permissions, kind)).flatten();
        let problem = match (lacking, lacking_then) {
            (Some(lacking), _) => format!("Not removed, because the bot lacks {lacking} here."),
            (None, Some(lacking)) => format!("Not removed, because the bot lacks {lacking} in the guild."),
            (None, None) if archive.is_none_or(|archive| self.can_archive(archive)) => return true,
            (None, None) => "Not archived, because the bot cannot manage the archive.".to_owned(),
        };
        self.warn(NoteCode::MissingPermission, &subject, problem, GIVE_THESE);
        false
    }

    /// Keeps channels that cannot be removed, and all that would be archived where no archive can be made.
    pub(super) fn removed_channels(&mut self, is_archive_wanted: bool, removals: &mut Removals) {
        let archive = removals.archive.clone();
        removals.archived.retain(|(key, channel)| self.channel_removal(key.as_ref(), channel, archive.as_ref()));
        removals.deleted_channels.retain(|(key, channel)| self.channel_removal(key.as_ref(), channel, None));
        let is_made = !is_archive_wanted && matches!(archive, Some(Ref::Planned(_)));
        if removals.archived.is_empty() || !is_made {
            return;
        }
        let Some(rest) = self.room.channels.checked_sub(1) else {
            let most = Guild::MAX_CHANNELS;
            let text = format!(
                "Nothing is archived: a guild has at most {most} channels and categories, so no archive can be made."
            );
            self.warn(NoteCode::OverLimit, "categories.archive", text, "Remove others first.");
            removals.archived.clear();
            return;
        };
        self.room.channels = rest;
    }

    /// Keeps what would go to an archive that the manifest wants and that is not made.
    pub(super) fn archive_of_manifest(&mut self, desired: &Desired<'_>, removals: &mut Removals) {
        let Some(archive) = &removals.archive else { return };
        if desired.categories.iter().any(|category| category.id == *archive) {
            return;
        }
        for (key, channel) in std::mem::take(&mut removals.archived) {
            let name = key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str);
            let text = "Not archived, because categories.archive is not planned.";
            self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, format!("channels.{name}"), text));
        }
    }

    /// Keeps categories in which a channel stays after all, and those that cannot be deleted.
    pub(super) fn left_categories(&mut self, desired: &Desired<'_>, removals: &mut Removals) {
        let mut categories = std::mem::take(&mut removals.deleted_categories);
        categories.retain(|(key, category)| {
            if removals.keeps_children(category, self.live, desired) {
                let name = key.as_ref().map_or(category.attributes.name.as_str(), Key::as_str);
                let text = "Left the manifest, but stays while channels are in it that could not leave.";
                let note = Note::new(Weight::Warning, NoteCode::ForeignChildren, format!("categories.{name}"), text);
                self.notes.push(note);
                return false;
            }
            self.channel_removal(key.as_ref(), category, None)
        });
        removals.deleted_categories = categories;
    }
}
