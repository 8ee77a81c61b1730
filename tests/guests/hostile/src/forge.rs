//! Attacks by what is written: frames that no honest server sends.

use std::thread;
use std::time::Duration;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "forge",
        description: "Writes a forged frame, or every one there is, and then answers",
        arguments: &[
            Argument::optional("kind", Kind::Text, "Which one"),
            Argument::optional("id", Kind::Text, "The id in it, as JSON text"),
        ],
        call: forge,
    },
    Tool {
        name: "raw",
        description: "Writes a line as it is given",
        arguments: &[Argument::required(
            "line",
            Kind::Text,
            "The line, without its end",
        )],
        call: |call| {
            let line = format!("{}\n", call.text("line")?);
            call.connection.send(line.as_bytes())?;
            Ok(Answer::Text("written".into()))
        },
    },
    Tool {
        name: "raw_hex",
        description: "Writes bytes as they are given",
        arguments: &[Argument::required(
            "hex",
            Kind::Text,
            "The bytes, two digits each",
        )],
        call: raw_hex,
    },
    Tool {
        name: "split",
        description: "Writes a line in pieces, each flushed",
        arguments: &[
            Argument::required("line", Kind::Text, "The line, without its end"),
            Argument::required("size", Kind::Integer, "The bytes of a piece"),
            Argument::optional("ms", Kind::Integer, "The pause between two pieces"),
        ],
        call: split,
    },
];

/// The forged frames by name. `@` stands for an id.
const FRAMES: &[(&str, &[u8])] = &[
    (
        "unasked",
        b"{\"jsonrpc\":\"2.0\",\"id\":987654321,\"result\":{\"forged\":true}}\n",
    ),
    (
        "answer",
        b"{\"jsonrpc\":\"2.0\",\"id\":@,\"result\":{\"forged\":true}}\n",
    ),
    (
        "error",
        b"{\"jsonrpc\":\"2.0\",\"id\":@,\"error\":{\"code\":1,\"message\":\"forged\"}}\n",
    ),
    (
        "both",
        b"{\"jsonrpc\":\"2.0\",\"id\":@,\"result\":{},\"error\":{\"code\":1}}\n",
    ),
    ("neither", b"{\"jsonrpc\":\"2.0\",\"id\":@}\n"),
    (
        "null_id",
        b"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"forged\":true}}\n",
    ),
    (
        "object_id",
        b"{\"jsonrpc\":\"2.0\",\"id\":{\"a\":1},\"result\":{\"forged\":true}}\n",
    ),
    (
        "doubled_id",
        b"{\"jsonrpc\":\"2.0\",\"id\":-1,\"id\":@,\"result\":{\"forged\":true}}\n",
    ),
    (
        "case_id",
        b"{\"jsonrpc\":\"2.0\",\"id\":-1,\"ID\":@,\"result\":{\"forged\":true}}\n",
    ),
    ("text", b"forged: this is not JSON\n"),
    (
        "half",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/half\",\n",
    ),
    (
        "two",
        b"{\"method\":\"forged/one\"}{\"method\":\"forged/two\"}\n",
    ),
    (
        "array",
        b"[{\"jsonrpc\":\"2.0\",\"id\":@,\"result\":{\"forged\":true}}]\n",
    ),
    ("number", b"42\n"),
    ("null", b"null\n"),
    ("blank", b" \t \n"),
    ("empty", b"\n"),
    (
        "nul",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/\0nul\"}\n",
    ),
    (
        "nul_around",
        b"\0{\"jsonrpc\":\"2.0\",\"method\":\"forged/nul_around\"}\0\n",
    ),
    (
        "utf8",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/\xff\xfe\"}\n",
    ),
    (
        "surrogate",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/\\ud800\"}\n",
    ),
    (
        "bom",
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"method\":\"forged/bom\"}\n",
    ),
    (
        "crlf",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/crlf\"}\r\n",
    ),
    (
        "cr",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/cr\"}\r{\"method\":\"forged/cr_2\"}\n",
    ),
    (
        "u2028",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/\xe2\x80\xa8u2028\"}\n",
    ),
    ("escapes", b"\x1b[2J\x1b]0;forged\x07\n"),
];

/// Deep enough to end a parser that recurses without counting.
const DEPTH: usize = 200_000;

/// What cannot be forged.
#[derive(Debug, thiserror::Error)]
enum Unforgeable {
    #[error("there is no forgery `{0}`")]
    Unknown(String),
    #[error("the argument `hex` is not made of pairs of hexadecimal digits")]
    NotHex,
}

fn forge(call: &mut Call<'_, '_>) -> Outcome {
    let id = call.text_if_given("id")?.unwrap_or(call.id).to_owned();
    let kind = call.text_if_given("kind")?.map(str::to_owned);
    let wanted = |name: &str| kind.as_deref().is_none_or(|kind| kind == name);
    let mut forged = Vec::new();
    for (_, frame) in FRAMES.iter().filter(|(name, _)| wanted(name)) {
        forged.extend(fill(frame, &id));
    }
    if wanted("deep") {
        forged.extend(deep());
    }
    if forged.is_empty() {
        return Err(Unforgeable::Unknown(kind.unwrap_or_default()).into());
    }
    call.connection.send(&forged)?;
    Ok(Answer::Text("forged".into()))
}

fn fill(frame: &[u8], id: &str) -> Vec<u8> {
    let pieces: Vec<_> = frame.split(|byte| *byte == b'@').collect();
    pieces.join(id.as_bytes())
}

fn deep() -> Vec<u8> {
    let mut frame = b"{\"jsonrpc\":\"2.0\",\"method\":\"forged/deep\",\"params\":".to_vec();
    frame.extend(b"[".repeat(DEPTH));
    frame.extend(b"]".repeat(DEPTH));
    frame.extend(b"}\n");
    frame
}

fn raw_hex(call: &mut Call<'_, '_>) -> Outcome {
    let bytes = bytes(call.text("hex")?).ok_or(Unforgeable::NotHex)?;
    call.connection.send(&bytes)?;
    Ok(Answer::Text("written".into()))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn split(call: &mut Call<'_, '_>) -> Outcome {
    let line = format!("{}\n", call.text("line")?);
    let size = usize::try_from(call.integer("size")?)?.max(1);
    let pause = Duration::from_millis(call.integer_if_given("ms")?.unwrap_or(0));
    for piece in line.as_bytes().chunks(size) {
        call.connection.send(piece)?;
        thread::sleep(pause);
    }
    Ok(Answer::Text("written".into()))
}
