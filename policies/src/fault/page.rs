//! Examples of each kind of fault.

use super::FaultCode;

/// The settings under which the example of a ceiling is a fault.
pub(super) const CEILING: &str = "brig = 1\n\n[ceiling]\nmemory = \"512MiB\"\n";

/// The examples of one kind.
pub(super) struct Row {
    pub(super) code: FaultCode,
    pub(super) refused: &'static str,
    pub(super) fixed: &'static str,
}

/// A lock of a server without a tool.
const LOCK: &str = "lock = 1\n\
    manifest = \"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\"\n\
    eras = [\"legacy\"]\n";

/// Where no `[server]` is written, it is that of any manifest.
pub(super) const ROWS: &[Row] = &[
    Row {
        code: FaultCode::Syntax,
        refused: "brig = 1\n\n\
            [server]\n\
            name = notes\n\
            component = \"notes.wasm\"\n",
        fixed: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
    },
    Row {
        code: FaultCode::DuplicateKey,
        refused: "[limits]\n\
            memory = \"64MiB\"\n\
            memory = \"1GiB\"\n",
        fixed: "[limits]\n\
            memory = \"64MiB\"\n",
    },
    Row {
        code: FaultCode::UnknownKey,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            target = \"/notes\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/notes\"\n",
    },
    Row {
        code: FaultCode::NotEnforceableYet,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            access = \"append\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            access = \"write\"\n",
    },
    Row {
        code: FaultCode::NeverGranted,
        refused: "privileged = true\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
        fixed: "[server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
    },
    Row {
        code: FaultCode::UnknownFormat,
        refused: "brig = 2\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
        fixed: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
    },
    Row {
        code: FaultCode::MissingKey,
        refused: "[[files]]\n\
            at = \"/notes\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/notes\"\n",
    },
    Row {
        code: FaultCode::WrongType,
        refused: "[limits]\n\
            memory = 256\n",
        fixed: "[limits]\n\
            memory = \"256MiB\"\n",
    },
    Row {
        code: FaultCode::UnknownValue,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            access = \"rw\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            access = \"write\"\n",
    },
    Row {
        code: FaultCode::SeveralSources,
        refused: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n\
            npm = \"server@1.2.0\"\n",
        fixed: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            component = \"notes.wasm\"\n",
    },
    Row {
        code: FaultCode::Contradiction,
        refused: "[env]\n\
            TOKEN = { host = \"TOKEN\", secret = \"github\" }\n",
        fixed: "[env]\n\
            TOKEN = { secret = \"github\" }\n",
    },
    Row {
        code: FaultCode::InvalidName,
        refused: "brig = 1\n\n\
            [server]\n\
            name = \"My Notes\"\n\
            component = \"notes.wasm\"\n",
        fixed: "brig = 1\n\n\
            [server]\n\
            name = \"my-notes\"\n\
            component = \"notes.wasm\"\n",
    },
    Row {
        code: FaultCode::RefusedVariable,
        refused: "[env]\n\
            NODE_OPTIONS = \"--require /notes/x.js\"\n",
        fixed: "[env]\n\
            NODE_ENV = \"production\"\n",
    },
    Row {
        code: FaultCode::HiddenCharacter,
        refused: "[env]\n\
            TITLE = \"notes\\u202Etxt.exe\"\n",
        fixed: "[env]\n\
            TITLE = \"notes.txt\"\n",
    },
    Row {
        code: FaultCode::TooLong,
        refused: "[tools]\n\
            allow = [\"get_get_get_get_get_get_get_get_get_get_get_get_get_get_get\
            _get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_g\
            et_get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_get\
            _get_get_get_get_get_get_get_get_get_get_get_get_get_get_get_\"]\n",
        fixed: "[tools]\n\
            allow = [\"get_*\"]\n",
    },
    Row {
        code: FaultCode::TooMany,
        refused: "[[network]]\n\
            host = \"db.example.com\"\n\
            protocol = \"tcp\"\n\
            ports = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18\
            , 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, \
            36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53\
            , 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65]\n",
        fixed: "[[network]]\n\
            host = \"db.example.com\"\n\
            protocol = \"tcp\"\n\
            ports = [5432]\n",
    },
    Row {
        code: FaultCode::InvalidPath,
        refused: "[[files]]\n\
            host = \"~/notes/*.md\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n",
    },
    Row {
        code: FaultCode::NoExpansion,
        refused: "[[files]]\n\
            host = \"$HOME/notes\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n",
    },
    Row {
        code: FaultCode::UnknownPlaceholder,
        refused: "[[files]]\n\
            host = \"{workspace}/docs\"\n",
        fixed: "[[files]]\n\
            host = \"{config}/docs\"\n",
    },
    Row {
        code: FaultCode::EmptyPlaceholder,
        refused: "# Started without naming a project.\n\
            [[files]]\n\
            host = \"{project}/docs\"\n",
        fixed: "[[files]]\n\
            host = \"/srv/docs\"\n",
    },
    Row {
        code: FaultCode::RefusedSource,
        refused: "[[files]]\n\
            host = \"~/.ssh\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n",
    },
    Row {
        code: FaultCode::HoldsManifest,
        refused: "[[files]]\n\
            host = \"{config}\"\n\
            access = \"write\"\n",
        fixed: "[[files]]\n\
            host = \"{config}/out\"\n\
            access = \"write\"\n",
    },
    Row {
        code: FaultCode::ReservedTarget,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/proc/notes\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/notes\"\n",
    },
    Row {
        code: FaultCode::SameTarget,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/data\"\n\n\
            [[files]]\n\
            host = \"~/photos\"\n\
            at = \"/data\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/notes\"\n\n\
            [[files]]\n\
            host = \"~/photos\"\n\
            at = \"/photos\"\n",
    },
    Row {
        code: FaultCode::NestedTarget,
        refused: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/data\"\n\n\
            [[files]]\n\
            host = \"~/photos\"\n\
            at = \"/data/photos\"\n",
        fixed: "[[files]]\n\
            host = \"~/notes\"\n\
            at = \"/data/notes\"\n\n\
            [[files]]\n\
            host = \"~/photos\"\n\
            at = \"/data/photos\"\n",
    },
    Row {
        code: FaultCode::InvalidHost,
        refused: "[[network]]\n\
            host = \"https://api.example.com\"\n\
            ports = [443]\n",
        fixed: "[[network]]\n\
            host = \"api.example.com\"\n\
            ports = [443]\n",
    },
    Row {
        code: FaultCode::InvalidAddress,
        refused: "[[network]]\n\
            host = \"10.1.2.3/16\"\n\
            ports = [443]\n",
        fixed: "[[network]]\n\
            host = \"10.1.0.0/16\"\n\
            ports = [443]\n",
    },
    Row {
        code: FaultCode::RefusedDestination,
        refused: "[[network]]\n\
            host = \"127.0.0.1\"\n\
            ports = [11434]\n\
            protocol = \"http\"\n",
        fixed: "[[network]]\n\
            host = \"localhost\"\n\
            ports = [11434]\n\
            protocol = \"http\"\n",
    },
    Row {
        code: FaultCode::InvalidPort,
        refused: "[[network]]\n\
            host = \"api.example.com\"\n\
            ports = [0]\n\
            protocol = \"tls\"\n",
        fixed: "[[network]]\n\
            host = \"api.example.com\"\n\
            ports = [443]\n\
            protocol = \"tls\"\n",
    },
    Row {
        code: FaultCode::InvalidReference,
        refused: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            npm = \"@scope/notes@latest\"\n",
        fixed: "brig = 1\n\n\
            [server]\n\
            name = \"notes\"\n\
            npm = \"@scope/notes@1.2.0\"\n",
    },
    Row {
        code: FaultCode::InvalidPattern,
        refused: "[tools]\n\
            allow = [\"{get,list}_*\"]\n",
        fixed: "[tools]\n\
            allow = [\"get_*\", \"list_*\"]\n",
    },
    Row {
        code: FaultCode::InvalidPointer,
        refused: "[[tools.rule]]\n\
            tool = \"read\"\n\
            argument = \"file.path\"\n\
            within = \"/notes\"\n",
        fixed: "[[tools.rule]]\n\
            tool = \"read\"\n\
            argument = \"/file/path\"\n\
            within = \"/notes\"\n",
    },
    Row {
        code: FaultCode::BeyondCeiling,
        refused: "[limits]\n\
            memory = \"1GiB\"\n",
        fixed: "[limits]\n\
            memory = \"512MiB\"\n",
    },
    Row {
        code: FaultCode::InvalidRecord,
        refused: "lock = 1\n\
            manifest = \"blake3:af1349b9\"\n\
            eras = [\"legacy\"]\n",
        fixed: LOCK,
    },
    Row {
        code: FaultCode::InvalidSize,
        refused: "[limits]\n\
            memory = \"256MB\"\n",
        fixed: "[limits]\n\
            memory = \"256MiB\"\n",
    },
    Row {
        code: FaultCode::InvalidDuration,
        refused: "[limits]\n\
            call = \"1 min\"\n",
        fixed: "[limits]\n\
            call = \"1m\"\n",
    },
    Row {
        code: FaultCode::InvalidNumber,
        refused: "[limits]\n\
            processes = -1\n",
        fixed: "[limits]\n\
            processes = 64\n",
    },
    Row {
        code: FaultCode::OutOfRange,
        refused: "[limits]\n\
            memory = \"1MiB\"\n",
        fixed: "[limits]\n\
            memory = \"16MiB\"\n",
    },
];
