//! `brig allow`: one right more for a server, written into its manifest once somebody said yes.

use super::approve::no_terminal;
use super::arguments::Allow;
use super::print;
use super::review::{rewrite, unwritten};
use crate::consent::{Answer, Asked, Start, Store, Terminal, quoted};
use crate::exit::Exit;
use crate::prepare::Checked;
use crate::report::Refused;
use crate::screen::{kebab, line, part, wrapped};
use brig_policies::{Access, Addition, NotAdded, Policy, explain, manifest_digest, widen};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A manifest as it is and as it would be.
struct Edit {
    manifest: PathBuf,
    text: String,
    edited: String,
    before: Policy,
    after: Policy,
    /// What is approved of the manifest as it is; none where it does not start here.
    was: Option<Asked>,
    /// The same of the manifest as it would be, or why it would not start here.
    becomes: Result<Asked, Refused>,
}

/// Adds the right, shows what it widens, and asks.
pub(super) fn allow(given: &Allow) -> Result<Exit, Refused> {
    let store = Store::open()?;
    let manifest = manifest_of(&given.name, &store)?;
    let edit = edit(given, manifest)?;
    let screen = screen(&edit);
    let digest = edit.digest();
    let approves = match &given.digest {
        Some(given) if *given == digest => true,
        Some(_) => {
            let message = format!("the digest is another: this change has {digest}");
            let help = "look at the change again, without `--digest`";
            return Err(Refused::one(
                Exit::NotApproved,
                "digest-differs",
                message,
                help,
            ));
        }
        None => by_person(given, &screen, &digest)?,
    };
    if !approves {
        let message = "you did not allow it, and the manifest is as it was";
        return Err(Refused::one(Exit::NotApproved, "not-approved", message, ""));
    }
    edit.write()?;
    edit.approve(&store, given.digest.is_some())
}

fn by_person(given: &Allow, screen: &str, digest: &str) -> Result<bool, Refused> {
    let Some(mut terminal) = Terminal::open() else {
        print(screen)?;
        let (name, right) = (quoted(&given.name), quoted(&given.right));
        let write = if given.write { " --write" } else { "" };
        let command = format!("brig allow {name} {right}{write} --digest {digest}");
        return Err(no_terminal(&command));
    };
    if given.yes {
        return Ok(terminal.show(screen).is_ok());
    }
    Ok(terminal.ask(screen, "Write it into the manifest?") == Answer::Yes)
}

/// A manifest by its path, or by the name of a server that was approved.
fn manifest_of(name: &str, store: &Store) -> Result<PathBuf, Refused> {
    let path = Path::new(name);
    if name.contains('/') || path.exists() {
        return Ok(path.to_owned());
    }
    let all = store.all()?;
    let same = all.iter().filter(|(_, record)| record.server == name);
    let manifests: BTreeSet<&str> = same.map(|(_, record)| &*record.manifest).collect();
    let mut manifests = manifests.into_iter();
    match (manifests.next(), manifests.next()) {
        (Some(manifest), None) => Ok(PathBuf::from(manifest)),
        (found, _) => {
            let several = found.is_some();
            let what = if several {
                "several manifests"
            } else {
                "no manifest"
            };
            let message = format!("{what} of a server called `{name}` was approved here");
            let help = "name the manifest by its path";
            Err(Refused::one(Exit::Usage, "server-unknown", message, help))
        }
    }
}

/// A path starts like one, a host ends with its port, and anything else is a tool.
fn addition(given: &Allow) -> Result<Addition, Refused> {
    let right = given.right.as_str();
    let wrong = |what: &str, why: String| {
        let message = format!("`{right}` is not {what}: {why}");
        let help = "write a path, `host:port`, or the name of a tool";
        Refused::one(Exit::Usage, "right-unknown", message, help)
    };
    let is_path = ["/", "~", "{", "./", "../"]
        .iter()
        .any(|start| right.starts_with(start));
    // A tool's name may have a slash; what is there is meant.
    let is_there = right.contains('/') && Path::new(right).exists();
    if is_path || is_there || matches!(right, "." | "..") {
        return Ok(Addition::File {
            host: host_path(right),
            access: if given.write {
                Access::Write
            } else {
                Access::Read
            },
        });
    }
    if given.write {
        let message = "`--write` goes with a path";
        return Err(Refused::one(Exit::Usage, "usage", message, ""));
    }
    if let Some((host, port)) = right.rsplit_once(':')
        && let Ok(port @ 1..) = port.parse::<u16>()
    {
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let host = host
            .parse()
            .map_err(|error| wrong("a host and a port", format!("{error}")))?;
        return Ok(Addition::Network { host, port });
    }
    let pattern = right
        .parse()
        .map_err(|error| wrong("a tool", format!("{error}")))?;
    Ok(Addition::Tool(pattern))
}

/// As a manifest writes it: from the home where it lies there, so that the manifest can be used by
/// others.
fn host_path(given: &str) -> String {
    if given.starts_with(['~', '{']) {
        return given.to_owned();
    }
    let path = Path::new(given);
    let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let path = path.map_or_else(|_| given.to_owned(), |path| path.display().to_string());
    let home = std::env::var("HOME")
        .ok()
        .filter(|home| home.starts_with('/'));
    let below = home.and_then(|home| {
        let below = path.strip_prefix(home.trim_end_matches('/'))?;
        below.starts_with('/').then(|| format!("~{below}"))
    });
    below.unwrap_or(path)
}

fn edit(given: &Allow, manifest: PathBuf) -> Result<Edit, Refused> {
    let start = Start {
        manifest: &manifest,
        project: given.project.as_deref(),
        engine: given.engine.engine.as_deref(),
    };
    let before = start.check()?;
    let text = before.manifest.1.clone();
    let path = manifest.display().to_string();
    let edited = addition(given)?.to(&text).map_err(|error| match error {
        NotAdded::Faults(faults) => Refused::faults(faults, &path, &text),
        NotAdded::Already(_) | NotAdded::Layout(_) => {
            let message = format!("cannot add it to `{path}`: {error}");
            Refused::one(Exit::Usage, "not-added", message, "")
        }
    })?;
    let after = start.check_instead(edited.clone())?;
    let (was, before) = decided(before, start.engine);
    let (becomes, after) = decided(after, start.engine);
    if widen(&before, &after).widened.is_empty() {
        let message = format!("cannot add it to `{path}`: it allows nothing that it did not");
        return Err(Refused::one(Exit::Usage, "not-added", message, ""));
    }
    Ok(Edit {
        manifest,
        text,
        edited,
        before,
        after,
        was: was.ok(),
        becomes,
    })
}

fn decided(checked: Checked, engine: Option<&str>) -> (Result<Asked, Refused>, Policy) {
    let policy = checked.policy.clone();
    (Asked::of(checked, true, engine), policy)
}

/// The lines that are added, what they allow and what that means.
fn screen(edit: &Edit) -> String {
    let mut out = String::new();
    line(&mut out, "manifest", &edit.manifest.display().to_string());
    for added in added(&edit.text, &edit.edited) {
        line(&mut out, "", &format!("+ {added}"));
    }
    out.push('\n');
    let changes = widen(&edit.before, &edit.after);
    part(&mut out, '+', "it can also", &changes.widened);
    let known = explain(&edit.before).rights;
    for right in explain(&edit.after).rights {
        if known.iter().all(|known| known.can != right.can) {
            let danger = format!("  {:<8} ", kebab(&right.danger));
            wrapped(&mut out, &danger, "           ", &right.can);
            wrapped(&mut out, "           ", "           ", &right.means);
        }
    }
    if let Err(refused) = &edit.becomes {
        let (reason, help) = refused.brief();
        out.push_str("\nit does not start on this host then\n");
        wrapped(&mut out, "  ", "  ", &format!("{reason}; {help}"));
    }
    out.push('\n');
    line(&mut out, "digest", &edit.digest());
    out
}

/// The lines that the edited text has and the text has not. One place is edited, so what is the
/// same before and after it is not.
fn added<'t>(text: &str, edited: &'t str) -> Vec<&'t str> {
    let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), edited.lines().collect());
    let start = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let rest = old.len().min(new.len()) - start;
    let ends = old.iter().rev().zip(new.iter().rev()).take(rest);
    let end = ends.take_while(|(old, new)| old == new).count();
    let lines = new.get(start..new.len() - end).unwrap_or_default().iter();
    lines.copied().filter(|line| !line.is_empty()).collect()
}

impl Edit {
    /// The digest by which the change is said to be known: that of the approval which follows from
    /// it, or of what the manifest says then.
    fn digest(&self) -> String {
        match &self.becomes {
            Ok(becomes) => becomes.subject().digest(),
            Err(_) => manifest_digest(&self.edited)
                .map(|digest| digest.as_str().trim_start_matches("blake3:").to_owned())
                .unwrap_or_default(),
        }
    }

    fn write(&self) -> Result<(), Refused> {
        let path = self.manifest.display().to_string();
        let now = fs::read_to_string(&self.manifest);
        if now.is_ok_and(|now| now == self.text) {
            return rewrite(&self.manifest, &self.edited).map_err(|error| unwritten(&path, &error));
        }
        let message = format!("`{path}` was changed meanwhile, and is left as it is");
        Err(Refused::one(
            Exit::Failure,
            "output-failed",
            message,
            "start again",
        ))
    }

    /// What was approved before stays so with the right that was just allowed. Whatever was not is
    /// still to be read as a whole.
    fn approve(&self, store: &Store, by_digest: bool) -> Result<Exit, Refused> {
        let path = self.manifest.display().to_string();
        let Ok(becomes) = &self.becomes else {
            return print(&format!(
                "wrote {path}, which does not start on this host\n"
            ));
        };
        let was_approved = match &self.was {
            Some(was) => store.find(was.subject())?,
            None => false,
        };
        if !was_approved && !by_digest {
            return print(&format!("wrote {path}\nnext: {}\n", becomes.command()));
        }
        becomes.keep(store, if by_digest { "digest" } else { "terminal" })?;
        print(&format!("wrote {path}, and approved it like this\n"))
    }
}
