//! The format: one table of keys per section.
//!
//! A key that is written but in no table is a fault, so whatever a release does not know it
//! refuses. Reading, the schema and the formatter all go by these tables. What is listed as not
//! enforceable yet is read and checked like the rest, stands in the policy, and is refused where
//! a plan is made ([`not_enforceable`](crate::Policy::not_enforceable)).

pub(crate) mod client;
pub(crate) mod files;
pub(crate) mod foreign;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod network;
pub(crate) mod never;
pub(crate) mod reach;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod syscalls;
pub(crate) mod tools;
pub(crate) mod top;
pub(crate) mod variable;

use crate::fault::FaultCode;
use crate::limits::Bounds;
use crate::quantity::{Count, Cpus, Period, Size};

/// One key of a section.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// The key as written.
    pub(crate) name: &'static str,
    /// What it says, in one sentence.
    pub(crate) about: &'static str,
    /// One line that shows it in use.
    pub(crate) example: &'static str,
    /// One line that an author may try, and the fault that it is.
    pub(crate) refused: Option<(&'static str, FaultCode)>,
    /// What holds where it is not written, in words; ranges say their default themselves.
    pub(crate) unless: &'static str,
    /// What values it takes.
    pub(crate) takes: Takes,
    /// Whether a section without it is a fault.
    pub(crate) needed: bool,
    /// Whether this release holds it.
    pub(crate) standing: Standing,
    /// What other tools call it: an author who writes that is told this key.
    pub(crate) also: &'static [&'static str],
}

/// Whether a key of the format can be used.
#[derive(Clone, Copy)]
pub(crate) enum Standing {
    /// Enforced.
    Built,
    /// Part of the format, but not enforceable yet; the text says what to do meanwhile.
    NotYet(&'static str),
    /// A name that the format keeps for later, and does not read yet.
    Reserved(&'static str),
}

/// What values a key takes: what the schema says, and the reader must agree with.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// The number of the format.
    Format,
    /// One table.
    Table(&'static Section),
    /// An array of tables, at most so many.
    Tables(&'static Section, usize),
    /// The table of variables.
    Variables,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, each once.
    Words(&'static [&'static str]),
    /// A string of this form.
    Text(Form),
    /// An array of strings of this form: at least and at most so many.
    Texts(Form, usize, usize),
    /// A program and its arguments.
    Command(usize),
    /// Port numbers, each once.
    Ports(usize),
    /// A size in this range.
    Size(&'static Bounds<Size>),
    /// A duration in this range.
    Period(&'static Bounds<Period>),
    /// A share of processors in this range.
    Cpus(&'static Bounds<Cpus>),
    /// A number in this range.
    Count(&'static Bounds<Count>),
    /// The most that a manifest may write where it takes this; nothing stands for it unwritten.
    Most(&'static Takes),
    /// A string, a whole number, `true` or `false`.
    Scalar,
    /// A whole number of 64 bits.
    Whole,
    /// Nothing that is read yet.
    Nothing,
}

/// The forms of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A server's or a secret's name.
    Name,
    /// A variable's name.
    Variable,
    /// A path on the host, which may be relative to the manifest.
    Location,
    /// A path on the host that starts at the root or a placeholder.
    Anchored,
    /// A folder of the host that no manifest has a say in.
    Folder,
    /// A file of the host that neither a manifest nor a project has a say in.
    OwnFile,
    /// An engine for containers.
    Engine,
    /// A place in the cell.
    GuestPath,
    /// Any path in the cell.
    CellPath,
    /// An argument.
    Argument,
    /// A program's name or path.
    Program,
    /// A container image, in a registry or in a file.
    Image,
    /// A component: a path on the host, or a name in a registry.
    Component,
    /// An npm package.
    Npm,
    /// A PyPI package.
    Pypi,
    /// Whom a server may reach.
    Destination,
    /// Where a name may lead.
    Reach,
    /// A block of addresses.
    Block,
    /// Where a proxy is.
    Proxy,
    /// A pattern of tools' names.
    ToolPattern,
    /// A pattern of an argument's text.
    TextPattern,
    /// A JSON pointer.
    Pointer,
}

impl Key {
    const fn new(
        name: &'static str,
        takes: Takes,
        example: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            about,
            example,
            refused: None,
            unless: "",
            takes,
            needed: false,
            standing: Standing::Built,
            also: &[],
        }
    }

    const fn reserved(
        name: &'static str,
        meanwhile: &'static str,
        also: &'static [&'static str],
    ) -> Self {
        Self {
            standing: Standing::Reserved(meanwhile),
            also,
            ..Self::new(name, Takes::Nothing, "", "Kept for a later release.")
        }
        .unless("nothing")
    }

    const fn needed(self) -> Self {
        Self {
            needed: true,
            ..self
        }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn refused(self, line: &'static str, code: FaultCode) -> Self {
        Self {
            refused: Some((line, code)),
            ..self
        }
    }

    const fn unless(self, unless: &'static str) -> Self {
        Self { unless, ..self }
    }

    const fn not_yet(self, meanwhile: &'static str) -> Self {
        Self {
            standing: Standing::NotYet(meanwhile),
            ..self
        }
    }

    /// What to do while nothing enforces the key.
    pub(crate) const fn meanwhile(&self) -> &'static str {
        match self.standing {
            Standing::Built => "",
            Standing::NotYet(meanwhile) | Standing::Reserved(meanwhile) => meanwhile,
        }
    }

    /// Whether an author can write it, enforced or not.
    pub(crate) const fn is_read(&self) -> bool {
        match self.standing {
            Standing::Built | Standing::NotYet(_) => true,
            Standing::Reserved(_) => false,
        }
    }
}

/// One table of the manifest.
pub(crate) struct Section {
    /// As messages name it.
    pub(crate) title: &'static str,
    /// All its keys, in the order in which they are best read.
    pub(crate) keys: &'static [Key],
    /// Of these, exactly one is written.
    pub(crate) one_of: &'static [Key],
    /// Lines with which an entry is whole, for examples of its other keys.
    pub(crate) whole: &'static [&'static str],
}

/// A kind of file, as its readers begin with it.
pub(crate) struct Head {
    /// The keys of its top.
    pub(crate) section: &'static Section,
    /// The key that says the number of its format.
    pub(crate) format: &'static Key,
    /// The longest text. A hostile one could otherwise make brig read and sort without end.
    pub(crate) bytes_max: usize,
    /// Whether a character may stand in it as it is.
    pub(crate) is_shown: fn(char) -> bool,
}

impl Section {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Every section whose keys are fixed, to tell an author where a misplaced key belongs.
pub(crate) const SECTIONS: &[&Section] = &[
    &top::SECTION,
    &server::SECTION,
    &files::SECTION,
    &network::SECTION,
    &state::SECTION,
    &tools::SECTION,
    &tools::RULE_SECTION,
    &tools::LIMIT_SECTION,
    &tools::RESOURCES_SECTION,
    &tools::PROMPTS_SECTION,
    &client::SECTION,
    &limits::SECTION,
    &syscalls::SECTION,
];

/// The same for the settings.
pub(crate) const SETTINGS_SECTIONS: &[&Section] = &[
    &settings::SECTION,
    &secrets::SECTION,
    &reach::SECTION,
    &settings::CEILING_SECTION,
];

/// The same for a lock.
pub(crate) const LOCK_SECTIONS: &[&Section] =
    &[&lock::SECTION, &lock::ARTIFACT_SECTION, &lock::TOOL_SECTION];
