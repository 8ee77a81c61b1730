//! The lock, which `brig lock` writes beside a manifest.

use super::{Key, Section, Takes};

/// The most tools of one lock, and so the most variants of one tool.
pub(crate) const TOOLS_MAX: usize = 4096;

pub(crate) const LOCK: Key = Key::new(
    "lock",
    Takes::Format,
    "lock = 1",
    "The format that the file is written in.",
)
.needed();

pub(crate) const MANIFEST: Key = Key::new(
    "manifest",
    Takes::Scalar,
    "manifest = \"blake3:…\"",
    "The digest of what the manifest said.",
)
.needed();

pub(crate) const ERAS: Key = Key::new(
    "eras",
    Takes::Words(&["legacy", "modern"]),
    "eras = [\"legacy\"]",
    "The eras of the protocol that were spoken.",
)
.needed();

pub(crate) const ARTIFACT: Key = Key::new(
    "artifact",
    Takes::Table(&ARTIFACT_SECTION),
    "[artifact]",
    "What was run, where it has a digest.",
);

pub(crate) const TOOL: Key = Key::new(
    "tool",
    Takes::Tables(&TOOL_SECTION, TOOLS_MAX),
    "[[tool]]",
    "A tool as it was reviewed.",
);

pub(crate) const SECTION: Section = Section {
    title: "the lock",
    keys: &[LOCK, MANIFEST, ERAS, ARTIFACT, TOOL],
    one_of: &[],
    whole: &[],
};

pub(crate) const COMPONENT: Key = Key::new(
    "component",
    Takes::Scalar,
    "component = \"blake3:…\"",
    "The digest of the WebAssembly.",
);

pub(crate) const IMAGE: Key = Key::new(
    "image",
    Takes::Scalar,
    "image = \"sha256:…\"",
    "The digest of the image's manifest.",
);

pub(crate) const ARTIFACT_SECTION: Section = Section {
    title: "[artifact]",
    keys: &[COMPONENT, IMAGE],
    one_of: &[COMPONENT, IMAGE],
    whole: &[],
};

pub(crate) const NAME: Key = Key::new(
    "name",
    Takes::Scalar,
    "name = \"get_note\"",
    "What the server calls it.",
)
.needed();

pub(crate) const HASH: Key = Key::new(
    "hash",
    Takes::Scalar,
    "hash = \"blake3:…\"",
    "The digest of everything below.",
)
.needed();

pub(crate) const TITLE: Key = Key::new(
    "title",
    Takes::Scalar,
    "title = \"Get a note\"",
    "Its title for people.",
);

pub(crate) const DESCRIPTION: Key = Key::new(
    "description",
    Takes::Scalar,
    "description = \"Reads one note.\"",
    "Its description, which a model reads.",
);

pub(crate) const INPUT: Key = Key::new(
    "input",
    Takes::Scalar,
    "input = '{\"type\": \"object\"}'",
    "The JSON Schema of its arguments.",
);

pub(crate) const OUTPUT: Key = Key::new(
    "output",
    Takes::Scalar,
    "output = '{\"type\": \"object\"}'",
    "The JSON Schema of its result.",
);

pub(crate) const ANNOTATIONS: Key = Key::new(
    "annotations",
    Takes::Scalar,
    "annotations = '{\"readOnlyHint\": true}'",
    "What it says of itself to clients.",
);

pub(crate) const MORE: Key = Key::new(
    "more",
    Takes::Scalar,
    "more = '{}'",
    "What else its server says of it, under names that MCP does not have.",
);

pub(crate) const TOOL_SECTION: Section = Section {
    title: "[[tool]]",
    keys: &[
        NAME,
        ERAS,
        HASH,
        TITLE,
        DESCRIPTION,
        INPUT,
        OUTPUT,
        ANNOTATIONS,
        MORE,
    ],
    one_of: &[],
    whole: &[],
};
