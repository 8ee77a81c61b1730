//! What lasts as long as a benchmark: a folder of files, and a process that keeps a namespace.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Dropped, all of it is gone.
pub(super) struct Scratch {
    folder: PathBuf,
    /// A user namespace with root's identity, and none below it.
    narrow: Option<Child>,
    caches: u32,
}

impl Scratch {
    /// A new folder of this user's alone. Others who run a server under it find what is in it.
    pub(super) fn new() -> io::Result<Self> {
        let name = format!("brig-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o755).create(&folder)?;
        Ok(Self {
            folder,
            narrow: None,
            caches: 0,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An empty folder, for what is compiled anew.
    pub(super) fn cache(&mut self) -> io::Result<PathBuf> {
        self.caches += 1;
        let path = self.folder.join(format!("cache-{}", self.caches));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// The process that keeps a user namespace in which nobody can make another: as root sees a
    /// host that offers none. Its input, and so it, ends with this.
    pub(super) fn namespace_without_namespaces(&mut self) -> io::Result<u32> {
        if let Some(keeper) = &self.narrow {
            return Ok(keeper.id());
        }
        // Where it cannot be limited the shell ends, and nobody waits for its word.
        let script = "echo ready; read mapped; echo 0 > /proc/sys/user/max_user_namespaces \
                      || exit; echo limited; read end";
        let mut command = Command::new("unshare");
        // The shell is executed before it has an id there, and would lose its capabilities.
        command.args(["--user", "--keep-caps", "sh", "-c", script]);
        let mut keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let made = prepare(&mut keeper);
        let id = keeper.id();
        self.narrow = Some(keeper);
        made.map(|()| id)
    }
}

fn prepare(keeper: &mut Child) -> io::Result<()> {
    let unsaid = || io::Error::other("its keeper does not start");
    let said = keeper.stdout.take().ok_or_else(unsaid)?;
    let mut said = BufReader::new(said);
    let mut line = String::new();
    said.read_line(&mut line)?;
    if line != "ready\n" {
        return Err(unsaid());
    }
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{}/{map}", keeper.id()), "0 0 4294967295")?;
    }
    let orders = keeper.stdin.as_mut().ok_or_else(unsaid)?;
    io::Write::write_all(orders, b"mapped\n")?;
    line.clear();
    said.read_line(&mut line)?;
    if line == "limited\n" {
        return Ok(());
    }
    Err(io::Error::other(
        "its limit of user namespaces cannot be set",
    ))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.narrow.take() {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
