//! Roles: permissions, hierarchy, order, colours, members.

use serde_json::{Value, json};
use setai::simulator::world::{Bits, Role, Snowflake, UnknownBits, action};

use crate::support::harness::Harness;

const MANAGER: Bits = Bits(1 << 28 | 1 << 10 | 1 << 11);

#[tokio::test]
async fn f04_bits_nobody_names_survive_an_unrelated_edit() {
    for rule in [UnknownBits::Mask, UnknownBits::Refuse] {
        let discord = Harness::switched(|s| s.unknown_bits = rule);
        let rare = Bits(1 << 47 | 1 << 48 | 1 << 53 | 1 << 60);
        let role = discord.role_by_hand("rare", Bits::NONE, 1);
        discord.edit(|guild| guild.roles.get_mut(&role).expect("made").permissions = rare);
        let path = discord.in_guild(&format!("/roles/{role}"));
        assert_eq!(discord.get(&path).await.ok()["permissions"], json!(rare));
        discord.patch(&path, json!({"name": "renamed"})).await.ok();
        assert_eq!(discord.get(&path).await.ok()["permissions"], json!(rare));
        let more = json!({"permissions": rare | Bits::VIEW_CHANNEL});
        discord.patch(&path, more).await.ok();
        assert_eq!(discord.role(role).permissions, rare | Bits::VIEW_CHANNEL, "stored bits are known");

        let fresh = discord.post(&discord.in_guild("/roles"), json!({"permissions": Bits(1 << 60)})).await;
        match rule {
            UnknownBits::Mask => assert_eq!(fresh.ok()["permissions"], "0"),
            UnknownBits::Refuse => assert_eq!(fresh.refusal(), (400, 50_035)),
        }
    }
}

#[tokio::test]
async fn f11_of_equal_positions_the_lower_id_is_higher() {
    let discord = Harness::new();
    let older = discord.role_by_hand("older", Bits::NONE, 10);
    discord.limit_bot(MANAGER);
    let bot_role = discord.bot_role;
    assert!(bot_role < older, "the bot's role was made first");
    let path = discord.in_guild(&format!("/roles/{older}"));
    assert_eq!(discord.patch(&path, json!({"name": "x"})).await.status, 200, "the bot's lower id outranks it");
    discord.edit(|guild| {
        let mut twin = guild.roles[&older].clone();
        twin.id = Snowflake(bot_role.0 - 1);
        guild.roles.insert(twin.id, twin);
    });
    let path = discord.in_guild(&format!("/roles/{}", bot_role.0 - 1));
    assert_eq!(discord.patch(&path, json!({"name": "x"})).await.refusal(), (403, 50_013));
    let own = discord.in_guild(&format!("/roles/{bot_role}"));
    assert_eq!(discord.patch(&own, json!({"name": "x"})).await.refusal(), (403, 50_013), "equal is not below");
}

#[tokio::test]
async fn f12_repeating_permissions_the_bot_lacks_is_refused_but_a_rename_is_not() {
    for (repeating, removing) in [(false, false), (true, false), (true, true), (false, true)] {
        let discord = Harness::switched(|s| {
            s.repeating_unheld_bits_allowed = repeating;
            s.removing_unheld_bits_allowed = removing;
        });
        let role = discord.role_by_hand("banner", Bits::BAN_MEMBERS, 1);
        discord.limit_bot(MANAGER);
        let path = discord.in_guild(&format!("/roles/{role}"));
        assert_eq!(discord.patch(&path, json!({"name": "x"})).await.status, 200);
        let repeated = json!({"name": "y", "permissions": Bits::BAN_MEMBERS});
        assert_eq!(discord.patch(&path, repeated).await.status == 200, repeating);
        assert_eq!(discord.patch(&path, json!({"permissions": Bits::KICK_MEMBERS})).await.refusal(), (403, 50_013));
        assert_eq!(discord.patch(&path, json!({"permissions": "0"})).await.status == 200, removing);
    }
}

#[tokio::test]
async fn f15_a_new_role_appears_at_the_bottom_and_positions_in_the_body_are_ignored() {
    for renumbers in [false, true] {
        let discord = Harness::switched(|s| s.new_role_renumbers = renumbers);
        let old = discord.role_by_hand("old", Bits::NONE, 1);
        let created = json!({"name": "new", "position": 5});
        let made = discord.nonsense("POST", &discord.in_guild("/roles"), created).await.ok();
        assert_eq!(made["position"], 1);
        assert_eq!(discord.role(old).position, if renumbers { 2 } else { 1 });
        let path = discord.in_guild(&format!("/roles/{old}"));
        let moved = discord.nonsense("PATCH", &path, json!({"position": 7})).await.ok();
        assert_ne!(moved["position"], 7);
    }
    let discord = Harness::new();
    let plain = discord.post(&discord.in_guild("/roles"), json!({})).await.ok();
    let everyone = discord.role(discord.guild).permissions;
    assert_eq!((&plain["name"], &plain["permissions"]), (&json!("new role"), &json!(everyone)));
}

#[tokio::test]
async fn f16_bulk_positions_answer_all_roles_and_stop_at_the_bots_own() {
    for tolerated in [true, false] {
        let discord = Harness::switched(|s| s.unchanged_higher_roles_tolerated = tolerated);
        discord.limit_bot(MANAGER);
        let [low, mid] = [2, 3].map(|position| discord.role_by_hand("r", Bits::NONE, position));
        let high = discord.role_by_hand("high", Bits::NONE, 20);
        let path = discord.in_guild("/roles");
        let swapped = discord.patch(&path, json!([{"id": low, "position": 3}, {"id": mid, "position": 2}])).await;
        assert_eq!((swapped.status, swapped.body.as_array().map(Vec::len)), (200, Some(5)));
        assert_eq!((discord.role(low).position, discord.role(mid).position), (3, 2));

        let before = discord.simulator.world();
        for refused in [
            json!([{"id": low, "position": 1}, {"id": high, "position": 19}]),
            json!([{"id": low, "position": 1}, {"id": discord.bot_role, "position": 9}]),
            json!([{"id": low, "position": 11}]),
        ] {
            assert_eq!(discord.patch(&path, refused).await.refusal(), (403, 50_013));
            assert_eq!(discord.simulator.world(), before, "nothing changed");
        }
        let whole =
            json!([{"id": discord.guild, "position": 0}, {"id": low, "position": 4}, {"id": high, "position": 20}]);
        assert_eq!(discord.patch(&path, whole).await.status == 200, tolerated);
        assert_eq!(discord.patch(&path, json!([{"id": "1", "position": 4}])).await.refusal(), (404, 10_011));
    }
}

#[tokio::test]
async fn f17_managed_roles_and_everyone_cannot_be_deleted() {
    let discord = Harness::new();
    let managed = discord.role_by_hand("booster", Bits::NONE, 1);
    discord.edit(|guild| guild.roles.get_mut(&managed).expect("made").managed = true);
    for id in [managed, discord.bot_role, discord.guild] {
        let path = discord.in_guild(&format!("/roles/{id}"));
        assert_eq!(discord.delete(&path).await.refusal(), (400, 50_028));
    }
    let path = discord.in_guild(&format!("/members/{}/roles/{managed}", discord.owner));
    assert_eq!(discord.put(&path, Value::Null).await.refusal(), (400, 50_028), "nor given by hand");
}

#[tokio::test]
async fn a_deleted_role_leaves_members_and_channels() {
    let discord = Harness::new();
    let role = discord.role_by_hand("r", Bits::NONE, 1);
    let channel = discord.channel_by_hand(json!({"name": "a", "permission_overwrites": [{"id": role, "type": 0}]}));
    let member = discord.in_guild(&format!("/members/{}/roles/{role}", discord.owner));
    assert_eq!(discord.put(&member, Value::Null).await.status, 204);
    let counts = discord.get(&discord.in_guild("/roles/member-counts")).await.ok();
    assert_eq!(counts[role.to_string()], 1);
    assert_eq!(counts.get(discord.guild.to_string()), None, "without @everyone");
    assert_eq!(discord.delete(&discord.in_guild(&format!("/roles/{role}"))).await.status, 204);
    assert_eq!(discord.channel(channel).permission_overwrites, []);
    let owner = discord.get(&discord.in_guild(&format!("/members/{}", discord.owner))).await.ok();
    assert_eq!(owner["roles"], json!([]));
}

#[tokio::test]
async fn f27_the_251st_role_is_refused() {
    for (counts_everyone, most) in [(true, 250), (false, 251)] {
        let discord = Harness::switched(|s| s.role_limit_counts_everyone = counts_everyone);
        discord.edit(|guild| {
            for id in 1.. {
                if guild.roles.len() == most - 1 {
                    break;
                }
                guild.roles.insert(Snowflake(id), Role { id: Snowflake(id), ..Role::default() });
            }
        });
        let path = discord.in_guild("/roles");
        assert_eq!(discord.post(&path, json!({"name": "last"})).await.status, 200);
        assert_eq!(discord.post(&path, json!({"name": "one too many"})).await.refusal(), (400, 30_005));
    }
}

#[tokio::test]
async fn f31_colors_win_over_color_and_gradients_need_a_feature() {
    let discord = Harness::new();
    let path = discord.in_guild("/roles");
    let both = json!({"name": "r", "color": 5, "colors": {"primary_color": 7}});
    let made = discord.post(&path, both).await.ok();
    assert_eq!((&made["color"], &made["colors"]["primary_color"]), (&json!(7), &json!(7)));
    let gradient = json!({"colors": {"primary_color": 1, "secondary_color": 2}});
    assert_eq!(discord.post(&path, gradient.clone()).await.refusal(), (403, 50_101));
    discord.edit(|guild| guild.features.push("ENHANCED_ROLE_COLORS".to_owned()));
    assert_eq!(discord.post(&path, gradient).await.ok()["colors"]["secondary_color"], 2);
    let third = |tertiary| json!({"colors": {"primary_color": 11_127_295, "secondary_color": 16_759_788, "tertiary_color": tertiary}});
    assert_eq!(discord.post(&path, third(16_761_760)).await.ok()["colors"]["tertiary_color"], 16_761_760);
    assert_eq!(discord.post(&path, third(3)).await.refusal(), (400, 50_035));
    let icon = json!({"unicode_emoji": "🦀"});
    assert_eq!(discord.post(&path, icon.clone()).await.refusal(), (403, 50_101));
    discord.edit(|guild| guild.features.push("ROLE_ICONS".to_owned()));
    assert_eq!(discord.post(&path, icon).await.ok()["unicode_emoji"], "🦀");
}

#[tokio::test]
async fn members_are_found_renamed_and_ranked() {
    let discord = Harness::new();
    discord.limit_bot(MANAGER | Bits::CHANGE_NICKNAME | Bits::MODERATE_MEMBERS);
    let found = discord.get(&discord.in_guild("/members/search?query=own&limit=5")).await.ok();
    assert_eq!(found[0]["user"]["id"], json!(discord.owner));
    // Listing takes a privileged intent, and finding does not.
    let list = discord.get(&discord.in_guild("/members?limit=10")).await;
    assert_eq!(list.refusal(), (403, 50_001));
    let bot = discord.bot;
    discord.simulator.with_world(|world| {
        let application = world.users.get_mut(&bot).and_then(|user| user.application.as_mut());
        application.expect("a bot has one").flags |= 1 << 14;
    });
    assert_eq!(discord.get(&discord.in_guild("/members?limit=10")).await.ok().as_array().map(Vec::len), Some(2));
    let named = discord.patch(&discord.in_guild("/members/@me"), json!({"nick": "Bot"})).await.ok();
    assert_eq!(named["nick"], "Bot");
    let owner = discord.in_guild(&format!("/members/{}", discord.owner));
    assert_eq!(discord.audited(), [(action::MEMBER_UPDATE, None)]);
    let until = json!({"communication_disabled_until": "2026-11-20T00:00:00Z"});
    assert_eq!(discord.patch(&owner, until).await.refusal(), (403, 50_013), "nobody stands above the owner");
    let high = discord.role_by_hand("high", Bits::NONE, 20);
    assert_eq!(discord.put(&format!("{owner}/roles/{high}"), Value::Null).await.refusal(), (403, 50_013));
}
