//! What one request asks for and takes back.
//!
//! Decides what counts as taken back. The last word still counts, as in speech; but whoever asked is told, because nobody can
//! know which of the two was meant.

use crate::manifest::edit::Subject;
use crate::model::Permissions;

use super::super::grammar::{Ask, Grant};
use super::Maker;

impl Maker {
    /// True when this undoes what the same request asked for before.
    pub(in crate::ai::rules) fn takes_back(&self, ask: &Ask) -> bool {
        let is_unmade = matches!(ask, Ask::Remove { objects, .. } if objects.iter().any(|object| self.is_new(object)));
        is_unmade || self.asked.iter().any(|before| takes_back(before, ask))
    }
}

fn takes_back(before: &Ask, now: &Ask) -> bool {
    match (before, now) {
        (_, Ask::Remove { objects, .. }) => objects.iter().any(|object| changes(before, object)),
        (Ask::Name { object: old, name: was }, Ask::Name { object, name }) => old == object && was.text != name.text,
        (Ask::Set { objects: old, field: of, value: was }, Ask::Set { objects, field, value }) => {
            of == field && was != value && old.iter().any(|object| objects.contains(object))
        }
        _ => rights(before).iter().any(|was| rights(now).iter().any(|now| was.is_undone_by(now))),
    }
}

/// True when something becomes of an object that is still there afterwards.
fn changes(ask: &Ask, object: &Subject) -> bool {
    match ask {
        Ask::Name { object: named, .. } => named == object,
        Ask::Move { objects, .. } | Ask::Set { objects, .. } => objects.contains(object),
        Ask::Access { places, .. } | Ask::Open { places, .. } => places.contains(object),
        Ask::Tag { channels, .. } | Ask::Untag { channels, .. } => channels.contains(object),
        Ask::Create(_) | Ask::Remove { .. } | Ask::Everywhere { .. } => false,
    }
}

/// What somebody may and may not do in one place; everywhere without one.
struct Right<'a> {
    place: Option<&'a Subject>,
    target: &'a str,
    allow: Permissions,
    deny: Permissions,
}

impl<'a> Right<'a> {
    fn of(place: Option<&'a Subject>, grant: &'a Grant) -> Self {
        let Grant { target, allow, deny } = grant;
        Self { place, target, allow: *allow, deny: *deny }
    }

    fn is_undone_by(&self, later: &Self) -> bool {
        self.place == later.place
            && self.target == later.target
            && (self.allow.intersects(later.deny) || self.deny.intersects(later.allow))
    }
}

fn rights(ask: &Ask) -> Vec<Right<'_>> {
    match ask {
        Ask::Access { places, grants, .. } => {
            places.iter().flat_map(|place| grants.iter().map(move |grant| Right::of(Some(place), grant))).collect()
        }
        Ask::Everywhere { grants } => grants.iter().map(|grant| Right::of(None, grant)).collect(),
        Ask::Open { places, permission } => {
            let open =
                |place| Right { place: Some(place), target: "everyone", allow: *permission, deny: Permissions::NONE };
            places.iter().map(open).collect()
        }
        _ => Vec::new(),
    }
}
