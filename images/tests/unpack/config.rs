//! Configs of images as they are found: what each wishes, and what is no config.

use crate::archive::{Tar, gzipped};
use crate::shapes::image;
use brig_images::accounts::Accounts;
use brig_images::config::{Check, Id, ImageConfig};
use std::fs::File;

const ROOTFS: &str = r#""rootfs":{"type":"layers","diff_ids":[]}"#;

/// The config of an image with these wishes.
#[track_caller]
fn wishes(wishes: &str) -> ImageConfig {
    let text = format!(r#"{{"architecture":"arm64","os":"linux","config":{wishes},{ROOTFS}}}"#);
    ImageConfig::read(text.as_bytes()).unwrap_or_else(|error| panic!("{wishes}: {error}"))
}

#[test]
fn shapes_of_honest_images() {
    let layer = || gzipped(&Tar::new().folder("app").file("app/server.js", "1").end());
    let users = Tar::new()
        .file("etc/passwd", "node:x:7:7::/:\n")
        .file("etc/group", "staff:x:8:\n");
    // Docker's, with a shell as entrypoint and all that a Dockerfile can say.
    let (_, config, _) = image(
        "everything",
        &[gzipped(&users.end()), layer()],
        r#"{"Hostname":"","User":"node:staff","ExposedPorts":{"8080/tcp":{},"53/udp":{}},
            "Env":["PATH=/usr/bin","LD_PRELOAD=/x.so","EMPTY=","EQUALS=a=b"],
            "Entrypoint":["/bin/sh","-c","exec node /app/server.js"],"Cmd":["--stdio"],
            "Image":"","Volumes":{"/data":{}},"WorkingDir":"/app","OnBuild":["RUN make"],
            "Labels":{"a":"b"},"StopSignal":"SIGINT","Shell":["/bin/bash","-c"],
            "Healthcheck":{"Test":["CMD-SHELL","curl -f x"],"Interval":30000000000,"Retries":3}}"#,
    );
    let user = config.user.clone().unwrap();
    assert_eq!(user.user, Id::Name("node".into()));
    assert_eq!(user.group, Some(Id::Name("staff".into())));
    let env: Vec<_> = config
        .env
        .iter()
        .map(|v| (v.name.as_str(), v.value.as_str()))
        .collect();
    let last = [("LD_PRELOAD", "/x.so"), ("EMPTY", ""), ("EQUALS", "a=b")];
    assert_eq!(env[1..], last);
    assert_eq!(config.entrypoint.len(), 3);
    // The image's own shell is another.
    assert_eq!(config.script(&config.entrypoint), None);
    assert_eq!(config.cmd, ["--stdio"]);
    assert!(config.volumes.contains("/data") && config.exposed_ports.contains("53/udp"));
    assert_eq!(config.working_dir.as_deref(), Some("/app"));
    assert_eq!(config.stop_signal.as_deref(), Some("SIGINT"));
    assert_eq!(
        (config.on_build.len(), config.labels["a"].as_str()),
        (1, "b")
    );
    let check = config.healthcheck.unwrap();
    assert_eq!(check.check, Check::Shell("curl -f x".into()));
    assert_eq!((check.interval_ns, check.retries), (30_000_000_000, 3));
    // Nothing at all, as from a scratch image, and nulls, as Docker writes them.
    let (place, config, _) = image("nothing", &[layer()], "null");
    assert_eq!(
        (config.user, config.working_dir, config.cmd.len()),
        (None, None, 0)
    );
    let accounts = Accounts::read(File::open(place.root()).unwrap()).unwrap();
    assert_eq!(accounts, Accounts::default());
    let nulls = r#"{"User":"","Env":null,"Cmd":null,"Entrypoint":null,"Volumes":null,
        "WorkingDir":"","OnBuild":null,"Labels":null,"Healthcheck":null,"ExposedPorts":null}"#;
    let config = wishes(nulls);
    assert_eq!(config, ImageConfig { ..wishes("{}") });
}

#[test]
fn a_user_by_name_is_found_in_the_image() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\nmcp:x:1234:5678:a server:/home/mcp:/bin/false\n";
    let layer = Tar::new()
        .file("etc/passwd", passwd)
        .file("etc/group", "mcp:x:5678:\n");
    let (place, config, _) = image("by name", &[gzipped(&layer.end())], r#"{"User":"mcp"}"#);
    let accounts = Accounts::read(File::open(place.root()).unwrap()).unwrap();
    let Some(Id::Name(name)) = config.user.map(|user| user.user) else {
        panic!("no name")
    };
    let account = accounts.user(&name).unwrap();
    assert_eq!(
        (account.uid, account.gid, account.home.as_str()),
        (1234, 5678, "/home/mcp")
    );
}

#[test]
fn words_come_in_several_forms() {
    let config = wishes(r#"{"Entrypoint":"/server","Cmd":["/bin/sh","-c","exec x"]}"#);
    assert_eq!(config.entrypoint, ["/server"]);
    assert_eq!(config.script(&config.cmd), Some("exec x"));
    assert_eq!(config.script(&config.entrypoint), None);
    assert_eq!(config.script(&[]), None);
    let config = wishes(r#"{"Shell":["/bin/bash","-ec"],"Cmd":["/bin/bash","-ec","a"]}"#);
    assert_eq!(config.script(&config.cmd), Some("a"));
    let user = |text: &str| wishes(&format!(r#"{{"User":"{text}"}}"#)).user.unwrap();
    assert_eq!(user("1000").user, Id::Number(1000));
    assert_eq!(user("0:0").group, Some(Id::Number(0)));
    assert_eq!(user("1a").user, Id::Name("1a".into()));
    let check = |test: &str| {
        let text = format!(r#"{{"Healthcheck":{{"Test":{test}}}}}"#);
        wishes(&text).healthcheck.unwrap().check
    };
    assert_eq!(check("[]"), Check::Inherited);
    assert_eq!(check("null"), Check::Inherited);
    assert_eq!(check(r#"["NONE"]"#), Check::Off);
    assert_eq!(
        check(r#"["CMD","a","b"]"#),
        Check::Exec(vec!["a".into(), "b".into()])
    );
}

/// Refused, with these words in the message.
#[track_caller]
fn refused(text: &str, words: &str) {
    let error = ImageConfig::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains(words), "{text}: {error}");
    assert!(!error.contains(char::is_control), "{error:?}");
}

#[test]
fn what_is_no_config_is_told() {
    refused("", "EOF");
    refused("{", "EOF");
    refused("[1]", "expected");
    refused(&"[".repeat(100_000), "line 1");
    refused("{}", "missing field `rootfs`");
    refused(&format!("{{{ROOTFS}}}"), "`architecture`");
    refused(
        &format!(r#"{{"architecture":"","os":"linux",{ROOTFS}}}"#),
        "is needed",
    );
    refused(&format!(r#"{{"os":1,{ROOTFS}}}"#), "expected a string");
    let rootfs = |kind: &str, diff_id: &str| {
        let rootfs = format!(r#"{{"type":"{kind}","diff_ids":["{diff_id}"]}}"#);
        format!(r#"{{"architecture":"a","os":"b","rootfs":{rootfs}}}"#)
    };
    refused(&rootfs("base", ""), "is not `layers`");
    refused(&rootfs("layers", "sha256:00"), "is no SHA-256 digest");
    refused(&rootfs("layers", "md5:\\u001b[2J"), "is no SHA-256 digest");
    let with =
        |wishes: &str| format!(r#"{{"architecture":"a","os":"b","config":{wishes},{ROOTFS}}}"#);
    refused(&with(r#"{"User":"a","User":"root"}"#), "duplicate field");
    refused(&with(r#"{"Env":["=x"]}"#), "is not `NAME=VALUE`");
    refused(&with(r#"{"Env":["x"]}"#), "is not `NAME=VALUE`");
    refused(&with(r#"{"Env":["a=\u0000"]}"#), "zero byte");
    refused(&with(r#"{"Cmd":["a\u0000b"]}"#), "did not match");
    refused(&with(r#"{"Cmd":[1]}"#), "did not match");
    refused(&with(r#"{"Volumes":{"/\u0000":{}}}"#), "zero byte");
    refused(&with(r#"{"Labels":{"a":1}}"#), "expected a string");
    refused(&with(r#"{"User":"a:"}"#), "empty part");
    refused(&with(r#"{"User":":a"}"#), "empty part");
    refused(&with(r#"{"User":"4294967295"}"#), "too large a number");
    refused(&with(r#"{"User":"99999999999"}"#), "too large a number");
    refused(
        &with(r#"{"Healthcheck":{"Test":["EXEC","a"]}}"#),
        "no known check",
    );
    refused(
        &with(r#"{"Healthcheck":{"Test":["CMD"]}}"#),
        "no known check",
    );
    refused(&with(r#"{"Healthcheck":{"Retries":-1}}"#), "invalid value");
    refused(
        &with(&format!(r#"{{"User":"{}"}}"#, "a".repeat(5 << 20))),
        "more than 4194304 bytes",
    );
}

#[test]
fn a_config_is_plain_values() {
    let config = wishes(r#"{"User":"5:g","Env":["A=b"],"Cmd":["x"]}"#);
    let json = serde_json::to_value(&config).unwrap();
    assert_eq!(json["user"]["user"]["number"], 5);
    assert_eq!(json["user"]["group"]["name"], "g");
    assert_eq!(json["env"][0]["name"], "A");
}
