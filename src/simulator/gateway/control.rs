//! What tests and whoever runs the simulator may do to the Gateway.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::close::Close;
use super::log::{GatewayRecord, SessionView};
use super::protocol::{frame, op};
use super::session::Event;
use super::{Gateway, Scene};
use crate::simulator::Simulator;
use crate::simulator::world::Snowflake;

/// Something that happens to the Gateway at once. See [`Fault`](crate::simulator::faults::Fault) for what happens with an
/// event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum GatewayOrder {
    /// All connections are closed.
    Close {
        /// The close code.
        code: u16,
    },
    /// All connections break without a word.
    Break,
    /// All clients are told to connect again.
    Reconnect,
    /// All sessions are invalid.
    InvalidateSessions {
        /// They can be resumed.
        #[serde(default)]
        resumable: bool,
    },
    /// All clients are asked for a heartbeat.
    RequestHeartbeats,
    /// Heartbeats are not answered any more, or again.
    IgnoreHeartbeats {
        /// They are not.
        ignored: bool,
    },
    /// All sessions are told their newest events once more.
    Resend {
        /// How many.
        events: usize,
    },
    /// A guild is not available: nothing is told of it.
    Outage {
        /// Which.
        guild_id: Snowflake,
    },
    /// It is available again, and told as a whole.
    EndOutage {
        /// Which.
        guild_id: Snowflake,
    },
    /// All bots are thrown out of a guild.
    RemoveBot {
        /// Which.
        guild_id: Snowflake,
    },
}

/// An order about a guild that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no guild {0}: `GET /_sim/world` lists those there are")]
pub struct NoSuchGuild(pub Snowflake);

impl Simulator {
    /// Does something to all connections or sessions, or to a guild as they see it.
    ///
    /// # Errors
    /// When there is no such guild.
    pub fn order(&self, order: &GatewayOrder) -> Result<(), NoSuchGuild> {
        self.with_gateway(|gateway, scene| gateway.carry_out(order, scene))
    }

    /// Closes all connections with that code.
    pub fn close_gateways(&self, code: u16) {
        self.with_gateway(|gateway, scene| gateway.close_all(Close::of(code), scene));
    }

    /// Breaks all connections without a word.
    pub fn break_gateways(&self) {
        self.with_gateway(|gateway, scene| gateway.cut_all(scene));
    }

    /// A guild becomes unavailable. Events about it are lost until the outage [ends](Self::end_outage).
    ///
    /// # Errors
    /// When there is no such guild.
    pub fn outage(&self, guild: Snowflake) -> Result<(), NoSuchGuild> {
        self.order(&GatewayOrder::Outage { guild_id: guild })
    }

    /// A guild is available again.
    ///
    /// # Errors
    /// When there is no such guild.
    pub fn end_outage(&self, guild: Snowflake) -> Result<(), NoSuchGuild> {
        self.order(&GatewayOrder::EndOutage { guild_id: guild })
    }

    /// All bots are thrown out of a guild, and their managed roles go with them.
    ///
    /// # Errors
    /// When there is no such guild.
    pub fn remove_bot(&self, guild: Snowflake) -> Result<(), NoSuchGuild> {
        self.order(&GatewayOrder::RemoveBot { guild_id: guild })
    }

    /// All sessions, those that wait to be resumed included.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.with_gateway(|gateway, _| gateway.sessions.values().map(super::session::Session::view).collect())
    }

    /// What happened on all connections since the start or the last [`forget_gateway`](Self::forget_gateway), oldest
    /// first.
    pub fn gateway_log(&self) -> Vec<GatewayRecord> {
        self.with_gateway(|gateway, _| gateway.lines.log.records())
    }

    /// Empties the log of the Gateway.
    pub fn forget_gateway(&self) {
        self.with_gateway(|gateway, _| gateway.lines.log.clear());
    }
}

impl Gateway {
    fn carry_out(&mut self, order: &GatewayOrder, scene: &mut Scene<'_>) -> Result<(), NoSuchGuild> {
        match order {
            GatewayOrder::Close { code } => self.close_all(Close::of(*code), scene),
            GatewayOrder::Break => self.cut_all(scene),
            GatewayOrder::Reconnect => self.say_to_all(op::RECONNECT, scene),
            GatewayOrder::RequestHeartbeats => self.say_to_all(op::HEARTBEAT, scene),
            GatewayOrder::InvalidateSessions { resumable } => {
                for line in self.lines.ids() {
                    self.invalidate(line, *resumable, scene);
                }
            }
            GatewayOrder::IgnoreHeartbeats { ignored } => self.deaf = *ignored,
            GatewayOrder::Resend { events } => {
                self.each_session(scene, |session, voice| session.repeat(*events, voice));
            }
            GatewayOrder::Outage { guild_id } => self.begin_outage(known(*guild_id, scene)?, scene),
            GatewayOrder::EndOutage { guild_id } => self.finish_outage(known(*guild_id, scene)?, scene),
            GatewayOrder::RemoveBot { guild_id } => {
                throw_bots_out(known(*guild_id, scene)?, scene);
                self.publish(scene);
            }
        }
        Ok(())
    }

    pub(super) fn close_all(&mut self, close: Close, scene: &Scene<'_>) {
        for line in self.lines.ids() {
            self.close(line, close, scene.now);
        }
    }

    fn cut_all(&mut self, scene: &Scene<'_>) {
        for line in self.lines.ids() {
            self.cut(line, scene.now);
        }
    }

    fn say_to_all(&mut self, op: u64, scene: &Scene<'_>) {
        for line in self.lines.ids() {
            self.lines.send(line, frame(op, Value::Null), scene.now);
        }
    }

    fn begin_outage(&mut self, guild: Snowflake, scene: &mut Scene<'_>) {
        if self.outages.insert(guild) {
            let gone = Event::new("GUILD_DELETE", json!({"id": guild, "unavailable": true}));
            self.tell_members(guild, scene, |_| gone.clone());
        }
    }

    fn finish_outage(&mut self, guild: Snowflake, scene: &mut Scene<'_>) {
        if self.outages.remove(&guild)
            && let Some(whole) = scene.world.guilds.get(&guild).cloned()
        {
            self.tell_members(guild, scene, |observer| Event::new("GUILD_CREATE", observer.whole_guild(&whole)));
        }
    }
}

fn known(guild: Snowflake, scene: &Scene<'_>) -> Result<Snowflake, NoSuchGuild> {
    if scene.world.guilds.contains_key(&guild) { Ok(guild) } else { Err(NoSuchGuild(guild)) }
}

fn throw_bots_out(guild: Snowflake, scene: &mut Scene<'_>) {
    let bots: BTreeSet<Snowflake> = scene.world.users.values().filter(|user| user.bot).map(|user| user.id).collect();
    let Some(guild) = scene.world.guilds.get_mut(&guild) else { return };
    guild.members.retain(|id, _| !bots.contains(id));
    let whose = |tag: &Value| bots.iter().any(|bot| *tag == json!(bot));
    guild.roles.retain(|_, role| !role.tags.as_ref().and_then(|tags| tags.get("bot_id")).is_some_and(whose));
}
