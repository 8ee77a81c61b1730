//! `component = "oci://…"`: a component of a registry, pulled once, then run without it.

use crate::harness::{Client, Scratch, brig, cached, repository, tool};
use brig_images::digest::Digest;
use serde_json::{Value, json};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A registry that ends with the test.
struct Registry(Child, u16);

impl Registry {
    fn start(scratch: &Scratch) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let content = scratch.join("registry");
        let settings = scratch.write(
            "registry.yml",
            format!(
                "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  \
                 addr: 127.0.0.1:{port}\n",
                content.display()
            ),
        );
        let mut command = Command::new(tool("docker-registry"));
        command.arg("serve").arg(settings);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let registry = Self(child.unwrap(), port);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the registry does not start");
            sleep(Duration::from_millis(10));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A layout of one component with its author's wish.
fn layout(folder: &Path, wasm: &[u8], wish: &[u8]) {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let put = |media_type: &str, bytes: &[u8]| -> Value {
        let digest = Digest::of(bytes);
        fs::write(folder.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len() })
    };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": put("application/vnd.wasm.config.v0+json", b"{}"),
        "layers": [
            put("application/wasm", wasm),
            put("application/vnd.wasm.policy.v1+yaml", wish),
        ],
    });
    let mut entry = put(kind, manifest.to_string().as_bytes());
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "x" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}

#[test]
fn a_component_is_pulled_shown_and_run_without_its_registry() {
    let scratch = Scratch::new();
    let registry = Registry::start(&scratch);
    let wasm = fs::read(repository().join("examples/units/units.wasm")).unwrap();
    layout(
        &scratch.join("layout"),
        &wasm,
        b"network:\n  allow: \x1b[2Jall\n",
    );
    let name = format!("127.0.0.1:{}/team/units:1", registry.1);
    let pushed = Command::new(tool("skopeo"))
        .args(["copy", "-q", "--insecure-policy", "--dest-tls-verify=false"])
        .arg(format!("oci:{}:x", scratch.join("layout").display()))
        .arg(format!("docker://{name}"))
        .status();
    assert!(pushed.unwrap().success());
    let text = format!("brig = 1\n[server]\nname = \"units\"\ncomponent = \"oci://{name}\"\n");
    let manifest = scratch.write("units.toml", text);
    let command = |word: &str| {
        let mut command = cached(brig());
        command.env("XDG_DATA_HOME", scratch.join("kept"));
        command.arg(word).arg(&manifest);
        command
    };
    let absent = command("plan").output().unwrap();
    let told = String::from_utf8(absent.stderr).unwrap();
    assert!(
        told.contains("image-absent") && told.contains("`brig pull`"),
        "{told}"
    );
    let pulled = command("pull").output().unwrap();
    let told = String::from_utf8(pulled.stdout).unwrap();
    assert!(pulled.status.success(), "{told}");
    assert!(
        told.contains("its author would like this, none of which it gets"),
        "{told}"
    );
    assert!(
        told.contains("  allow: ") && !told.contains('\u{1b}'),
        "{told:?}"
    );
    drop(registry);
    let planned = command("plan").output().unwrap();
    let told = String::from_utf8(planned.stdout).unwrap();
    assert!(
        told.contains(&format!("artifact     oci://{name}")),
        "{told}"
    );
    let mut client = Client::start(command("run"));
    let answer = client.initialize();
    assert_eq!(answer["result"]["serverInfo"]["name"], "units", "{answer}");
    client.close();
    client.end();
}
