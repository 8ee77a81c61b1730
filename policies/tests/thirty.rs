//! A file with thirty mistakes: all are told, each at its place, in the order of the file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use brig_policies::{Places, check};

/// Each mistake stands alone on its line, with the code that it must be told by after `#!`.
const MISTAKES: &str = r#"brig = "one"                     #! wrong-type
volumes = ["/data"]              #! unknown-key

[server]
name = "My Server"               #! invalid-name
component = "build/../x.wasm"    #! invalid-path
image = "y:1"                    #! several-sources
args = ["ok", 7]                 #! wrong-type
transport = "websocket"          #! unknown-value
memroy = "1GiB"                  #! unknown-key

[[files]]
host = "$HOME/notes"             #! no-expansion
at = "notes"                     #! invalid-path
access = "rw"                    #! unknown-value
exec = "yes"                     #! wrong-type

[[files]]
host = "~/.ssh"                  #! refused-source
at = "/proc/keys"                #! reserved-target

[[files]]
host = "{home}/x"                #! unknown-placeholder
optional = 1                     #! wrong-type

[[files]]
host = "{config}"                #! holds-manifest
access = "write"

[[files]]
host = "~/a"
at = "/data"

[[files]]
host = "~/b"
at = "/data"                     #! same-target

[[files]]
host = "~/c"
at = "/data/c"                   #! nested-target

[[network]]
host = "api.github.com:443"      #! invalid-host

[tools]
allow = ["get_?"]                #! invalid-pattern

[unix]                           #! not-enforceable-yet
x = 1

[env]
LD_PRELOAD = "/x.so"             #! refused-variable
1ST = "x"                        #! invalid-name
PORT = 8080                      #! wrong-type
TOKEN = { secret = "Git Hub" }   #! invalid-name

[limits]
memory = "256MB"                 #! invalid-size
cpus = 0                         #! out-of-range
processes = -1                   #! invalid-number
start = "soon"                   #! invalid-duration
call = 60s                       #! syntax
call = "61m"                     #! out-of-range
"#;

#[test]
fn all_are_told_in_order() {
    let places = Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/x.toml".into(),
    };
    let want: Vec<(usize, &str)> = MISTAKES
        .lines()
        .enumerate()
        .filter_map(|(count, line)| Some((count + 1, line.split_once("#!")?.1)))
        .flat_map(|(line, codes)| codes.split_whitespace().map(move |code| (line, code)))
        .collect();
    assert!(want.len() > 30, "{} mistakes", want.len());
    let faults = check(MISTAKES, &places).unwrap_err();
    let got: Vec<(usize, &str)> = faults
        .iter()
        .map(|fault| (fault.line, fault.code.as_str()))
        .collect();
    assert_eq!(got, want, "\n{faults}");
    for fault in &faults {
        assert!(!fault.help.is_empty(), "{fault}");
        let line = MISTAKES.lines().nth(fault.line - 1).unwrap();
        let before: String = line.chars().take(fault.column - 1).collect();
        let marked = &MISTAKES[fault.span.clone()];
        assert!(
            line[before.len()..].starts_with(marked),
            "{fault}: {marked}"
        );
    }
}
