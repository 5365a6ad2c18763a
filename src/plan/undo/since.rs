//! Which fields of an object are no longer as a change left them.

use crate::model::{ChannelAttributes, ChannelPatch, GuildSettings, RoleAttributes, RolePatch, SettingsPatch};

/// What the patches of all records can do.
pub(super) trait Patch: Clone {
    type Record: Clone;

    /// What leads from one to the other.
    fn between(from: &Self::Record, to: &Self::Record) -> Self;
    /// Writes the new values onto `record`.
    fn lay(&self, record: &mut Self::Record);
    /// The patch that undoes this one.
    fn turned(self) -> Self;
    /// Drops these fields.
    fn leave_out(&mut self, fields: &[&'static str]);
    /// The fields that change.
    fn fields(&self) -> Vec<&'static str>;
}

macro_rules! patches {
    ($($patch:ident of $record:ident),*) => { $(
        impl Patch for $patch {
            type Record = $record;

            fn between(from: &$record, to: &$record) -> Self {
                from.diff(to)
            }

            fn lay(&self, record: &mut $record) {
                self.apply(record);
            }

            fn turned(self) -> Self {
                self.inverse()
            }

            fn leave_out(&mut self, fields: &[&'static str]) {
                self.without(|field| fields.contains(&field));
            }

            fn fields(&self) -> Vec<&'static str> {
                self.clone().without(|_| true)
            }
        }
    )* };
}

patches!(SettingsPatch of GuildSettings, RolePatch of RoleAttributes, ChannelPatch of ChannelAttributes);

/// What became of the fields of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Since {
    /// They are not as the change left them, so there is nothing to take back.
    pub(super) away: Vec<&'static str>,
    /// Those of them that somebody else changed. The others are as they were before the change, or before one of the
    /// earlier ones: a way back that was broken off has been here.
    pub(super) changed: Vec<&'static str>,
}

/// Compares what is there now with what a change left behind. `earlier` are the changes of the same object before it.
pub(super) fn since<P: Patch>(now: &P::Record, change: &P, earlier: &[P]) -> Since {
    let away = unlike(now, change);
    let origins: Vec<P> = earlier.iter().chain([change]).map(|patch| patch.clone().turned()).collect();
    let was_once = |field: &&'static str| {
        origins.iter().any(|origin| origin.fields().contains(field) && !unlike(now, origin).contains(field))
    };
    let changed = away.iter().copied().filter(|field| !was_once(field)).collect();
    Since { away, changed }
}

/// The fields of a patch whose new value is not what is there now.
fn unlike<P: Patch>(now: &P::Record, patch: &P) -> Vec<&'static str> {
    let mut then = now.clone();
    patch.lay(&mut then);
    P::between(now, &then).fields()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(hoist: bool, mentionable: bool, color: u32) -> RoleAttributes {
        let mut role = RoleAttributes::named("crew");
        (role.hoist, role.mentionable, role.colors.primary) = (hoist, mentionable, color);
        role
    }

    #[test]
    fn a_field_is_as_the_change_left_it_or_as_it_was_once_or_somebody_changed_it() {
        let [was, then, last] = [role(false, false, 1), role(false, true, 2), role(true, false, 3)];
        let (first, second) = (was.diff(&then), then.diff(&last));
        let told = |now: &RoleAttributes| {
            let Since { away, changed } = since(now, &second, std::slice::from_ref(&first));
            (away, changed)
        };
        assert_eq!(told(&last), (vec![], vec![]));
        assert_eq!(told(&then), (vec!["colors", "hoist", "mentionable"], vec![]), "taken back already");
        assert_eq!(told(&was), (vec!["colors", "hoist"], vec![]), "and what came before it, too");
        assert_eq!(told(&role(true, false, 4)), (vec!["colors"], vec!["colors"]), "somebody else's colour");
    }
}
