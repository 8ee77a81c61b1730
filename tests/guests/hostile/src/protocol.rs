//! Attacks on the order of a conversation.

use crate::load;
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "echo",
        description: "Gives back its params, as the text that they were",
        arguments: &[],
        call: |call| Ok(Answer::Text(call.params.into())),
    },
    Tool {
        name: "late_answer",
        description: "Keeps its answer back until the first message after a time",
        arguments: &[Argument::required("ms", Kind::Integer, "The time")],
        call: late_answer,
    },
    Tool {
        name: "no_answer",
        description: "Never answers",
        arguments: &[],
        call: |_| Ok(Answer::Sent),
    },
    Tool {
        name: "answer_twice",
        description: "Answers twice",
        arguments: &[],
        call: |call| {
            call.connection
                .succeed(call.id, &text("the first answer"))?;
            Ok(Answer::Text("the second answer".into()))
        },
    },
    Tool {
        name: "notify",
        description: "Sends numbered notifications, and answers then",
        arguments: &[Argument::required("n", Kind::Integer, "How many")],
        call: notify,
    },
    Tool {
        name: "ask_client",
        description: "Sends the client a request and gives back its answer",
        arguments: &[
            Argument::optional("method", Kind::Text, "The method; roots/list if absent"),
            Argument::optional("params", Kind::Text, "The params, as JSON text"),
            Argument::optional("id", Kind::Text, "The id, as JSON text"),
        ],
        call: ask_client,
    },
    Tool {
        name: "ignore_eof",
        description: "Keeps running when the client hangs up",
        arguments: &[Argument::required("how", Kind::Text, "spin, sleep or talk")],
        call: ignore_eof,
    },
];

/// How the server outlives its client; unset, it does not.
static AFTERLIFE: OnceLock<Afterlife> = OnceLock::new();

#[derive(Clone, Copy)]
enum Afterlife {
    Spin,
    Sleep,
    Talk,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unheard {
    #[error("the client hung up")]
    HungUp,
    #[error("there is no such way to outlive the client: `{0}`")]
    How(String),
}

/// What the server does when its client has hung up.
pub(crate) fn outlive() {
    match AFTERLIFE.get() {
        None => {}
        Some(Afterlife::Spin) => load::spin_for_good(),
        Some(Afterlife::Sleep) => loop {
            thread::sleep(Duration::from_hours(1));
        },
        Some(Afterlife::Talk) => talk_for_good(),
    }
}

fn late_answer(call: &mut Call<'_, '_>) -> Outcome {
    let due = Instant::now() + Duration::from_millis(call.integer("ms")?);
    call.connection.hold(due, call.id, &text("late"));
    Ok(Answer::Sent)
}

fn notify(call: &mut Call<'_, '_>) -> Outcome {
    let count = call.integer("n")?;
    for number in 0..count {
        let params = json!({ "level": "info", "data": number });
        let method = "notifications/message";
        let line = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        call.connection.write(format!("{line}\n").as_bytes())?;
    }
    Ok(Answer::Text(format!("sent {count}")))
}

fn ask_client(call: &mut Call<'_, '_>) -> Outcome {
    let method = call
        .text_if_given("method")?
        .unwrap_or("roots/list")
        .to_owned();
    let params = call.text_if_given("params")?.unwrap_or("{}").to_owned();
    let id = call.text_if_given("id")?.unwrap_or("\"asked\"").to_owned();
    let answer = call
        .connection
        .ask(&id, &method, &params)?
        .ok_or(Unheard::HungUp)?;
    Ok(Answer::Text(String::from_utf8(answer)?.trim_end().into()))
}

fn ignore_eof(call: &mut Call<'_, '_>) -> Outcome {
    let how = match call.text("how")? {
        "spin" => Afterlife::Spin,
        "sleep" => Afterlife::Sleep,
        "talk" => Afterlife::Talk,
        other => return Err(Unheard::How(other.into()).into()),
    };
    let chosen = AFTERLIFE.get_or_init(|| how);
    let name = match chosen {
        Afterlife::Spin => "spin",
        Afterlife::Sleep => "sleep",
        Afterlife::Talk => "talk",
    };
    Ok(Answer::Text(format!(
        "will {name} when the client has hung up"
    )))
}

/// Writes on, whether or not anybody reads.
fn talk_for_good() -> ! {
    use std::io::Write;
    loop {
        let written = std::io::stdout().write_all(b"{\"method\":\"forged/afterlife\"}\n");
        if written.is_err() {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn text(text: &str) -> Value {
    let content = json!([{ "type": "text", "text": text }]);
    json!({ "content": content, "isError": false, "resultType": "complete" })
}
