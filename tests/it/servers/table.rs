//! The servers: right calls, and calls that no grant allows.

/// One server, by its manifest's folder.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// Tools and their arguments, with paths as they are in the cell.
    pub(crate) calls: &'static [(&'static str, &'static str)],
    pub(crate) attacks: &'static [Attack],
    /// Whether its tools reach out. What they call stands in `tests/it/egress/servers.rs`.
    pub(crate) needs_the_network: bool,
}

/// A call beyond the grants. `{home}` is the home on the host, `{port}` one that is listened on.
pub(crate) struct Attack {
    /// Words of the manifest, and others in their place.
    pub(crate) changes: &'static [(&'static str, &'static str)],
    pub(crate) tool: &'static str,
    pub(crate) arguments: &'static str,
    /// What the answer says bare, and never in a cell.
    pub(crate) bare: &'static str,
    /// What it says in a cell.
    pub(crate) walled: &'static str,
}

const fn server(
    name: &'static str,
    calls: &'static [(&'static str, &'static str)],
    attacks: &'static [Attack],
) -> Server {
    Server {
        name,
        calls,
        attacks,
        needs_the_network: false,
    }
}

const fn needs_the_network(name: &'static str, attacks: &'static [Attack]) -> Server {
    Server {
        needs_the_network: true,
        ..server(name, &[], attacks)
    }
}

pub(crate) const SERVERS: &[Server] = &[
    server(
        "everything",
        &[
            ("echo", r#"{"message":"hi"}"#),
            ("get-sum", r#"{"a":1,"b":2.5}"#),
            ("get-tiny-image", "{}"),
            ("get-structured-content", r#"{"location":"Chicago"}"#),
            (
                "trigger-long-running-operation",
                r#"{"duration":0.2,"steps":2}"#,
            ),
            (
                "gzip-file-as-resource",
                r#"{"name":"a.gz","data":"data:text/plain,a"}"#,
            ),
        ],
        &[
            Attack {
                changes: &[],
                tool: "get-env",
                arguments: "{}",
                bare: "s3cret",
                walled: "/usr/bin",
            },
            Attack {
                changes: &[],
                tool: "gzip-file-as-resource",
                arguments: r#"{"name":"a.gz","data":"http://127.0.0.1:{port}/"}"#,
                bare: "application/gzip",
                walled: "fetch failed",
            },
        ],
    ),
    server(
        "filesystem",
        &[
            ("list_allowed_directories", "{}"),
            ("read_text_file", r#"{"path":"/notes/hello.txt"}"#),
            ("write_file", r#"{"path":"/notes/new.txt","content":"one"}"#),
            (
                "edit_file",
                r#"{"path":"/notes/new.txt","edits":[{"oldText":"one","newText":"two"}]}"#,
            ),
            ("create_directory", r#"{"path":"/notes/folder"}"#),
            (
                "move_file",
                r#"{"source":"/notes/new.txt","destination":"/notes/folder/moved.txt"}"#,
            ),
            ("directory_tree", r#"{"path":"/notes"}"#),
            ("search_files", r#"{"path":"/notes","pattern":"**/*.txt"}"#),
        ],
        &[
            // The server's own list of folders is no wall.
            Attack {
                changes: &[("args = [\"/notes\"]", "args = [\"/notes\", \"/tmp\"]")],
                tool: "read_text_file",
                arguments: r#"{"path":"{home}/outside/secret.txt"}"#,
                bare: "of the host",
                walled: "ENOENT",
            },
            Attack {
                changes: &[("access = \"write\"\n", "")],
                tool: "write_file",
                arguments: r#"{"path":"/notes/new.txt","content":"one"}"#,
                bare: "Successfully wrote",
                walled: "EROFS",
            },
        ],
    ),
    server(
        "memory",
        &[
            (
                "create_entities",
                r#"{"entities":[{"name":"a","entityType":"b","observations":["c"]},
                    {"name":"d","entityType":"b","observations":[]}]}"#,
            ),
            (
                "create_relations",
                r#"{"relations":[{"from":"a","to":"d","relationType":"knows"}]}"#,
            ),
            ("read_graph", "{}"),
            ("search_nodes", r#"{"query":"c"}"#),
        ],
        &[
            Attack {
                changes: &[("/data/memory.jsonl", "{home}/outside/memory.jsonl")],
                tool: "read_graph",
                arguments: "{}",
                bare: "of the host",
                walled: r#""entities":[]"#,
            },
            Attack {
                changes: &[("access = \"write\"\n", "")],
                tool: "create_entities",
                arguments: r#"{"entities":[{"name":"new","entityType":"b","observations":[]}]}"#,
                bare: r#""name":"new""#,
                walled: "EROFS",
            },
        ],
    ),
    server(
        "sequential-thinking",
        &[
            (
                "sequentialthinking",
                r#"{"thought":"a","nextThoughtNeeded":true,"thoughtNumber":1,"totalThoughts":2}"#,
            ),
            (
                "sequentialthinking",
                r#"{"thought":"b","nextThoughtNeeded":false,"thoughtNumber":2,"totalThoughts":2}"#,
            ),
        ],
        // It has nothing but its thoughts.
        &[],
    ),
    server(
        "git",
        &[
            ("git_status", r#"{"repo_path":"/repository"}"#),
            ("git_diff_unstaged", r#"{"repo_path":"/repository"}"#),
            (
                "git_add",
                r#"{"repo_path":"/repository","files":["changed.txt"]}"#,
            ),
            ("git_diff_staged", r#"{"repo_path":"/repository"}"#),
            (
                "git_create_branch",
                r#"{"repo_path":"/repository","branch_name":"other"}"#,
            ),
            (
                "git_checkout",
                r#"{"repo_path":"/repository","branch_name":"other"}"#,
            ),
            (
                "git_commit",
                r#"{"repo_path":"/repository","message":"second"}"#,
            ),
            ("git_log", r#"{"repo_path":"/repository"}"#),
        ],
        &[
            Attack {
                changes: &[("\"--repository\", \"/repository\"", "")],
                tool: "git_log",
                arguments: r#"{"repo_path":"{home}/outside/repository"}"#,
                bare: "of the host",
                walled: "outside/repository",
            },
            Attack {
                changes: &[(
                    "[[files]]\nhost = \"~/project/.git\"\nat = \"/repository/.git\"\n\
                     access = \"write\"\n",
                    "",
                )],
                tool: "git_add",
                arguments: r#"{"repo_path":"/repository","files":["changed.txt"]}"#,
                bare: "staged successfully",
                walled: "Read-only file system",
            },
        ],
    ),
    server(
        "time",
        &[
            ("get_current_time", r#"{"timezone":"Europe/Berlin"}"#),
            (
                "convert_time",
                r#"{"source_timezone":"UTC","time":"12:00","target_timezone":"Asia/Tokyo"}"#,
            ),
            (
                "convert_time",
                r#"{"source_timezone":"America/New_York","time":"00:30",
                    "target_timezone":"Australia/Sydney"}"#,
            ),
        ],
        // It reads no path and reaches no address.
        &[],
    ),
    server(
        "sqlite",
        &[
            (
                "create_table",
                r#"{"query":"CREATE TABLE own (a INTEGER, b TEXT)"}"#,
            ),
            (
                "write_query",
                r#"{"query":"INSERT INTO own VALUES (1, 'x'), (2, 'y')"}"#,
            ),
            (
                "read_query",
                r#"{"query":"SELECT a, upper(b) FROM own ORDER BY a DESC"}"#,
            ),
            ("list_tables", "{}"),
            ("describe_table", r#"{"table_name":"own"}"#),
        ],
        &[
            Attack {
                changes: &[("/data/notes.db", "{home}/outside/notes.db")],
                tool: "list_tables",
                arguments: "{}",
                bare: "of_the_host",
                walled: "[]",
            },
            Attack {
                changes: &[("access = \"write\"\n", "")],
                tool: "create_table",
                arguments: r#"{"query":"CREATE TABLE own (a)"}"#,
                bare: "created successfully",
                walled: "readonly database",
            },
        ],
    ),
    needs_the_network(
        "fetch",
        &[Attack {
            changes: &[],
            tool: "fetch",
            arguments: r#"{"url":"http://127.0.0.1:{port}/"}"#,
            bare: "of the host",
            walled: "connection issue",
        }],
    ),
    needs_the_network("context7", &[]),
    needs_the_network("playwright", &[]),
];
