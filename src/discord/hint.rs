//! Discord's error codes in plain language: what to do about them.
//!
//! Codes and their meaning are those of Discord's documentation, "Opcodes and Status Codes".

/// The channel is of a type the request is not for.
pub(super) const WRONG_CHANNEL_TYPE: u64 = 50024;
/// The audit log, among others, may not be read.
pub(super) const MISSING_PERMISSIONS: u64 = 50013;
/// Something may not be seen.
pub(super) const MISSING_ACCESS: u64 = 50001;
/// The user is not in the guild.
pub(super) const UNKNOWN_MEMBER: u64 = 10007;

/// True when the code says that the object itself does not exist. An unknown guild (10004) is not among them: the bot
/// may just not be in it.
pub(super) fn says_gone(code: u64) -> bool {
    matches!(code, 10003 | UNKNOWN_MEMBER | 10009 | 10011 | 10013)
}

/// What to do about a refusal.
pub(super) fn of(status: u16, code: u64) -> Option<&'static str> {
    let hint = match (status, code) {
        (_, 10003) => "The channel was deleted; plan again.",
        (_, 10004) => "The bot is not in that guild, or the id is wrong. Invite the bot, or correct `guild:`.",
        (_, 10011) => "The role was deleted; plan again.",
        (_, 20028 | 20029 | 40062) => "Discord limits writes to this channel or guild; wait some minutes.",
        (_, 20031 | 240_000) => "Discord does not allow these words in a server that can be discovered; choose others.",
        (_, 30005) => "The guild has 250 roles, which is the most Discord allows; remove one first.",
        (_, 30013) => "The guild has 500 channels, which is the most Discord allows; remove one first.",
        (_, 30030) => "Discord allows no more of these in a category; remove one first.",
        (_, 30048) => "A forum has at most 20 tags.",
        (_, 30052) => "The bitrate is too high for the guild's boost level; lower it or boost the guild.",
        (_, 30060) => "A channel has at most 1000 overwrites.",
        (_, 30061) => "The channel's settings are too large in total; shorten topic, tags or overwrites.",
        (_, 40006) => "Community needs a rules channel and a channel for updates in the same change.",
        (_, 40009) => "Discord moves one channel to another category per request; this is a defect of the plan.",
        (_, 40061) => "Two tags of the forum have the same name.",
        (_, 40333) => "Something between here and Discord changed the User-Agent, or this address is blocked.",
        (_, MISSING_ACCESS) => {
            "The bot cannot see it: it needs View Channel there (and Connect in voice channels), and to be in the guild."
        }
        (_, MISSING_PERMISSIONS) => {
            "The bot may not do this: it needs the permission for it, its role must be above the role concerned, and it \
             can only give permissions it has. `setai doctor` says what is missing."
        }
        (_, 50028) => "The role belongs to a bot or an integration, or does not exist; it cannot be used for this.",
        (_, 50074) => "A Community guild needs its rules and updates channels; choose others before removing one.",
        (_, 50086) => "A Community guild's rules and updates channels have to be text channels.",
        (_, 50101) => "The guild has too few boosts for this.",
        (_, 60003) => "The guild asks moderators for two-factor authentication: the bot's owner has to switch it on.",
        (404 | 405, 0) => "Is SETAI_DISCORD_URL the address of Discord, or of a simulated one?",
        (300..400, 0) => {
            "Redirects are not followed: a token would go where it was not meant to. Check SETAI_DISCORD_URL."
        }
        (403, 0) => "The request was stopped in front of Discord's API; this address may be blocked for a while.",
        _ => return None,
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_a_plan_can_run_into_has_a_hint() {
        let codes = [
            10003, 10004, 10011, 30005, 30013, 30030, 30048, 30052, 30060, 40006, 40009, 40061, 40333, 50001, 50013,
            50028, 50074, 50086, 50101, 60003,
        ];
        for code in codes {
            let hint = of(400, code).unwrap_or_else(|| panic!("{code} has no hint"));
            assert!(hint.ends_with('.') && hint.len() > 20, "{code}: {hint}");
        }
        // The lines Discord adds to this one say more than a hint could.
        assert_eq!(of(400, 50035), None);
        assert_eq!(of(400, 99999), None);
    }
}
