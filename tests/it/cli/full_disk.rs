//! A disk that takes nothing more: what cannot be recorded is not sent, and the next run with room carries on.
//!
//! A limit on the size of files stands for the disk, because everybody may set one. To SQLite it looks like a failing disk;
//! what it says of one that is really full is tested with the store.

use setai::store::{DatabaseUrl, open};

use crate::support::oracle::audited;
use crate::support::terminal::{Ran, Terminal, finished};

const APPLY: [&str; 3] = ["apply", ".", "--auto-approve"];

/// What a person has to be told.
const TOLD: [&str; 4] = ["the disk of the database", "nothing may be changed", "disk is full", "run the same command"];

fn rooms(count: usize) -> String {
    let rooms: String = (1..=count).map(|n| format!("  room-{n}: {{ topic: Room {n} }}\n")).collect();
    format!("channels:\n{rooms}")
}

/// `apply` where no file can be larger than so many KiB.
async fn apply_within(terminal: &Terminal, kibibytes: u64) -> Ran {
    finished(terminal.limited_command(kibibytes, &APPLY)).await
}

fn writes(terminal: &Terminal) -> usize {
    terminal.simulator.requests().iter().filter(|request| request.is_write()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_from_the_start_lets_nothing_be_sent() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", &rooms(3));
    apply_within(&terminal, 0).await.fails(1, &TOLD);
    assert_eq!(writes(&terminal), 0, "with no database yet");

    terminal.run(&APPLY).await.works(&["Applied: 3 of 3 steps"]);
    terminal.write("guild.yaml", &rooms(5));
    apply_within(&terminal, 0).await.fails(1, &TOLD);
    assert_eq!(writes(&terminal), 3, "with a database that cannot grow");

    terminal.run(&APPLY).await.works(&["Applied: 2 of 2 steps", "equals its manifest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_midway_stops_everything_and_makes_nothing_twice() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", &rooms(30));
    let mut room = 200;
    while writes(&terminal) < 6 {
        apply_within(&terminal, room).await.fails(1, &TOLD);
        room += 50;
    }
    let sent = writes(&terminal);
    assert!((6..30).contains(&sent), "{sent} of 30 channels were made before the end");

    terminal.run(&APPLY).await.works(&["had stopped in the middle", "equals its manifest"]);
    assert_eq!(writes(&terminal), 30, "every channel was made once");
    let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("the database");
    assert_eq!(audited(&terminal.simulator.requests(), store.as_ref()).await, 30, "each with its audit rows");
}
