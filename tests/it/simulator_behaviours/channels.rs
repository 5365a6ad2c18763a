//! Channels: names, visibility, overwrites, limits, forums and voice.

use serde_json::{Value, json};
use setai::simulator::world::{Bits, Channel, Overwrite, SlugRule, Snowflake, UnknownBits, kind};

use crate::support::harness::Harness;

fn ids(list: &Value) -> Vec<Snowflake> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item["id"].as_str().expect("an id").parse().expect("a snowflake")).collect()
}

fn overwrite(id: Snowflake, allow: Bits, deny: Bits) -> Value {
    json!({"id": id, "type": 0, "allow": allow, "deny": deny})
}

#[tokio::test]
async fn f01_channels_the_bot_cannot_view_are_missing_from_the_list() {
    for omitted in [true, false] {
        let discord = Harness::switched(|s| s.hidden_channels_omitted = omitted);
        discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS);
        let private = json!([overwrite(discord.guild, Bits::NONE, Bits::VIEW_CHANNEL)]);
        let category = discord.channel_by_hand(json!({"name": "c", "type": 4, "permission_overwrites": private}));
        let hidden = discord.channel_by_hand(json!({"name": "hidden", "parent_id": category}));
        let listed = ids(&discord.get(&discord.in_guild("/channels")).await.ok());
        assert_eq!((listed.contains(&hidden), listed.contains(&category)), (!omitted, !omitted));
        assert_eq!(discord.get(&format!("/channels/{hidden}")).await.refusal(), (403, 50_001));
        assert_eq!(discord.patch(&format!("/channels/{hidden}"), json!({"nsfw": true})).await.refusal(), (403, 50_001));

        let open = json!({"type": 0, "allow": "1024"});
        discord.by_hand("PUT", &format!("/channels/{hidden}/permissions/{}", discord.bot_role), open);
        let listed = ids(&discord.get(&discord.in_guild("/channels")).await.ok());
        assert!(listed.contains(&hidden) && listed.contains(&category), "a category is seen with any of its children");
    }
}

#[tokio::test]
async fn f02_text_channel_names_come_back_as_slugs() {
    for (rule, text, forum) in [
        (SlugRule::Likely, "general-chat", "general-chat"),
        (SlugRule::KeepPunctuation, "general-chat!", "general-chat!"),
        (SlugRule::KeepDashes, "general-chat", "general-chat"),
        (SlugRule::ForumsKeepNames, "general-chat", "General Chat!"),
    ] {
        let discord = Harness::switched(|s| s.slug = rule);
        for (kind, expected) in [(kind::TEXT, text), (kind::FORUM, forum), (kind::VOICE, "General Chat!")] {
            let made =
                discord.post(&discord.in_guild("/channels"), json!({"name": "General Chat!", "type": kind})).await;
            assert_eq!(made.status, 201);
            assert_eq!(made.ok()["name"], expected, "{rule:?} {kind}");
        }
        let again = discord.post(&discord.in_guild("/channels"), json!({"name": text})).await.ok();
        assert_eq!(again["name"], text, "names are not unique");
    }
    let discord = Harness::new();
    let nothing = discord.post(&discord.in_guild("/channels"), json!({"name": "!?"})).await;
    assert_eq!(nothing.refusal(), (400, 50_035));
}

#[tokio::test]
async fn f13_manage_roles_in_a_new_channels_overwrites_takes_an_administrator() {
    let discord = Harness::new();
    let body =
        |guild| json!({"name": "a", "permission_overwrites": [overwrite(guild, Bits::NONE, Bits::MANAGE_ROLES)]});
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS | Bits::MANAGE_ROLES);
    let refused = discord.post(&discord.in_guild("/channels"), body(discord.guild)).await;
    assert_eq!(refused.refusal(), (403, 50_013));
    discord.limit_bot(Bits::ADMINISTRATOR);
    assert_eq!(discord.post(&discord.in_guild("/channels"), body(discord.guild)).await.status, 201);
}

#[tokio::test]
async fn f14_an_overwrite_bit_the_bot_lacks_is_refused_unless_the_channel_lets_it_manage_permissions() {
    let discord = Harness::new();
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS | Bits::MANAGE_ROLES);
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let (path, role) = (format!("/channels/{channel}/permissions/{}", discord.guild), discord.bot_role);
    let ban = json!({"type": 0, "deny": Bits::BAN_MEMBERS});
    assert_eq!(discord.put(&path, ban.clone()).await.refusal(), (403, 50_013));
    let created =
        json!({"name": "b", "permission_overwrites": [overwrite(discord.guild, Bits::BAN_MEMBERS, Bits::NONE)]});
    assert_eq!(discord.post(&discord.in_guild("/channels"), created).await.refusal(), (403, 50_013));
    let listed = json!({"permission_overwrites": [overwrite(discord.guild, Bits::NONE, Bits::BAN_MEMBERS)]});
    assert_eq!(discord.patch(&format!("/channels/{channel}"), listed).await.refusal(), (403, 50_013));

    let manager = json!({"type": 0, "allow": Bits::MANAGE_ROLES});
    discord.by_hand("PUT", &format!("/channels/{channel}/permissions/{role}"), manager);
    assert_eq!(discord.put(&path, ban).await.status, 204);
}

#[tokio::test]
async fn overwrites_given_again_unchanged_are_a_switch() {
    for unchecked in [true, false] {
        let discord = Harness::switched(|s| s.unchanged_overwrites_unchecked = unchecked);
        discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS | Bits::MANAGE_ROLES);
        let old = overwrite(discord.guild, Bits::NONE, Bits::BAN_MEMBERS);
        let channel = discord.channel_by_hand(json!({"name": "a", "permission_overwrites": [old]}));
        let body = json!({"permission_overwrites": [old, overwrite(discord.bot_role, Bits::VIEW_CHANNEL, Bits::NONE)]});
        assert_eq!(discord.patch(&format!("/channels/{channel}"), body).await.status == 200, unchecked);
    }
}

#[tokio::test]
async fn f19_overwrites_are_replaced_as_a_whole_and_limited_twice() {
    let discord = Harness::new();
    let entry = |n: u64| json!({"id": Snowflake(n), "type": 1, "allow": "0", "deny": "0"});
    let channel = discord.channel_by_hand(json!({"name": "a", "permission_overwrites": [entry(1), entry(2)]}));
    let path = format!("/channels/{channel}");
    let replaced = discord.patch(&path, json!({"permission_overwrites": [entry(3)]})).await.ok();
    assert_eq!(ids(&replaced["permission_overwrites"]), [Snowflake(3)]);

    let many: Vec<Value> = (1..=101).map(entry).collect();
    let refused = discord.nonsense("PATCH", &path, json!({"permission_overwrites": many})).await;
    assert_eq!(refused.refusal(), (400, 50_035));
    let message = &refused.body["errors"]["permission_overwrites"]["_errors"][0]["message"];
    assert_eq!(message, "Must be 100 or fewer in length.");

    discord.edit(|guild| {
        let fill = |n| Overwrite { id: Snowflake(n), kind: 1, allow: Bits::NONE, deny: Bits::NONE };
        guild.channels.get_mut(&channel).expect("made").permission_overwrites = (1..=999).map(fill).collect();
    });
    assert_eq!(discord.put(&format!("{path}/permissions/5000"), json!({"type": 1})).await.status, 204);
    assert_eq!(discord.put(&format!("{path}/permissions/5001"), json!({"type": 1})).await.refusal(), (400, 30_060));
    assert_eq!(discord.put(&format!("{path}/permissions/5000"), json!({"type": 1, "deny": "1"})).await.status, 204);
    assert_eq!(discord.delete(&format!("{path}/permissions/5001")).await.refusal(), (404, 10_009));
}

#[tokio::test]
async fn a_bit_may_stand_on_both_sides_and_unknown_ones_are_a_switch() {
    let unknown = 1 << 60 | 1 << 48 | 1 << 53;
    for rule in [UnknownBits::Mask, UnknownBits::Refuse] {
        let discord = Harness::switched(|s| s.unknown_bits = rule);
        let channel = discord.channel_by_hand(json!({"name": "a"}));
        let path = format!("/channels/{channel}/permissions/{}", discord.guild);
        assert_eq!(discord.put(&path, json!({"type": 0, "allow": "1024", "deny": "1024"})).await.status, 204);
        let stored = discord.channel(channel).permission_overwrites[0];
        assert_eq!((stored.allow, stored.deny), (Bits::VIEW_CHANNEL, Bits::VIEW_CHANNEL));
        let answer = discord.put(&path, json!({"type": 0, "allow": Bits(unknown)})).await;
        match rule {
            UnknownBits::Refuse => assert_eq!(answer.refusal(), (400, 50_035)),
            UnknownBits::Mask => {
                assert_eq!(discord.channel(channel).permission_overwrites[0].allow, Bits(1 << 48 | 1 << 53));
            }
        }
    }
}

#[tokio::test]
async fn f27_full_categories_and_guilds_refuse_channels() {
    for (limited, status) in [(true, 400), (false, 403)] {
        let discord = Harness::switched(|s| {
            s.categories_limited = limited;
            s.statuses.max_channels = status;
        });
        let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
        let child = json!({"name": "child", "parent_id": category});
        for _ in 0..50 {
            discord.channel_by_hand(child.clone());
        }
        let refused = discord.post(&discord.in_guild("/channels"), child).await;
        assert_eq!(refused.refusal(), (400, 50_035));
        assert_eq!(refused.body["errors"]["parent_id"]["_errors"][0]["code"], "CHANNEL_PARENT_MAX_CHANNELS");
        let outside = discord.channel_by_hand(json!({"name": "outside"}));
        let moved = discord.patch(&format!("/channels/{outside}"), json!({"parent_id": category})).await;
        assert_eq!(moved.refusal(), (400, 50_035));

        fill(&discord, kind::CATEGORY, 50);
        let answer = discord.post(&discord.in_guild("/channels"), json!({"name": "c", "type": 4})).await;
        assert_eq!(answer.status == 201, !limited);
        fill(&discord, kind::TEXT, 500);
        let refused = discord.post(&discord.in_guild("/channels"), json!({"name": "one too many"})).await;
        assert_eq!(refused.refusal(), (status, 30_013));
    }
}

/// Adds channels behind Discord's back: until there are so many categories, or so many channels in all.
fn fill(discord: &Harness, kind: u8, most: usize) {
    discord.edit(|guild| {
        let count = |guild: &setai::simulator::world::Guild| {
            guild.channels.values().filter(|c| kind == kind::TEXT || c.kind == kind).count()
        };
        let mut id = 1;
        while count(guild) < most {
            let channel = Channel { id: Snowflake(id), kind, name: "filler".to_owned(), ..Channel::default() };
            guild.channels.entry(Snowflake(id)).or_insert(channel);
            id += 1;
        }
    });
}

#[tokio::test]
async fn f30_tags_keep_their_ids_only_when_they_are_sent() {
    for status in [400, 409] {
        let discord = Harness::switched(|s| s.statuses.duplicate_tags = status);
        let body = json!({"name": "help", "type": 15, "available_tags": [{"name": "rust"}, {"name": "async", "emoji_name": "⚙️"}]});
        let forum = discord.post(&discord.in_guild("/channels"), body).await.ok();
        let path = format!("/channels/{}", forum["id"].as_str().expect("an id"));
        let made = ids(&forum["available_tags"]);

        let kept = json!({"available_tags": [{"id": made[1], "name": "await"}, {"name": "rust"}]});
        let kept = ids(&discord.patch(&path, kept).await.ok()["available_tags"]);
        assert_eq!(kept[0], made[1]);
        assert_ne!(kept[1], made[0], "a tag without an id is a new one");

        let twice = json!({"available_tags": [{"name": "rust"}, {"name": "rust"}]});
        assert_eq!(discord.patch(&path, twice).await.refusal(), (status, 40_061));
        let many: Vec<Value> = (0..21).map(|n| json!({"name": format!("tag{n}")})).collect();
        let refused = discord.nonsense("PATCH", &path, json!({"available_tags": many})).await;
        assert_eq!(refused.refusal(), (400, 30_048));
        let both = json!({"available_tags": [{"name": "x", "emoji_id": "5", "emoji_name": "⚙️"}]});
        assert_eq!(discord.patch(&path, both).await.refusal(), (400, 50_035));
        assert_eq!(discord.patch(&path, json!({"available_tags": []})).await.ok()["available_tags"], json!([]));
    }
}

#[tokio::test]
async fn f32_bitrates_end_where_the_boost_tier_ends() {
    for form in [false, true] {
        let discord = Harness::switched(|s| s.bitrate_is_form_error = form);
        discord.edit(|guild| guild.features.push("COMMUNITY".to_owned()));
        let voice = |bitrate: u32| json!({"name": "v", "type": 2, "bitrate": bitrate});
        let refusal = (400, if form { 50_035 } else { 30_052 });
        assert_eq!(discord.post(&discord.in_guild("/channels"), voice(96_000)).await.status, 201);
        assert_eq!(discord.post(&discord.in_guild("/channels"), voice(96_001)).await.refusal(), refusal);
        let quiet = discord.nonsense("POST", &discord.in_guild("/channels"), voice(7_999)).await;
        assert_eq!(quiet.refusal(), (400, 50_035));
        let stage = json!({"name": "s", "type": 13, "bitrate": 64_001});
        assert_eq!(discord.post(&discord.in_guild("/channels"), stage).await.refusal(), refusal);
        discord.edit(|guild| guild.premium_tier = 3);
        assert_eq!(discord.post(&discord.in_guild("/channels"), voice(384_000)).await.status, 201);
    }
}

#[tokio::test]
async fn f33_voice_channels_without_connect_are_out_of_reach() {
    let discord = Harness::new();
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS | Bits::CONNECT);
    let without =
        |bits| json!([overwrite(discord.guild, Bits::NONE, bits), overwrite(discord.bot_role, Bits::NONE, bits)]);
    let voice = json!({"name": "v", "type": 2, "permission_overwrites": without(Bits::CONNECT)});
    let voice = discord.channel_by_hand(voice);
    let path = format!("/channels/{voice}");
    assert_eq!(discord.patch(&path, json!({"user_limit": 5})).await.refusal(), (403, 50_001));
    assert_eq!(discord.delete(&path).await.refusal(), (403, 50_001));
    discord.by_hand("PATCH", &path, json!({"permission_overwrites": without(Bits::VIEW_CHANNEL)}));
    assert_eq!(discord.patch(&path, json!({"user_limit": 5})).await.refusal(), (403, 50_013));
    discord.by_hand("PATCH", &path, json!({"permission_overwrites": []}));
    assert_eq!(discord.patch(&path, json!({"user_limit": 5})).await.ok()["user_limit"], 5);
}

#[tokio::test]
async fn f35_only_text_and_announcement_turn_into_each_other() {
    for code in [50_035, 50_024] {
        let discord = Harness::switched(|s| s.wrong_type_is_50024 = code == 50_024);
        let channel = discord.channel_by_hand(json!({"name": "news", "topic": "kept"}));
        let path = format!("/channels/{channel}");
        assert_eq!(discord.patch(&path, json!({"type": 5})).await.refusal(), (400, code));
        discord.edit(|guild| guild.features.push("NEWS".to_owned()));
        let turned = discord.patch(&path, json!({"type": 5})).await.ok();
        assert_eq!((&turned["type"], &turned["topic"]), (&json!(5), &json!("kept")));
        assert_eq!(discord.patch(&path, json!({"type": 0})).await.ok()["type"], 0);
        assert_eq!(discord.patch(&path, json!({"type": 2})).await.refusal(), (400, code));
        let stage = discord.post(&discord.in_guild("/channels"), json!({"name": "s", "type": 13})).await;
        assert_eq!(stage.refusal(), (400, code), "a stage needs COMMUNITY");
    }
}

#[tokio::test]
async fn f36_overwrites_for_roles_that_are_gone_stay_in_the_channel() {
    for refused in [false, true] {
        let discord = Harness::switched(|s| s.unknown_overwrite_targets_refused = refused);
        let channel = discord.channel_by_hand(json!({"name": "a"}));
        let dangling = Overwrite { id: Snowflake(77), kind: 0, allow: Bits::NONE, deny: Bits::VIEW_CHANNEL };
        discord.edit(|guild| guild.channels.get_mut(&channel).expect("made").permission_overwrites.push(dangling));
        let path = format!("/channels/{channel}");
        let listed = discord.get(&path).await.ok();
        assert_eq!(ids(&listed["permission_overwrites"]), [Snowflake(77)]);
        let kept = json!({"permission_overwrites": listed["permission_overwrites"]});
        assert_eq!(discord.patch(&path, kept).await.status, 200);
        let new = json!({"type": 0, "deny": "1024"});
        assert_eq!(discord.put(&format!("{path}/permissions/78"), new).await.status == 204, !refused);
        assert_eq!(discord.delete(&format!("{path}/permissions/77")).await.status, 204);
    }
}

#[tokio::test]
async fn a_stage_seats_ten_thousand_and_a_cleared_topic_is_a_switch() {
    for empty in [false, true] {
        let discord = Harness::switched(|s| s.cleared_topic_is_empty = empty);
        discord.edit(|guild| guild.features.push("COMMUNITY".to_owned()));
        let stage =
            discord.post(&discord.in_guild("/channels"), json!({"name": "s", "type": 13, "user_limit": 10_000})).await;
        assert_eq!(stage.ok()["user_limit"], 10_000);
        let over = json!({"name": "s", "type": 13, "user_limit": 10_001});
        assert_eq!(discord.post(&discord.in_guild("/channels"), over).await.refusal(), (400, 50_035));
        let over = json!({"name": "v", "type": 2, "user_limit": 100});
        assert_eq!(discord.post(&discord.in_guild("/channels"), over).await.refusal(), (400, 50_035));

        let channel = discord.channel_by_hand(json!({"name": "a", "topic": "t"}));
        let cleared = discord.patch(&format!("/channels/{channel}"), json!({"topic": null})).await.ok();
        assert_eq!(cleared["topic"], if empty { json!("") } else { Value::Null });
        let untouched = discord.patch(&format!("/channels/{channel}"), json!({"nsfw": true})).await.ok();
        assert_eq!(untouched["nsfw"], true);
    }
}

#[tokio::test]
async fn a_long_topic_of_a_new_forum_is_a_switch_and_an_edit_takes_it_always() {
    for long_on_create in [false, true] {
        let discord = Harness::switched(|s| s.long_topics_on_create = long_on_create);
        let path = discord.in_guild("/channels");
        let new = |length: usize| json!({"name": "f", "type": 15, "topic": "x".repeat(length)});
        let forum = discord.post(&path, new(1024)).await.id();
        assert_eq!(discord.post(&path, new(1025)).await.status == 201, long_on_create);
        let edit = |length: usize| json!({"topic": "x".repeat(length)});
        discord.patch(&format!("/channels/{forum}"), edit(4096)).await.ok();
        let over = discord.nonsense("PATCH", &format!("/channels/{forum}"), edit(4097)).await;
        assert_eq!(over.refusal(), (400, 50_035));
    }
}

#[tokio::test]
async fn unknown_channel_flags_survive_an_edit() {
    let discord = Harness::new();
    let forum = discord.channel_by_hand(json!({"name": "f", "type": 15}));
    discord.edit(|guild| guild.channels.get_mut(&forum).expect("made").flags = 1 << 7 | 1 << 29);
    let edited = discord.patch(&format!("/channels/{forum}"), json!({"flags": 1 << 4})).await.ok();
    assert_eq!(edited["flags"], 1 << 4 | 1 << 7 | 1 << 29);
    let cleared = discord.patch(&format!("/channels/{forum}"), json!({"flags": 0})).await.ok();
    assert_eq!(cleared["flags"], 1 << 7 | 1 << 29);
}

#[tokio::test]
async fn a_channel_has_a_history() {
    let discord = Harness::new();
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let path = format!("/channels/{channel}/messages");
    let first = discord.post(&path, json!({"content": "hello"})).await.id();
    discord.post(&path, json!({"content": "again"})).await.ok();
    let newest_first = discord.get(&format!("{path}?limit=2")).await.ok();
    assert_eq!((&newest_first[0]["content"], &newest_first[1]["content"]), (&json!("again"), &json!("hello")));
    assert_eq!(discord.get(&format!("{path}/{first}")).await.ok()["content"], "hello");
    assert_eq!(discord.delete(&format!("{path}/{first}")).await.status, 204);
    assert_eq!(discord.get(&format!("{path}/{first}")).await.refusal(), (404, 10_008));
    assert!(discord.get(&format!("/channels/{channel}")).await.ok()["last_message_id"].is_string());
}
