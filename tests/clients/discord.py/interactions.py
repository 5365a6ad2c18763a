"""discord.py as a bot with a command, a button and a modal; a member uses them by what the simulator has for people."""

import asyncio
import io
import sys

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

address = sys.argv[1]
Route.BASE = f"http://{address}/api/v10"
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://{address}/")


class Why(discord.ui.Modal, title="Apply?"):
    why = discord.ui.TextInput(label="Why?", min_length=2)

    async def on_submit(self, interaction):
        await interaction.response.edit_message(content=f"Applied: {self.why.value}", embed=None, view=None, attachments=[])
        await interaction.followup.send("for everybody")


class Apply(discord.ui.View):
    @discord.ui.button(label="Apply", style=discord.ButtonStyle.success)
    async def apply(self, interaction, button):
        await interaction.response.send_modal(Why())


class Story(discord.Client):
    def __init__(self):
        super().__init__(intents=discord.Intents.default())
        self.tree = app_commands.CommandTree(self)

    async def on_ready(self):
        try:
            await asyncio.wait_for(self.tell(), 40)
            print("the end")
        finally:
            await self.close()

    async def use(self, **what):
        """What the owner of the guild sees of it."""
        async with aiohttp.ClientSession() as session:
            ask = {"user": "owner", "channel": "general", **what}
            async with session.post(f"http://{address}/_sim/use", json=ask) as answer:
                return answer.status, await answer.text()

    async def tell(self):
        @self.tree.command(description="Shows a plan")
        @app_commands.describe(guild="Of which guild", depth="How much of it")
        async def plan(interaction: discord.Interaction, guild: str, depth: app_commands.Range[int, 1, 9] = 1):
            assert interaction.permissions.administrator and interaction.app_permissions.administrator
            await interaction.response.defer(ephemeral=True)
            file = discord.File(io.BytesIO(b"+ role"), "plan.diff")
            embed = discord.Embed(title="Plan", description=f"of {guild}, {depth} deep")
            await interaction.edit_original_response(content="Changes", embed=embed, view=Apply(), attachments=[file])

        @self.tree.command(description="Says something back")
        async def echo(interaction: discord.Interaction, text: str):
            await interaction.response.send_message(text)

        commands = await self.tree.sync()
        assert sorted(command.name for command in commands) == ["echo", "plan"]

        status, text = await self.use(say="/plan guild: Study depth: 3")
        assert (status, text) == (200, (
            "Changes\n| Plan\n| of Study, 3 deep\n[Apply]\n[file] plan.diff (6 bytes)\n  + role\n(only you can see this)\n"
        )), text
        status, text = await self.use(press="Apply")
        assert (status, text.splitlines()[0]) == (200, "[form] Apply?"), text
        status, text = await self.use(fill={"Why?": "x"})
        assert status == 400 and "2 to" in text, text
        status, text = await self.use(fill={"Why?": "it is time"})
        assert (status, text.splitlines()[0]) == (200, "Applied: it is time"), text
        status, text = await self.use(say="/echo text: hello")
        assert (status, text) == (200, "hello\n"), text
        status, text = await self.use(say="/plan depth: 10")
        assert status == 400 and "at most 9" in text, text


Story().run("token", log_handler=None)
