//! Rights added to a manifest's text: at one place, with everything else kept.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use brig_policies::{Access, Addition, NotAdded, Places, check, widen};

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

const HEAD: &str =
    "# what it may\nbrig = 1\n\n[server] # this\nname = \"x\"\ncomponent = \"x.wasm\"\n";

fn file(host: &str, access: Access) -> Addition {
    let host = host.to_owned();
    Addition::File { host, access }
}

fn network(host: &str, port: u16) -> Addition {
    let host = host.parse().unwrap();
    Addition::Network { host, port }
}

fn tool(pattern: &str) -> Addition {
    Addition::Tool(pattern.parse().unwrap())
}

/// The text is the head and this; what is added is exactly this right, and what is left out of the
/// edited text is nothing of the old one.
#[track_caller]
fn check_added(body: &str, addition: &Addition, want: &str, right: &str) {
    let text = format!("{HEAD}{body}");
    let edited = addition.to(&text).unwrap();
    assert_eq!(edited, format!("{HEAD}{want}"));
    let before = check(&text, &places()).unwrap();
    let after = check(&edited, &places()).unwrap_or_else(|faults| unreachable!("{faults}"));
    let changes = widen(&before, &after);
    let rights: Vec<&str> = changes
        .widened
        .iter()
        .map(|change| &*change.right)
        .collect();
    assert_eq!(rights, [right]);
    assert_eq!(changes.narrowed, []);
    // Where in the cell a file appears is told apart from the right.
    assert!(changes.other.iter().all(|change| change.key == "files"));
}

#[test]
fn a_right_is_added_and_nothing_is_moved() {
    check_added(
        "",
        &file("~/a \"b\"", Access::Read),
        "\n[[files]]\nhost = \"~/a \\\"b\\\"\"\n",
        "read `/home/me/a \"b\"`",
    );
    check_added(
        "[[files]]\nhost = \"~/a\" # mine\n[limits]\nmemory = \"64MiB\"\n\n\n",
        &file("~/b", Access::Read),
        "[[files]]\nhost = \"~/a\" # mine\n[limits]\nmemory = \"64MiB\"\n\n\
         [[files]]\nhost = \"~/b\"\n",
        "read `/home/me/b`",
    );
    check_added(
        "# the end",
        &network("api.example.com", 443),
        "# the end\n\n[[network]]\nhost = \"api.example.com\"\nports = [443]\n",
        "reach `api.example.com` port 443 (tls)",
    );
    check_added(
        "",
        &network("10.0.0.7", 5432),
        "\n[[network]]\nhost = \"10.0.0.7\"\nports = [5432]\nprotocol = \"tcp\"\n",
        "reach `10.0.0.7` port 5432 (tcp)",
    );
}

#[test]
fn a_tool_is_put_where_the_others_are() {
    let right = "call the tools `put_*`";
    let put = tool("put_*");
    check_added(
        "[tools]\nallow = [\"get_*\"] # these\n",
        &put,
        "[tools]\nallow = [\"get_*\", \"put_*\"] # these\n",
        right,
    );
    check_added(
        "[tools]\nallow = []\n",
        &put,
        "[tools]\nallow = [\"put_*\"]\n",
        right,
    );
    check_added(
        "[tools]\nallow = [ \"get_*\", ]\n",
        &put,
        "[tools]\nallow = [ \"get_*\", \"put_*\", ]\n",
        right,
    );
    check_added(
        "[tools]\nallow = [\n    \"list\", # first\n    'get_*', # last\n    # no more\n]\n",
        &put,
        "[tools]\nallow = [\n    \"list\", # first\n    'get_*',\n    \"put_*\", # last\n    \
         # no more\n]\n",
        right,
    );
    let text = HEAD.replace("brig = 1\n", "brig = 1\ntools.allow = ['get_*'] # dotted\n");
    let want = text.replace("'get_*'", "'get_*', \"put_*\"");
    assert_eq!(put.to(&text).unwrap(), want);
}

#[track_caller]
fn check_kept(body: &str, addition: &Addition, want: &str) {
    let error = addition.to(&format!("{HEAD}{body}")).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn what_cannot_be_added_is_said() {
    check_kept(
        "",
        &tool("get"),
        "it is granted already: every tool that was reviewed passes, and `brig lock` reviews the \
         others",
    );
    check_kept(
        "[tools]\nallow = [\"get\"]\n",
        &tool("get"),
        "it is granted already: `[tools] allow` has it",
    );
    let layout = "`files` is written as one value, and an entry of its own cannot stand beside it";
    let text = HEAD.replace("brig = 1\n", "brig = 1\nfiles = [{ host = \"~/a\" }]\n");
    let error = file("~/b", Access::Read).to(&text).unwrap_err();
    assert_eq!(error.to_string(), layout);
    let error = file("~/b", Access::Read).to(&text.replace("{ host = \"~/a\" }", ""));
    assert_eq!(error.unwrap_err().to_string(), layout);
    check_kept("[limit]\n", &tool("get"), "the manifest has faults");
    let faults = tool("get").to("brig = 1\n").unwrap_err();
    assert!(matches!(faults, NotAdded::Faults(_)));
}
