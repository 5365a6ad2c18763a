//! Which step is taken back when.

use std::collections::BTreeMap;

use crate::model::{ChannelAttributes, ChannelKind, Guild};
use crate::plan::Plan;
use crate::plan::operation::{Operation, Phase, Step, StepId};

use super::DoneStep;

/// The part of a way back in which a step is taken back. Within one part the last step is taken back first.
///
/// It is the order of [`Phase`] once more, seen from the other end: what roles gained goes first, what they lost comes last,
/// and between the two they hold at most what they held before the run *and* after it, so that channels can change one at a
/// time and deleted ones come back as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// What roles gained.
    Opened,
    /// Roles that were deleted. Nobody has them yet.
    DeletedRoles,
    /// Categories that were deleted, before what stood in them.
    DeletedCategories,
    /// Channels and categories.
    Shaped,
    /// Channels that were deleted, when no category can take them along any more.
    DeletedChannels,
    /// The order of channels, once each stands in its category.
    Moved,
    /// Settings, which can name any of them.
    Settings,
    /// Deleted channels of a kind that only the settings make possible.
    LateChannels,
    /// Roles that were created, renamed and moved.
    Prepared,
    /// What roles lost, and guards of channels.
    Closed,
}

/// The steps that were done, in the order in which they are taken back.
pub(super) fn ordered<'p>(plan: &'p Plan, done: &BTreeMap<StepId, DoneStep>, live: &Guild) -> Vec<&'p Step> {
    let mut steps: Vec<&Step> = plan.steps.iter().rev().filter(|step| done.contains_key(&step.id)).collect();
    steps.sort_by_key(|step| part_of(step, live));
    steps
}

fn part_of(step: &Step, live: &Guild) -> Part {
    match &step.operation {
        Operation::DeleteRole { .. } => Part::DeletedRoles,
        Operation::DeleteChannel { was, .. } if was.kind == ChannelKind::Category => Part::DeletedCategories,
        Operation::DeleteChannel { was, .. } if is_late(was, live) => Part::LateChannels,
        Operation::DeleteChannel { .. } => Part::DeletedChannels,
        Operation::UpdateGuild { .. } => Part::Settings,
        Operation::MoveChannels { .. } => Part::Moved,
        Operation::CreateChannel { .. } | Operation::SetTopic { .. } => Part::Shaped,
        Operation::CreateRole { .. } | Operation::MoveRoles { .. } | Operation::GiveRole { .. } => Part::Prepared,
        Operation::UpdateRole { .. } | Operation::UpdateChannel { .. } => match step.phase {
            Phase::Open => Part::Opened,
            Phase::Close => Part::Closed,
            Phase::Prepare => Part::Prepared,
            Phase::Shape | Phase::Remove => Part::Shaped,
        },
    }
}

/// True for a kind of channel that only a Community guild may have, in one that is none.
fn is_late(channel: &ChannelAttributes, live: &Guild) -> bool {
    !live.settings.features.has("COMMUNITY") && matches!(channel.kind, ChannelKind::Announcement | ChannelKind::Stage)
}
