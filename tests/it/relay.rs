//! What either side writes reaches the other byte for byte, in order and whole, or not at all.

use crate::harness::{ASKS_ANYTHING, Client, Scratch};
use serde_json::json;
use std::fmt::Write as _;

/// brig before one of the committed guests.
fn before(guest: &str) -> (Client, Scratch) {
    let scratch = Scratch::new();
    let mut client = Client::run(scratch.manifest(guest, ASKS_ANYTHING));
    client.initialize();
    (client, scratch)
}

/// A request, and what the echo guest answers to it.
fn exchange(id: &str, method: &str, params: &str) -> (String, String) {
    let asked = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
    let answered = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"params":{params}}}}}"#);
    (asked + "\n", answered + "\n")
}

#[track_caller]
fn next(client: &mut Client, wanted: &[u8]) {
    let line = client.line().expect("the server closed its output");
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        line == wanted,
        "\n got {}\nwant {}",
        shown(&line),
        shown(wanted)
    );
}

/// Three messages with characters of one to four bytes, and the three lines that come back.
fn three_messages() -> (String, String) {
    let (first, one) = exchange("1", "vendor/\u{e9}", r#"{"a":"\u2028 \" \\"}"#);
    let notification = "{\"method\":\"vendor/\u{2028}\",\"x\":[1.10,\"\u{1f980}\"]}\r\n";
    let (second, two) = exchange("\"two\"", "vendor/b", "[{}, [ ]]");
    (first + notification + &second, one + notification + &two)
}

#[test]
fn a_client_may_split_its_lines_anywhere() {
    let (mut client, _scratch) = before("echo");
    let (text, wanted) = three_messages();
    for at in 1..text.len() {
        let (head, tail) = text.as_bytes().split_at(at);
        client.write_apart(head);
        client.write(tail);
        for line in wanted.split_inclusive('\n') {
            next(&mut client, line.as_bytes());
        }
    }
    for byte in text.as_bytes() {
        client.write_apart(&[*byte]);
    }
    for line in wanted.split_inclusive('\n') {
        next(&mut client, line.as_bytes());
    }
    assert_eq!(client.end(), (Some(0), String::new()));
}

#[test]
fn a_server_may_split_its_lines_anywhere() {
    let (mut client, _scratch) = before("hostile");
    let lines = "{\"method\":\"vendor/\u{2028}\",\"x\":1e2}\n{\"method\":\"b\",\"\u{1f980}\":[]}\r";
    for size in 1..=lines.len() {
        let arguments = json!({ "line": lines, "size": size, "ms": 1 });
        let params = json!({ "name": "split", "arguments": arguments });
        client.send(&json!({ "id": size, "method": "tools/call", "params": params }));
        for line in format!("{lines}\n").split_inclusive('\n') {
            next(&mut client, line.as_bytes());
        }
        assert_eq!(client.receive()["id"], json!(size));
    }
    assert_eq!(client.end(), (Some(0), String::new()));
}

#[test]
fn of_5000_calls_at_once_none_is_lost_and_none_overtakes() {
    let (mut client, _scratch) = before("echo");
    let (mut text, mut wanted) = (String::new(), Vec::new());
    for number in 1..=5000 {
        let pad = "x".repeat(number % 97);
        let params = format!(r#"{{"n":{number},"pad":"{pad}"}}"#);
        let (asked, answered) = exchange(&number.to_string(), "vendor/call", &params);
        text += &asked;
        wanted.push(answered);
    }
    client.write(text.as_bytes());
    for line in wanted {
        next(&mut client, line.as_bytes());
    }
    assert_eq!(client.end(), (Some(0), String::new()));
}

/// What no party may change: odd numbers, escapes, white space, unknown and doubled keys.
const PARAMS: [&str; 14] = [
    "{\"big\":9007199254740993,\"bigger\":123456789012345678901234567890}",
    "[1.10,1e2,1E+2,-0,-0.0,0.1e-7,1.7976931348623157e309]",
    "{\"z\":1,\"a\":2,\"m\":{\"y\":1,\"b\":2}}",
    "{ \"white\" : [ 1 ,\t2 ] , \"space\":\t{ } }",
    "{\"u2028\":\"\u{2028}\u{2029}\",\"escaped\":\"\\u2028\\u2029\"}",
    "\"\\u00e9 \\/ \\\" \\\\ \\b\\f\\n\\r\\t \u{e9}\"",
    "\"\\ud83e\\udd80 \u{1f980} \u{202e} \u{feff} \u{7f} \u{fffe}\"",
    "{\"doubled\":1,\"doubled\":2,\"__proto__\":null}",
    "{\"_meta\":{\"vendor.example/x\":1.0,\"progressToken\":\"p\"},\"vendor\":true}",
    "{\"\":{\"\":{\"\":[[],{},null,true,false]}}}",
    "\"</script><!-- ]]>\"",
    "\"\\u0000\"",
    "\"\\ud800 alone\"",
    "{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"inner\",\"result\":{},\"error\":{}}",
];

#[test]
fn params_and_answers_keep_every_byte() {
    let (mut client, _scratch) = before("echo");
    for (id, params) in PARAMS.iter().enumerate() {
        let (asked, answered) = exchange(&id.to_string(), "vendor/own", params);
        client.write(asked.as_bytes());
        next(&mut client, answered.as_bytes());
        let notification = format!("{{\"method\":\"vendor/own\",\"params\":{params}}}\n");
        client.write(notification.as_bytes());
        next(&mut client, notification.as_bytes());
    }
    assert_eq!(client.end(), (Some(0), String::new()));
}

fn odd_ids() -> Vec<String> {
    let long = format!("\"{}\"", "x".repeat(1000));
    let ids = "0 -1 -0 1.5 1.0 1e2 9007199254740993 123456789012345678901234567890 \"\" \"1\" \
               \"\u{2028}\" \"\\u0061\\/\\n\" \"\u{1f980}\"";
    ids.split(' ').map(str::to_owned).chain([long]).collect()
}

#[test]
fn ids_keep_every_byte_in_both_directions() {
    let (mut client, _scratch) = before("echo");
    let pairs: Vec<_> = odd_ids()
        .iter()
        .map(|id| exchange(id, "vendor/own", "{}"))
        .collect();
    // All at once: 1, 1.0 and "1" are three ids.
    client.write(
        pairs
            .iter()
            .map(|(asked, _)| asked.as_str())
            .collect::<String>()
            .as_bytes(),
    );
    for (_, answered) in &pairs {
        next(&mut client, answered.as_bytes());
    }
    assert_eq!(client.end(), (Some(0), String::new()));

    let (mut client, _scratch) = before("hostile");
    for (number, id) in odd_ids().iter().enumerate() {
        asked_by_the_server(&mut client, number, id, PARAMS[number % PARAMS.len()]);
    }
    assert_eq!(client.end(), (Some(0), String::new()));
}

/// A request of the server's own, of a method that nobody knows, and the client's answer to it.
#[track_caller]
fn asked_by_the_server(client: &mut Client, number: usize, id: &str, params: &str) {
    let arguments = json!({ "method": "vendor/ask", "params": params, "id": id });
    let call = json!({ "name": "ask_client", "arguments": arguments });
    client.send(&json!({ "id": number, "method": "tools/call", "params": call }));
    let asked = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"vendor/ask","params":{params}}}"#);
    next(client, format!("{asked}\n").as_bytes());
    let answer = format!(r#"{{ "vendor":1.10,"id":{id} ,"result":{params}, "jsonrpc":"2.0"}}"#);
    client.write(format!("{answer}\n").as_bytes());
    let heard = client.answer(number as u64);
    assert_eq!(
        heard["result"]["content"][0]["text"],
        json!(answer),
        "{heard}"
    );
}

/// Lines that no rule touches: they pass either way as they are.
const PASS: [&[u8]; 9] = [
    b"{\"method\":\"vendor/own\"}\n",
    b" \t{ \"method\" : \"vendor/own\" } \t\n",
    b"{\"method\":\"vendor/crlf\"}\r\n",
    b"{\"method\":\"vendor/cr\",\r\"x\":1}\r\r\n",
    b"{\"method\":\"vendor/own\",\"x\":{\"id\":1,\"id\":2},\"y\":1,\"y\":2}\n",
    b"{\"jsonrpc\":\"9\",\"method\":\"vendor/\xe2\x80\xa8\"}\n",
    b"{\"vendor\":[[[[1e400]]]],\"method\":\"vendor/own\"}\n",
    b"{\"method\":\"vendor/\\u0000\"}\n",
    b"{\"method\":\"vendor/own\",\"params\":{\"x\":\"\xef\xbb\xbf\x7f\"}}\n",
];

/// Lines that are no message of JSON-RPC: they pass neither way.
const NOISE: [&[u8]; 19] = [
    b"junk\n",
    b"{\n",
    b"{}\n",
    b"[]\n",
    b"42\n",
    b"null\n",
    b"\"text\"\n",
    b"{\"x\":1}\n",
    b"\0\n",
    b"{\"method\":\"vendor/\0\"}\n",
    b"\0{\"method\":\"vendor/own\"}\0\n",
    b"{\"method\":\"vendor/\xff\xfe\"}\n",
    b"{\"method\":\"vendor/\xed\xa0\x80\"}\n",
    b"{\"method\":\"a\"}{\"method\":\"b\"}\n",
    b"{\"method\":\"a\"}\r{\"method\":\"b\"}\n",
    b"{\"method\":\"vendor/own\",}\n",
    b"{'method':'vendor/own'}\n",
    b"\xef\xbb\xbf{\"method\":\"vendor/late-bom\"}\n",
    b"\x1b[2J\x1b]0;owned\x07\n",
];

/// Lines that are nothing: not even a notice is due.
const BLANK: [&[u8]; 3] = [b"\n", b" \t \n", b"\r\n"];

#[test]
fn noise_of_the_client_does_not_reach_the_server() {
    let (mut client, _scratch) = before("echo");
    for line in NOISE.iter().chain(&BLANK) {
        client.write(line);
    }
    for line in PASS {
        client.write(line);
        next(&mut client, line);
    }
    let (status, errors) = client.end();
    assert_eq!(status, Some(0), "{errors}");
    told_by_powers_of_ten(
        &errors,
        "the client wrote a line that is no JSON-RPC message",
    );
}

#[test]
fn noise_of_the_server_does_not_reach_the_client() {
    let (mut client, _scratch) = before("hostile");
    for (number, line) in PASS.iter().chain(&NOISE).chain(&BLANK).enumerate() {
        let mut hex = String::new();
        for byte in *line {
            write!(hex, "{byte:02x}").unwrap();
        }
        let call = json!({ "name": "raw_hex", "arguments": { "hex": hex } });
        client.send(&json!({ "id": number, "method": "tools/call", "params": call }));
        if PASS.contains(line) {
            next(&mut client, line);
        }
        assert_eq!(client.receive()["id"], json!(number));
    }
    let (status, errors) = client.end();
    assert_eq!(status, Some(0), "{errors}");
    told_by_powers_of_ten(
        &errors,
        "the server wrote a line that is no JSON-RPC message",
    );
    let diverted = errors
        .lines()
        .filter(|line| line.starts_with("hostile: (stdout) "))
        .count();
    assert_eq!(diverted, NOISE.len(), "{errors}");
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!errors.contains(control), "{errors:?}");
}

/// There are from 10 to 99 lines of noise.
#[track_caller]
fn told_by_powers_of_ten(errors: &str, notice: &str) {
    let told: Vec<_> = errors
        .lines()
        .filter(|line| line.contains(notice))
        .collect();
    assert_eq!(told.len(), 2, "{errors}");
    assert!(
        told[0].ends_with(notice) && told[1].ends_with("(10 so far)"),
        "{errors}"
    );
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_taken_off() {
    let scratch = Scratch::new();
    let mut client = Client::run(scratch.manifest("echo", ""));
    let line = b"{\"method\":\"vendor/first\"}\n";
    client.write(&[b"\xef\xbb\xbf", line.as_slice()].concat());
    next(&mut client, line);
    assert_eq!(client.end(), (Some(0), String::new()));
}

/// Two readers could see two different messages, or none could see the end.
#[test]
fn an_ambiguous_or_bottomless_request_is_refused_by_its_id() {
    let (mut client, _scratch) = before("echo");
    let nest = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (sent, code) in [
        (r#"{"id":9,"method":"a","method":"b"}"#.to_owned(), -31007),
        (r#"{"id":9,"method":"a","METHOD":"b"}"#.to_owned(), -31007),
        (
            r#"{"id":9,"method":"a","params":{},"params":[]}"#.to_owned(),
            -31007,
        ),
        (
            format!(r#"{{"id":9,"method":"a","params":{}}}"#, nest(100_000)),
            -31005,
        ),
    ] {
        client.write(format!("{sent}\n").as_bytes());
        let answer = client.receive();
        assert_eq!(answer["id"], json!(9), "{answer}");
        assert_eq!(answer["error"]["code"], json!(code), "{answer}");
        assert_eq!(answer["error"]["data"]["source"], json!("brig"), "{answer}");
    }
    let (asked, answered) = exchange("9", "vendor/deep", &nest(500));
    client.write(asked.as_bytes());
    next(&mut client, answered.as_bytes());
}
