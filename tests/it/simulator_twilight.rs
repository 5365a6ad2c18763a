//! The stock twilight client works against the simulator: it parses every answer and is understood in every request.

use std::future::Future;
use std::net::SocketAddr;

use setai::simulator::faults::{Fault, Faults};
use setai::simulator::world::Bits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twilight_http::Client;
use twilight_http::request::AuditLogReason;
use twilight_model::channel::{ChannelType, permission_overwrite as stored};
use twilight_model::guild::audit_log::AuditLogEventType;
use twilight_model::guild::{Permissions, RolePosition};
use twilight_model::http::channel_position::Position;
use twilight_model::http::permission_overwrite::{PermissionOverwrite, PermissionOverwriteType};
use twilight_model::id::Id;
use twilight_model::id::marker::GuildMarker;

use crate::support::harness::Harness;

/// Serves a harness on a port of its own while the client does something.
async fn with_client<F: Future<Output = ()>>(
    discord: &Harness,
    run: impl FnOnce(Client, Id<GuildMarker>, SocketAddr) -> F,
) {
    let served = discord.serve().await;
    let proxy = served.address.to_string();
    let client = Client::builder().token("token".to_owned()).proxy(proxy, true).ratelimiter(None).build();
    run(client, Id::new(discord.guild.0), served.address).await;
    served.stop().await;
}

#[tokio::test]
async fn it_logs_in_and_looks_around() {
    let discord = Harness::new();
    with_client(&discord, async |client, guild, _| {
        let me = client.current_user().await.expect("answers").model().await.expect("parses");
        assert_eq!((me.id.get(), me.bot), (discord.bot.0, true));
        let application = client.current_user_application().await.expect("answers").model().await.expect("parses");
        assert_eq!(application.id.get(), discord.bot.0);
        let gateway = client.gateway().authed().await.expect("answers").model().await.expect("parses");
        assert!(gateway.url.starts_with("ws://127.0.0.1:"), "{}", gateway.url);
        let guilds = client.current_user_guilds().await.expect("answers").models().await.expect("parses");
        assert_eq!(guilds[0].id, guild);
        let whole = client.guild(guild).with_counts(true).await.expect("answers").model().await.expect("parses");
        assert_eq!((whole.owner_id.get(), whole.roles.len()), (discord.owner.0, 2));
        let member = client.guild_member(guild, me.id).await.expect("answers").model().await.expect("parses");
        assert_eq!(member.roles[0].get(), discord.bot_role.0);
    })
    .await;
}

#[tokio::test]
async fn it_makes_changes_orders_and_deletes_roles() {
    let discord = Harness::new();
    with_client(&discord, async |client, guild, _| {
        let permissions = Permissions::VIEW_CHANNEL | Permissions::KICK_MEMBERS;
        let create = client.create_role(guild).name("Moderator").color(0xe7_4c3c).hoist(true).permissions(permissions);
        let role = create.await.expect("answers").model().await.expect("parses");
        assert_eq!((role.name.as_str(), role.permissions, role.position), ("Moderator", permissions, 1));
        let update = client.update_role(guild, role.id).name(Some("Mods")).mentionable(true);
        let renamed = update.await.expect("answers").model().await.expect("parses");
        assert_eq!((renamed.name.as_str(), renamed.mentionable), ("Mods", true));
        let order = [RolePosition { id: role.id, position: 5 }];
        let all = client.update_role_positions(guild, &order).await.expect("answers").models().await.expect("parses");
        assert!(all.iter().any(|r| r.id == role.id && r.position == 5));
        let listed = client.roles(guild).await.expect("answers").models().await.expect("parses");
        assert_eq!(listed.len(), all.len());
        client.delete_role(guild, role.id).reason("not needed ✓").await.expect("answers");
    })
    .await;
    assert_eq!(discord.audited().last().and_then(|(_, reason)| reason.clone()).as_deref(), Some("not needed ✓"));
}

#[tokio::test]
async fn it_makes_changes_moves_and_deletes_channels() {
    let discord = Harness::new();
    with_client(&discord, async |client, guild, _| {
        let category = client.create_guild_channel(guild, "Study").kind(ChannelType::GuildCategory);
        let category = category.await.expect("answers").model().await.expect("parses");
        let hidden = PermissionOverwrite {
            allow: None,
            deny: Some(Permissions::VIEW_CHANNEL),
            id: guild.cast(),
            kind: PermissionOverwriteType::Role,
        };
        let create = client.create_guild_channel(guild, "Mod Log").topic("what happened").parent_id(category.id);
        let overwrites = [stored::PermissionOverwrite {
            allow: Permissions::empty(),
            deny: Permissions::VIEW_CHANNEL,
            id: guild.cast(),
            kind: stored::PermissionOverwriteType::Role,
        }];
        let create = create.permission_overwrites(&overwrites);
        let channel = create.await.expect("answers").model().await.expect("parses");
        assert_eq!((channel.name.as_deref(), channel.parent_id), (Some("mod-log"), Some(category.id)));
        assert_eq!(channel.permission_overwrites.map(|list| list.len()), Some(1));

        for kind in [ChannelType::GuildVoice, ChannelType::GuildForum] {
            let made = client.create_guild_channel(guild, "More").kind(kind).await.expect("answers");
            assert_eq!(made.model().await.expect("parses").kind, kind);
        }
        let update = client.update_channel(channel.id).name("log").topic("new").rate_limit_per_user(30);
        let updated = update.await.expect("answers").model().await.expect("parses");
        assert_eq!((updated.topic.as_deref(), updated.rate_limit_per_user), (Some("new"), Some(30)));
        client.update_channel_permission(channel.id, &hidden).await.expect("answers");
        client.delete_channel_permission(channel.id).role(guild.cast()).await.expect("answers");
        let read = client.channel(channel.id).await.expect("answers").model().await.expect("parses");
        assert_eq!(read.permission_overwrites.map(|list| list.len()), Some(0));
        let moves = [Position { id: channel.id, position: Some(Some(3)), parent_id: None, lock_permissions: None }];
        client.update_guild_channel_positions(guild, &moves).await.expect("answers");
        let message = client.create_message(channel.id).content("hello").await.expect("answers");
        assert_eq!(message.model().await.expect("parses").content, "hello");
        let history = client.channel_messages(channel.id).await.expect("answers").models().await.expect("parses");
        assert_eq!(history.len(), 1);
        let listed = client.guild_channels(guild).await.expect("answers").models().await.expect("parses");
        assert_eq!(listed.len(), 8);
        let gone = client.delete_channel(category.id).await.expect("answers").model().await.expect("parses");
        assert_eq!(gone.id, category.id);
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_closes_without_a_word() {
    let discord = Harness::new();
    discord.simulator.set_faults(Faults::always(Fault::ConnectionLost { done: true }));
    with_client(&discord, async |client, guild, address| {
        client.create_role(guild).await.expect_err("no answer");
        let mut socket = TcpStream::connect(address).await.expect("connects");
        let request = "GET /api/v10/users/@me HTTP/1.1\r\nhost: x\r\nuser-agent: DiscordBot (x, 1)\r\nauthorization: Bot t\r\n\r\n";
        socket.write_all(request.as_bytes()).await.expect("sends");
        let mut received = Vec::new();
        socket.read_to_end(&mut received).await.expect("closes");
        assert_eq!(String::from_utf8_lossy(&received), "");
    })
    .await;
    assert!(discord.edit(|guild| guild.role_named("new role").is_some()), "the role was made all the same");
}

#[tokio::test]
async fn it_reads_the_audit_log_changes_settings_and_sees_refusals() {
    let discord = Harness::new();
    with_client(&discord, async |client, guild, _| {
        let update = client.update_guild(guild).name("Renamed").reason("a new name");
        assert_eq!(update.await.expect("answers").model().await.expect("parses").name, "Renamed");
        let log = client.audit_log(guild).limit(10).action_type(AuditLogEventType::GuildUpdate);
        let log = log.await.expect("answers").model().await.expect("parses");
        assert_eq!(log.entries[0].reason.as_deref(), Some("a new name"));
        assert_eq!(log.users[0].id.get(), discord.bot.0);

        discord.limit_bot(Bits::VIEW_CHANNEL);
        let refused = client.create_role(guild).await.expect_err("not allowed");
        assert!(refused.to_string().contains("403"), "{refused}");
        let unknown = client.channel(Id::new(1)).await.expect_err("there is none");
        assert!(unknown.to_string().contains("404"), "{unknown}");
    })
    .await;
}
