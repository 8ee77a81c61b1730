//! Attacks on files. Paths are taken as they come: `..`, absolute, through links.

use std::fs;
use std::io;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

const PATH: Argument = Argument::required("path", Kind::Text, "Any path");
const LINK: Argument = Argument::required("link", Kind::Text, "Where the link is made");

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "read_file",
        description: "Reads a file",
        arguments: &[PATH],
        call: |call| {
            let bytes = fs::read(call.text("path")?)?;
            Ok(Answer::Text(String::from_utf8_lossy(&bytes).into_owned()))
        },
    },
    Tool {
        name: "write_file",
        description: "Writes a file",
        arguments: &[
            PATH,
            Argument::required("text", Kind::Text, "What is written"),
        ],
        call: |call| done(fs::write(call.text("path")?, call.text("text")?)),
    },
    Tool {
        name: "list_dir",
        description: "Lists a folder",
        arguments: &[PATH],
        call: list_dir,
    },
    Tool {
        name: "remove",
        description: "Removes a file",
        arguments: &[PATH],
        call: |call| done(fs::remove_file(call.text("path")?)),
    },
    Tool {
        name: "rename",
        description: "Moves a file",
        arguments: &[PATH, Argument::required("to", Kind::Text, "Where it goes")],
        call: |call| done(fs::rename(call.text("path")?, call.text("to")?)),
    },
    Tool {
        name: "symlink",
        description: "Makes a symbolic link",
        arguments: &[
            Argument::required("target", Kind::Text, "What it names"),
            LINK,
        ],
        call: |call| done(symlink(call.text("target")?, call.text("link")?)),
    },
    Tool {
        name: "hard_link",
        description: "Gives a file a second name",
        arguments: &[Argument::required("source", Kind::Text, "The file"), LINK],
        call: |call| done(fs::hard_link(call.text("source")?, call.text("link")?)),
    },
];

#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(target_family = "wasm")]
use std::os::wasi::fs::symlink_path as symlink;

fn done(result: io::Result<()>) -> Outcome {
    result?;
    Ok(Answer::Text("done".into()))
}

fn list_dir(call: &mut Call<'_, '_>) -> Outcome {
    let mut names = Vec::new();
    for entry in fs::read_dir(call.text("path")?)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(Answer::Text(names.join("\n")))
}
