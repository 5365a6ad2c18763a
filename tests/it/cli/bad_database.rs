//! A database that cannot be used: said in one sentence that names the setting, and nothing is sent to Discord.

use std::net::{Ipv4Addr, TcpListener};

use super::LAYOUT;
use crate::support::mariadb::TestDatabase;
use crate::support::terminal::{Terminal, finished};

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_setting_is_named_and_nothing_is_sent() {
    let database = TestDatabase::new().await;
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let (port, name) = (database.port, &database.name);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port();
    let cases = [
        (format!("mysql://setai:hunter2@127.0.0.1:{port}/{name}"), "refuses the user and password"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{port}/setai_nothing"), "no such database"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{closed}/{name}"), "cannot reach the database server"),
        (format!("mysql://setai:a%20secret@nowhere.invalid/{name}"), "cannot reach the database server"),
        (format!("mysql://setai:a%20secret@127.0.0.1:{port}/{name}?charset=latin1"), "has the parameter `charset`"),
        ("postgres://setai@127.0.0.1/setai".to_owned(), "there are `sqlite` and `mysql`"),
        ("setai.db".to_owned(), "is neither `sqlite:PATH` nor"),
    ];
    for (setting, words) in cases {
        let mut command = terminal.command(&["apply", ".", "--auto-approve"]);
        command.env("SETAI_DATABASE_URL", &setting);
        let ran = finished(command).await;
        ran.fails(1, &[words, "SETAI_DATABASE_URL"]);
        assert!(!ran.err.contains("secret") && !ran.err.contains("hunter2"), "{ran:#?}");
    }
    assert!(terminal.simulator.requests().is_empty(), "not even read");
    assert!(!terminal.path("setai.db").exists(), "nothing is kept elsewhere");
}
