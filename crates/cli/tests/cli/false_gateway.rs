//! Commands that ask a gateway, where it is none and means harm.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::harness::{assert_failed, folder, run, stderr, stdout};

/// Answers every request in this way until this process ends, and says where.
fn answering(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // Whoever has heard enough hangs up.
            drop(answer(&mut stream));
        }
    });
    url
}

fn answering_json(status: u16, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    answering(move |stream| stream.write_all(answer.as_bytes()))
}

fn ask(url: &str, command: &[&str]) -> std::process::Output {
    run(folder().path(), command.iter().chain(&["--api", url, "--key", "sk_test_development"]))
}

/// The commands that read what a gateway says.
const COMMANDS: [&[&str]; 5] = [
    &["events"],
    &["events", "check"],
    &["events", "show", "evt_0000000000000000000001"],
    &["trigger", "milestone.completed"],
    &["listen", "--forward-to", "http://127.0.0.1:9/"],
];

#[test]
fn a_refusal_is_not_obeyed_by_a_terminal() {
    let harm = "boom\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\r\u{8}";
    let url = answering_json(400, &json!({"error": {"code": "invalid_request", "message": harm}}));
    for command in COMMANDS {
        let output = ask(&url, command);
        assert_failed(&output, 1, "boom\u{fffd}]0;title\u{fffd}\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}");
        let said = stderr(&output);
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\r', '\u{8}']), "{command:?}: {said:?}");
    }
}

#[test]
fn an_answer_without_an_end_is_not_kept() {
    for status in ["200 OK", "400 Bad Request"] {
        let url = answering(move |stream| {
            stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n").as_bytes())?;
            loop {
                stream.write_all(&[b' '; 1 << 16])?;
            }
        });
        for command in [&COMMANDS[..3], &COMMANDS[4..]].concat() {
            // What streams may be endless; a frame of one may not.
            assert_failed(&ask(&url, command), 1, "more than");
        }
    }
}

fn events(numbers: std::ops::Range<u32>) -> Value {
    let event = |number| json!({"id": format!("evt_{number:022}"), "type": "milestone.created", "created": 1});
    json!({"object": "list", "data": numbers.map(event).collect::<Vec<_>>(), "has_more": true})
}

#[test]
fn a_list_without_an_end_is_not_read_for_ever() {
    let url = answering_json(200, &events(1..4));
    assert_failed(&ask(&url, &["events", "check"]), 1, "does not end");
    assert_failed(&ask(&url, &["events"]), 1, "does not end");
}

#[test]
fn no_more_is_shown_than_was_asked_for() {
    let url = answering_json(200, &events(1..30));
    let output = ask(&url, &["events", "--limit", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 6, "with a heading");
}

#[test]
fn what_an_event_says_is_not_obeyed_by_a_terminal() {
    let id = "evt_0000000000000000000001";
    let harm = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}";
    let url = answering_json(
        200,
        &json!({"id": id, "type": "milestone.created", "created": 1, "data": {"object": {"description": harm}}}),
    );
    let shown = stdout(&ask(&url, &["events", "show", id]));
    assert!(shown.contains(r"a\u001b[2J\u007f\u009b\u202e"), "{shown:?}");
    let read: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(read["data"]["object"]["description"], harm);
}
