//! Host → facts. It looks and never changes anything; what a fact means is decided in `sandbox`.

mod image;
mod look;
mod obeyed;
mod runtime;
mod system;

use crate::launch::{FileIdentity, GroupParents, landlock_abi, loaded_objects};
use brig_policies::{Access, Policy, Source};
use brig_sandbox::cell::FIRST_UNUSED_HOST_ID;
use brig_sandbox::engine::EngineFacts;
use brig_sandbox::facts::{
    Caller, HostFacts, Owner, SourceFact, SourceKind, UserNamespaces, WorkerFiles,
};
use brig_sandbox::family::ProgramLook;
use brig_sandbox::image::{ImageFacts, Wish};
use image::{Root, folders};
use look::{Opened, look};
use obeyed::{Tree, look_through};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use system::{kernel, system};
use thiserror::Error;

/// Why a probe failed. It fails on what is wrong with this host or installation, never on what is
/// merely absent.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// brig cannot find its own program files.
    #[error("find brig's own program: {0}")]
    Program(#[source] io::Error),
    /// An unpacked image that cannot be looked at.
    #[error("look into the unpacked image `{reference}`: {source}")]
    Image {
        /// The image.
        reference: String,
        /// Why.
        source: io::Error,
    },
    /// A path is not text, which no plan can show.
    #[error("use `{0}`: its path is not UTF-8")]
    NotText(String),
}

/// An image that lies unpacked on this host.
#[derive(Clone, Debug)]
pub(crate) struct UnpackedImage {
    /// As the manifest names it.
    pub(crate) reference: String,
    /// Its manifest's digest.
    pub(crate) digest: String,
    /// Where.
    pub(crate) root: PathBuf,
    /// Its configuration.
    pub(crate) wish: Wish,
}

/// Looks at the host for a policy's sake, and into the image that it runs.
pub(crate) fn facts(
    policy: Option<&Policy>,
    image: Option<UnpackedImage>,
) -> Result<(HostFacts, GroupParents), ProbeError> {
    let groups = GroupParents::find();
    let caller = caller();
    let sources = policy.map_or_else(|| Ok(BTreeMap::new()), sources)?;
    let command = policy.and_then(|policy| match policy.source() {
        Source::Command { program, .. } => Some(program),
        Source::Component(_) | Source::Package(_) => None,
    });
    let image = match policy.zip(image) {
        Some((policy, image)) => Some(image_facts(policy, image)?),
        None => None,
    };
    let (image, look_in_image) = image.unzip();
    let found = command.map(runtime::find).unwrap_or_default();
    let look_at_program = found.program.as_deref();
    let look_at_program = look_at_program.map(|program| of_host(program, &found.behind_env));
    let program = found.program;
    let facts = HostFacts {
        look: look_in_image.or(look_at_program).unwrap_or_default(),
        image,
        program,
        runtimes: found.runtimes,
        shim: found.shim,
        system: command.map(|_| system()).unwrap_or_default(),
        virtual_ranges: brig_sandbox::egress::ranges::Wanted::usual(),
        proxy: None,
        fake_addresses: Vec::new(),
        processors: std::thread::available_parallelism()
            .map_or(1, |count| u32::try_from(count.get()).unwrap_or(1)),
        kernel: kernel(),
        user_namespaces: user_namespaces(&caller),
        caller,
        engine: EngineFacts::default(),
        landlock_abi: landlock_abi(),
        seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
        controllers: groups.controllers(),
        worker: worker_files()?,
        sources,
    };
    Ok((facts, groups))
}

/// What a program of this host is.
fn of_host(program: &str, behind_env: &BTreeMap<String, PathBuf>) -> ProgramLook {
    look(program, |path| {
        let found = if path.contains('/') {
            Some(Path::new(path))
        } else {
            behind_env.get(path).map(PathBuf::as_path)
        };
        let path = fs::canonicalize(found.ok_or(io::ErrorKind::NotFound)?)?;
        let name = path.file_name().unwrap_or_default();
        Ok(Opened {
            name: name.to_string_lossy().into_owned(),
            file: fs::File::open(&path)?,
        })
    })
}

fn image_facts(
    policy: &Policy,
    image: UnpackedImage,
) -> Result<(ImageFacts, ProgramLook), ProbeError> {
    let failed = |source| ProbeError::Image {
        reference: image.reference.clone(),
        source,
    };
    let canonical = fs::canonicalize(&image.root).map_err(failed)?;
    let root = Root::open(&canonical).map_err(failed)?;
    let program = root.program(&image.wish, policy);
    let looked = program.as_deref().map(|program| {
        look(program, |named| {
            root.opened(named, folders(&image.wish, policy))
        })
    });
    let facts = ImageFacts {
        root: text(&canonical)?,
        accounts: ["/etc/passwd", "/etc/group"].map(|path| root.accounts(path)),
        program,
        top: root.top().map_err(failed)?,
        beside: root.beside(policy).map_err(failed)?,
        has_directory: root.has_directory(&image.wish),
        stands: root.stands(policy),
        reference: image.reference,
        digest: image.digest,
        wish: image.wish,
    };
    Ok((facts, looked.unwrap_or_default()))
}

/// What each granted and named path is, and what the host obeys in those that may be written.
fn sources(policy: &Policy) -> Result<BTreeMap<String, SourceFact>, ProbeError> {
    let mut sources = BTreeMap::new();
    let mut trees: BTreeMap<String, Tree> = BTreeMap::new();
    for grant in policy.files() {
        let named = grant.named().iter().map(brig_policies::Named::host);
        for host in std::iter::once(grant.host()).chain(named) {
            if let Some(fact) = source(host.as_str())? {
                sources.insert(host.as_str().to_owned(), fact);
            }
        }
        let fact = sources.get(grant.host().as_str());
        let folder = fact.filter(|fact| fact.kind == SourceKind::Directory);
        if let Some(fact) = folder.filter(|_| grant.access() == Access::Write) {
            let tree = trees.entry(fact.canonical.clone()).or_insert_with(|| Tree {
                root: fact.canonical.clone(),
                named: BTreeSet::new(),
                found: BTreeMap::new(),
                beyond: false,
            });
            let named = grant.named().iter();
            tree.named
                .extend(named.map(|named| named.below().to_owned()));
        }
    }
    let mut trees: Vec<Tree> = trees.into_values().collect();
    look_through(&mut trees);
    for tree in trees {
        let same = sources.values_mut();
        for fact in same.filter(|fact| fact.canonical == tree.root) {
            fact.obeyed.clone_from(&tree.found);
            let root = Path::new(&tree.root);
            let links = tree.found.keys();
            let links = links.filter(|below| root.join(below).is_symlink());
            fact.obeyed_links = links.cloned().collect();
            fact.beyond = tree.beyond;
        }
    }
    Ok(sources)
}

/// Which files the plan's sources are now, so that the warden can tell when one is replaced.
pub(crate) fn identities<'a>(
    sources: impl Iterator<Item = &'a str>,
) -> io::Result<BTreeMap<String, FileIdentity>> {
    sources
        .map(|source| {
            let file = fs::symlink_metadata(source)?;
            let identity = FileIdentity {
                device: file.dev(),
                inode: file.ino(),
            };
            Ok((source.to_owned(), identity))
        })
        .collect()
}

/// Whether this user namespace maps all the ids that cells of root may get (user_namespaces(7)).
fn maps_unused_ids() -> bool {
    let covers = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().any(|line| {
            let mut numbers = line
                .split_whitespace()
                .filter_map(|word| word.parse::<u64>().ok());
            let first = numbers.next().unwrap_or(u64::MAX);
            let end = first.saturating_add(numbers.nth(1).unwrap_or(0));
            let wanted = u64::from(FIRST_UNUSED_HOST_ID);
            first <= wanted && end >= wanted + PROCESS_IDS
        })
    };
    covers("/proc/self/uid_map") && covers("/proc/self/gid_map")
}

/// How many process ids there can be (proc_sys_kernel(5), pid_max).
const PROCESS_IDS: u64 = 1 << 22;

/// Looked up only where there is a group to drop: it reads two files.
fn subordinate_id(file: &str) -> Option<u32> {
    if subordinate_ids() != SubordinateIds::Present {
        return None;
    }
    let uid = rustix::process::getuid().as_raw().to_string();
    let name = user_name(&uid);
    let ranges = fs::read_to_string(file).ok()?;
    ranges.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let own = owner == uid || name.as_deref() == Some(owner);
        own.then(|| fields.next()?.parse().ok()).flatten()
    })
}

/// What an ordinary user has for mapping more ids than its own (subuid(5), newuidmap(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubordinateIds {
    /// A range, and the programs.
    Present,
    /// No range.
    NoRange,
    /// No programs.
    NoPrograms,
}

/// Looks for subordinate ids.
pub(crate) fn subordinate_ids() -> SubordinateIds {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed =
        |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    let uid = rustix::process::getuid().as_raw().to_string();
    let name = user_name(&uid);
    let ranged = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let owner = |line: &str| line.split(':').next().map(str::to_owned);
        text.lines()
            .filter_map(owner)
            .any(|o| o == uid || Some(&o) == name.as_ref())
    };
    if !installed("newuidmap") || !installed("newgidmap") {
        SubordinateIds::NoPrograms
    } else if ranged("/etc/subuid") && ranged("/etc/subgid") {
        SubordinateIds::Present
    } else {
        SubordinateIds::NoRange
    }
}

fn user_name(uid: &str) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users
        .lines()
        .find(|line| line.split(':').nth(2) == Some(uid))?;
    line.split(':').next().map(str::to_owned)
}

fn caller() -> Caller {
    let gid = rustix::process::getegid().as_raw();
    let groups = rustix::process::getgroups().unwrap_or_default();
    let supplementary_groups = groups.iter().filter(|group| group.as_raw() != gid).count();
    let uid = rustix::process::geteuid().as_raw();
    let asks = uid != 0 && supplementary_groups > 0;
    Caller {
        uid,
        gid,
        unused_ids: uid != 0 || maps_unused_ids(),
        supplementary_groups,
        subordinate_gid: if asks {
            subordinate_id("/etc/subgid")
        } else {
            None
        },
        subordinate_uid: None,
    }
}

/// Looks up what only a runtime needs: a second id beside the caller's own.
pub(crate) fn with_subordinate_ids(caller: &mut Caller) {
    if caller.uid != 0 {
        caller.subordinate_uid = subordinate_id("/etc/subuid");
        caller.subordinate_gid = subordinate_id("/etc/subgid");
    }
}

fn user_namespaces(caller: &Caller) -> UserNamespaces {
    let switch = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    if !Path::new("/proc/self/ns/user").exists() {
        return UserNamespaces::NotBuilt;
    }
    if switch("user/max_user_namespaces") == Some(0) {
        return UserNamespaces::LimitZero;
    }
    if caller.is_root() {
        return UserNamespaces::Offered;
    }
    if switch("kernel/unprivileged_userns_clone") == Some(0) {
        return UserNamespaces::SwitchedOffForUsers;
    }
    if switch("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return UserNamespaces::AppArmor;
    }
    UserNamespaces::Offered
}

fn worker_files() -> Result<WorkerFiles, ProbeError> {
    let program = fs::read_link("/proc/self/exe").map_err(ProbeError::Program)?;
    let mut loader = None;
    let mut libraries = BTreeMap::new();
    for object in loaded_objects() {
        let canonical = text(&fs::canonicalize(&object).map_err(ProbeError::Program)?)?;
        let name = object.rsplit('/').next().unwrap_or(&object).to_owned();
        // The dynamic loaders of glibc and musl; with musl it is the C library as well.
        if name.starts_with("ld-") || name.starts_with("ld64.") || name.starts_with("ld.so") {
            loader = Some(canonical);
        } else {
            libraries.insert(name, canonical);
        }
    }
    Ok(WorkerFiles {
        program: text(&program)?,
        loader,
        libraries,
    })
}

fn source(path: &str) -> Result<Option<SourceFact>, ProbeError> {
    let Ok(canonical) = fs::canonicalize(path) else {
        return Ok(None);
    };
    let Ok(file) = fs::metadata(&canonical) else {
        return Ok(None);
    };
    let kind = if file.is_dir() {
        SourceKind::Directory
    } else if file.is_file() {
        SourceKind::File
    } else {
        SourceKind::Special
    };
    Ok(Some(SourceFact {
        canonical: text(&canonical)?,
        kind,
        owner: Owner {
            uid: file.uid(),
            gid: file.gid(),
            mode: file.mode() & 0o777,
        },
        obeyed: BTreeMap::new(),
        obeyed_links: BTreeSet::new(),
        beyond: false,
    }))
}

fn text(path: &Path) -> Result<String, ProbeError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| ProbeError::NotText(path.display().to_string()))
}
