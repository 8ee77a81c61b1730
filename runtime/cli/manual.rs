//! Manual pages and completions, from the same definitions as `--help`.

use super::arguments::Arguments;
use super::print;
use crate::exit::Exit;
use crate::report::Refused;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use std::io;
use std::path::Path;

/// Prints what completes brig's command line.
pub(super) fn completions(shell: Shell) -> Result<Exit, Refused> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "brig", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints one page, or writes all.
pub(super) fn man(command: Option<&str>, into: Option<&Path>) -> Result<Exit, Refused> {
    let mut whole = Arguments::command();
    // Gives every command its full name and the arguments that all have.
    whole.build();
    let Some(folder) = into else {
        let page = match command {
            None => whole,
            Some(name) => find(&whole, name)?,
        };
        let text = render(page).map_err(|error| failed("make the page", &error))?;
        return print(&String::from_utf8_lossy(&text));
    };
    let commands: Vec<clap::Command> = whole.get_subcommands().cloned().collect();
    for page in std::iter::once(whole).chain(commands) {
        if page.get_name() == "help" {
            continue;
        }
        let path = folder.join(format!("{}.1", full_name(&page)));
        let written = render(page).and_then(|text| std::fs::write(&path, text));
        written.map_err(|error| failed(&format!("write `{}`", path.display()), &error))?;
    }
    Ok(Exit::Success)
}

fn find(whole: &clap::Command, name: &str) -> Result<clap::Command, Refused> {
    let found = whole
        .get_subcommands()
        .find(|command| command.get_name() == name);
    found.cloned().ok_or_else(|| {
        let message = format!(
            "brig has no command `{}`",
            crate::log::escape(name.as_bytes())
        );
        Refused::one(
            Exit::Usage,
            "command-unknown",
            message,
            "`brig --help` lists them",
        )
    })
}

/// `brig`, `brig-run` and so on, as manual pages are named.
fn full_name(command: &clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    name.replace(' ', "-")
}

fn render(command: clap::Command) -> io::Result<Vec<u8>> {
    let name = full_name(&command);
    let mut text = Vec::new();
    Man::new(command.display_name(&name))
        .title(name.to_uppercase())
        .render(&mut text)?;
    Ok(text)
}

fn failed(step: &str, error: &io::Error) -> Refused {
    let message = format!("cannot {step}: {error}");
    Refused::one(
        Exit::Failure,
        "output-failed",
        message,
        "name a folder that you can write to",
    )
}
