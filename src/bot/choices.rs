//! What is offered while somebody types an option of a command.

use serde_json::{Value, json};

use crate::controller::Trouble;
use crate::model::GuildId;

use super::Bot;
use super::ask::typing;
use super::permit::{Caller, Level, permitted};
use super::prefer;
use super::serve::CHOICES;
use super::wire::{Data, Member};

/// Most choices of an option that is being typed (Discord's documentation, "Autocomplete").
const MOST: usize = 25;

impl Bot {
    /// What could be meant by what is being typed. Whoever may not see it gets nothing.
    pub(super) async fn choices(&self, guild: GuildId, member: &Member, data: &Data) -> Value {
        let choices = match typing(data) {
            Some((command, field, so_far)) => {
                self.fitting(guild, member, command, field, so_far).await.unwrap_or_default()
            }
            None => Vec::new(),
        };
        json!({ "type": CHOICES, "data": { "choices": choices } })
    }

    async fn fitting(
        &self,
        guild: GuildId,
        member: &Member,
        command: &str,
        field: &str,
        so_far: &str,
    ) -> Result<Vec<Value>, Trouble> {
        let settings = self.settings(guild).await;
        let caller = Caller { user: member.user.id, roles: member.roles.clone(), permissions: member.permissions };
        if permitted(&caller, command, Level::Look, &self.0.approvers, &settings.moderation).is_err() {
            return Ok(Vec::new());
        }
        let console = &self.0.console;
        let zone = prefer::zone(&console.engine().store().preferences(caller.user).await?);
        let fitting: Vec<(String, String)> = match field {
            "timezone" => prefer::zones(),
            "run" => {
                let runs = console.history(guild, MOST as u32).await?;
                let named = runs.iter().map(|run| {
                    let how = run.finished.as_ref().map_or("open", |finished| finished.verdict.word());
                    let when = prefer::minute(run.started_at, zone);
                    (format!("{}  {when}  {how}", run.id.short()), run.id.short())
                });
                named.collect()
            }
            "plan" => {
                let waiting = console.stand(guild).await?.waiting;
                let named = waiting.iter().map(|held| {
                    let digest = held.plan_digest.get(..12).unwrap_or(&held.plan_digest).to_owned();
                    (format!("{digest}  {}", prefer::minute(held.held_at, zone)), digest)
                });
                named.collect()
            }
            _ => Vec::new(),
        };
        let typed = so_far.to_lowercase().replace('_', " ");
        let fitting = fitting.into_iter().filter(|(name, _)| name.to_lowercase().contains(&typed));
        Ok(fitting.take(MOST).map(|(name, value)| json!({ "name": name, "value": value })).collect())
    }
}
