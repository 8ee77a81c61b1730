//! What a reviewer is shown of real servers.

use crate::harness::{Scratch, brig, repository};
use std::fs;
use std::path::{Path, PathBuf};

/// The lines of a screen.
const LINES: usize = 40;

/// Runs `brig explain` in a home of its own, whose names are those of the manifests.
#[track_caller]
fn explained(manifest: &Path, home: &Path) -> String {
    let mut command = brig();
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command.arg("explain").arg(manifest);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}: {output:?}",
        manifest.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Ten servers that people run, each with the least that it needs: what is told of their rights is
/// held word by word (`UPDATE=1` rewrites it), and is a screen at most. What holds the rest depends
/// on the host.
#[test]
fn real_servers_are_explained_on_one_screen() {
    let folder = repository().join("policies/testdata/servers");
    let manifests = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut manifests: Vec<PathBuf> = manifests
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    manifests.sort();
    assert_eq!(manifests.len(), 10);
    let home = Path::new("/home/me");
    for manifest in manifests {
        let told = explained(&manifest, home);
        let lines = told.lines().count();
        assert!(lines <= LINES, "{}: {lines} lines", manifest.display());
        assert!(
            told.lines().all(|line| line.chars().count() <= 100),
            "{told}"
        );
        let tails = [
            "\nheld on this host\n",
            "\nit does not start on this host\n",
        ];
        let end = tails.iter().find_map(|tail| told.find(tail)).unwrap();
        let expected = manifest.with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &told[..end]).unwrap();
        }
        let want = fs::read_to_string(&expected).unwrap();
        assert_eq!(told[..end], want, "{}", manifest.display());
    }
}

#[test]
fn an_ordinary_server_that_starts_here_is_a_screen_too() {
    let scratch = Scratch::new();
    let notes = repository().join("examples/notes/brig.toml");
    let told = explained(&notes, scratch.path());
    assert!(told.contains("\nheld on this host\n"), "{told}");
    assert!(told.lines().count() <= LINES, "{told}");
}
