//! Records: a struct, what a manifest may say about it, and what can change in it, generated from one list of fields.
//!
//! Each field is named once. The generated code destructures every value completely, so a field cannot be forgotten in
//! a comparison, a patch or a rendering.

use serde::{Deserialize, Serialize};

/// One value that changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change<T> {
    /// What Discord has.
    pub from: T,
    /// What is wanted.
    pub to: T,
}

/// A changed field in a form that can be printed without knowing the record.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Discord's name of the field.
    pub field: &'static str,
    /// What Discord has.
    pub from: serde_json::Value,
    /// What is wanted.
    pub to: serde_json::Value,
}

/// Something a manifest says about a field of type `T`. Saying nothing leaves the field as it is.
pub trait Overlay<T: Clone + PartialEq> {
    /// Writes what was said onto `value`.
    fn lay(&self, value: &mut T);
    /// True when nothing was said.
    fn is_silent(&self) -> bool;
    /// True when laying it onto `value` would change nothing.
    fn agrees(&self, value: &T) -> bool {
        let mut laid = value.clone();
        self.lay(&mut laid);
        laid == *value
    }
}

impl<T: Clone + PartialEq> Overlay<T> for Option<T> {
    fn lay(&self, value: &mut T) {
        if let Some(said) = self {
            *value = said.clone();
        }
    }

    fn is_silent(&self) -> bool {
        self.is_none()
    }

    fn agrees(&self, value: &T) -> bool {
        self.as_ref().is_none_or(|said| said == value)
    }
}

/// Defines a record, its overlay and its patch. See the module's documentation.
macro_rules! record {
    (
        $(#[$doc:meta])* $record:ident / $overlay:ident / $patch:ident {
            $( $(#[$fdoc:meta])* $field:ident: $type:ty => $choice:ty, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $record { $( $(#[$fdoc])* pub $field: $type, )* }

        #[doc = concat!("What a manifest says about [`", stringify!($record), "`]; silence leaves a field alone.")]
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $overlay { $( $(#[$fdoc])* pub $field: $choice, )* }

        #[doc = concat!("The fields of [`", stringify!($record), "`] that change, each with both values.")]
        #[derive(Clone, Debug, Default, PartialEq, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $patch {
            $(
                $(#[$fdoc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<crate::model::Change<$type>>,
            )*
        }

        impl $record {
            /// The fields in which `to` differs from this.
            pub fn diff(&self, to: &Self) -> $patch {
                let Self { $( $field, )* } = self;
                $patch {
                    $( $field: (*$field != to.$field).then(|| crate::model::Change {
                        from: $field.clone(),
                        to: to.$field.clone(),
                    }), )*
                }
            }
        }

        impl $overlay {
            /// Writes everything that was said onto `record`.
            pub fn lay(&self, record: &mut $record) {
                let Self { $( $field, )* } = self;
                $( crate::model::Overlay::lay($field, &mut record.$field); )*
            }

            /// True when laying it onto `record` would change nothing, or only fields that are left out.
            pub fn agrees(&self, record: &$record, leaves_out: impl Fn(&str) -> bool) -> bool {
                let Self { $( $field, )* } = self;
                true $( && (leaves_out(stringify!($field)) || crate::model::Overlay::agrees($field, &record.$field)) )*
            }

            /// The fields something was said about.
            pub fn said(&self) -> Vec<&'static str> {
                let Self { $( $field, )* } = self;
                let mut said = Vec::new();
                $( if !crate::model::Overlay::<$type>::is_silent($field) { said.push(stringify!($field)); } )*
                said
            }

            /// The fields of which `other` says something else.
            pub fn differing(&self, other: &Self) -> Vec<&'static str> {
                let Self { $( $field, )* } = self;
                let mut differing = Vec::new();
                $( if *$field != other.$field { differing.push(stringify!($field)); } )*
                differing
            }
        }

        impl $patch {
            /// The names of all fields, in order.
            pub const FIELDS: &'static [&'static str] = &[$( stringify!($field), )*];

            /// True when nothing changes.
            pub fn is_empty(&self) -> bool {
                let Self { $( $field, )* } = self;
                true $( && $field.is_none() )*
            }

            /// Writes the new values onto `record`.
            pub fn apply(&self, record: &mut $record) {
                let Self { $( $field, )* } = self;
                $( if let Some(change) = $field { record.$field = change.to.clone(); } )*
            }

            /// The patch that undoes this one.
            pub fn inverse(self) -> Self {
                let Self { $( $field, )* } = self;
                Self { $( $field: $field.map(|c| crate::model::Change { from: c.to, to: c.from }), )* }
            }

            /// Drops the changes of the named fields and returns the names that were dropped.
            pub fn without(&mut self, ignored: impl Fn(&str) -> bool) -> Vec<&'static str> {
                let Self { $( $field, )* } = self;
                let mut dropped = Vec::new();
                $( if $field.is_some() && ignored(stringify!($field)) {
                    *$field = None;
                    dropped.push(stringify!($field));
                } )*
                dropped
            }

            /// The changes, ready to be printed.
            pub fn changes(&self) -> Vec<crate::model::FieldChange> {
                let Self { $( $field, )* } = self;
                let mut changes = Vec::new();
                $( if let Some(change) = $field {
                    changes.push(crate::model::FieldChange {
                        field: stringify!($field),
                        from: serde_json::json!(change.from),
                        to: serde_json::json!(change.to),
                    });
                } )*
                changes
            }
        }
    };
}

pub(crate) use record;
