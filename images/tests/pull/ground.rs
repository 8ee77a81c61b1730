//! A store in a folder of its own, images to put into registries, and a real registry.

use brig_images::credentials::Access;
use brig_images::digest::Digest;
use brig_images::limits::PullLimits;
use brig_images::origin::Origin;
use brig_images::pull::{Pulled, Unseen, pull};
use brig_images::store::{Filled, Store};
use cap_std::fs::Dir;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A folder that goes when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("brig-pull-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn store(&self) -> Store {
        self.store_of(PullLimits::STANDARD)
    }

    pub(crate) fn store_of(&self, limits: PullLimits) -> Store {
        Store::open(&self.path("store"), limits).unwrap()
    }

    /// The names in a folder of the store.
    pub(crate) fn listed(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path("store").join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Pulls without a login.
pub(crate) fn pulled(store: &Store, text: &str) -> Result<Pulled, String> {
    pulled_as(store, text, &Access::default())
}

pub(crate) fn pulled_as(store: &Store, text: &str, access: &Access) -> Result<Pulled, String> {
    let origin = Origin::parse(text, Path::new("/")).map_err(|error| error.to_string())?;
    pull(store, &origin, access, &Unseen).map_err(|error| error.to_string())
}

/// Nothing in the store is other than its name says, and nothing is half done.
#[track_caller]
pub(crate) fn check_whole(scratch: &Scratch, store: &Store) {
    let looked = store.verify(|_| Ok("tree".to_owned())).unwrap();
    assert_eq!(looked.findings, [], "{looked:?}");
    assert_eq!(scratch.listed("temp"), [""; 0]);
}

/// A root of one file.
pub(crate) fn fill(dir: &Dir) -> Filled {
    dir.write("file", "content").unwrap();
    Filled {
        tree: "tree".to_owned(),
        bytes: 7,
        entries: 1,
    }
}

/// An image in the parts that a registry has of it.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": Digest::of(bytes).to_string(),
        "size": bytes.len(),
    })
}

pub(crate) fn manifest(config: &Value, layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
    })
}

/// A config for this host, and these layers.
pub(crate) fn image(layers: &[Vec<u8>]) -> Parts {
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let config = config.to_string().into_bytes();
    let described: Vec<Value> = layers
        .iter()
        .map(|layer| descriptor(LAYER, layer))
        .collect();
    let manifest = manifest(&descriptor(IMAGE_CONFIG, &config), &described);
    let mut blobs = vec![config];
    blobs.extend_from_slice(layers);
    Parts {
        manifest: manifest.to_string().into_bytes(),
        blobs,
    }
}

/// A packed layer of one file with this content.
pub(crate) fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// Bytes that no compression makes smaller, the same each time.
pub(crate) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next)
        .flatten()
        .take(bytes)
        .collect()
}

/// Writes an image as a layout, under a name.
pub(crate) fn write_layout(folder: &Path, name: &str, parts: &Parts) {
    let mut entry = descriptor(MANIFEST, &parts.manifest);
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    write_layout_of(
        folder,
        &[entry],
        &[std::slice::from_ref(&parts.manifest), &*parts.blobs].concat(),
    );
}

pub(crate) fn write_layout_of(folder: &Path, entries: &[Value], blobs: &[Vec<u8>]) {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    let index = json!({ "schemaVersion": 2, "manifests": entries });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    for blob in blobs {
        let path = folder.join("blobs/sha256").join(Digest::of(blob).hex());
        fs::write(path, blob).unwrap();
    }
}

/// A program of a Debian package.
pub(crate) fn program(name: &str) -> PathBuf {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
    let found = folders.map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("MISSING PART: {name} (scripts/parts installs it)"))
}

#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Debian's registry, on a free port, with its content in the scratch folder.
pub(crate) struct Distribution {
    child: Child,
    pub(crate) port: u16,
    pub(crate) content: PathBuf,
}

impl Distribution {
    pub(crate) fn start(scratch: &Scratch) -> Self {
        Self::start_with(scratch, "", "")
    }

    /// `http` and `rest` are more lines of its settings.
    pub(crate) fn start_with(scratch: &Scratch, http: &str, rest: &str) -> Self {
        let registry = program("docker-registry");
        // Somebody else may take the port between the two: then another is tried.
        for _ in 0..5 {
            let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let content = scratch.path("registry");
            let settings = scratch.path(&format!("registry-{port}.yml"));
            let text = format!(
                "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    \
                 rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n{http}{rest}",
                content.display()
            );
            fs::write(&settings, text).unwrap();
            let mut child = Command::new(&registry)
                .arg("serve")
                .arg(&settings)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self {
                        child,
                        port,
                        content,
                    };
                }
                sleep(Duration::from_millis(10));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        panic!("the registry does not start");
    }

    /// Puts an image there as other people do.
    pub(crate) fn push(&self, scratch: &Scratch, name: &str, parts: &Parts) {
        let folder = scratch.path(&format!("layout-{}", name.replace(['/', ':'], "-")));
        write_layout(&folder, "x", parts);
        let to = format!("docker://127.0.0.1:{}/{name}", self.port);
        skopeo(&[&format!("oci:{}:x", folder.display()), &to]);
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    /// The file in which the registry keeps a blob.
    pub(crate) fn blob(&self, bytes: &[u8]) -> PathBuf {
        let hex = Digest::of(bytes).hex();
        let start = &hex[..2];
        self.content.join(format!(
            "docker/registry/v2/blobs/sha256/{start}/{hex}/data"
        ))
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a program of the shell.
pub(crate) fn write_program(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    writeln!(file, "#!/bin/sh\n{text}").unwrap();
}

/// Copies an image, as other people do.
pub(crate) fn skopeo(rest: &[&str]) {
    let flags = [
        "copy",
        "-q",
        "--insecure-policy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ];
    run(Command::new(program("skopeo")).args(flags).args(rest));
}
