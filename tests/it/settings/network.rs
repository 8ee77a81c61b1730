//! How a host reaches others: settings, plan, doctor, and what cannot be exported.

use super::{Home, STOPS};
use serde_json::{Value, json};

const GRANT: &str = "[[network]]\nhost = \"api.example.com\"\nports = [443]\n";

fn home(network: &str) -> Home {
    let home = Home::new();
    let text = format!("brig = 1\n[network]\n{network}\n");
    home.scratch.write("config/brig/config.toml", text);
    home
}

#[test]
fn a_proxy_is_shown_and_planned() {
    let home = home("proxy = \"http://proxy.corp.example:3128\"");
    home.check(
        &["settings"],
        0,
        &["by the proxy http://proxy.corp.example:3128"],
    );
    let told = home.json(&["settings", "--json"]);
    let want = json!({
        "proxy": "http://proxy.corp.example:3128", "fake-addresses": [],
        "virtual-v4": null, "virtual-v6": null,
    });
    assert_eq!(told["network"], want);
    let manifest = home.manifest(GRANT);
    let told = [
        "network      api.example.com, port 443, tls, at public addresses; in the cell 100.64.0.1",
        "names are asked of the proxy http://proxy.corp.example:3128",
        "names-by-proxy",
    ];
    home.check(&["plan", &manifest], 0, &told);
    let plan = home.json(&["plan", "--json", &manifest]);
    assert_eq!(
        plan["plan"]["egress"]["proxy"],
        "http://proxy.corp.example:3128"
    );
    let without = home.manifest("");
    home.check(&["plan", &without], 0, &["network      none\n"]);
}

#[test]
fn addresses_of_the_settings_are_planned() {
    let home = home(
        "virtual-v4 = [\"10.64.0.0/16\"]\nvirtual-v6 = [\"fd12:3456::/48\"]\n\
         fake-addresses = [\"198.18.0.0/15\"]",
    );
    let manifest = home.manifest(GRANT);
    let told = [
        "in the cell 10.64.0.1 and fd12:3456::1",
        "addresses of 198.18.0.0/15 count as public",
        "fake-addresses",
    ];
    home.check(&["plan", &manifest], 0, &told);
    let told = [
        "others are reached",
        "addresses of 10.64.0.0/16, which stand for names",
    ];
    home.check(&["settings"], 0, &told);
}

#[test]
fn what_cannot_be_virtual_stops_every_server() {
    let home = home("virtual-v4 = [\"8.0.0.0/8\", \"10.0.0.0/24\"]\nvirtual-v6 = [\"10.0.0.0/8\"]");
    let manifest = home.manifest("");
    let told = [
        "invalid-address",
        "cannot use 8.0.0.0/8 for virtual addresses: it is not private",
        "cannot use 10.0.0.0/24 for virtual addresses: it is smaller than a `/20`",
        "cannot use 10.0.0.0/8 for virtual addresses: it is of the other family",
    ];
    for stop in STOPS {
        home.check(&[stop, &manifest], 3, &told);
    }
    home.check(&["settings"], 3, &told);
    home.check(&["settings"], 3, &["config.toml:3:15"]);
    home.check(
        &["doctor"],
        0,
        &["`brig settings` tells what is wrong with them"],
    );
}

#[test]
fn doctor_tells_of_variables_that_brig_does_not_go_by() {
    let home = Home::new();
    let finding = |home: &Home, proxy: Option<&str>| -> (String, String) {
        let mut command = home.command();
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        if let Some(proxy) = proxy {
            command.env("https_proxy", proxy);
        }
        let output = command.args(["doctor", "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = told["findings"].as_array().unwrap();
        let named = |name: &str| findings.iter().find(|found| found["name"] == name);
        assert!(named("name servers").is_some() && named("fake addresses").is_some());
        let text = |key: &str| named("proxy").unwrap()[key].as_str().unwrap().to_owned();
        (text("found"), text("remedy"))
    };
    assert_eq!(finding(&home, None), ("none".to_owned(), String::new()));
    let (found, remedy) = finding(&home, Some("http://127.0.0.1:7890/"));
    assert_eq!(found, "HTTPS_PROXY is set, and the settings name no proxy");
    let line = "`proxy = \"http://127.0.0.1:7890\"` below `[network]` in /";
    assert!(remedy.contains(line), "{remedy}");
    let (_, remedy) = finding(&home, Some("http://me:hunter2@127.0.0.1:7890"));
    assert!(!remedy.contains("hunter2"), "{remedy}");
    let home = self::home("proxy = \"http://127.0.0.1:7890\"");
    let told = (
        "http://127.0.0.1:7890, by the settings".to_owned(),
        String::new(),
    );
    assert_eq!(finding(&home, Some("http://127.0.0.1:1")), told);
}

#[test]
fn what_no_other_tool_holds_is_not_exported() {
    let home = Home::new();
    let program = "brig = 1\n[server]\nname = \"x\"\ncommand = [\"/usr/bin/env\"]\n";
    let path = home
        .scratch
        .write("network.toml", format!("{program}{GRANT}"));
    let path = path.to_str().unwrap();
    let into = home.scratch.join("bundle");
    let told = ["`[[network]]` grants `api.example.com`", "let brig run it"];
    home.check(&["export", "seccomp", path], 4, &told);
    home.check(&["export", "oci", path, into.to_str().unwrap()], 4, &told);
    assert!(!into.exists());
}
