//! One wish at a time: what is sent for it, to the letter, and that nothing is sent when it is wished again.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

mod fields;
mod full;
mod groups;
mod numbers;
mod structure;

use groups::Group;

#[tokio::test]
async fn every_field_and_every_change_of_structure_takes_exactly_its_requests() {
    let mut groups: Vec<Group> = fields::channels();
    groups.extend(fields::roles());
    groups.extend(fields::settings());
    groups.extend(fields::creations());
    groups.extend(structure::groups());
    let mut problems = Vec::new();
    for group in &groups {
        problems.extend(group.play().await);
    }
    println!("scenario groups: {} of {} right", groups.len() - problems.len(), groups.len());
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(groups.len() >= 120, "{} groups", groups.len());
}
