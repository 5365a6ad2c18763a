//! One apply makes the guild equal to its manifest; a second one finds nothing to do.

use crate::support::stage::Stage;

const STUDY: &str = r##"
name: Rust Study Group
permission_sets:
  hidden: { deny: [view_channel, connect] }
  read: { allow: [view_channel, read_message_history], deny: [send_messages] }
  write: { extends: [read], allow: [send_messages, embed_links, attach_files] }
  crew: { allow: [manage_messages, manage_threads] }
access:
  crew_only: { everyone: hidden, moderator: write }
  notices: { everyone: read, moderator: write }
roles:
  admin: { name: Admin, color: "#e74c3c", hoist: true, permissions: [administrator] }
  moderator: { name: Moderator, permissions: { use: [crew], allow: [kick_members, moderate_members] } }
  member: { name: Member, permissions: [view_channel, send_messages] }
  everyone: { permissions: [view_channel] }
channels:
  welcome: { topic: Start here }
categories:
  information:
    name: 📢 Information
    permissions: notices
    channels:
      rules: { topic: Be kind. }
      mod-log: { permissions: crew_only }
  study:
    channels:
      questions: { type: forum, tags: [{ name: beginner }, { name: async, emoji: "⚙️" }] }
      logbook: { permissions: { use: notices, "user:80351110224678912": { allow: [send_messages] } } }
      room-1: { type: voice, user_limit: 8, bitrate: 64000 }
expectations:
  - { role: everyone, cannot: [send_messages], in: [rules] }
  - { role: everyone, cannot: [view_channel], in: [mod-log] }
  - { role: moderator, can: [manage_messages], in: [questions] }
"##;

#[tokio::test]
async fn a_study_group_is_built_in_one_go() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(STUDY);
    stage.converge(&manifest).await;
}
