//! Which WebAssembly brig runs, told by its bytes.
//!
//! Servers are published in half a dozen forms that look alike from outside. Those that brig does
//! not run are named, with the reason, before anything is compiled: wasmtime's own words for them
//! would speak of missing imports.

use brig_sandbox::component::Form;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, ExternalKind, Parser, Payload, Validator, WasmFeatures,
};

use super::engine::PROPOSALS_OFF;

/// Bytes that [`tell`] looks at.
pub const PREAMBLE_BYTES: usize = 8;

/// Names of a component's own exports in a refusal.
const NAMES_MAX: usize = 3;

/// Packages and interfaces of WASI 0.2 that the worker offers.
const OFFERED: [&str; 8] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/outgoing-handler@",
    "wasi:http/types@",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Packages of WASI by which a component reaches other hosts.
const NETWORK: [&str; 2] = [HTTP, "wasi:sockets/"];
/// The one of them that asks for TLS.
pub(crate) const HTTP: &str = "wasi:http/";

/// Why bytes cannot run as a server. Each reads after "cannot run this file: ".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not WebAssembly.
    #[error("it is not WebAssembly: it does not start with `\\0asm`")]
    NotWebAssembly,
    /// The text format.
    #[error("it is WebAssembly text: assemble it, for example with `wasm-tools parse`")]
    Text,
    /// A version or layer that wasmtime does not read.
    #[error("it is WebAssembly of an unknown version")]
    Version,
    /// The form is not the one that was announced.
    #[error("it is not the {0} that it was taken for")]
    OtherForm(&'static str),
    /// The sections do not parse.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A command of WASI 0.3.
    #[error(
        "it is a command of WASI 0.3 (`{0}`), which is experimental in wasmtime and off in brig: \
         build it for WASI 0.2 (wasm32-wasip2)"
    )]
    Command3(String),
    /// A server over HTTP.
    #[error(
        "it is an HTTP server (`{0}`), which brig does not run yet: look for a build that speaks \
         over standard input and output"
    )]
    Http(String),
    /// A part for wasmcp.
    #[error("it is a part for wasmcp (`{0}`): compose it into a command with `wasmcp compose`")]
    Wasmcp(String),
    /// Functions for a host that makes tools of them.
    #[error(
        "it exports functions of its own ({0}) and no `wasi:cli/run@0.2`: brig runs servers that \
         speak MCP over standard input and output"
    )]
    TypedExports(String),
    /// Nothing to start.
    #[error("it is a component that exports nothing to start, such as `wasi:cli/run@0.2`")]
    NothingToRun,
    /// An import that the worker does not have.
    #[error("it imports `{0}`, which brig does not offer to components")]
    Import(String),
    /// An Extism plug-in.
    #[error(
        "it is an Extism plug-in (it imports `{0}`), made for another host: look for a build for \
         WASI"
    )]
    Extism(String),
    /// A core module of WASI's first, unstable snapshot.
    #[error("it is built for `wasi_unstable`, WASI of 2019: build it for WASI preview 1 or 0.2")]
    OldWasi,
    /// A core module for a browser or another host.
    #[error("it is a core module that imports `{0}`, which is not WASI preview 1")]
    CoreImport(String),
    /// A reactor or a library.
    #[error("it is a core module without `_start` (a {0}): build it as a command")]
    NoStart(&'static str),
    /// A proposal that is off.
    #[error("it needs {0}, which brig keeps off")]
    Proposal(String),
    /// wasmtime refuses it for another reason.
    #[error("{0}")]
    Invalid(String),
}

/// Tells the form by the first [`PREAMBLE_BYTES`] bytes, never by a name.
pub fn tell(bytes: &[u8]) -> Result<Form, Refusal> {
    match bytes.get(..PREAMBLE_BYTES) {
        Some([0, b'a', b's', b'm', 0x01, 0, 0, 0]) => Ok(Form::CoreModule),
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(Form::Component),
        Some([0, b'a', b's', b'm', ..]) => Err(Refusal::Version),
        Some(_) | None if bytes.trim_ascii_start().starts_with(b"(") => Err(Refusal::Text),
        Some(_) | None => Err(Refusal::NotWebAssembly),
    }
}

/// What a file is, as far as its sections tell, whether brig runs it or not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Anatomy {
    /// Its form in words.
    pub form: &'static str,
    /// What it imports: interfaces with their versions, or modules.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Why brig cannot run it, where it cannot.
    pub refusal: Option<String>,
}

/// Looks at a file without compiling it.
pub fn anatomy(bytes: &[u8]) -> Anatomy {
    let told = tell(bytes);
    let form = match &told {
        Ok(Form::Component) => "component",
        Ok(Form::CoreModule) => "core module",
        Err(_) => "unknown",
    };
    let refusal = told.and_then(|form| admit(form, bytes)).err();
    let mut names = Names::read(bytes).unwrap_or_default();
    names.imports.sort();
    names.imports.dedup();
    Anatomy {
        form,
        imports: names.imports,
        exports: names.exports,
        refusal: refusal.map(|refusal| refusal.to_string()),
    }
}

/// What of WASI reaches other hosts, among a component's imports: packages, each once.
pub(crate) fn imports_of_network(bytes: &[u8]) -> Vec<&'static str> {
    let names = Names::read(bytes).unwrap_or_default();
    let is_imported = |package: &&str| {
        let mut imports = names.imports.iter();
        imports.any(|name| name.starts_with(*package))
    };
    NETWORK.into_iter().filter(is_imported).collect()
}

/// Checks that `bytes` are a server of the form `announced`, by what they import and export.
pub(super) fn admit(announced: Form, bytes: &[u8]) -> Result<(), Refusal> {
    let form = tell(bytes)?;
    if form != announced {
        return Err(Refusal::OtherForm(match announced {
            Form::Component => "component",
            Form::CoreModule => "core module",
        }));
    }
    let names = Names::read(bytes).map_err(|error| Refusal::Damaged(error.to_string()))?;
    match form {
        Form::Component => admit_component(&names),
        Form::CoreModule => admit_module(&names),
    }
}

/// Says which proposal, among those that are off, `bytes` cannot do without. `None` where another
/// fault is the reason that wasmtime refuses them.
pub(super) fn proposal_needed(bytes: &[u8]) -> Option<Refusal> {
    let valid = |features| {
        Validator::new_with_features(features)
            .validate_all(bytes)
            .is_ok()
    };
    if !valid(WasmFeatures::all()) {
        return None;
    }
    let mut needed: Vec<&str> = PROPOSALS_OFF
        .into_iter()
        .filter(|(feature, _)| !valid(WasmFeatures::all().difference(*feature)))
        .map(|(_, name)| name)
        .collect();
    needed.dedup();
    if needed.is_empty() {
        None
    } else {
        Some(Refusal::Proposal(needed.join(" and ")))
    }
}

/// What a file imports and exports at its outermost level.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Names {
    fn read(bytes: &[u8]) -> wasmparser::Result<Self> {
        let mut names = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = payload {
                depth += 1;
            } else if let Payload::End(_) = payload {
                depth = depth.saturating_sub(1);
            } else if depth == 0 {
                names.add(&payload)?;
            }
        }
        Ok(names)
    }

    fn add(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        if let Payload::ImportSection(section) = payload {
            for import in section.clone().into_imports() {
                self.imports.push(String::from(import?.module));
            }
        } else if let Payload::ExportSection(section) = payload {
            for export in section.clone() {
                let export = export?;
                if export.kind == ExternalKind::Func {
                    self.exports.push(String::from(export.name));
                }
            }
        } else if let Payload::ComponentImportSection(section) = payload {
            for import in section.clone() {
                let import = import?;
                // A type needs no one to offer it.
                if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                    self.imports.push(String::from(import.name.name));
                }
            }
        } else if let Payload::ComponentExportSection(section) = payload {
            for export in section.clone() {
                let export = export?;
                if export.kind != ComponentExternalKind::Type {
                    self.exports.push(String::from(export.name.name));
                }
            }
        }
        Ok(())
    }

    fn export(&self, prefix: &str) -> Option<String> {
        self.exports
            .iter()
            .find(|name| name.starts_with(prefix))
            .cloned()
    }
}

fn admit_component(names: &Names) -> Result<(), Refusal> {
    if names.export("wasi:cli/run@0.2.").is_none() {
        return Err(other_world(names));
    }
    let offered = |name: &str| {
        OFFERED.iter().any(|package| name.starts_with(package)) && name.contains("@0.2.")
    };
    match names.imports.iter().find(|name| !offered(name)) {
        Some(name) => Err(Refusal::Import(name.clone())),
        None => Ok(()),
    }
}

fn other_world(names: &Names) -> Refusal {
    let http = names
        .export("wasi:http/incoming-handler@")
        .or_else(|| names.export("wasi:http/handler@"));
    if let Some(name) = names.export("wasi:cli/run@") {
        Refusal::Command3(name)
    } else if let Some(name) = http {
        Refusal::Http(name)
    } else if let Some(name) = names.export("wasmcp:") {
        Refusal::Wasmcp(name)
    } else if names.exports.is_empty() {
        Refusal::NothingToRun
    } else {
        Refusal::TypedExports(listed(&names.exports))
    }
}

fn admit_module(names: &Names) -> Result<(), Refusal> {
    for name in &names.imports {
        if name.starts_with("extism:") {
            return Err(Refusal::Extism(name.clone()));
        }
    }
    for name in &names.imports {
        match name.as_str() {
            "wasi_snapshot_preview1" => {}
            "wasi_unstable" => return Err(Refusal::OldWasi),
            _ => return Err(Refusal::CoreImport(name.clone())),
        }
    }
    let exports = |wanted: &str| names.exports.iter().any(|name| name == wanted);
    if exports("_start") {
        Ok(())
    } else if exports("_initialize") {
        Err(Refusal::NoStart("reactor"))
    } else {
        Err(Refusal::NoStart("library"))
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = if names.len() > NAMES_MAX {
        " and more"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &Result<(), Refusal>) {
        let bytes = wat::parse_str(text).unwrap();
        assert_eq!(&admit(tell(&bytes).unwrap(), &bytes), want);
    }

    /// A component that imports and exports empty instances of these names.
    fn component(imports: &[&str], exports: &[&str]) -> String {
        let mut text = String::from("(component ");
        for name in imports {
            text.extend(["(import \"", name, "\" (instance))"]);
        }
        text.push_str("(instance $none)");
        for name in exports {
            text.extend(["(export \"", name, "\" (instance $none))"]);
        }
        text.push(')');
        text
    }

    fn owned(text: &str) -> String {
        String::from(text)
    }

    #[test]
    fn commands_are_admitted() {
        check(
            &component(
                &[
                    "wasi:cli/environment@0.2.6",
                    "wasi:io/streams@0.2.3",
                    "wasi:sockets/tcp@0.2.0",
                    "wasi:http/types@0.2.3",
                    "wasi:http/outgoing-handler@0.2.3",
                ],
                &["wasi:cli/run@0.2.0"],
            ),
            &Ok(()),
        );
        check(
            "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))
               (func (export \"_start\")))",
            &Ok(()),
        );
    }

    #[test]
    fn what_a_component_offers_instead_is_named() {
        check(
            &component(&[], &["wasi:cli/run@0.3.0"]),
            &Err(Refusal::Command3(owned("wasi:cli/run@0.3.0"))),
        );
        check(
            &component(&[], &["wasi:http/incoming-handler@0.2.3"]),
            &Err(Refusal::Http(owned("wasi:http/incoming-handler@0.2.3"))),
        );
        check(
            &component(&[], &["wasi:http/handler@0.3.0"]),
            &Err(Refusal::Http(owned("wasi:http/handler@0.3.0"))),
        );
        check(
            &component(&[], &["wasmcp:mcp-v20251125/tools@0.1.1"]),
            &Err(Refusal::Wasmcp(owned("wasmcp:mcp-v20251125/tools@0.1.1"))),
        );
        check(
            &component(&[], &["a:b/weather", "c:d/time", "e:f/x", "g:h/y"]),
            &Err(Refusal::TypedExports(owned(
                "`a:b/weather`, `c:d/time`, `e:f/x` and more",
            ))),
        );
        check(&component(&[], &[]), &Err(Refusal::NothingToRun));
    }

    #[test]
    fn a_server_that_can_do_both_is_run_as_a_command() {
        check(
            &component(
                &[],
                &["wasi:http/incoming-handler@0.2.3", "wasi:cli/run@0.2.3"],
            ),
            &Ok(()),
        );
    }

    #[test]
    fn imports_that_the_worker_has_not_are_named() {
        check(
            &component(
                &["wasi:keyvalue/store@0.2.0-draft2"],
                &["wasi:cli/run@0.2.3"],
            ),
            &Err(Refusal::Import(owned("wasi:keyvalue/store@0.2.0-draft2"))),
        );
        check(
            &component(&["wasi:cli/stdin@0.3.0"], &["wasi:cli/run@0.2.3"]),
            &Err(Refusal::Import(owned("wasi:cli/stdin@0.3.0"))),
        );
    }

    #[test]
    fn what_reaches_other_hosts_is_told_by_its_imports() {
        let asks = |imports: &[&str]| {
            let text = component(imports, &["wasi:cli/run@0.2.3"]);
            imports_of_network(&wat::parse_str(text).unwrap())
        };
        assert_eq!(asks(&["wasi:cli/stdin@0.2.3"]), Vec::<&str>::new());
        let sockets = ["wasi:sockets/tcp@0.2.3", "wasi:sockets/network@0.2.3"];
        assert_eq!(asks(&sockets), ["wasi:sockets/"]);
        let both = ["wasi:sockets/tcp@0.2.3", "wasi:http/outgoing-handler@0.2.3"];
        assert_eq!(asks(&both), ["wasi:http/", "wasi:sockets/"]);
        assert_eq!(imports_of_network(b"junk"), Vec::<&str>::new());
    }

    #[test]
    fn names_inside_nested_modules_do_not_count() {
        check(
            "(component (core module (import \"x\" \"y\" (func)) (func (export \"_start\"))))",
            &Err(Refusal::NothingToRun),
        );
    }

    #[test]
    fn other_core_modules_are_named() {
        check(
            "(module (import \"extism:host/env\" \"input_length\" (func (result i64)))
               (func (export \"call\") (result i32) (i32.const 0)))",
            &Err(Refusal::Extism(owned("extism:host/env"))),
        );
        check(
            "(module (import \"wasi_unstable\" \"proc_exit\" (func (param i32)))
               (func (export \"_start\")))",
            &Err(Refusal::OldWasi),
        );
        check(
            "(module (import \"env\" \"print\" (func)) (func (export \"_start\")))",
            &Err(Refusal::CoreImport(owned("env"))),
        );
        check(
            "(module (func (export \"_initialize\")))",
            &Err(Refusal::NoStart("reactor")),
        );
        check(
            "(module (func (export \"add\")))",
            &Err(Refusal::NoStart("library")),
        );
        check(
            "(module (global (export \"_start\") i32 (i32.const 0)))",
            &Err(Refusal::NoStart("library")),
        );
    }

    #[track_caller]
    fn check_bytes(bytes: &[u8], want: &Refusal) {
        assert_eq!(tell(bytes).as_ref(), Err(want));
    }

    #[test]
    fn other_files_are_told_by_their_bytes() {
        check_bytes(b"", &Refusal::NotWebAssembly);
        check_bytes(b"\x7fELF\x02\x01\x01\x00", &Refusal::NotWebAssembly);
        check_bytes(b"\0asm", &Refusal::NotWebAssembly);
        check_bytes(b"\0asm\x02\0\0\0", &Refusal::Version);
        check_bytes(b"\n (module)", &Refusal::Text);
        check_bytes(b"(module)", &Refusal::Text);
    }

    #[test]
    fn bytes_of_another_form_than_announced_are_refused() {
        let module = wat::parse_str("(module (func (export \"_start\")))").unwrap();
        let refusal = admit(Form::Component, &module).unwrap_err();
        assert_eq!(refusal, Refusal::OtherForm("component"));
    }

    #[track_caller]
    fn check_proposal(text: &str, want: Option<&str>) {
        let want = want.map(|name| Refusal::Proposal(owned(name)));
        assert_eq!(proposal_needed(&wat::parse_str(text).unwrap()), want);
    }

    #[test]
    fn proposals_that_are_off_are_named() {
        check_proposal(
            "(module (memory 1 1 shared))",
            Some("threads and shared memory"),
        );
        check_proposal("(module (memory i64 1))", Some("64-bit memories"));
        check_proposal(
            "(module (type (struct)))",
            Some("garbage-collected references"),
        );
        check_proposal(
            "(module (func (param externref)))",
            Some("garbage-collected references"),
        );
        check_proposal("(module (tag))", Some("exceptions"));
        check_proposal("(module (memory 1))", None);
    }
}
