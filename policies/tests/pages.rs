//! Each kind of fault has a page, and its examples are true.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use brig_policies::{
    FaultCode, Faults, Page, Places, check, check_under, read_lock, read_settings,
};

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

/// The lines of an example, as a whole manifest.
fn whole(lines: &str) -> String {
    let format = if lines.contains("brig =") {
        ""
    } else {
        "brig = 1\n"
    };
    let server = "\n[server]\nname = \"notes\"\ncomponent = \"notes.wasm\"\n";
    let server = if lines.contains("[server]") {
        ""
    } else {
        server
    };
    format!("{format}{lines}{server}")
}

/// Under the settings of the page, where it has some; as a lock, where it is about one.
fn judged(page: &Page, text: &str) -> Result<(), Faults> {
    if page.of_lock {
        return read_lock(text).map(drop);
    }
    if page.settings.is_empty() {
        return check(text, &places()).map(drop);
    }
    let settings = read_settings(page.settings).unwrap();
    let ceiling = settings.ceiling("/home/me/.config/brig/config.toml", &places());
    check_under(text, &places(), &ceiling).map(drop)
}

#[track_caller]
fn check_page(page: &Page) {
    let whole = |lines: &str| {
        if page.of_lock {
            lines.to_owned()
        } else {
            whole(lines)
        }
    };
    let refused = whole(page.refused);
    let faults = judged(page, &refused).unwrap_err();
    let codes: Vec<FaultCode> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [page.code], "{refused}");
    let fixed = whole(page.fixed);
    assert!(judged(page, &fixed).is_ok(), "{fixed}");
    assert_eq!(FaultCode::of(page.code.as_str()), Some(page.code));
}

#[test]
fn the_refused_example_has_the_fault_alone_and_the_fixed_one_has_none() {
    for code in FaultCode::ALL {
        check_page(&code.page());
    }
}

#[test]
fn no_other_name_has_a_page() {
    assert_eq!(FaultCode::of("no-such-fault"), None);
    assert_eq!(FaultCode::of(""), None);
}
