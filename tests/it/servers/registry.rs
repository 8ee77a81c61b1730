//! A registry on this host's loopback, for as long as a test runs.

use crate::harness::{PATIENCE, Scratch, part, tool};
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(super) struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    /// Starts one that keeps its images in a folder of the test.
    pub(super) fn start(scratch: &Scratch) -> Self {
        // Free now, and nobody else is given it so soon.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = format!(
            "version: 0.1\nlog: {{ level: error }}\nhttp: {{ addr: \"127.0.0.1:{port}\" }}\n\
             storage: {{ filesystem: {{ rootdirectory: \"{}\" }} }}\n",
            scratch.join("registry").display()
        );
        let settings = scratch.write("registry.yml", settings);
        let process = Command::new(tool("docker-registry"))
            .arg("serve")
            .arg(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self { process, port };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the registry does not start");
            thread::sleep(Duration::from_millis(10));
        }
        registry
    }

    /// An image's name there.
    pub(super) fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/brig/{image}:1", self.port)
    }

    /// Puts an image of `images/recipes` there: its manifest's digest.
    pub(super) fn push(&self, image: &str) -> String {
        let layout = part(&format!("images/{image}"));
        let done = Command::new(tool("skopeo"))
            .args([
                "--insecure-policy",
                "copy",
                "--quiet",
                "--dest-tls-verify=false",
            ])
            .arg(format!("oci:{}:1", layout.display()))
            .arg(format!("docker://{}", self.name(image)))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{image}: {errors}");
        let index = fs::read(layout.join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
