//! Program families: what kind of program runs, and which groups of system calls it has without
//! asking.

use brig_policies::SyscallGroup;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a program's file is, as the probe found it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramLook {
    /// The file's own name, and after it that of each interpreter that its first line names
    /// (execve(2), "Interpreter scripts"). Links are followed.
    pub names: Vec<String>,
    /// What the last of them is, where it is ELF (elf(5)).
    pub elf: Option<ElfLook>,
}

/// What an ELF file tells of the language that it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfLook {
    /// Whether it names a dynamic loader.
    pub dynamic: bool,
    /// Whether it has the note that Go's linker writes.
    pub go: bool,
}

/// A kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramFamily {
    /// Node.js, Bun or Deno: JavaScript that is compiled while it runs.
    Node,
    /// CPython.
    Python,
    /// A Java virtual machine.
    Java,
    /// .NET.
    Dotnet,
    /// Written in Go.
    Go,
    /// Statically linked: Rust, C and others.
    Static,
    /// Dynamically linked, in any language that is compiled before it runs.
    Native,
    /// A shell's script, or a program that brig cannot tell.
    Unknown,
}

impl ProgramFamily {
    /// The family of a program.
    pub fn of(look: &ProgramLook) -> Self {
        let name = look.names.last().map_or("", String::as_str);
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        match (stem, look.elf) {
            ("node" | "nodejs" | "bun" | "deno", _) => Self::Node,
            ("python", _) => Self::Python,
            ("java", _) => Self::Java,
            ("dotnet", _) => Self::Dotnet,
            // One that has many programs in it, shells among them.
            ("sh" | "bash" | "dash" | "ash" | "zsh" | "fish" | "ksh" | "busybox" | "toybox", _)
            | (_, None) => Self::Unknown,
            (_, Some(ElfLook { go: true, .. })) => Self::Go,
            (_, Some(ElfLook { dynamic: false, .. })) => Self::Static,
            (_, Some(ElfLook { dynamic: true, .. })) => {
                if INTERPRETERS.contains(&stem) {
                    Self::Unknown
                } else {
                    Self::Native
                }
            }
        }
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Java => "java",
            Self::Dotnet => "dotnet",
            Self::Go => "go",
            Self::Static => "static",
            Self::Native => "native",
            Self::Unknown => "unknown",
        }
    }

    /// The groups that such a program cannot start or do its work without.
    pub fn groups(self) -> BTreeSet<SyscallGroup> {
        match self {
            Self::Node | Self::Java | Self::Dotnet => [SyscallGroup::Jit].into(),
            Self::Python | Self::Go | Self::Static | Self::Native => BTreeSet::new(),
            // A script starts programs, and those may be of any family.
            Self::Unknown => [SyscallGroup::Jit, SyscallGroup::Subprocess].into(),
        }
    }
}

/// Programs that run others' programs, and compile them or start more of them: which, nobody can
/// tell from the file.
const INTERPRETERS: &[&str] = &[
    "pypy",
    "ruby",
    "perl",
    "php",
    "lua",
    "luajit",
    "qjs",
    "erl",
    "beam.smp",
    "env",
    "tini",
    "dumb-init",
    "catatonit",
    "npx",
    "uvx",
    "uv",
    "npm",
    "pnpm",
    "yarn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], elf: Option<(bool, bool)>, expected: ProgramFamily) {
        let look = ProgramLook {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            elf: elf.map(|(dynamic, go)| ElfLook { dynamic, go }),
        };
        assert_eq!(ProgramFamily::of(&look), expected, "{names:?}");
    }

    #[test]
    fn a_family_is_told_by_the_last_interpreter() {
        use ProgramFamily::{Dotnet, Go, Java, Native, Node, Python, Static, Unknown};
        let dynamic = Some((true, false));
        check(&["node"], dynamic, Node);
        check(&["node22"], dynamic, Node);
        check(&["cli.js", "node"], dynamic, Node);
        check(&["python3.11"], dynamic, Python);
        check(&["mcp-server-git", "python3.13"], dynamic, Python);
        check(&["pypy3.10"], dynamic, Unknown);
        check(&["java"], dynamic, Java);
        check(&["dotnet"], dynamic, Dotnet);
        check(&["github-mcp-server"], Some((false, true)), Go);
        check(&["server"], Some((true, true)), Go);
        check(&["server"], Some((false, false)), Static);
        check(&["server"], dynamic, Native);
        check(&["entrypoint.sh", "dash"], dynamic, Unknown);
        check(&["busybox"], Some((false, false)), Unknown);
        check(&["ruby3.1"], dynamic, Unknown);
        check(&["what"], None, Unknown);
        check(&[], None, Unknown);
    }
}
