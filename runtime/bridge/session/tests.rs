//! Sessions as scripts: what happens, and under it what the session does about it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use super::super::frame::Framer;
use super::*;

mod calls;
mod endings;
mod hygiene;
mod relay;
mod review;
mod rules;

const LIMITS: SessionLimits = SessionLimits {
    message_bytes_max: 2_000,
    in_flight_max: 3,
    start_ms: 3_000,
    call_ms: 6_000,
    grace_ms: 200,
};

/// What the scripts write for bytes that would not read well in them.
const NAMED: [(&str, &str); 6] = [
    ("{nl}", "\n"),
    ("{cr}", "\r"),
    ("{tab}", "\t"),
    ("{nul}", "\0"),
    ("{bom}", "\u{feff}"),
    ("{2028}", "\u{2028}"),
];

/// Plays a script and compares what it gives, line by line, with the script itself.
///
/// Events are `c> line` and `s> line` (client and server write), `c+` and `s+` (without a line
/// end), `! what` and `? when` (the next deadline). Actions are `s<` and `c<` (a line to server and
/// client), `s!` and `c!` (an error of brig's, by id and name, with the refusal's), `c?` (a tool's
/// result of brig's, by id, refusal and era), `s~` (a call that brig cancels), `log`, `note`, `do`
/// and `end`.
#[track_caller]
fn check(script: &str) {
    check_under(OPEN, script);
}

/// A server that may ask its client for everything, and whose tools nobody narrows.
pub(super) const OPEN: &str = "[client]\nsampling = true\nelicitation = true\n\
    elicitation-url = true\nroots = true\nlogging = true\n";

/// The rules of a manifest with these lines.
pub(super) fn rules(body: &str) -> Rules {
    let places = brig_policies::Places {
        home: None,
        project: None,
        manifest_folder: "/srv".to_owned(),
        own_folders: Vec::new(),
        manifest_path: "/srv/brig.toml".to_owned(),
    };
    let text = format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}");
    match brig_policies::check(&text, &places) {
        Ok(policy) => Rules::new(&policy),
        Err(faults) => panic!("{faults}"),
    }
}

/// The same under the rules of a manifest with these lines.
#[track_caller]
fn check_under(body: &str, script: &str) {
    let want: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut stage = Player::new(rules(body));
    for line in &want {
        stage.play(line);
    }
    assert_eq!(stage.told.join("\n"), want.join("\n"));
}

struct Player {
    session: Session,
    client: Framer,
    server: Framer,
    now_ms: u64,
    told: Vec<String>,
}

impl Player {
    fn new(rules: Rules) -> Self {
        Self {
            session: Session::new(LIMITS, rules),
            client: Framer::new(LIMITS.message_bytes_max),
            server: Framer::new(LIMITS.message_bytes_max),
            now_ms: 0,
            told: Vec::new(),
        }
    }

    fn play(&mut self, line: &str) {
        let Some((kind, text)) = line.split_once(' ') else {
            return;
        };
        let (side, text) = match kind {
            "c>" => (Side::Client, spelled(text) + "\n"),
            "c+" => (Side::Client, spelled(text)),
            "s>" => (Side::Server, spelled(text) + "\n"),
            "s+" => (Side::Server, spelled(text)),
            "!" => {
                self.told.push(line.to_owned());
                return self.happen(text);
            }
            "?" => {
                let next = self.session.next_deadline_ms().map(|ms| ms.to_string());
                return self
                    .told
                    .push(format!("? {}", next.unwrap_or("never".to_owned())));
            }
            _ => return,
        };
        self.told.push(line.to_owned());
        self.write(side, &text);
    }

    fn write(&mut self, side: Side, text: &str) {
        let mut input = text.as_bytes();
        loop {
            let framer = if side == Side::Client {
                &mut self.client
            } else {
                &mut self.server
            };
            let Some(frame) = framer.take(&mut input) else {
                return;
            };
            self.on(match side {
                Side::Client => Event::FromClient(frame),
                Side::Server => Event::FromServer(frame),
            });
        }
    }

    fn happen(&mut self, text: &str) {
        let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
        let event = match what {
            "at" => {
                self.now_ms = rest.parse().unwrap();
                Event::DeadlinePassed
            }
            "later" => {
                self.now_ms = rest.parse().unwrap();
                return;
            }
            "started" => Event::ServerStarted,
            "ended" => Event::ServerEnded(Ended {
                reason: rest.to_owned(),
                code: Some(1),
            }),
            "output-closed" => Event::ServerOutputClosed,
            "client-closed" => Event::ClientClosed,
            "refused" => Event::StartRefused(StartRefusal {
                message: rest.to_owned(),
                help: "run `brig approve notes.toml`".to_owned(),
            }),
            other => panic!("no event is called {other}"),
        };
        self.on(event);
    }

    fn on(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.session.on(self.now_ms, event, &mut actions);
        let silent = |action: &Action| matches!(action, Action::Notice(it) if !it.is_told());
        let told = actions.iter().filter(|action| !silent(action));
        self.told.extend(told.map(show));
    }
}

fn spelled(text: &str) -> String {
    let text = text
        .replace("{pad}", &"x".repeat(2_000))
        .replace("{deep}", &deep());
    NAMED
        .iter()
        .fold(text, |text, (name, byte)| text.replace(name, byte))
}

fn deep() -> String {
    "[".repeat(600) + &"]".repeat(600)
}

fn show(action: &Action) -> String {
    match action {
        Action::ToServer(line) | Action::RefuseServer(line) => show_line('s', line),
        Action::ToClient(line) => show_line('c', line),
        Action::Divert(bytes) => format!("log {}", show_text(bytes)),
        Action::CloseServerInput => "do close-input".to_owned(),
        Action::Terminate => "do terminate".to_owned(),
        Action::Kill => "do kill".to_owned(),
        Action::Notice(notice) => format!("note {notice}"),
        Action::Tell(line) => format!("tell {line}"),
        Action::Finish(outcome) => format!("end {}", show_outcome(outcome)),
    }
}

fn show_line(to: char, line: &[u8]) -> String {
    let text = line.strip_suffix(b"\n").unwrap();
    assert!(!text.contains(&b'\n'), "one line");
    // Some lines that pass are more than `Value` can hold.
    let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    if value["error"]["data"]["source"] == "brig" {
        let code = value["error"]["data"]["code"].as_str().unwrap();
        let refusal = value["error"]["data"]["refusal"].as_str();
        let refusal = refusal.map(|it| format!(" ({it})")).unwrap_or_default();
        return format!("{to}! {} {code}{refusal}", value["id"]);
    }
    if let Some(refusal) = value["result"]["_meta"]["brig"]["refusal"].as_str() {
        assert_eq!(value["result"]["isError"], true);
        let modern = value["result"]["resultType"].as_str().unwrap_or("legacy");
        return format!("{to}? {} {refusal} {modern}", value["id"]);
    }
    if value["params"]["reason"] == "the server did not answer within 6000 ms" {
        return format!("{to}~ {}", value["params"]["requestId"]);
    }
    format!("{to}< {}", show_text(text))
}

fn show_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace(&deep(), "{deep}");
    let text = text.replace(&"x".repeat(2_000), "{pad}");
    NAMED
        .iter()
        .fold(text, |text, (name, byte)| text.replace(byte, name))
}

fn show_outcome(outcome: &Outcome) -> String {
    let (name, ended) = match outcome {
        Outcome::ClientClosed { ended } => ("client-closed", ended),
        Outcome::ServerEnded { ended } => ("server-ended", ended),
        Outcome::StartDeadline { ended } => ("start-deadline", ended),
        Outcome::Drifted { ended } => ("drifted", ended),
        Outcome::StartRefused => ("start-refused", &None),
    };
    match ended {
        Some(ended) => format!("{name}: {}", ended.reason),
        None => name.to_owned(),
    }
}
