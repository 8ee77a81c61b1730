//! Builds init, the small static program that is first inside a cell, so that brig can embed it.
//!
//! init stands alone: no dependency, no C library, no start files. `rustc` builds it for the same
//! target as brig, in a second.

use std::env::var;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=runtime/init");
    println!("cargo::rerun-if-changed=runtime/build.rs");
    let out = PathBuf::from(var("OUT_DIR")?);
    let source = PathBuf::from(var("CARGO_MANIFEST_DIR")?).join("runtime/init/main.rs");
    let mut rustc = Command::new(var("RUSTC")?);
    rustc.args([
        "--edition",
        "2024",
        "--crate-name",
        "brig_init",
        "--crate-type",
        "bin",
    ]);
    rustc.args(["--target", &var("TARGET")?]);
    rustc.args([
        "-C",
        "opt-level=s",
        "-C",
        "panic=abort",
        "-C",
        "strip=symbols",
    ]);
    rustc.args([
        "-C",
        "relocation-model=static",
        "-C",
        "target-feature=+crt-static",
    ]);
    for argument in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-Wl,--build-id=none",
    ] {
        rustc.args(["-C", &format!("link-arg={argument}")]);
    }
    // The one way to an init that leaves walls out. brig refuses to be built with this feature for
    // a release.
    rustc.args(["--check-cfg", "cfg(test_hooks)"]);
    if var("CARGO_FEATURE_TEST_HOOKS").is_ok() {
        rustc.args(["--cfg", "test_hooks"]);
    }
    if let Ok(linker) = var("RUSTC_LINKER") {
        rustc.args(["-C", &format!("linker={linker}")]);
    }
    rustc.arg("-o").arg(out.join("init")).arg(source);
    let status = rustc.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cannot build init: {status}").into())
    }
}
