//! Pulls that are killed, crowded, and without room.

use crate::ground::{
    Distribution, MANIFEST, Scratch, check_whole, fill, image, layer, noise, pulled,
};
use crate::site::{Site, honest};
use brig_images::digest::Digest;
use brig_images::limits::PullLimits;
use brig_images::store::Store;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;

const WHAT: &str = "BRIG_CHILD_WHAT";
const STORE: &str = "BRIG_CHILD_STORE";
const NAME: &str = "BRIG_CHILD_NAME";

/// This program again, as a process that can be killed.
pub(crate) fn child(what: &str, store: &Path, name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["crash::a_process_of_its_own", "--exact", "--nocapture"])
        .env(WHAT, what)
        .env(STORE, store)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn started(what: &str, scratch: &Scratch, name: &str) -> Child {
    let mut command = child(what, &scratch.path("store"), name);
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[expect(clippy::print_stdout, reason = "the test that started it reads this")]
#[test]
fn a_process_of_its_own() {
    // The tests of this file start it with one; without, nobody has asked for anything.
    let Some(store) = std::env::var_os(STORE).map(PathBuf::from) else {
        return;
    };
    let store = Store::open(&store, PullLimits::STANDARD).unwrap();
    let found = pulled(&store, &std::env::var(NAME).unwrap());
    match (found, std::env::var(WHAT).unwrap().as_str()) {
        (Ok(found), "pull") => println!("pulled {}", found.image.named),
        (Ok(found), "unpack") => {
            let filled = store.root(&found.image, |dir, _| {
                fill(dir);
                println!("filling");
                loop {
                    sleep(Duration::from_mins(1));
                }
                #[expect(unreachable_code, reason = "it is killed, and has a type all the same")]
                Ok::<_, String>(fill(dir))
            });
            panic!("{filled:?}");
        }
        (Ok(_), what) => panic!("{what}"),
        (Err(told), _) => println!("{told}"),
    }
}

#[test]
fn a_killed_pull_resumes_where_it_was() {
    let scratch = Scratch::new();
    let big = layer("a", &noise(900_000, 10));
    let parts = image(std::slice::from_ref(&big));
    let (hex, first) = (Digest::of(&big).hex(), Mutex::new(true));
    let lying = parts.clone();
    let site = Site::registry(&parts, MANIFEST, move |request| {
        let stalls = request.path.contains(&hex) && std::mem::take(&mut *first.lock().unwrap());
        stalls.then(|| {
            let mut reply = honest(&lying, MANIFEST, request);
            reply.stalls_at = Some(600_000);
            reply
        })
    });
    let mut killed = started("pull", &scratch, &site.name("a:1"));
    site.wait_for_stall();
    let partial = scratch.path("store/partial").join(Digest::of(&big).hex());
    let written = || fs::metadata(&partial).map_or(0, |metadata| metadata.len());
    while written() < 400_000 {
        sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let at = written();
    let store = scratch.store();
    assert_eq!(store.list().unwrap(), []);
    pulled(&store, &site.name("a:1")).unwrap();
    let last = site.asked_for(&Digest::of(&big).hex()).pop().unwrap();
    assert_eq!(last.header("range"), Some(format!("bytes={at}-").as_str()));
    check_whole(&scratch, &store);
    assert_eq!(scratch.listed("partial"), [""; 0]);
}

#[test]
fn what_a_dead_pull_left_is_not_believed() {
    let scratch = Scratch::new();
    let big = layer("a", &noise(300_000, 11));
    let parts = image(std::slice::from_ref(&big));
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let store = scratch.store();
    let partial = scratch.path("store/partial").join(Digest::of(&big).hex());
    // As after a loss of power: so long, but of zeros; then all of it, then more than all.
    for left in [vec![0; 100_000], vec![0; big.len()], vec![0; big.len() + 1]] {
        fs::write(&partial, left).unwrap();
        pulled(&store, &site.name("a:1")).unwrap();
        check_whole(&scratch, &store);
        store.remove(&site.name("a:1")).unwrap();
    }
    // Whole, and only not moved yet: nobody is asked for it.
    let asked = site.asked_for(&Digest::of(&big).hex()).len();
    fs::write(&partial, &big).unwrap();
    pulled(&store, &site.name("a:1")).unwrap();
    assert_eq!(site.asked_for(&Digest::of(&big).hex()).len(), asked);
}

#[test]
fn a_pull_may_be_killed_at_any_time() {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    let layers: Vec<Vec<u8>> = (0..4).map(|at| layer("a", &noise(4_000_000, at))).collect();
    let parts = image(&layers);
    registry.push(&scratch, "a:1", &parts);
    let name = registry.name("a:1");
    let store = scratch.store();
    for after_ms in [5, 20, 40, 60, 80, 100, 130, 160] {
        let mut killed = started("pull", &scratch, &name);
        sleep(Duration::from_millis(after_ms));
        killed.kill().unwrap();
        killed.wait().unwrap();
        let looked = store.verify(|_| Err("there is none".to_owned())).unwrap();
        assert_eq!(looked.findings, [], "after {after_ms} ms");
        let listed = store.list().unwrap();
        assert!(
            listed
                .iter()
                .all(|one| one.named == Digest::of(&parts.manifest))
        );
    }
    pulled(&store, &name).unwrap();
    store.prune().unwrap();
    check_whole(&scratch, &store);
    assert_eq!(scratch.listed("partial"), [""; 0]);
}

#[test]
fn ten_pulls_at_once_do_the_work_once() {
    let scratch = Scratch::new();
    let parts = image(&[
        layer("a", &noise(2_000_000, 12)),
        layer("b", &noise(1_000_000, 13)),
    ]);
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let name = site.name("a:1");
    scratch.store();
    let children: Vec<Child> = (0..10)
        .map(|_| {
            child("pull", &scratch.path("store"), &name)
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("pulled sha256:"), "{told}");
    }
    for blob in &parts.blobs {
        let asked = site.asked_for(&Digest::of(blob).hex()).len();
        assert_eq!(asked, 1, "of ten, one fetches");
    }
    check_whole(&scratch, &scratch.store());
}

#[test]
fn ten_pulls_at_once_from_a_real_registry() {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    let parts = image(&[layer("a", &noise(2_000_000, 14))]);
    registry.push(&scratch, "a:1", &parts);
    scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let found = pulled(&scratch.store(), &registry.name("a:1")).unwrap();
                assert_eq!(found.image.named, Digest::of(&parts.manifest));
            });
        }
    });
    check_whole(&scratch, &scratch.store());
}

#[test]
fn a_killed_unpack_is_begun_anew() {
    let scratch = Scratch::new();
    let site = Site::registry(&image(&[]), MANIFEST, |_| None);
    let mut killed = child("unpack", &scratch.path("store"), &site.name("a:1"))
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(killed.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("filling") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut output, &mut line).unwrap() > 0);
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(scratch.listed("roots"), [""; 0]);
    assert_eq!(scratch.listed("temp").len(), 1);
    let store = scratch.store();
    let found = store.find(&site.name("a:1")).unwrap().unwrap();
    let filled = store.root(&found, |dir, _| {
        assert_eq!(dir.entries().unwrap().count(), 0, "it begins with nothing");
        Ok::<_, String>(fill(dir))
    });
    assert_eq!(
        filled.unwrap().dir().read_to_string("file").unwrap(),
        "content"
    );
    check_whole(&scratch, &store);
}

#[test]
fn a_full_disk_is_told_and_left_with_room() {
    let scratch = Scratch::new();
    let parts = image(&[layer("a", &noise(3_000_000, 15))]);
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let small = scratch.path("small");
    fs::create_dir_all(&small).unwrap();
    let child = child("pull", &small.join("store"), &site.name("a:1"));
    let script = "mount -t tmpfs -o size=1m none \"$1\" || exit 9; dir=$1; shift; \"$@\"; \
                  find \"$dir/store/partial\" \"$dir/store/temp\" -type f";
    let mut command = Command::new(crate::ground::program("unshare"));
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["sh", "-c", script, "sh"]).arg(&small);
    command.arg(child.get_program()).args(child.get_args());
    command.envs(
        child
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = command.output().unwrap();
    assert_ne!(
        output.status.code(),
        Some(9),
        "MISSING PART: a mount namespace"
    );
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("the disk is full; `brig images prune`"),
        "{told}"
    );
    assert!(
        !told.contains("/partial/") && !told.contains("/temp/"),
        "{told}"
    );
}
