//! Permission bits and Discord's algorithm for who holds them.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use chrono::{DateTime, Utc};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::role::Rank;
use super::{Channel, Guild, Overwrite, Snowflake};

/// A set of permission bits. Written as a decimal string; read from that, an integer, or a list of names.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits(pub u64);

macro_rules! bits {
    ($($bit:literal $name:ident,)*) => {
        impl Bits {
            $(#[doc = concat!("Bit ", $bit, ".")] pub const $name: Self = Self(1 << $bit);)*
        }
        const NAMES: &[(&str, u64)] = &[$((stringify!($name), 1 << $bit)),*];
    };
}

bits! {
    0 CREATE_INSTANT_INVITE, 1 KICK_MEMBERS, 2 BAN_MEMBERS, 3 ADMINISTRATOR, 4 MANAGE_CHANNELS, 5 MANAGE_GUILD,
    6 ADD_REACTIONS, 7 VIEW_AUDIT_LOG, 8 PRIORITY_SPEAKER, 9 STREAM, 10 VIEW_CHANNEL, 11 SEND_MESSAGES,
    12 SEND_TTS_MESSAGES, 13 MANAGE_MESSAGES, 14 EMBED_LINKS, 15 ATTACH_FILES, 16 READ_MESSAGE_HISTORY,
    17 MENTION_EVERYONE, 18 USE_EXTERNAL_EMOJIS, 19 VIEW_GUILD_INSIGHTS, 20 CONNECT, 21 SPEAK, 22 MUTE_MEMBERS,
    23 DEAFEN_MEMBERS, 24 MOVE_MEMBERS, 25 USE_VAD, 26 CHANGE_NICKNAME, 27 MANAGE_NICKNAMES, 28 MANAGE_ROLES,
    29 MANAGE_WEBHOOKS, 30 MANAGE_GUILD_EXPRESSIONS, 31 USE_APPLICATION_COMMANDS, 32 REQUEST_TO_SPEAK,
    33 MANAGE_EVENTS, 34 MANAGE_THREADS, 35 CREATE_PUBLIC_THREADS, 36 CREATE_PRIVATE_THREADS,
    37 USE_EXTERNAL_STICKERS, 38 SEND_MESSAGES_IN_THREADS, 39 USE_EMBEDDED_ACTIVITIES, 40 MODERATE_MEMBERS,
    41 VIEW_CREATOR_MONETIZATION_ANALYTICS, 42 USE_SOUNDBOARD, 43 CREATE_GUILD_EXPRESSIONS, 44 CREATE_EVENTS,
    45 USE_EXTERNAL_SOUNDS, 46 SEND_VOICE_MESSAGES, 48 SET_VOICE_CHANNEL_STATUS, 49 SEND_POLLS,
    50 USE_EXTERNAL_APPS, 51 PIN_MESSAGES, 52 BYPASS_SLOWMODE,
}

impl Bits {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// Every bit there is and will be.
    pub const ALL: Self = Self(u64::MAX);
    /// What does not work without two-factor authentication in a guild with `mfa_level` 1.
    pub const GUARDED: Self = Self(
        Self::KICK_MEMBERS.0
            | Self::BAN_MEMBERS.0
            | Self::ADMINISTRATOR.0
            | Self::MANAGE_CHANNELS.0
            | Self::MANAGE_GUILD.0
            | Self::MANAGE_MESSAGES.0
            | Self::MANAGE_ROLES.0
            | Self::MANAGE_WEBHOOKS.0
            | Self::MANAGE_GUILD_EXPRESSIONS.0
            | Self::MANAGE_THREADS.0
            | Self::VIEW_CREATOR_MONETIZATION_ANALYTICS.0,
    );

    /// Every bit of `other` is in here.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// At least one bit of `other` is in here.
    pub fn touches(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bit of a documented name, in any case, or of `bit_NN`.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(number) = name.strip_prefix("bit_") {
            return number.parse::<u32>().ok().and_then(|n| 1_u64.checked_shl(n)).map(Self);
        }
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, bit)| Self(*bit))
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl BitOr for Bits {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Bits {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Bits {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Bits {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spelling;
        impl<'de> Visitor<'de> for Spelling {
            type Value = Bits;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("permission bits or a list of permission names")
            }
            fn visit_u64<E: Error>(self, bits: u64) -> Result<Bits, E> {
                Ok(Bits(bits))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bits, E> {
                text.parse().map(Bits).map_err(|_| E::custom(format!("`{text}` is not a number of permission bits")))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Bits, A::Error> {
                let mut bits = Bits::NONE;
                while let Some(name) = names.next_element::<String>()? {
                    bits |= Bits::named(&name).ok_or_else(|| A::Error::custom(format!("no permission `{name}`")))?;
                }
                Ok(bits)
            }
        }
        deserializer.deserialize_any(Spelling)
    }
}

/// What is left to somebody in a timeout.
const TIMED_OUT: Bits = Bits(Bits::VIEW_CHANNEL.0 | Bits::READ_MESSAGE_HISTORY.0);

impl Guild {
    /// What a member may do before channels have their say; nothing for strangers.
    pub fn permissions_of(&self, user: Snowflake, now: DateTime<Utc>) -> Bits {
        let Some(member) = self.members.get(&user) else { return Bits::NONE };
        if self.owner_id == user {
            return Bits::ALL;
        }
        let held = std::iter::once(&self.id).chain(&member.roles).filter_map(|id| self.roles.get(id));
        let base = held.fold(Bits::NONE, |sum, role| sum | role.permissions);
        if base.has(Bits::ADMINISTRATOR) {
            return Bits::ALL;
        }
        if member.timed_out(now) { base & TIMED_OUT } else { base }
    }

    /// What a member may do in a channel.
    pub fn permissions_in(&self, user: Snowflake, channel: &Channel, now: DateTime<Utc>) -> Bits {
        let base = self.permissions_of(user, now);
        if base.has(Bits::ADMINISTRATOR) {
            return base;
        }
        let Some(member) = self.members.get(&user) else { return Bits::NONE };
        let mut bits = overwritten(base, channel.overwrite(self.id).into_iter());
        let of_roles = |o: &&Overwrite| o.kind == Overwrite::ROLE && member.roles.contains(&o.id);
        bits = overwritten(bits, channel.permission_overwrites.iter().filter(of_roles));
        let of_user = |o: &&Overwrite| o.kind == Overwrite::MEMBER && o.id == user;
        bits = overwritten(bits, channel.permission_overwrites.iter().filter(of_user));
        if !bits.has(Bits::VIEW_CHANNEL) {
            return Bits::NONE;
        }
        if channel.is_vocal() && !bits.has(Bits::CONNECT) {
            bits = bits & TIMED_OUT;
        }
        if !bits.has(Bits::SEND_MESSAGES) {
            let silent = Bits::MENTION_EVERYONE | Bits::SEND_TTS_MESSAGES | Bits::ATTACH_FILES | Bits::EMBED_LINKS;
            bits = bits & !silent;
        }
        if member.timed_out(now) { bits & TIMED_OUT } else { bits }
    }

    /// A member sees a channel; a category is seen with any of its children.
    pub fn can_view(&self, user: Snowflake, channel: &Channel, now: DateTime<Utc>) -> bool {
        let sees = |c: &Channel| self.permissions_in(user, c, now).has(Bits::VIEW_CHANNEL);
        sees(channel) || (channel.is_category() && self.children(channel.id).any(sees))
    }

    /// The highest role of a member, @everyone at least. The owner stands above all ranks: see [`Self::outranks`].
    pub fn top_rank(&self, user: Snowflake) -> Option<Rank> {
        let member = self.members.get(&user)?;
        let held = std::iter::once(&self.id).chain(&member.roles).filter_map(|id| self.roles.get(id));
        held.map(super::Role::rank).max()
    }

    /// A member stands above a role. Equal is not above.
    pub fn outranks(&self, user: Snowflake, role: Rank) -> bool {
        self.owner_id == user || self.top_rank(user).is_some_and(|top| top > role)
    }
}

/// Removes all denies, then adds all allows.
fn overwritten<'a>(bits: Bits, overwrites: impl Iterator<Item = &'a Overwrite>) -> Bits {
    let (allow, deny) = overwrites.fold((Bits::NONE, Bits::NONE), |(allow, deny), o| (allow | o.allow, deny | o.deny));
    (bits & !deny) | allow
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::super::{Member, Role, kind};
    use super::*;

    const GUILD: Snowflake = Snowflake(1);
    const USER: Snowflake = Snowflake(7);
    const ROLES: [Snowflake; 2] = [Snowflake(20), Snowflake(21)];

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time")
    }

    /// A member with two roles; @everyone may view and send, the first role may connect.
    fn guild() -> Guild {
        let mut guild = Guild { id: GUILD, owner_id: Snowflake(2), ..Guild::default() };
        let grants =
            [(GUILD, Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES), (ROLES[0], Bits::CONNECT), (ROLES[1], Bits::NONE)];
        for (position, (id, permissions)) in (0..).zip(grants) {
            guild.roles.insert(id, Role { id, permissions, position, ..Role::default() });
        }
        for user_id in [USER, guild.owner_id] {
            guild.members.insert(user_id, Member { user_id, roles: ROLES.to_vec(), ..Member::default() });
        }
        guild
    }

    fn channel(channel_kind: u8, overwrites: &[(Snowflake, u8, Bits, Bits)]) -> Channel {
        let listed = overwrites.iter().map(|(id, kind, allow, deny)| Overwrite {
            id: *id,
            kind: *kind,
            allow: *allow,
            deny: *deny,
        });
        Channel { kind: channel_kind, permission_overwrites: listed.collect(), ..Channel::default() }
    }

    #[test]
    fn the_member_beats_its_roles_and_they_beat_everyone() {
        let guild = guild();
        let held = |overwrites: &[_]| guild.permissions_in(USER, &channel(kind::TEXT, overwrites), now());
        let everyone = (GUILD, 0, Bits::NONE, Bits::SEND_MESSAGES);
        assert!(!held(&[everyone]).has(Bits::SEND_MESSAGES));
        let role = (ROLES[0], 0, Bits::SEND_MESSAGES, Bits::NONE);
        assert!(held(&[role, everyone]).has(Bits::SEND_MESSAGES), "in whatever order they are listed");
        let other_role = (ROLES[1], 0, Bits::NONE, Bits::SEND_MESSAGES);
        assert!(held(&[everyone, role, other_role]).has(Bits::SEND_MESSAGES), "one role's allow beats another's deny");
        let member = (USER, 1, Bits::NONE, Bits::SEND_MESSAGES);
        assert!(!held(&[everyone, role, member]).has(Bits::SEND_MESSAGES));
        let both = (USER, 1, Bits::SEND_MESSAGES, Bits::SEND_MESSAGES);
        assert!(held(&[both]).has(Bits::SEND_MESSAGES), "allow wins over deny in one entry");
        let mistaken = (USER, 0, Bits::NONE, Bits::SEND_MESSAGES);
        assert!(held(&[mistaken]).has(Bits::SEND_MESSAGES), "an entry for a role with a user's id concerns nobody");
    }

    #[test]
    fn without_the_first_permission_the_rest_is_worth_nothing() {
        let guild = guild();
        let unseen = channel(kind::TEXT, &[(GUILD, 0, Bits::MANAGE_CHANNELS, Bits::VIEW_CHANNEL)]);
        assert_eq!(guild.permissions_in(USER, &unseen, now()), Bits::NONE);
        let locked = channel(kind::VOICE, &[(USER, 1, Bits::MANAGE_CHANNELS, Bits::CONNECT)]);
        assert_eq!(guild.permissions_in(USER, &locked, now()), Bits::VIEW_CHANNEL);
        let silent = channel(kind::TEXT, &[(USER, 1, Bits::EMBED_LINKS | Bits::ADD_REACTIONS, Bits::SEND_MESSAGES)]);
        assert!(!guild.permissions_in(USER, &silent, now()).touches(Bits::EMBED_LINKS));
        assert!(guild.permissions_in(USER, &silent, now()).has(Bits::ADD_REACTIONS));
    }

    #[test]
    fn owners_and_administrators_may_everything_and_the_timed_out_only_look() {
        let mut guild = guild();
        let closed = channel(kind::TEXT, &[(GUILD, 0, Bits::NONE, Bits::ALL)]);
        assert_eq!(guild.permissions_in(guild.owner_id, &closed, now()), Bits::ALL);
        let until = now() + chrono::TimeDelta::seconds(1);
        guild.members.entry(USER).and_modify(|m| m.communication_disabled_until = Some(until));
        assert_eq!(guild.permissions_of(USER, now()), Bits::VIEW_CHANNEL);
        assert!(guild.permissions_of(USER, until).has(Bits::SEND_MESSAGES), "it is over");
        guild.roles.entry(ROLES[0]).and_modify(|r| r.permissions = Bits::ADMINISTRATOR);
        assert_eq!(guild.permissions_in(USER, &closed, now()), Bits::ALL, "administrators are exempt");
        assert_eq!(guild.permissions_of(Snowflake(99), now()), Bits::NONE, "a stranger");
    }

    #[test]
    fn a_category_is_seen_with_any_of_its_children() {
        let mut guild = guild();
        let hidden = [(GUILD, 0, Bits::NONE, Bits::VIEW_CHANNEL)];
        let category = Channel { id: Snowflake(30), ..channel(kind::CATEGORY, &hidden) };
        assert!(!guild.can_view(USER, &category, now()));
        let child = Channel { id: Snowflake(31), parent_id: Some(category.id), ..channel(kind::TEXT, &[]) };
        guild.channels.insert(child.id, child);
        assert!(guild.can_view(USER, &category, now()));
    }

    #[test]
    fn rank_is_position_then_age_and_the_owner_stands_above_it() {
        let guild = guild();
        assert_eq!(guild.top_rank(USER), Some((2, Reverse(ROLES[1]))));
        assert!(!guild.outranks(USER, (2, Reverse(ROLES[1]))), "equal is not above");
        assert!(guild.outranks(USER, (2, Reverse(Snowflake(22)))));
        assert!(!guild.outranks(USER, (2, Reverse(Snowflake(5)))));
        assert!(guild.outranks(guild.owner_id, (99, Reverse(Snowflake(5)))));
    }
}
