//! What people do with applications in the simulated Discord, and how applications answer: commands, buttons, menus, forms.

mod answers;
mod commands;
mod completions;
mod components;
mod console;
mod embeds;
mod endpoint;
mod files;
mod follow_ups;
mod messages;
mod modals;
mod options;
mod registration;
mod room;
mod twilight;
