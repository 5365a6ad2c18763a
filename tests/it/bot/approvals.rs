//! Plans that wait for somebody's word: given for exactly one plan, and only by whoever may.

use setai::store::Author;

use super::office::{HALL, Office};

fn other_topic(topic: &str) -> String {
    format!("policy: {{ approval: always }}\n{}", HALL.replace("What is new", topic))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_approves_exactly_the_plan_that_was_shown() {
    let office = Office::new().await;
    office.commits(&other_topic("Old and new")).await;
    office.comes_to("awaiting_approval").await;

    let shown = office.asks(office.owner, "approve", &[]).await;
    assert_eq!(shown.title, "This plan for Rust Study Group waits");
    let sure = office.presses(office.owner, &shown, "Approve this plan").await;
    assert_eq!(sure.title, "Really approve?");
    assert_eq!(office.topic_of("news").as_deref(), Some("What is new"), "nothing happens before it is meant");
    let done = office.presses(office.owner, &sure, "Yes, approve").await;
    assert_eq!(done.title, "Approved");
    office.comes_to("ready").await;
    assert_eq!(office.topic_of("news").as_deref(), Some("Old and new"));

    let guild = office.terminal.guild.to_string().parse().expect("a snowflake");
    let runs = office.store().await.history(Some(guild), 1).await.expect("runs");
    let owner = office.owner.to_string().parse().expect("a snowflake");
    assert_eq!(runs[0].approved_by, Some(Author::User(owner)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_what_waits_no_more_does_nothing() {
    let office = Office::new().await;
    office.commits(&other_topic("First")).await;
    office.comes_to("awaiting_approval").await;
    let shown = office.asks(office.owner, "approve", &[]).await;
    let sure = office.presses(office.owner, &shown, "Approve this plan").await;

    office.commits(&other_topic("Second")).await;
    let another = || async { office.asks(office.owner, "approve", &[]).await.text.contains("Second") };
    while !another().await {}

    let refused = office.presses(office.owner, &sure, "Yes, approve").await;
    assert_eq!(refused.title, "That did not work");
    assert!(refused.text.contains("waits no more: it is superseded"), "{refused:#?}");
    assert_eq!(office.topic_of("news").as_deref(), Some("What is new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_the_button_with_the_plan_and_cannot_use_it() {
    let office = Office::new().await;
    office.commits(&other_topic("Theirs")).await;
    office.comes_to("awaiting_approval").await;
    let shown = office.asks(office.moderator, "plan", &[]).await;
    let refused = office.presses(office.moderator, &shown, "Approve this plan").await;
    assert_eq!(refused.title, "You may not do that");
    assert!(refused.buttons.is_empty(), "{refused:#?}");
    let never = office.asks(office.owner, "approve", &[]).await;
    assert_eq!(office.presses(office.owner, &never, "No").await.title, "Nothing was done");
    assert_eq!(office.topic_of("news").as_deref(), Some("What is new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_names_who_may_approve_besides_administrators() {
    let office = Office::with(HALL, "approvals: { approvers: [\"role:1146231231231231400\"] }\n").await;
    // The role of the operator's file is that of the moderator.
    office.terminal.simulator.with_world(|world| {
        let guild = world.guilds.get_mut(&office.terminal.guild).expect("the guild");
        let id = "1146231231231231400".parse().expect("a snowflake");
        let mut role = guild.roles.values().find(|role| role.name == "moderators").expect("the role").clone();
        role.id = id;
        guild.roles.insert(id, role);
        guild.members.get_mut(&office.moderator).expect("a member").roles.push(id);
    });
    office.commits(&other_topic("Agreed")).await;
    office.comes_to("awaiting_approval").await;
    let shown = office.asks(office.moderator, "approve", &[]).await;
    let sure = office.presses(office.moderator, &shown, "Approve this plan").await;
    assert_eq!(office.presses(office.moderator, &sure, "Yes, approve").await.title, "Approved");
    office.comes_to("ready").await;
    assert_eq!(office.topic_of("news").as_deref(), Some("Agreed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_where_nothing_waits() {
    let office = Office::new().await;
    assert_eq!(office.asks(office.owner, "approve", &[]).await.title, "No plan waits in Rust Study Group");
    let seen = office.asks(office.owner, "approve", &[("plan", "0123456789ab".into())]).await;
    assert!(seen.text.contains("No plan `0123456789ab` waits here"), "{seen:#?}");
}
