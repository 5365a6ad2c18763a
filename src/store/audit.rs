//! The audit trail: what a row says, and what kind of action an operation is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::record::{Author, OperationId, Phase, RunId};
use super::words::words;
use crate::model::{Change, ChannelPatch, GuildId, ObjectKind, Overwrites, Permissions, RolePatch};
use crate::plan::{BindingChange, Operation};

words! {
    /// What was done, in the words of the data model.
    ActionType {
        /// A channel or category came into being.
        ChannelCreated = "channel_created",
        /// A channel or category changed, or several moved.
        ChannelModified = "channel_modified",
        /// A channel or category is gone.
        ChannelDeleted = "channel_deleted",
        /// A role came into being.
        RoleCreated = "role_created",
        /// A role changed, or several moved.
        RoleModified = "role_modified",
        /// A role is gone.
        RoleDeleted = "role_deleted",
        /// Somebody may do more than before, and nobody less.
        PermissionGranted = "permission_granted",
        /// Somebody may do less than before, and nobody more.
        PermissionRevoked = "permission_revoked",
        /// A template was put to use.
        TemplateApplied = "template_applied",
        /// Settings of the guild or bindings changed.
        ConfigurationChanged = "configuration_changed",
        /// Somebody used a command.
        CommandExecuted = "command_executed",
        /// Something went wrong.
        ErrorOccurred = "error_occurred",
    }
}

words! {
    /// What kind of thing an action was about.
    TargetType {
        /// A channel or category.
        Channel = "channel",
        /// A role.
        Role = "role",
        /// The guild's settings.
        Setting = "setting",
    }
}

words! {
    /// How far an action reaches.
    ImpactScope {
        /// The whole guild.
        Server = "server",
        /// One channel or category.
        Channel = "channel",
        /// Everyone with a role.
        Role = "role",
        /// One user.
        User = "user",
    }
}

/// What an action was about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionDetails {
    /// What kind of thing.
    pub target_type: TargetType,
    /// Its snowflake, when it has one and is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// Its name, or its key when it has no name yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    /// The operation or binding change itself.
    pub action_parameters: Value,
    /// How far it reaches.
    pub impact_scope: ImpactScope,
    /// Everything it touches, by snowflake or `key:...`.
    pub affected_entities: Vec<String>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A row of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Its id.
    pub log_id: Uuid,
    /// Where.
    pub guild: GuildId,
    /// Its place in the chain of the guild, from 1, without gaps.
    pub number: u64,
    /// What was done.
    pub action: ActionType,
    /// How far it was when the row was written.
    pub phase: Phase,
    /// The reconciliation it was part of.
    pub correlation_id: Option<RunId>,
    /// The request; none for what costs no request.
    pub operation_id: Option<OperationId>,
    /// On whose word.
    #[serde(serialize_with = "super::record::as_text")]
    pub author: Author,
    /// What it was about.
    pub details: ActionDetails,
    /// The object before.
    pub before: Option<Value>,
    /// The object after.
    pub after: Option<Value>,
    /// The reason in Discord's audit log.
    pub reason: Option<String>,
    /// The revision of the manifest, when it has one.
    pub revision: Option<String>,
    /// Under which circumstances; none for rows from before this was recorded.
    pub metadata: Option<AuditMetadata>,
    /// When.
    pub logged_at: DateTime<Utc>,
    /// The hash of the row before it in the chain of the guild.
    pub previous_hash: String,
    /// The hash of this row.
    pub hash: String,
}

words! {
    /// What a change came through. The last three are the data model's.
    ExecutionSource {
        /// Somebody at a command line.
        CommandLine = "command_line",
        /// The controller, by itself.
        Controller = "controller",
        /// A command in Discord.
        DiscordCommand = "discord_command",
        /// A call of the web interface.
        ApiCall = "api_call",
        /// A template that was put to use.
        TemplateApplication = "template_application",
    }
}

/// Under which circumstances a row was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditMetadata {
    /// Where a request came from, if it came over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// What it was sent with, if it came over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The version of SetAI that wrote the row.
    pub api_version: String,
    /// What the change came through.
    pub execution_source: ExecutionSource,
    /// The reconciliation; outside of one, the first of the rows that were written together.
    pub correlation_id: Uuid,
    /// Who approved the plan, spelled as an author is, when the reconciliation rests on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

impl AuditMetadata {
    /// What is known of a change on somebody's word.
    pub(super) fn of(author: &Author, correlation_id: Uuid, approved_by: Option<&Author>) -> Self {
        Self {
            ip_address: None,
            user_agent: None,
            api_version: env!("CARGO_PKG_VERSION").to_owned(),
            execution_source: match author {
                Author::Local(_) => ExecutionSource::CommandLine,
                Author::User(_) => ExecutionSource::DiscordCommand,
                Author::Controller => ExecutionSource::Controller,
            },
            correlation_id,
            approved_by: approved_by.map(ToString::to_string),
        }
    }
}

/// That the oldest rows of a trail were removed: what the row says that records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruning {
    /// What kind of change it is.
    change: Pruned,
    /// The number of the last row that was removed.
    pub pruned_through: u64,
    /// Its hash.
    pub pruned_hash: String,
    /// How many were removed.
    pub rows: u64,
    /// They were older than this.
    pub older_than: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Pruned {
    #[serde(rename = "audit_pruned")]
    Audit,
}

impl Pruning {
    pub(super) fn new(pruned_through: u64, pruned_hash: String, rows: u64, older_than: DateTime<Utc>) -> Self {
        Self { change: Pruned::Audit, pruned_through, pruned_hash, rows, older_than }
    }

    /// What a row with these details says, if it is about that.
    pub(super) fn of(action_details: &str) -> Option<Self> {
        let details: ActionDetails = serde_json::from_str(action_details).ok()?;
        serde_json::from_value(details.action_parameters).ok()
    }
}

/// Which rows of the audit trail are wanted: those that satisfy everything that is said.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// Of this guild.
    pub guild: Option<GuildId>,
    /// Of this reconciliation.
    pub run: Option<RunId>,
    /// Of this request.
    pub operation: Option<OperationId>,
    /// Of this kind.
    pub action: Option<ActionType>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// About the object with this snowflake.
    pub target: Option<u64>,
    /// On this word.
    pub author: Option<Author>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Earlier than.
    pub until: Option<DateTime<Utc>>,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Default for AuditFilter {
    /// The last 100 rows of everything.
    fn default() -> Self {
        Self {
            guild: None,
            run: None,
            operation: None,
            action: None,
            phase: None,
            target: None,
            author: None,
            since: None,
            until: None,
            limit: 100,
        }
    }
}

impl ActionType {
    /// The kind of action an operation is.
    pub fn of(operation: &Operation) -> Self {
        match operation {
            Operation::UpdateGuild { .. } => Self::ConfigurationChanged,
            Operation::CreateRole { .. } => Self::RoleCreated,
            Operation::UpdateRole { changes, .. } => Self::of_role_patch(changes),
            Operation::GiveRole { .. } => Self::PermissionGranted,
            Operation::MoveRoles { .. } => Self::RoleModified,
            Operation::DeleteRole { .. } => Self::RoleDeleted,
            Operation::CreateChannel { .. } => Self::ChannelCreated,
            Operation::UpdateChannel { changes, .. } => Self::of_channel_patch(changes),
            Operation::SetTopic { .. } | Operation::MoveChannels { .. } => Self::ChannelModified,
            Operation::DeleteChannel { .. } => Self::ChannelDeleted,
        }
    }

    fn of_role_patch(patch: &RolePatch) -> Self {
        let alone = patch.changes().len() == 1;
        match &patch.permissions {
            Some(Change { from, to }) if alone => {
                Self::of_permissions(to.without(*from), from.without(*to)).unwrap_or(Self::RoleModified)
            }
            _ => Self::RoleModified,
        }
    }

    fn of_channel_patch(patch: &ChannelPatch) -> Self {
        let alone = patch.changes().len() == 1;
        match &patch.overwrites {
            Some(Change { from, to }) if alone => {
                let (gained, lost) = overwrite_effects(from, to);
                Self::of_permissions(gained, lost).unwrap_or(Self::ChannelModified)
            }
            _ => Self::ChannelModified,
        }
    }

    fn of_permissions(gained: Permissions, lost: Permissions) -> Option<Self> {
        match (gained.is_empty(), lost.is_empty()) {
            (false, true) => Some(Self::PermissionGranted),
            (true, false) => Some(Self::PermissionRevoked),
            _ => None,
        }
    }
}

/// The bits that somebody gains and the bits that somebody loses: allowing and no longer denying are gains.
fn overwrite_effects(from: &Overwrites, to: &Overwrites) -> (Permissions, Permissions) {
    let (mut gained, mut lost) = (Permissions::NONE, Permissions::NONE);
    for (target, _) in from.iter().chain(to.iter()) {
        let (before, after) = (from.get(target), to.get(target));
        gained |= after.allow.without(before.allow) | before.deny.without(after.deny);
        lost |= before.allow.without(after.allow) | after.deny.without(before.deny);
    }
    (gained, lost)
}

impl ActionDetails {
    /// What an operation is about; `parameters` is the operation as it is to be kept.
    pub(super) fn of(operation: &Operation, parameters: Value) -> Self {
        let details = |target_type, target_id: Option<u64>, target_name: Option<String>, impact_scope| Self {
            target_type,
            target_id: target_id.map(|id| id.to_string()),
            affected_entities: target_id.iter().map(ToString::to_string).collect(),
            target_name,
            action_parameters: parameters.clone(),
            impact_scope,
            error: None,
        };
        let role = |id, name: String| details(TargetType::Role, id, Some(name), ImpactScope::Role);
        let channel = |id, name: String| details(TargetType::Channel, id, Some(name), ImpactScope::Channel);
        match operation {
            Operation::UpdateGuild { .. } => details(TargetType::Setting, None, None, ImpactScope::Server),
            Operation::CreateRole { key: _, role: attributes } => role(None, attributes.name.clone()),
            Operation::UpdateRole { role: subject, .. } | Operation::DeleteRole { role: subject, .. } => {
                role(Some(subject.id.get()), subject.name.clone())
            }
            Operation::CreateChannel { key: _, channel: attributes } => channel(None, attributes.name.clone()),
            Operation::UpdateChannel { channel: subject, .. } | Operation::DeleteChannel { channel: subject, .. } => {
                channel(Some(subject.id.get()), subject.name.clone())
            }
            Operation::SetTopic { name, .. } => channel(None, name.clone()),
            Operation::GiveRole { role: given, name, user } => Self {
                affected_entities: vec![user.to_string(), given.to_string()],
                ..role(given.id().map(|id| id.get()), name.clone())
            },
            Operation::MoveRoles { moves } => Self {
                affected_entities: moves.iter().map(|m| m.object.to_string()).collect(),
                ..details(TargetType::Role, None, None, ImpactScope::Server)
            },
            Operation::MoveChannels { moves } => Self {
                affected_entities: moves.iter().map(|m| m.object.to_string()).collect(),
                ..details(TargetType::Channel, None, None, ImpactScope::Server)
            },
        }
    }

    /// Says which object it turned out to be.
    pub(super) fn is_about(&mut self, id: u64) {
        self.target_id = Some(id.to_string());
        self.affected_entities = vec![id.to_string()];
    }

    /// What a pruning of the trail is about.
    pub(super) fn of_pruning(parameters: Value) -> Self {
        Self {
            target_type: TargetType::Setting,
            target_id: None,
            target_name: Some("audit trail".to_owned()),
            action_parameters: parameters,
            impact_scope: ImpactScope::Server,
            affected_entities: Vec::new(),
            error: None,
        }
    }

    /// What a binding change is about.
    pub(super) fn of_binding(change: &BindingChange, parameters: Value) -> Self {
        let (kind, key, id) = match change {
            BindingChange::Bind { kind, key, id, .. } => (kind, key, Some(id.clone())),
            BindingChange::BindCreated { kind, key, .. }
            | BindingChange::Archive { kind, key }
            | BindingChange::Release { kind, key } => (kind, key, None),
        };
        let (target_type, impact_scope) = match kind {
            ObjectKind::Role => (TargetType::Role, ImpactScope::Role),
            ObjectKind::Category | ObjectKind::Channel => (TargetType::Channel, ImpactScope::Channel),
        };
        Self {
            target_type,
            affected_entities: id.iter().cloned().collect(),
            target_id: id,
            target_name: Some(key.to_string()),
            action_parameters: parameters,
            impact_scope,
            error: None,
        }
    }
}
