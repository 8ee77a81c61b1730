#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn entry_point_and_command_make_the_program() {
    #[track_caller]
    fn check(entrypoint: &str, cmd: &str, args: &str, expected: Option<&str>) {
        let wish = Wish {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
            ..Wish::default()
        };
        assert_eq!(arguments(&wish, &words(args)), expected.map(words));
    }
    check("node", "server.js", "", Some("node server.js"));
    check("node", "server.js", "other.js", Some("node other.js"));
    check("", "sh -c true", "", Some("sh -c true"));
    check("", "sh", "python3 x.py", Some("python3 x.py"));
    check("serve", "", "", Some("serve"));
    check("", "", "", None);
}

#[test]
fn a_path_has_one_spelling() {
    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(clean(path), expected);
    }
    check("/app", "/app");
    check("app/", "/app");
    check("/app/../..//srv/./x", "/srv/x");
    check("", "/");
    check("../../etc", "/etc");
}

#[test]
fn a_stop_signal_is_one_that_can_be_acted_on() {
    #[track_caller]
    fn check(text: &str, expected: u8) {
        let wish = Wish {
            stop_signal: Some(text.to_owned()),
            ..Wish::default()
        };
        assert_eq!(stop_signal(&wish), expected, "{text}");
    }
    check("SIGINT", 2);
    check("quit", 3);
    check("3", 3);
    check("SIGRTMIN+3", 37);
    check("SIGKILL", SIGTERM);
    check("9", SIGTERM);
    check("19", SIGTERM);
    check("0", SIGTERM);
    check("65", SIGTERM);
    check("SIGNONE", SIGTERM);
    check("SIGRTMIN+99", SIGTERM);
    assert_eq!(stop_signal(&Wish::default()), SIGTERM);
}

const ACCOUNTS: &str = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n\
                        odd:x:7:7::relative:/bin/sh\n";

#[test]
fn a_home_is_that_of_the_user_for_whom_the_image_was_made() {
    #[track_caller]
    fn check(user: Option<&str>, expected: &str) {
        let wish = Wish {
            user: user.map(str::to_owned),
            ..Wish::default()
        };
        let accounts = [Some(ACCOUNTS.to_owned()), None];
        let found = environment(&wish, &accounts, BTreeMap::new());
        assert_eq!(
            found["HOME"],
            Value::Literal(expected.to_owned()),
            "{user:?}"
        );
    }
    check(Some("node"), "/home/node");
    check(Some("1000:1000"), "/home/node");
    check(Some("odd"), "/tmp");
    check(Some("nobody-knows"), "/tmp");
    check(Some("root"), "/tmp");
    check(Some("0"), "/tmp");
    check(Some(""), "/tmp");
    check(None, "/tmp");
}

#[test]
fn the_manifest_overrules_the_image_and_the_loader_obeys_neither() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let wish = Wish {
        env: vec![
            pair("LD_PRELOAD", "/evil.so"),
            pair("LD_LIBRARY_PATH", "/opt/lib"),
            pair("PATH", "/opt/bin:/bin"),
            pair("LOG", "image"),
            pair("PYTHONPATH", "/app"),
            pair("", "nameless"),
        ],
        ..Wish::default()
    };
    let literal = |text: &str| Value::Literal(text.to_owned());
    let manifests = BTreeMap::from([("LOG".to_owned(), literal("manifest"))]);
    let found = environment(&wish, &[None, None], manifests);
    let expected = BTreeMap::from([
        ("HOME".to_owned(), literal("/tmp")),
        ("LOG".to_owned(), literal("manifest")),
        ("PATH".to_owned(), literal("/opt/bin:/bin")),
        ("PYTHONPATH".to_owned(), literal("/app")),
    ]);
    assert_eq!(found, expected);
    assert_eq!(search_path(&wish, None), "/opt/bin:/bin");
    assert_eq!(search_path(&wish, Some("/bin")), "/bin");
    assert_eq!(search_path(&Wish::default(), None), PATH);
}

#[test]
fn every_wish_is_answered() {
    let wish = Wish {
        user: Some("node".to_owned()),
        directory: Some("app".to_owned()),
        env: vec![("LD_PRELOAD".to_owned(), "x".to_owned())],
        volumes: words("/data /notes/in /notesbeside"),
        ports: words("80/tcp"),
        health: true,
        stop_signal: Some("SIGKILL".to_owned()),
        on_build: 2,
        ..Wish::default()
    };
    let told = answers(&wish, &["/notes"], 65_532);
    let of = |asks: &str| {
        let answered = told.iter().find(|answered| answered.asks.starts_with(asks));
        answered.unwrap().gets.as_str()
    };
    assert_eq!(of("USER"), "runs as 65532, as every server does");
    assert_eq!(of("WORKDIR"), "starts in /app");
    assert!(of("ENV LD_PRELOAD").starts_with("left out"));
    assert!(of("VOLUME /data").contains("at = \"/data\""));
    assert_eq!(of("VOLUME /notes/in"), "what the manifest grants there");
    assert!(of("VOLUME /notesbeside").starts_with("read-only"));
    assert!(of("EXPOSE").starts_with("nothing"));
    assert!(of("HEALTHCHECK").starts_with("nothing"));
    assert!(of("STOPSIGNAL").starts_with("SIGTERM"));
    assert!(of("ONBUILD").starts_with("nothing"));
    assert_eq!(told.len(), 10);
    assert_eq!(answers(&Wish::default(), &[], 65_532), []);
}
