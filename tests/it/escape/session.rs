//! One session with a hostile server: its calls, and what is left when it is over.

use super::GONE;
use super::attack::{Attack, Harm};
use super::ground::{Ground, SECRET, Side};
use super::play::{BARE_PATIENCE, Found};
use crate::harness::{Client, family, is_alive, patience};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of standard error that brig may write for a session of any attack.
const LOG_BYTES_MAX: usize = 8 << 20;
/// Bytes that the supervisor may ever hold.
const SUPERVISOR_BYTES_MAX: u64 = 128 << 20;
/// What a terminal would obey.
const CONTROLS: [char; 3] = ['\x1b', '\u{9b}', '\x08'];

pub(super) struct Session<'a> {
    attack: &'a Attack,
    ground: &'a Ground<'a>,
    client: Client,
    side: Side,
    /// How long one answer may take.
    patience: Duration,
    /// Lines that were no message.
    junk: u32,
    told_secret: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        attack: &'a Attack,
        ground: &'a Ground<'a>,
        client: Client,
        side: Side,
    ) -> Self {
        let silence = attack.bare.shows == "no answer" && side == Side::Bare;
        let patience = match attack.soak {
            _ if silence => BARE_PATIENCE,
            None => patience(),
            // A compiler may take all the time that it is given.
            Some(_) => patience() * 20,
        };
        Self {
            attack,
            ground,
            client,
            side,
            patience,
            junk: 0,
            told_secret: false,
        }
    }

    /// Plays the attack to the session's end.
    pub(super) fn play(mut self) -> Found {
        let handshake = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "it", "version": "0" },
        });
        let answer = self.ask(0, "initialize", &handshake);
        let found = match answer.as_ref().and_then(failure) {
            None => self.calls(),
            Some(failure) => failure,
        };
        match self.side {
            Side::Bare => self.end_bare(found),
            Side::GuestFull
            | Side::GuestNarrow
            | Side::ProcessFull
            | Side::ProcessNarrow
            | Side::Program => {
                let found = self.goes_on(found);
                self.end_celled(found)
            }
        }
    }

    fn calls(&mut self) -> Found {
        let mut last = "it started".to_owned();
        for (step, call) in (1..).zip(&self.attack.calls) {
            let (tool, arguments) = self.ground.call(call, self.side);
            let params = json!({ "name": tool, "arguments": arguments });
            let Some(answer) = self.ask(step, "tools/call", &params) else {
                return Found::success("no answer");
            };
            if let Some(mut found) = failure(&answer) {
                found.words = format!("call {step}: {}", found.words);
                return found;
            }
            let text = answer["result"]["content"][0]["text"].as_str();
            let text = text.unwrap_or_else(|| panic!("{answer}"));
            if answer["result"]["isError"] == json!(true) {
                return Found::failure(format!("call {step}: {text}"));
            }
            text.clone_into(&mut last);
        }
        Found::success(last)
    }

    fn ask(&mut self, id: u64, method: &str, params: &Value) -> Option<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.client.write_if_open(format!("{request}\n").as_bytes());
        loop {
            let line = self.client.line_within(self.patience)?;
            self.told_secret |= String::from_utf8_lossy(&line).contains(SECRET);
            match serde_json::from_slice::<Value>(&line) {
                Ok(message) if message["id"] == json!(id) && message.get("method").is_none() => {
                    return Some(message);
                }
                Ok(Value::Object(_) | Value::Array(_)) => {}
                Ok(_) | Err(_) => self.junk += 1,
            }
        }
    }

    /// Where a tool was refused and the server lives, it still answers.
    fn goes_on(&mut self, mut found: Found) -> Found {
        if found.words.starts_with("call ") && !found.words.contains(": error ") {
            let echo = json!({ "name": "echo", "arguments": { "still": "here" } });
            let answer = self.ask(999, "tools/call", &echo);
            if !answer.is_some_and(|answer| answer.to_string().contains("still")) {
                found.words = format!("{}; {GONE}", found.words);
            }
        }
        found
    }

    fn end_bare(mut self, found: Found) -> Found {
        if self.attack.harm == Some(Harm::Core) {
            let status = self.client.process.wait().unwrap();
            return done(Harm::Core, status.core_dumped());
        }
        if found.words == "no answer" {
            return found;
        }
        let Some(harm) = self.attack.harm.filter(|_| found.succeeded) else {
            return found;
        };
        self.client.close();
        thread::sleep(Duration::from_millis(300));
        let outlives = matches!(self.client.process.try_wait(), Ok(None));
        if harm == Harm::Outlives {
            return done(harm, outlives);
        }
        let (_, errors) = self.client.end();
        done(harm, seen(harm, self.junk, &errors))
    }

    fn end_celled(mut self, mut found: Found) -> Found {
        let name = &self.attack.name;
        let cell = family(self.client.process.id());
        let peak = peak_bytes(self.client.process.id());
        assert!(peak < SUPERVISOR_BYTES_MAX, "{name}: {peak} bytes");
        self.client.close();
        let (_, errors) = self.client.end();
        let left = left_of(&cell);
        assert!(errors.len() < LOG_BYTES_MAX, "{name}: {}", errors.len());
        if let Some(harm) = self.attack.harm.filter(|_| found.succeeded) {
            let outlives = harm == Harm::Outlives && !left.is_empty();
            found = done(harm, outlives || seen(harm, self.junk, &errors));
        } else if self.told_secret || errors.contains(SECRET) {
            found = Found::success(format!("TOLD the secret; {}", found.words));
        }
        assert_eq!(left, Vec::<u32>::new(), "{name} outlives brig");
        found
    }
}

/// Which of a session's processes still run a second after brig ended. A warden that was started
/// for nothing needs a moment to see that its channel is closed.
fn left_of(cell: &[u32]) -> Vec<u32> {
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        let left: Vec<_> = cell.iter().copied().filter(|id| is_alive(*id)).collect();
        if left.is_empty() || Instant::now() > until {
            return left;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// What an error of JSON-RPC says about the attack: the server's end, or brig's refusal.
fn failure(answer: &Value) -> Option<Found> {
    let error = answer.get("error")?;
    let words = format!("error {}: {}", error["code"], error["message"].as_str()?);
    Some(Found::end(&words))
}

fn seen(harm: Harm, junk: u32, errors: &str) -> bool {
    match harm {
        Harm::Junk => junk > 0,
        Harm::Log => errors.len() > LOG_BYTES_MAX,
        Harm::Terminal => errors.contains(CONTROLS),
        // A core would change what is outside of the write grant.
        Harm::Outlives | Harm::Core => false,
    }
}

fn done(harm: Harm, done: bool) -> Found {
    if done {
        Found::success(format!("harm: {harm:?}"))
    } else {
        Found::failure(format!("no harm: {harm:?}"))
    }
}

/// The most memory that a process ever held, in bytes; 0 of one that is gone.
fn peak_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.map(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
    peak.unwrap_or(0) * 1024
}
