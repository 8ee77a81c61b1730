//! `[server]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

/// The most arguments: a thousand say all that a command line can usefully say.
pub(crate) const ARGS_MAX: usize = 1024;

const NO_PACKAGES: &str = "this brig runs WebAssembly components, container images and programs of \
    this host: name one under `component`, `image` or `command`";

pub(crate) const NAME: Key = Key::new(
    "name",
    Takes::Text(Form::Name),
    "name = \"notes\"",
    "What people call the server.",
)
.needed()
.also(&["id", "title"])
.refused("name = \"My Notes\"", FaultCode::InvalidName);

pub(crate) const COMPONENT: Key = Key::new(
    "component",
    Takes::Text(Form::Component),
    "component = \"notes.wasm\"",
    "The WebAssembly file that is run; a relative path starts at the manifest's folder, and \
     `oci://` a component in a registry.",
)
.also(&["wasm", "module", "path"])
.refused("component = \"$HOME/notes.wasm\"", FaultCode::NoExpansion);

pub(crate) const IMAGE: Key = Key::new(
    "image",
    Takes::Text(Form::Image),
    "image = \"registry.example.com/notes:1.2.0\"",
    "The container image that is run: registry, name, and a tag or a digest; or `oci:`, \
     `oci-archive:` or `docker-archive:` and a path, with `:` and the image's name if need be.",
)
.also(&["container", "oci", "docker"])
.refused("image = \"notes\"", FaultCode::InvalidReference);

pub(crate) const NPM: Key = Key::new(
    "npm",
    Takes::Text(Form::Npm),
    "npm = \"@scope/server@1.2.0\"",
    "The npm package that is run, with its version.",
)
.also(&["npx", "node"])
.not_yet(NO_PACKAGES)
.refused(
    "npm = \"@scope/server@latest\"",
    FaultCode::InvalidReference,
);

pub(crate) const PYPI: Key = Key::new(
    "pypi",
    Takes::Text(Form::Pypi),
    "pypi = \"server==1.2.0\"",
    "The PyPI package that is run, with its version.",
)
.also(&["uvx", "pip", "python"])
.not_yet(NO_PACKAGES)
.refused("pypi = \"server>=1.2\"", FaultCode::InvalidReference);

pub(crate) const BUNDLE: Key = Key::new(
    "bundle",
    Takes::Text(Form::Location),
    "bundle = \"notes.mcpb\"",
    "The bundle file that is run; a relative path starts at the manifest's folder.",
)
.also(&["mcpb", "dxt"])
.not_yet(NO_PACKAGES)
.refused("bundle = \"~/bundles/*.mcpb\"", FaultCode::InvalidPath);

pub(crate) const COMMAND: Key = Key::new(
    "command",
    Takes::Command(ARGS_MAX),
    "command = [\"node\", \"/srv/server.js\"]",
    "The program of this host that is run, and its first arguments.",
)
.also(&["cmd", "exec", "program"])
.refused("command = \"node server.js\"", FaultCode::WrongType);

pub(crate) const ARGS: Key = Key::new(
    "args",
    Takes::Texts(Form::Argument, 0, ARGS_MAX),
    "args = [\"stdio\"]",
    "The arguments after the program's name, as data: nothing in them is expanded.",
)
.also(&["arguments", "argv", "arg"])
.refused("args = \"--stdio\"", FaultCode::WrongType)
.unless("none");

pub(crate) const TRANSPORT: Key = Key::new(
    "transport",
    Takes::Word(&["stdio"]),
    "transport = \"stdio\"",
    "How the server speaks; over its standard streams unless written.",
)
.also(&["type"])
.refused("transport = \"sse\"", FaultCode::NotEnforceableYet)
.unless("`stdio`");

/// The keys that say where the program comes from, of which there is exactly one.
pub(crate) const SOURCES: &[Key] = &[COMPONENT, IMAGE, NPM, PYPI, BUNDLE, COMMAND];

pub(crate) const SECTION: Section = Section {
    title: "[server]",
    keys: &[
        NAME, COMPONENT, COMMAND, IMAGE, NPM, PYPI, BUNDLE, ARGS, TRANSPORT,
    ],
    one_of: SOURCES,
    whole: &["name = \"notes\"", "component = \"notes.wasm\""],
};
