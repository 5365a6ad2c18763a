//! Inheritance, cascades and order.

use serde_json::{Value, json};
use setai::simulator::world::{Bits, CreatedPosition, Overwrite, ParentMovePosition, Snowflake};

use crate::support::harness::Harness;

fn deny_view(target: Snowflake) -> Value {
    json!([{"id": target, "type": 0, "allow": "0", "deny": "1024"}])
}

#[tokio::test]
async fn f05_a_channel_created_without_overwrites_gets_those_of_its_category() {
    for inherits in [false, true] {
        let discord = Harness::switched(|s| s.empty_overwrites_inherit = inherits);
        let overwrites = deny_view(discord.guild);
        let category = discord.channel_by_hand(json!({"name": "c", "type": 4, "permission_overwrites": overwrites}));
        let child = json!({"name": "a", "parent_id": category});
        let made = discord.post(&discord.in_guild("/channels"), child).await.ok();
        assert_eq!(made["permission_overwrites"], overwrites);
        let child = json!({"name": "b", "parent_id": category, "permission_overwrites": []});
        let made = discord.post(&discord.in_guild("/channels"), child).await.ok();
        let expected = if inherits { overwrites.clone() } else { json!([]) };
        assert_eq!(made["permission_overwrites"], expected, "an empty list, switch {inherits}");
    }
}

#[tokio::test]
async fn f06_an_edit_of_a_category_reaches_exactly_the_children_that_were_equal() {
    let discord = Harness::new();
    let category =
        discord.channel_by_hand(json!({"name": "c", "type": 4, "permission_overwrites": deny_view(discord.guild)}));
    let synced = discord.channel_by_hand(json!({"name": "synced", "parent_id": category}));
    let with_empty_entry = discord.channel_by_hand(json!({"name": "almost", "parent_id": category}));
    discord.by_hand(
        "PUT",
        &format!("/channels/{with_empty_entry}/permissions/{}", discord.bot_role),
        json!({"type": 0}),
    );
    let diverged = discord.channel_by_hand(json!({"name": "own", "parent_id": category, "permission_overwrites": []}));

    let new = json!([{"id": discord.guild, "type": 0, "allow": "0", "deny": "2048"}]);
    discord.patch(&format!("/channels/{category}"), json!({"permission_overwrites": new})).await.ok();

    assert_eq!(discord.channel(synced).permission_overwrites[0].deny, Bits::SEND_MESSAGES);
    let followed = discord.channel(with_empty_entry).permission_overwrites;
    assert_eq!(followed, discord.channel(category).permission_overwrites, "an entry without bits is no difference");
    assert_eq!(discord.channel(diverged).permission_overwrites, []);

    discord
        .put(&format!("/channels/{category}/permissions/{}", discord.owner), json!({"type": 1, "allow": "2048"}))
        .await
        .ok();
    assert_eq!(discord.channel(synced).permission_overwrites.len(), 2, "a single overwrite cascades too");
}

#[tokio::test]
async fn f07_a_new_parent_keeps_the_overwrites_unless_the_bulk_call_locks_them() {
    let discord = Harness::new();
    let category =
        discord.channel_by_hand(json!({"name": "c", "type": 4, "permission_overwrites": deny_view(discord.guild)}));
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let moved = discord.patch(&format!("/channels/{channel}"), json!({"parent_id": category})).await.ok();
    assert_eq!((&moved["parent_id"], &moved["permission_overwrites"]), (&json!(category), &json!([])));

    let lock = json!([{"id": channel, "parent_id": category, "lock_permissions": true}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), lock).await.status, 204);
    assert_eq!(discord.channel(channel).permission_overwrites, discord.channel(category).permission_overwrites);
}

#[tokio::test]
async fn f08_a_bulk_move_with_two_new_parents_changes_nothing() {
    let discord = Harness::new();
    let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
    let [a, b] = ["a", "b"].map(|name| discord.channel_by_hand(json!({"name": name})));
    let before = discord.simulator.world();
    let both = json!([{"id": a, "parent_id": category, "position": 7}, {"id": b, "parent_id": category}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), both).await.refusal(), (400, 40_009));
    assert_eq!(discord.simulator.world(), before);

    let one = json!([{"id": a, "parent_id": category, "position": 7}, {"id": b, "parent_id": null, "position": 8}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), one).await.status, 204, "repeating a parent is no change");
    assert_eq!(discord.channel(a).parent_id, Some(category));
}

#[tokio::test]
async fn f09_a_position_sent_with_a_parent_is_not_honoured() {
    for (rule, lands) in [(ParentMovePosition::First, 19), (ParentMovePosition::Last, 31)] {
        let discord = Harness::switched(|s| s.parent_move_position = rule);
        let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
        for position in [20, 30] {
            discord.channel_by_hand(json!({"name": "old", "parent_id": category, "position": position}));
        }
        let channel = discord.channel_by_hand(json!({"name": "a"}));
        let body = json!({"parent_id": category, "position": 25});
        assert_eq!(discord.patch(&format!("/channels/{channel}"), body).await.ok()["position"], lands);
        let alone = json!({"position": 25, "parent_id": category});
        assert_eq!(discord.patch(&format!("/channels/{channel}"), alone).await.ok()["position"], 25, "no new parent");
    }
}

#[tokio::test]
async fn f10_positions_are_stored_as_sent_with_gaps_and_duplicates() {
    let discord = Harness::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| discord.channel_by_hand(json!({"name": name})));
    let untouched = discord.channel(c).position;
    let body = json!([{"id": a, "position": 500}, {"id": b, "position": 500}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), body).await.status, 204);
    assert_eq!([a, b, c].map(|id| discord.channel(id).position), [500, 500, untouched]);

    for (rule, expected) in
        [(CreatedPosition::LastInGuild, 501), (CreatedPosition::LastInParent, 1), (CreatedPosition::Zero, 0)]
    {
        let discord = Harness::switched(|s| s.created_channel_position = rule);
        let category = discord.channel_by_hand(json!({"name": "c", "type": 4, "position": 500}));
        discord.channel_by_hand(json!({"name": "first", "parent_id": category, "position": 0}));
        let made =
            discord.post(&discord.in_guild("/channels"), json!({"name": "new", "parent_id": category})).await.ok();
        assert_eq!(made["position"], expected, "{rule:?}");
    }
    for obeyed in [true, false] {
        let discord = Harness::switched(|s| s.position_on_create_obeyed = obeyed);
        let made = discord.post(&discord.in_guild("/channels"), json!({"name": "new", "position": 77})).await.ok();
        assert_eq!(made["position"] == 77, obeyed);
    }
}

#[tokio::test]
async fn a_server_that_renumbers_and_sorts_keeps_every_order() {
    let discord = Harness::switched(|s| (s.places_renumbered, s.overwrites_sorted) = (true, true));
    let [a, b, c] = ["a", "b", "c"].map(|name| discord.channel_by_hand(json!({"name": name})));
    let moves = json!([{"id": a, "position": 900}, {"id": c, "position": 500}, {"id": b, "position": 500}]);
    discord.patch(&discord.in_guild("/channels"), moves).await.ok();
    let places = [b, c, a].map(|id| discord.channel(id).position);
    assert!(
        places.is_sorted() && places[2] == 6,
        "{places:?}: equal positions go by id, and nothing is beyond the last"
    );

    let roles = ["x", "y"].map(|name| discord.role_by_hand(name, Bits::NONE, 1));
    let moves = json!([{"id": roles[1], "position": 2}, {"id": roles[0], "position": 2}]);
    discord.patch(&discord.in_guild("/roles"), moves).await.ok();
    let places = [discord.guild, roles[1], roles[0], discord.bot_role].map(|id| discord.role(id).position);
    assert_eq!(places, [0, 1, 2, 3], "of equal positions the lower id is higher");

    let list =
        json!([{"id": "9", "type": 1, "allow": "0", "deny": "0"}, {"id": "5", "type": 1, "allow": "0", "deny": "0"}]);
    let made =
        discord.post(&discord.in_guild("/channels"), json!({"name": "d", "permission_overwrites": list})).await.ok();
    assert_eq!(made["permission_overwrites"], json!([list[1], list[0]]));
}

#[tokio::test]
async fn f18_a_deleted_category_leaves_its_children_behind() {
    let discord = Harness::new();
    let category =
        discord.channel_by_hand(json!({"name": "c", "type": 4, "permission_overwrites": deny_view(discord.guild)}));
    let children = ["a", "b"].map(|name| discord.channel_by_hand(json!({"name": name, "parent_id": category})));
    let gone = discord.delete(&format!("/channels/{category}")).await;
    assert_eq!((gone.status, gone.body["id"].clone()), (200, json!(category)));
    for child in children {
        let child = discord.channel(child);
        assert_eq!((child.parent_id, child.permission_overwrites.len()), (None, 1), "their overwrites stay");
    }
    assert_eq!(discord.get(&format!("/channels/{category}")).await.refusal(), (404, 10_003));
}

#[tokio::test]
async fn f34_reordering_may_name_channels_the_bot_cannot_see() {
    let discord = Harness::new();
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS);
    let hidden = discord.channel_by_hand(json!({"name": "hidden", "permission_overwrites": deny_view(discord.guild)}));
    let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
    let body = json!([{"id": hidden, "position": 42}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), body).await.status, 204);
    assert_eq!(discord.channel(hidden).position, 42);
    let body = json!([{"id": hidden, "parent_id": category}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), body).await.refusal(), (403, 50_001));
}

#[tokio::test]
async fn locking_needs_the_permission_to_manage_permissions() {
    let discord = Harness::new();
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS);
    let category = discord.channel_by_hand(json!({"name": "c", "type": 4}));
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let body = json!([{"id": channel, "parent_id": category, "lock_permissions": true}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), body).await.refusal(), (403, 50_013));
    assert_eq!(discord.channel(channel).parent_id, None);
    discord.edit(|guild| {
        let own = Overwrite { id: guild.id, kind: 0, allow: Bits::MANAGE_ROLES, deny: Bits::NONE };
        guild.channels.get_mut(&channel).expect("made").permission_overwrites.push(own);
    });
    let body = json!([{"id": channel, "parent_id": category, "lock_permissions": true}]);
    assert_eq!(discord.patch(&discord.in_guild("/channels"), body).await.status, 204);
}
