//! What a host or a source lacks is a refusal that names it, and names the remedy.

use crate::ask::{HEAD, ROOT, facts, narrow, places, plan, policy, source};
use brig_sandbox::facts::{Controller, HostFacts, SourceKind, UserNamespaces};
use brig_sandbox::plan::{PARTS_MAX, Unplannable, compiler_cell, container};

/// A manifest and a host are refused for exactly these reasons, in this order. Of each is told the
/// start of what is wrong (a denial's name, or a grant's message), and a part of the help.
#[track_caller]
fn check(manifest: &str, facts: &HostFacts, wants: &[(&str, &str)]) {
    let manifest = format!("{HEAD}{manifest}");
    let faults = plan(&manifest, facts).map_or_else(|faults| faults, |_| Vec::new());
    let got: Vec<(String, String)> = faults.iter().map(|fault| told(fault, &manifest)).collect();
    assert_eq!(got.len(), wants.len(), "{got:#?}");
    for ((wrong, help), (want, part)) in got.iter().zip(wants) {
        let named = wrong.strip_prefix(want);
        assert!(named.is_some(), "`{wrong}` does not start with `{want}`");
        assert!(
            help.contains(part),
            "{wrong}: `{help}` does not name `{part}`"
        );
    }
}

fn told(fault: &Unplannable, manifest: &str) -> (String, String) {
    match fault {
        Unplannable::Unenforceable(open) => {
            assert!(open.reason.len() > 10, "{open:?} has no reason");
            let whole = fault.to_string();
            assert!(
                whole.contains(open.denial) && whole.contains(&open.reason),
                "{whole}"
            );
            (open.denial.to_owned(), open.remedy.clone())
        }
        Unplannable::Program(message) => panic!("{message}"),
        Unplannable::Grant {
            span,
            message,
            help,
        } => {
            let marked = &manifest[span.clone()];
            assert!(
                ["[[files]]", "[[network]]", "{ secret"]
                    .iter()
                    .any(|start| marked.starts_with(start)),
                "the grant is marked: {marked}"
            );
            (message.clone(), help.clone())
        }
    }
}

fn without(controllers: &[Controller]) -> HostFacts {
    let mut facts = facts();
    facts.controllers.retain(|c| !controllers.contains(c));
    facts
}

#[test]
fn a_host_without_seccomp_has_no_wall_around_the_kernel() {
    let bare = |facts| HostFacts {
        seccomp: false,
        ..facts
    };
    let kernel = "CONFIG_SECCOMP_FILTER";
    check(
        "",
        &bare(facts()),
        &[("surface", kernel), ("native-code", kernel)],
    );
    let userns = "kernel.apparmor_restrict_unprivileged_userns=0";
    check(
        "",
        &bare(narrow()),
        &[
            // What namespaces would hold as well is told with the remedy that gives more.
            ("network", userns),
            ("surface", kernel),
            ("native-code", kernel),
            ("ipc", userns),
            ("host-name", userns),
        ],
    );
}

#[test]
fn a_narrow_cell_needs_landlock_of_6() {
    let switches = [
        (UserNamespaces::NotBuilt, "CONFIG_USER_NS"),
        (UserNamespaces::LimitZero, "user.max_user_namespaces"),
        (
            UserNamespaces::SwitchedOffForUsers,
            "kernel.unprivileged_userns_clone=1",
        ),
        (UserNamespaces::AppArmor, "userns,"),
    ];
    for (user_namespaces, remedy) in switches {
        for landlock_abi in 0..6 {
            let facts = HostFacts {
                user_namespaces,
                landlock_abi,
                ..facts()
            };
            let open = ["files", "writes", "processes", "control-groups"];
            check("", &facts, &open.map(|denial| (denial, remedy)));
            let root = HostFacts {
                caller: ROOT,
                ..facts.clone()
            };
            check("", &root, &open.map(|denial| (denial, remedy)));
            let compiler = compiler_cell(&facts).unwrap_err();
            assert_eq!(compiler.iter().map(|o| o.denial).collect::<Vec<_>>(), open);
        }
        for landlock_abi in [6, 7, 20] {
            check(
                "",
                &HostFacts {
                    user_namespaces,
                    landlock_abi,
                    ..facts()
                },
                &[],
            );
        }
    }
}

#[test]
fn a_full_cell_needs_no_landlock_and_no_control_group() {
    check(
        "",
        &HostFacts {
            landlock_abi: 0,
            ..facts()
        },
        &[],
    );
    check(
        "",
        &HostFacts {
            controllers: [].into(),
            ..facts()
        },
        &[],
    );
}

#[test]
fn a_part_of_a_processor_needs_its_controller() {
    let share = |cpus: &str| format!("[limits]\ncpus = {cpus}\n");
    let open = [("processor-share", "cpus = 1.0")];
    check(&share("0.5"), &without(&[Controller::Cpu]), &open);
    check(&share("0.999"), &without(&[Controller::Cpu]), &open);
    check(&share("1.0"), &without(&[Controller::Cpu]), &[]);
    check(&share("2.0"), &without(&[Controller::Cpu]), &[]);
    check(
        &share("0.5"),
        &without(&[Controller::Memory, Controller::Pids]),
        &[],
    );
}

/// A grant of `host`, which leads to `canonical`.
#[track_caller]
fn check_source(host: &str, access: &str, (canonical, kind): (&str, SourceKind), want: &str) {
    let mut facts = facts();
    let absolute = host.replace('~', "/home/me");
    facts.sources.insert(absolute, source(canonical, kind));
    let manifest =
        format!("[[files]]\nhost = \"{host}\"\nat = \"/in/it\"\naccess = \"{access}\"\n");
    let wants: &[(&str, &str)] = if want.is_empty() { &[] } else { &[(want, "")] };
    check(&manifest, &facts, wants);
}

#[test]
fn a_link_leads_to_nothing_that_its_name_could_not() {
    use SourceKind::{Directory, File, Special};
    let through = |to: &str| format!("`/home/me/notes` (through symbolic links: `{to}`) cannot");
    for refused in [
        "/",
        "/etc",
        "/etc/shadow",
        "/home",
        "/home/me",
        "/home/me/.ssh",
        "/home/me/.local/state/brig",
        "/home/me/.local/state/brig/approved",
        "/home/me/.cache",
        "/proc/1/root",
        "/dev",
        "/var/lib/docker",
    ] {
        check_source("~/notes", "read", (refused, Directory), &through(refused));
        check_source("~/notes", "write", (refused, Directory), &through(refused));
    }
    let socket = "/run/user/1000/docker.sock";
    check_source("~/notes", "read", (socket, Special), &through(socket));
    check_source(
        "~/notes",
        "read",
        ("/srv/docker.sock", File),
        &through("/srv/docker.sock"),
    );
    for readable in ["/home/me/manifests", "/srv/notes", "/usr/share/doc"] {
        check_source("~/notes", "read", (readable, Directory), "");
    }
    for written in ["/home/me/manifests", "/usr/share/doc"] {
        check_source("~/notes", "write", (written, Directory), &through(written));
    }
    for file in [
        "/home/me/manifests/brig.toml",
        "/home/me/manifests/brig.lock",
    ] {
        check_source("~/notes", "write", (file, File), &through(file));
        check_source("~/notes", "read", (file, File), "");
    }
    check_source("~/notes", "write", ("/srv/notes", Directory), "");
}

#[test]
fn brigs_own_program_is_not_written() {
    use SourceKind::{Directory, File};
    let writing = "writing `/srv/it` would change `/srv/tools/brig`, which brig runs";
    check_source("/srv/it", "write", ("/srv/tools", Directory), writing);
    check_source("/srv/it", "write", ("/srv", Directory), writing);
    check_source("/srv/it", "write", ("/srv/tools/brig", File), writing);
    check_source("/srv/it", "read", ("/srv/tools", Directory), "");
    check_source("/srv/it", "write", ("/srv/tool", Directory), "");
    check_source("/srv/it", "write", ("/srv/tools/brig.d", Directory), "");

    let mut facts = facts();
    facts
        .sources
        .insert("/srv/it".to_owned(), source("/srv/lib", Directory));
    let grant = "[[files]]\nhost = \"/srv/it\"\nat = \"/it\"\naccess = \"write\"\n";
    check(grant, &facts, &[]);
    let own = "writing `/srv/it` would change `/srv/lib/";
    facts.worker.loader = Some("/srv/lib/ld.so".to_owned());
    check(grant, &facts, &[(own, "install brig elsewhere")]);
    facts.worker.loader = None;
    facts
        .worker
        .libraries
        .insert("x.so".to_owned(), "/srv/lib/x.so".to_owned());
    check(grant, &facts, &[(own, "install brig elsewhere")]);
}

#[test]
fn a_source_is_a_directory_or_a_file_with_a_folder() {
    use SourceKind::{Directory, File, Special};
    let special = "`/home/me/notes` is a socket, FIFO or device";
    check_source("~/notes", "read", ("/home/me/notes", Special), special);
    check_source("~/notes", "read", ("/srv/fifo", Special), special);
    check_source("~/notes", "read", ("/home/me/notes", File), "");
    check_source("~/notes", "read", ("/home/me/notes", Directory), "");

    let top = "[[files]]\nhost = \"~/notes\"\nat = \"/notes\"\n";
    let mut wide = facts();
    wide.sources
        .insert("/home/me/notes".to_owned(), source("/home/me/notes", File));
    let at_top = "`/notes` puts a file at the top";
    check(top, &wide, &[(at_top, "a folder of its own")]);
    let alone = "`/home/me/notes` is a single file";
    let narrow = HostFacts {
        sources: wide.sources.clone(),
        ..narrow()
    };
    check(top, &narrow, &[(alone, "user namespaces")]);
}

#[test]
fn a_missing_source_is_told_unless_it_is_optional() {
    let needed = "[[files]]\nhost = \"~/notes\"\nat = \"/notes\"\n";
    let missing = ("`/home/me/notes` does not exist", "optional = true");
    check(needed, &facts(), &[missing]);
    check(&format!("{needed}optional = true\n"), &facts(), &[]);
}

const NETWORK: &str = "[[network]]\nhost = \"api.example.com\"\nports = [443]\n";

#[test]
fn a_network_takes_a_namespace_of_its_own() {
    check(NETWORK, &facts(), &[]);
    let whom = "whom a server reaches is held by a network namespace";
    check(NETWORK, &narrow(), &[(whom, "brig doctor")]);
}

/// The manifest and the host of a golden case.
#[track_caller]
fn check_engine(case: (&str, &str), want: &str) {
    let (manifest, facts) = case;
    let facts: HostFacts = serde_json::from_str(facts).unwrap();
    let manifest = policy(&format!("{manifest}{NETWORK}"));
    let faults = container(&manifest, &places(), &facts).unwrap_err();
    let told = faults.iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains(want), "{told}");
}

#[test]
fn engines_that_join_no_network_are_refused_by_name() {
    check_engine(
        (
            include_str!("../../testdata/runsc-as-root/brig.toml"),
            include_str!("../../testdata/runsc-as-root/facts.json"),
        ),
        "gVisor's kernel passes no descriptor on",
    );
    check_engine(
        (
            include_str!("../../testdata/podman-rootless-without-groups/brig.toml"),
            include_str!("../../testdata/podman-rootless-without-groups/facts.json"),
        ),
        "none can join a network that another made",
    );
}

#[test]
fn everything_that_stands_in_the_way_is_told_at_once() {
    let manifest = "[[files]]\nhost = \"~/a\"\nat = \"/a\"\n[[files]]\n\
        host = \"~/b\"\nat = \"/b\"\n[limits]\ncpus = 0.1\n";
    let facts = HostFacts {
        seccomp: false,
        controllers: [].into(),
        ..facts()
    };
    check(
        manifest,
        &facts,
        &[
            ("surface", ""),
            ("native-code", ""),
            ("`/home/me/a` does not exist", ""),
            ("`/home/me/b` does not exist", ""),
            ("processor-share", ""),
        ],
    );
}

/// A write grant in which the host obeys these.
fn obeyed(facts: HostFacts, places: impl IntoIterator<Item = String>) -> HostFacts {
    let mut app = source("/srv/app", SourceKind::Directory);
    let why = "somebody obeys it";
    app.obeyed = places.into_iter().map(|at| (at, why.to_owned())).collect();
    HostFacts {
        sources: [("/srv/app".to_owned(), app)].into(),
        ..facts
    }
}

const APP: &str = "[[files]]\nhost = \"/srv/app\"\naccess = \"write\"\n";

#[test]
fn what_the_host_obeys_is_held_or_refused() {
    let two = || [".envrc".to_owned(), ".git".to_owned()];
    check(APP, &obeyed(facts(), two()), &[]);
    let wrong = "`/srv/app` cannot be granted for writing here: the host obeys `.envrc`, `.git` in";
    check(APP, &obeyed(narrow(), two()), &[(wrong, "brig doctor")]);
    check(APP, &obeyed(narrow(), []), &[]);
    check(
        "[[files]]\nhost = \"/srv/app\"\n",
        &obeyed(narrow(), two()),
        &[],
    );

    let named = |place: &str, more: &str| {
        format!("[[files]]\nhost = \"/srv/app/{place}\"\naccess = \"write\"\n{more}")
    };
    let both = |more| format!("{APP}{}{}", named(".git", more), named(".envrc", more));
    check(&both("optional = true\n"), &obeyed(narrow(), two()), &[]);
    let absent = "`/srv/app/.envrc`, which is named inside `/srv/app`, does not exist";
    let one = format!("{APP}{}", named(".envrc", ""));
    check(
        &one,
        &obeyed(facts(), two()),
        &[(absent, "optional = true")],
    );
}

#[test]
fn no_start_waits_for_thousands_of_mounts() {
    let many = |count: usize| (0..count).map(|number| format!("{number}/.env"));
    check(APP, &obeyed(facts(), many(PARTS_MAX / 2)), &[]);
    let wrong = "`/srv/app` cannot be granted for writing: to hold what the host obeys in it takes";
    let more = obeyed(facts(), many(PARTS_MAX / 2 + 1));
    check(APP, &more, &[(wrong, "grant only the folders")]);
}

#[test]
fn a_secret_in_a_file_needs_a_place_of_its_own() {
    let secret = "[env]\nKEY = { secret = \"key\", as = \"file\" }\n";
    let needs = "the secret `key` as a file needs a root of the server's own";
    check(secret, &narrow(), &[(needs, "as = \"env\"")]);
    let mut facts = facts();
    let served = source("/srv", SourceKind::Directory);
    facts.sources.insert("/srv".to_owned(), served);
    for at in ["/run", "/run/secrets", "/run/secrets/key"] {
        let grant = format!("[[files]]\nhost = \"/srv\"\nat = \"{at}\"\n{secret}");
        let meets = format!("secrets lie as files in `/run/secrets`, which `{at}` meets");
        check(&grant, &facts, &[(&meets, "another `at`")]);
    }
}
