"""discord.py against the simulated Discord: nothing is changed but where it finds REST and the Gateway."""

import asyncio
import sys

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

address = sys.argv[1]
Route.BASE = f"http://{address}/api/v10"
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://{address}/")


class Story(discord.Client):
    async def on_ready(self):
        try:
            await self.tell()
            print("the end")
        finally:
            await self.close()

    async def seen(self, event, action, meant=None):
        """What an action returns, and what its event says: the first one that is meant."""
        waiting = asyncio.ensure_future(self.wait_for(event, check=meant, timeout=20))
        await asyncio.sleep(0)
        done = await action
        return done, await waiting

    async def tell(self):
        (guild,) = self.guilds
        assert guild.name == "Rust Study Group", guild.name
        assert guild.me.id == self.user.id and guild.me.guild_permissions.administrator
        assert sorted(channel.name for channel in guild.channels) == [
            "General", "Text Channels", "Voice Channels", "general",
        ]
        assert guild.system_channel.category.name == "Text Channels"

        channel, told = await self.seen("guild_channel_create", guild.create_text_channel("Study Plans!"))
        assert (channel.name, told.id) == ("study-plans", channel.id), channel.name
        _, (before, after) = await self.seen("guild_channel_update", channel.edit(name="plans", topic="next"))
        assert (before.name, after.name, after.topic) == ("study-plans", "plans", "next")
        overwrite = channel.set_permissions(guild.default_role, view_channel=False)
        _, (before, after) = await self.seen("guild_channel_update", overwrite)
        assert after.overwrites_for(guild.default_role).view_channel is False

        role, told = await self.seen("guild_role_create", guild.create_role(name="Helper", colour=discord.Colour.red()))
        assert (told.id, told.name) == (role.id, "Helper")
        _, (before, after) = await self.seen("guild_role_update", role.edit(name="Helpers", hoist=True))
        assert (before.name, after.name, after.hoist) == ("Helper", "Helpers", True)
        # The entry of the change before may be told only now.
        mention = role.edit(mentionable=True, reason="why not")
        _, entry = await self.seen("audit_log_entry_create", mention, lambda entry: entry.reason is not None)
        assert (entry.reason, entry.user_id) == ("why not", self.user.id)

        _, gone = await self.seen("guild_role_delete", role.delete())
        assert gone.id == role.id and guild.get_role(role.id) is None
        _, gone = await self.seen("guild_channel_delete", channel.delete())
        assert gone.id == channel.id and guild.get_channel(channel.id) is None


Story(intents=discord.Intents.default()).run("token", log_handler=None)
