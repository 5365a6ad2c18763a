//! What messages mean, and what guilds are afterwards.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::event::{Said, read};
use super::*;
use crate::model::{
    Bot, ChannelId, ChannelRef, Facet, GuildId, Overwrites, Permissions, RoleId, RoleRef, Snapshot, UserId, Visibility,
};

const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);
const ME: UserId = UserId::new(80_351_110_224_678_912);
/// Bits Discord uses or reserves and its documentation does not name, and view_channel.
const STRANGE: u64 = 1 << 47 | 1 << 48 | 1 << 53 | 1 << 60 | 1 << 10;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("a time")
}

/// The messages beside this file.
fn fixture(name: &str) -> String {
    let path = format!("{}/src/discord/gateway/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a fixture")
}

fn said(name: &str) -> Said {
    read(&fixture(name), Some(ME), now()).expect("a message")
}

fn event(name: &str) -> Event {
    match said(name) {
        Said::Event(event) => event,
        other => panic!("{name} is no event: {other:?}"),
    }
}

fn change(name: &str) -> Change {
    match event(name) {
        Event::Changed { guild, change } if guild == GUILD => change,
        other => panic!("{name} is no change of the guild: {other:?}"),
    }
}

fn snapshot() -> Snapshot {
    match event("guild_create") {
        Event::Guild(snapshot) => *snapshot,
        other => panic!("no guild: {other:?}"),
    }
}

/// A snapshot in which the bot may view everything, whatever roles others have.
fn after(name: &str) -> Option<Snapshot> {
    patched(&snapshot(), &change(name))
}

fn overwrites(snapshot: &Snapshot, channel: u64) -> Overwrites {
    let channel = snapshot.guild.channel(&ChannelRef::Live(ChannelId::new(channel))).expect("the channel");
    channel.attributes.overwrites.clone()
}

#[test]
fn a_session_begins_goes_on_and_ends() {
    assert_eq!(said("ready"), Said::Ready { me: ME, guilds: vec![GUILD] });
    assert_eq!(said("resumed"), Said::Resumed);
    assert_eq!(said("reconnect"), Said::Reconnect);
    assert_eq!(said("invalid_session"), Said::InvalidSession { resumable: false });
    assert_eq!(said("invalid_session_resumable"), Said::InvalidSession { resumable: true });
    assert_eq!(said("hello"), Said::Nothing);
    assert_eq!(said("heartbeat_ack"), Said::Nothing);
}

#[test]
fn a_guild_arrives_in_whole_and_masks_are_hidden_channels() {
    let snapshot = snapshot();
    assert_eq!(snapshot.bot, Facet::Known(Bot { user: ME, roles: vec![RoleId::new(11)], timed_out: false }));
    assert_eq!(snapshot.hidden, [ChannelId::new(23)]);
    assert_eq!(snapshot.visibility(), Visibility::Partial { hidden: vec![ChannelId::new(23)] });
    let names: Vec<&str> = snapshot.guild.channels.iter().map(|c| c.attributes.name.as_str()).collect();
    assert_eq!(names, ["general", "Room 1", "Study"], "neither the mask nor the thread");
}

#[test]
fn no_bit_is_lost() {
    let snapshot = snapshot();
    let crew = snapshot.guild.role(&RoleRef::Live(RoleId::new(11))).expect("the role");
    assert_eq!(crew.attributes.permissions.bits(), STRANGE);
    let allowed: Vec<u64> = overwrites(&snapshot, 21).iter().map(|(_, overwrite)| overwrite.allow.bits()).collect();
    assert_eq!(allowed, [STRANGE]);
    let updated = after("channel_update").expect("told");
    let channel = updated.guild.channel(&ChannelRef::Live(ChannelId::new(21))).expect("the channel");
    assert_eq!(channel.attributes.flags.0, 1 << 40);
    let denied: Vec<u64> = overwrites(&updated, 21).iter().map(|(_, overwrite)| overwrite.deny.bits()).collect();
    assert_eq!(denied, [1 << 60 | 1 << 11]);
}

#[test]
fn an_outage_is_no_removal() {
    assert_eq!(event("guild_delete_outage"), Event::Unavailable(GUILD));
    assert_eq!(event("guild_create_unavailable"), Event::Unavailable(GUILD));
    assert_eq!(event("guild_delete"), Event::Removed(GUILD));
}

#[test]
fn what_does_not_concern_us_is_nothing() {
    for name in ["thread_create", "channel_pins_update", "guild_member_update_other"] {
        assert_eq!(said(name), Said::Nothing, "{name}");
    }
}

#[test]
fn what_is_not_understood_is_worth_a_look_and_never_a_default() {
    for name in ["unknown_channel_event", "guild_update_not_understood"] {
        assert_eq!(change(name), Change::Other, "{name}");
        assert_eq!(after(name), None, "{name}");
    }
    assert!(read("{", Some(ME), now()).is_err());
}

#[test]
fn commands_are_passed_on_as_they_are() {
    let Event::Interaction(value) = event("interaction_create") else { panic!("a command") };
    let sent: Value = serde_json::from_str(&fixture("interaction_create")).expect("JSON");
    assert_eq!(*value, sent["d"]);
}

#[test]
fn an_entry_of_the_audit_log_is_ours_only_when_the_bot_wrote_it() {
    let entry = |name| match event(name) {
        Event::AuditEntry { guild, entry } if guild == GUILD => entry,
        other => panic!("no entry: {other:?}"),
    };
    let by_ann = entry("audit_entry");
    assert_eq!((by_ann.action, by_ann.target, by_ann.user), (11, Some(21), Some(UserId::new(1))));
    assert_eq!((by_ann.reason.as_deref(), by_ann.ours), (Some("nicer"), false));
    assert!(entry("audit_entry_ours").ours);
    assert!(!entry("audit_entry_forged").ours, "anybody can write a reason like ours");
}

#[test]
fn settings_change_and_channels_stay() {
    let after = after("guild_update").expect("told");
    assert_eq!(after.guild.settings.name, "Rust Circle");
    assert_eq!(after.guild.channels, snapshot().guild.channels);
    assert_eq!(after.hidden, snapshot().hidden);
}

#[test]
fn settings_that_show_another_role_show_that_something_was_missed() {
    let before = patched(&snapshot(), &change("guild_role_create")).expect("told");
    assert_eq!(patched(&before, &change("guild_update")), None);
}

#[test]
fn a_channel_is_made_changed_and_hidden_and_shown_again() {
    let ids = |snapshot: &Snapshot| -> Vec<u64> {
        snapshot.guild.channels.iter().filter_map(|c| c.id.id()).map(ChannelId::get).collect()
    };
    assert_eq!(ids(&after("channel_create").expect("told")), [21, 24, 22, 20], "in canonical order");
    let hidden = after("channel_update_hidden").expect("told");
    assert_eq!(ids(&hidden), [22, 20]);
    assert_eq!(hidden.hidden, [21, 23].map(ChannelId::new));
    let shown = after("channel_update_shown").expect("told");
    assert_eq!((ids(&shown), shown.hidden.as_slice()), (vec![21, 23, 22, 20], [].as_slice()));
}

#[test]
fn the_children_of_a_deleted_category_stay() {
    let after = after("channel_delete").expect("told");
    assert!(after.guild.channels.iter().all(|channel| channel.attributes.parent.is_none()));
    assert_eq!(after.guild.channels.len(), 2);
    assert_eq!(after.hidden, [ChannelId::new(23)], "a category that is gone is not hidden");
}

#[test]
fn a_channel_that_settings_name_is_not_deleted_unnoticed() {
    assert_eq!(patched(&snapshot(), &Change::ChannelDeleted(ChannelId::new(21))), None);
}

#[test]
fn a_deleted_role_is_gone_from_overwrites_and_from_the_bot() {
    let before = patched(&snapshot(), &change("channel_update")).expect("told");
    let after = patched(&before, &change("guild_role_delete")).expect("told");
    assert_eq!(overwrites(&after, 21), Overwrites::default());
    assert_eq!(after.guild.roles.len(), 2);
    let everyone = patched(&snapshot(), &Change::RoleDeleted(GUILD.cast()));
    assert_eq!(everyone, None, "which cannot be");
}

#[test]
fn what_the_bot_may_view_now_is_not_guessed() {
    // The bot's role and @everyone both let it view channels; without both it sees none.
    let blind = |id: u64| {
        let mut role = snapshot().guild.role(&RoleRef::Live(RoleId::new(id))).expect("the role").clone();
        role.attributes.permissions = Permissions::NONE;
        Change::Role(Box::new(role))
    };
    let one = patched(&snapshot(), &blind(GUILD.get())).expect("it views as much as before");
    assert_eq!(patched(&one, &blind(11)), None);
    let mut unknown = snapshot();
    unknown.bot = Facet::Unknown("not told".to_owned());
    assert_eq!(patched(&unknown, &blind(11)), None, "it may be the bot's role");
    assert!(patched(&unknown, &change("guild_role_create")).is_none());
}

#[test]
fn the_bot_gets_roles() {
    let after = after("guild_member_update").expect("it views as much as before");
    let roles = [11, 12].map(RoleId::new).to_vec();
    assert_eq!(after.bot, Facet::Known(Bot { user: ME, roles, timed_out: false }));
}

#[test]
fn being_told_twice_changes_nothing() {
    for name in [
        "guild_update",
        "channel_create",
        "channel_update",
        "channel_update_hidden",
        "channel_update_shown",
        "channel_delete",
        "guild_role_create",
        "guild_role_update",
        "guild_role_delete",
        "guild_member_update",
    ] {
        let once = after(name).expect("told");
        assert_eq!(patched(&once, &change(name)).as_ref(), Some(&once), "{name}");
    }
}

#[test]
fn guilds_belong_to_shards_by_their_age() {
    assert_eq!(shard_of(GUILD, 1), 0);
    assert_eq!(u64::from(shard_of(GUILD, 7)), (GUILD.get() >> 22) % 7);
    assert_eq!(shard_of(GUILD, 0), 0, "before anybody knows how many there are");
}

#[test]
fn a_refusal_of_what_stands_in_front_of_discord_passes() {
    let refused = |body: &str| Error::of_answer("GET /gateway/bot".to_owned(), 403, body.as_bytes());
    assert!(again(&refused("<html>error code: 1015</html>")).is_some());
    assert_eq!(again(&refused(r#"{"message": "Missing Access", "code": 50001}"#)), None);
}

#[test]
fn every_close_code_nobody_recovers_from_says_what_to_change() {
    let said = |code| GatewayError::of_code(code, (2, 3), INTENTS.bits()).map(|error| error.to_string());
    for (code, what) in [
        (4004, "DISCORD_TOKEN"),
        (4010, "number of shards"),
        (4011, "number of shards"),
        (4012, "update setai"),
        (4013, "update setai"),
        (4014, "Developer Portal"),
    ] {
        let said = said(code).expect("an error");
        assert!(said.contains(what) && said.contains(&code.to_string()), "{said}");
    }
    for code in [1000, 1001, 1006, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009, 4015, 5000] {
        assert_eq!(said(code), None, "{code}");
    }
}
