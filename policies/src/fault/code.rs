//! The kinds of fault, each with its stable name and its explanation.

use core::fmt;

use serde::{Serialize, Serializer};

/// Names each kind once: the variant, the stable name and the explanation.
macro_rules! fault_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $text:literal,)+) => {
        /// Which kind of mistake a fault is. Names never change and are never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl FaultCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, such as `unknown-key`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// One paragraph: what the fault means and why brig holds to it.
            pub const fn explanation(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

fault_codes! {
    /// The text is not TOML.
    Syntax = "syntax": "The file is not TOML, so brig cannot tell what it says. The most frequent \
        causes are a string without quotes, a missing `=` and a bracket that is never closed. \
        Faults on other lines are still told; what else is wrong on the same line is not, since \
        it would follow from this.",
    /// One key or table is written twice.
    DuplicateKey = "duplicate-key": "A key or a table is written twice. TOML allows each once, \
        and a reviewer who reads the first must not be misled by the second. Grants are arrays \
        of tables, so `[[files]]` may be repeated.",
    /// A key that the format does not have.
    UnknownKey = "unknown-key": "The key is not one of the format. It is a fault and not ignored, \
        because a right or a limit that brig leaves out in silence is one that its author \
        believes to be in force. Later releases may add keys, so the key may need a newer brig.",
    /// Part of the format that this brig cannot enforce.
    NotEnforceableYet = "not-enforceable-yet": "The key or value belongs to the format, but \
        nothing in this release holds it. brig refuses to start rather than run a server with \
        a wall that is only written down.",
    /// Not format 1.
    UnknownFormat = "unknown-format": "The first line of a manifest says which format it is \
        written in: `brig = 1`. This brig reads format 1. Keys may be added to it, and their \
        meanings never change, so there is rarely a reason for another number.",
    /// A key without which there is nothing to run.
    MissingKey = "missing-key": "A key that has no default is absent. Only what cannot be \
        guessed is asked for: the format, the server's name and the place of its program, and \
        the source of each grant.",
    /// A value of another kind than the key takes.
    WrongType = "wrong-type": "The value is of another TOML type than the key takes, for example \
        a number where a string with a unit is needed. brig does not convert, since `memory = \
        256` could mean bytes or mebibytes.",
    /// A word that is not one of the key's.
    UnknownValue = "unknown-value": "The key takes one of a few words, and this is none of them. \
        The help lists them.",
    /// Two sources of the server's program.
    SeveralSources = "several-sources": "A manifest names exactly one place that the server's \
        program comes from, since the source also decides how the server is isolated.",
    /// A server's or variable's name with characters that it cannot have.
    InvalidName = "invalid-name": "Names become parts of file names, control groups and \
        environments, and they are shown where a decision is asked for. So they have few \
        characters, all visible, none with a meaning to a shell or a path.",
    /// A variable that programs obey.
    RefusedVariable = "refused-variable": "Some variables make a program load code, run commands \
        or talk to somebody else, whatever the manifest says about files and networks: \
        `LD_PRELOAD`, `NODE_OPTIONS`, `PYTHONPATH`, `BASH_ENV`, `GIT_*`, `*_PROXY` and their \
        like. No manifest can set them.",
    /// A character that a reviewer cannot see.
    HiddenCharacter = "hidden-character": "The text holds a control character, or one that \
        reorders or hides the text around it. A manifest is reviewed by people, and what they \
        see must be what brig reads.",
    /// A string that no kernel would take.
    TooLong = "too-long": "The manifest or one of its strings is longer than anything that a \
        server needs. The bound keeps a hostile manifest from costing time or memory before \
        anything is decided about it.",
    /// Not a path that a grant or a source can have.
    InvalidPath = "invalid-path": "A path on the host is absolute or starts with `~`, \
        `{project}` or `{config}`; a path in the cell is absolute and in its shortest spelling. \
        `..` is refused because it names another folder before and after links are followed, \
        and so are wildcards, because a grant covers a file or a whole folder.",
    /// A variable in a value.
    NoExpansion = "no-expansion": "Values are data: brig never puts the environment's content \
        into them, since the same manifest would then grant different things to whoever starts \
        it, unseen by the reviewer. Use a placeholder in paths, and `{ host = \"NAME\" }` to \
        pass a variable on.",
    /// A placeholder that does not exist, or not here.
    UnknownPlaceholder = "unknown-placeholder": "There are three placeholders: `~` (your home), \
        `{project}` (the folder that the client works in) and `{config}` (the manifest's folder). \
        Each stands at the start of a path, alone or followed by `/`.",
    /// A placeholder that stands for nothing in this start.
    EmptyPlaceholder = "empty-placeholder": "The placeholder stands for nothing in this start: \
        the user has no home, or no project was named. brig does not guess a folder.",
    /// A source that no manifest can grant.
    RefusedSource = "refused-source": "Some places are refused whatever the manifest says: the \
        root, homes as a whole and `/etc`, folders that hold credentials and keys, browsers' \
        profiles, brig's own folders, the settings of MCP clients, `/proc`, `/sys`, `/dev` and \
        the sockets of container engines. A path that contains one of them gives it away too. \
        Grant the folder that the server works in instead.",
    /// A write grant that holds the manifest or its lock.
    HoldsManifest = "holds-manifest": "A server that can write the manifest or the lock that \
        describe it decides its own rights at the next start. Keep both outside every folder \
        that the server may write.",
    /// A place in the cell that brig keeps for itself.
    ReservedTarget = "reserved-target": "The cell's `/`, `/.brig`, `/proc`, `/sys` and `/dev` \
        are made by brig and hold its walls, so no grant can be put there.",
    /// Two grants at one place.
    SameTarget = "same-target": "Two grants have the same place in the cell. Only one could be \
        seen there, and which one would depend on their order.",
    /// A grant inside another.
    NestedTarget = "nested-target": "One grant's place in the cell lies inside another's. To \
        show it, brig would have to make a folder inside the outer grant, which is the host's, \
        and the rights below it would depend on the order of two entries. Put them side by side. \
        One thing may lie inside a write grant: an entry with `access = \"write\"` for the same \
        file at the same place, with the same `exec` and `links`. It names a file that the host \
        obeys, such as `.git`, which stays read-only otherwise.",
    /// Not a host's name.
    InvalidHost = "invalid-host": "A network grant names a host as it is asked for: lower-case \
        ASCII labels with dots between them, or `*.` before a name for every name below it. \
        Letters beyond ASCII are written as `xn--` labels, because two names that look alike \
        then do not. Schemes, ports and paths do not belong to a name. A proxy of the settings is \
        `http://`, a name or an address, and a port, without a password.",
    /// Not an address or a block of addresses.
    InvalidAddress = "invalid-address": "Addresses and blocks have one spelling: no zeros before \
        a number, no IPv4 address inside an IPv6 one, no bit set after the prefix. A second \
        spelling would be read by one program as another address than by the next. In the \
        settings, blocks for virtual addresses are private and hold the names of a whole cell.",
    /// A destination that no manifest can grant.
    RefusedDestination = "refused-destination": "Some addresses are refused whatever the \
        manifest says: loopback (write `localhost` for this host's own ports), link-local \
        addresses and the metadata services of clouds, which give credentials to whoever asks, \
        multicast, and addresses that hold another in disguise.",
    /// Not a port, or a port twice.
    InvalidPort = "invalid-port": "Ports are whole numbers from 1 to 65535, each written once. \
        There is no way to write all of them: each one is a door of its own.",
    /// More entries than a list can have.
    TooMany = "too-many": "A list has more entries than a server needs. Ports are counted over \
        all network grants, since each is one listener of brig's.",
    /// Not a reference to an image or a package.
    InvalidReference = "invalid-reference": "An image names its registry and a tag or digest; a \
        package names one version. What a tool would fill in for a missing part differs between \
        tools and from day to day, so it is written out.",
    /// Not a pattern.
    InvalidPattern = "invalid-pattern": "A pattern has one wildcard: `*` stands for any text, \
        with `/` and `.` in it too, and case matters. Other dialects' signs are refused rather \
        than taken for themselves, since their author means more by them.",
    /// Not a JSON pointer.
    InvalidPointer = "invalid-pointer": "An argument is named by a JSON pointer (RFC 6901): each \
        name after a slash, `~1` for a slash and `~0` for a tilde within a name.",
    /// Two parts of an entry that do not go together.
    Contradiction = "contradiction": "Two parts of an entry exclude each other, or one has no \
        meaning without the other. brig does not choose one of them, since the author means \
        something by both.",
    /// More than the settings of this host let any manifest have.
    BeyondCeiling = "beyond-ceiling": "The settings of this host set a ceiling, and the manifest \
        asks for more. A ceiling only narrows: it grants nothing, and a limit that is not written \
        is lowered to it by itself. One that is written is a fault, since its author counts on \
        it. `brig settings` shows the ceiling; only whoever looks after this host can raise it.",
    /// Something that no manifest can say.
    NeverGranted = "never-granted": "Privileged mode, added capabilities, the host's namespaces, \
        devices, an engine's socket and the like cannot be written in a manifest at all: each \
        takes away the walls that every other line relies on. Nor can deny lists or included \
        files, since the rights of a manifest only add up and stand in one file.",
    /// What no lock says.
    InvalidRecord = "invalid-record": "A lock is a record, and this is none that `brig lock` could \
        have made: a digest is not that of the text below it, a digest or a schema is not one, or \
        an entry is about nothing. Whoever edits a lock by hand says that something was reviewed \
        which was not, so brig takes it as a whole or not at all.",
    /// Not a size.
    InvalidSize = "invalid-size": "A size is a whole number and a unit: `KiB`, `MiB` or `GiB`, \
        for example `256MiB`. `KB` and `MB` are refused because people mean two things by them.",
    /// Not a duration.
    InvalidDuration = "invalid-duration": "A duration is a whole number and a unit: `ms`, `s` or \
        `m`, for example `30s`.",
    /// Not a number of the form that the key takes.
    InvalidNumber = "invalid-number": "The number is not of the form that the key takes: \
        processors are counted with at most three decimals, everything else in whole numbers.",
    /// A limit outside its range.
    OutOfRange = "out-of-range": "Each limit has a smallest value below which no server starts, \
        and a largest one above which it would not be a limit.",
}

impl fmt::Display for FaultCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for FaultCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_kebab_case() {
        for (count, code) in FaultCode::ALL.iter().enumerate() {
            let name = code.as_str();
            assert!(
                name.chars().all(|c| c == '-' || c.is_ascii_lowercase()),
                "{name}"
            );
            assert!(
                FaultCode::ALL[..count]
                    .iter()
                    .all(|other| other.as_str() != name),
                "{name}"
            );
            assert!(code.explanation().ends_with('.'), "{name}");
        }
    }
}
