// discord.js against the simulated Discord: nothing is changed but where it finds REST, which tells it the Gateway.
const assert = require("node:assert/strict");
const { Client, Events, GatewayIntentBits, PermissionFlagsBits } = require("discord.js");

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildModeration],
  rest: { api: `http://${process.argv[2]}/api` },
});

/** What an action returns, and what its event says: the first one that is meant. */
async function seen(event, action, isMeant = () => true) {
  const told = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${event} did not come`)), 20_000);
    const hear = (...said) => {
      if (!isMeant(...said)) return;
      clearTimeout(late);
      client.off(event, hear);
      resolve(said);
    };
    client.on(event, hear);
  });
  return [await action(), await told];
}

async function tell() {
  assert.equal(client.guilds.cache.size, 1);
  const guild = client.guilds.cache.first();
  assert.equal(guild.name, "Rust Study Group");
  assert.equal(guild.members.me.id, client.user.id);
  assert.ok(guild.members.me.permissions.has(PermissionFlagsBits.Administrator));
  const names = guild.channels.cache.map((channel) => channel.name).sort();
  assert.deepEqual(names, ["General", "Text Channels", "Voice Channels", "general"]);
  assert.equal(guild.systemChannel.parent.name, "Text Channels");

  const [channel, [told]] = await seen(Events.ChannelCreate, () => guild.channels.create({ name: "Study Plans!" }));
  assert.deepEqual([channel.name, told.id], ["study-plans", channel.id]);
  // What was before is not asked: the library takes it from the answer or from the event, whichever comes first.
  const [, [, after]] = await seen(Events.ChannelUpdate, () => channel.edit({ name: "plans", topic: "next" }));
  assert.deepEqual([after.name, after.topic], ["plans", "next"]);
  const hide = () => channel.permissionOverwrites.edit(guild.roles.everyone, { ViewChannel: false });
  await seen(Events.ChannelUpdate, hide);
  assert.ok(channel.permissionOverwrites.cache.get(guild.id).deny.has(PermissionFlagsBits.ViewChannel));

  const [role, [made]] = await seen(Events.GuildRoleCreate, () => guild.roles.create({ name: "Helper" }));
  assert.deepEqual([made.id, made.name], [role.id, "Helper"]);
  const [, [, renamed]] = await seen(Events.GuildRoleUpdate, () => role.edit({ name: "Helpers", hoist: true }));
  assert.deepEqual([renamed.name, renamed.hoist], ["Helpers", true]);
  const mention = () => role.edit({ mentionable: true, reason: "why not" });
  // The entry of the change before may be told only now.
  const [, [entry]] = await seen(Events.GuildAuditLogEntryCreate, mention, (entry) => entry.reason !== null);
  assert.deepEqual([entry.reason, entry.executorId], ["why not", client.user.id]);

  const [, [goneRole]] = await seen(Events.GuildRoleDelete, () => role.delete());
  assert.deepEqual([goneRole.id, guild.roles.cache.has(role.id)], [role.id, false]);
  const [, [goneChannel]] = await seen(Events.ChannelDelete, () => channel.delete());
  assert.deepEqual([goneChannel.id, guild.channels.cache.has(channel.id)], [channel.id, false]);
}

client.once(Events.ClientReady, () =>
  tell()
    .then(() => console.log("the end"))
    .catch((error) => {
      console.error(error);
      process.exitCode = 1;
    })
    .finally(() => client.destroy()),
);
client.login("token").catch((error) => {
  console.error(error);
  process.exit(1);
});
