//! Permission bits by name.
//!
//! The set is a raw `u64`: bits this build has no name for survive every read and write. Names and meanings are those of
//! <https://discord.com/developers/docs/topics/permissions>.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};
use std::str::FromStr;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a permission means something, as Discord's table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Text, announcement, forum and media channels.
    pub text: bool,
    /// Voice channels.
    pub voice: bool,
    /// Stage channels.
    pub stage: bool,
}

impl Scope {
    /// True when the permission can also be set on a channel.
    pub fn in_channels(self) -> bool {
        self.text || self.voice || self.stage
    }
}

/// A permission Discord documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The bit's index.
    pub bit: u8,
    /// Discord's name, in snake_case.
    pub name: &'static str,
    /// Where it means something.
    pub scope: Scope,
    /// True when a guild that requires two-factor authentication asks it of whoever uses this.
    pub needs_mfa: bool,
    /// Other spellings that are understood.
    pub aliases: &'static [&'static str],
}

const fn scope(channels: &str) -> Scope {
    let letters = channels.as_bytes();
    let (mut text, mut voice, mut stage) = (false, false, false);
    let mut i = 0;
    while i < letters.len() {
        match letters[i] {
            b'T' => text = true,
            b'V' => voice = true,
            _ => stage = true,
        }
        i += 1;
    }
    Scope { text, voice, stage }
}

macro_rules! permissions {
    ($( $bit:literal $constant:ident $name:literal $scope:literal $mfa:literal [$($alias:literal),*] )*) => {
        impl Permission {
            /// Every documented permission, by ascending bit.
            pub const ALL: &'static [Permission] = &[$(
                Permission { bit: $bit, name: $name, scope: scope($scope), needs_mfa: $mfa, aliases: &[$($alias),*] },
            )*];
        }

        impl Permissions {
            $( #[doc = concat!("`", $name, "`, bit ", stringify!($bit), ".")] pub const $constant: Self = Self(1 << $bit); )*
        }
    };
}

permissions! {
    0  CREATE_INSTANT_INVITE "create_instant_invite" "TVS" false ["create_invite"]
    1  KICK_MEMBERS "kick_members" "" true []
    2  BAN_MEMBERS "ban_members" "" true []
    3  ADMINISTRATOR "administrator" "" true []
    4  MANAGE_CHANNELS "manage_channels" "TVS" true []
    5  MANAGE_GUILD "manage_guild" "" true ["manage_server"]
    6  ADD_REACTIONS "add_reactions" "TVS" false []
    7  VIEW_AUDIT_LOG "view_audit_log" "" false []
    8  PRIORITY_SPEAKER "priority_speaker" "V" false []
    9  STREAM "stream" "VS" false ["video", "go_live"]
    10 VIEW_CHANNEL "view_channel" "TVS" false ["read_messages", "view_channels"]
    11 SEND_MESSAGES "send_messages" "TVS" false []
    12 SEND_TTS_MESSAGES "send_tts_messages" "TVS" false []
    13 MANAGE_MESSAGES "manage_messages" "TVS" true []
    14 EMBED_LINKS "embed_links" "TVS" false []
    15 ATTACH_FILES "attach_files" "TVS" false []
    16 READ_MESSAGE_HISTORY "read_message_history" "TVS" false []
    17 MENTION_EVERYONE "mention_everyone" "TVS" false []
    18 USE_EXTERNAL_EMOJIS "use_external_emojis" "TVS" false ["external_emojis", "use_external_emoji"]
    19 VIEW_GUILD_INSIGHTS "view_guild_insights" "" false []
    20 CONNECT "connect" "VS" false []
    21 SPEAK "speak" "V" false []
    22 MUTE_MEMBERS "mute_members" "VS" false []
    23 DEAFEN_MEMBERS "deafen_members" "V" false []
    24 MOVE_MEMBERS "move_members" "VS" false []
    25 USE_VAD "use_vad" "V" false ["use_voice_activation", "use_voice_activity"]
    26 CHANGE_NICKNAME "change_nickname" "" false []
    27 MANAGE_NICKNAMES "manage_nicknames" "" false []
    28 MANAGE_ROLES "manage_roles" "TVS" true ["manage_permissions"]
    29 MANAGE_WEBHOOKS "manage_webhooks" "TVS" true []
    30 MANAGE_GUILD_EXPRESSIONS "manage_guild_expressions" "" true ["manage_emojis", "manage_emojis_and_stickers", "manage_expressions"]
    31 USE_APPLICATION_COMMANDS "use_application_commands" "TVS" false ["use_slash_commands", "use_commands"]
    32 REQUEST_TO_SPEAK "request_to_speak" "S" false []
    33 MANAGE_EVENTS "manage_events" "VS" false []
    34 MANAGE_THREADS "manage_threads" "T" true []
    35 CREATE_PUBLIC_THREADS "create_public_threads" "T" false []
    36 CREATE_PRIVATE_THREADS "create_private_threads" "T" false []
    37 USE_EXTERNAL_STICKERS "use_external_stickers" "TVS" false ["external_stickers"]
    38 SEND_MESSAGES_IN_THREADS "send_messages_in_threads" "T" false ["send_thread_messages"]
    39 USE_EMBEDDED_ACTIVITIES "use_embedded_activities" "TV" false ["start_embedded_activities", "embedded_activities", "use_activities"]
    40 MODERATE_MEMBERS "moderate_members" "" false ["timeout_members"]
    41 VIEW_CREATOR_MONETIZATION_ANALYTICS "view_creator_monetization_analytics" "" true ["view_monetization_analytics"]
    42 USE_SOUNDBOARD "use_soundboard" "V" false []
    43 CREATE_GUILD_EXPRESSIONS "create_guild_expressions" "" false ["create_expressions"]
    44 CREATE_EVENTS "create_events" "VS" false []
    45 USE_EXTERNAL_SOUNDS "use_external_sounds" "V" false []
    46 SEND_VOICE_MESSAGES "send_voice_messages" "TVS" false []
    48 SET_VOICE_CHANNEL_STATUS "set_voice_channel_status" "V" false ["set_voice_status"]
    49 SEND_POLLS "send_polls" "TVS" false ["create_polls"]
    50 USE_EXTERNAL_APPS "use_external_apps" "TVS" false []
    51 PIN_MESSAGES "pin_messages" "T" false []
    52 BYPASS_SLOWMODE "bypass_slowmode" "TVS" false []
}

impl Permission {
    /// The documented permission of a bit.
    pub fn of_bit(bit: u8) -> Option<&'static Self> {
        Self::ALL.iter().find(|p| p.bit == bit)
    }

    /// Reads a name, an alias or `bit_NN`; case, `_`, `-` and spaces do not matter.
    ///
    /// # Errors
    /// [`UnknownPermission`] with the nearest official name when the text is none of them.
    pub fn parse(text: &str) -> Result<Permissions, UnknownPermission> {
        // Most texts are official names, and a manifest has thousands.
        if let Some(permission) = Self::ALL.iter().find(|p| p.name == text) {
            return Ok(Permissions(1 << permission.bit));
        }
        let wanted = squeeze(text);
        if let Some(number) = wanted.strip_prefix("bit") {
            return match number.parse::<u32>() {
                Ok(bit) if bit < 64 => Ok(Permissions(1 << bit)),
                _ => Err(UnknownPermission { text: text.to_owned(), nearest: None }),
            };
        }
        let found = Self::ALL.iter().find(|p| p.spellings().any(|s| squeeze(s) == wanted));
        found
            .map(|p| Permissions(1 << p.bit))
            .ok_or_else(|| UnknownPermission { text: text.to_owned(), nearest: nearest(&wanted) })
    }

    /// The official name and every alias.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn nearest(squeezed: &str) -> Option<&'static str> {
    let scored = Permission::ALL
        .iter()
        .flat_map(|p| p.spellings().map(move |s| (p.name, strsim::jaro_winkler(&squeeze(s), squeezed))));
    let best = scored.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 >= 0.85).then_some(best.0)
}

/// A text that names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission `{text}`")]
pub struct UnknownPermission {
    /// What was written.
    pub text: String,
    /// The official name that looks most like it.
    pub nearest: Option<&'static str>,
}

/// A set of permission bits, known and unknown.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permissions(u64);

impl Permissions {
    /// No permission.
    pub const NONE: Self = Self(0);
    /// Every bit, named or not: what an administrator or the owner has.
    pub const EVERY: Self = Self(u64::MAX);

    /// The set with exactly these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The raw bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// True when no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when every bit of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when the sets share a bit.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The official names, by ascending bit; a bit without a name is `bit_NN`.
    pub fn names(self) -> Vec<String> {
        let bits = (0..64u8).filter(|bit| self.0 >> bit & 1 == 1);
        bits.map(|bit| Permission::of_bit(bit).map_or_else(|| format!("bit_{bit:02}"), |p| p.name.to_owned())).collect()
    }

    /// The documented bits that mean something in a channel of this kind.
    pub fn of_kind(kind: super::ChannelKind) -> Self {
        let fits = |scope: Scope| match kind.bucket() {
            super::Bucket::Text => scope.text,
            super::Bucket::Voice if kind == super::ChannelKind::Stage => scope.stage,
            super::Bucket::Voice => scope.voice,
            super::Bucket::Category => scope.in_channels(),
        };
        Permission::ALL.iter().filter(|p| fits(p.scope)).map(|p| Self(1 << p.bit)).collect()
    }

    /// The bits this build has names for.
    pub const fn documented() -> Self {
        const DOCUMENTED: Permissions = {
            let (mut bits, mut next) = (0, 0);
            while next < Permission::ALL.len() {
                bits |= 1 << Permission::ALL[next].bit;
                next += 1;
            }
            Permissions(bits)
        };
        DOCUMENTED
    }

    /// Those of these bits that this build has no name for. Nobody can have decided against them, so they survive every
    /// write; and Discord may not take them, so they are given to nobody anew.
    #[must_use]
    pub const fn unnamed(self) -> Self {
        self.without(Self::documented())
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Permissions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Permissions {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl FromIterator<Self> for Permissions {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.names().join(", "))
    }
}

/// A list of names, as in manifests and plans. (Discord's own decimal strings are the business of its adapter.)
impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.names();
        let mut list = serializer.serialize_seq(Some(names.len()))?;
        names.iter().try_for_each(|name| list.serialize_element(name))?;
        list.end()
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Names)
    }
}

/// Reads a list of names as it comes, without keeping them: a guild has thousands.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Permissions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of permissions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Permissions, A::Error> {
        let mut permissions = Permissions::NONE;
        while let Some(Name(permission)) = names.next_element()? {
            permissions |= permission;
        }
        Ok(permissions)
    }
}

/// One name in such a list.
struct Name(Permissions);

impl FromStr for Name {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Permission::parse(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::id::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_discords_52_names_and_masks() {
        assert_eq!(Permission::ALL.len(), 52);
        let mask = |wanted: fn(&Scope) -> bool| -> u64 {
            Permission::ALL.iter().filter(|p| wanted(&p.scope)).map(|p| 1u64 << p.bit).sum()
        };
        // Computed from Discord's permission table.
        assert_eq!(mask(|s| s.text), 0x001E_40FC_B007_FC51);
        assert_eq!(mask(|s| s.voice), 0x0017_74A2_B3F7_FF51);
        assert_eq!(mask(|s| s.stage), 0x0016_5023_B157_FE51);
        assert_eq!(Permissions::documented().bits(), 0x001F_7FFF_FFFF_FFFF);
    }

    #[test]
    fn spellings_do_not_matter_and_official_names_come_back() {
        for text in
            ["manage_emojis_and_stickers", "ManageEmojis", "manage-guild-expressions", "MANAGE EXPRESSIONS", "bit_30"]
        {
            assert_eq!(
                Permission::parse(text).map(Permissions::names),
                Ok(vec!["manage_guild_expressions".to_owned()]),
                "{text}"
            );
        }
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        let error = Permission::parse("send_mesages").expect_err("no such permission");
        assert_eq!(error.nearest, Some("send_messages"));
        assert_eq!(Permission::parse("fly").expect_err("no such permission").nearest, None);
        assert!(Permission::parse("bit_64").is_err());
    }

    #[test]
    fn unknown_bits_survive_text() {
        let bits = Permissions::from_bits(1 << 47 | 1 << 48 | 1 << 53 | 1 << 60);
        let text = serde_json::to_string(&bits).expect("serialises");
        assert_eq!(text, r#"["bit_47","set_voice_channel_status","bit_53","bit_60"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&text).expect("parses"), bits);
    }
}
