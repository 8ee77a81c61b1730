//! Manifests: any text is read or told of, and what is accepted grants nothing that is refused.

use brig_policies::{
    Access, Faults, GuestPath, HostPath, Places, Policy, check as read_and_resolve, read,
    refused_source, refused_write, resolve,
};

use crate::is_harmful;

/// Checks one text, where everything is known and where nothing is.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let places = places();
    let told = read_and_resolve(text, &places);
    let again = read_and_resolve(text, &places);
    assert_eq!(told, again, "the same text is told of in another way");
    check_told(text, &told, &places);
    match read(text) {
        Ok(manifest) => {
            assert_eq!(resolve(&manifest, &places), told);
            let nowhere = Places {
                home: None,
                project: None,
                ..places
            };
            check_told(text, &resolve(&manifest, &nowhere), &nowhere);
        }
        Err(faults) => {
            assert!(told.is_err(), "reading tells of what checking lets pass");
            check_faults(text, &faults);
        }
    }
}

fn places() -> Places {
    Places {
        home: Some("/home/me".to_owned()),
        project: Some("/home/me/src/app".to_owned()),
        manifest_folder: "/home/me/manifests".to_owned(),
        own_folders: vec!["/home/me/.local/state/brig".to_owned()],
        manifest_path: "/home/me/manifests/notes.toml".to_owned(),
    }
}

fn check_told(text: &str, told: &Result<Policy, Faults>, places: &Places) {
    match told {
        Ok(policy) => {
            let is_toml = toml::de::DeTable::parse(text).is_ok();
            assert!(is_toml, "what is no TOML passes");
            check_policy(policy, places);
            let remarked = format!("{text}\n# nothing\n");
            assert_eq!(
                *told,
                read_and_resolve(&remarked, places),
                "a remark counts"
            );
        }
        Err(faults) => check_faults(text, faults),
    }
}

fn check_faults(text: &str, faults: &Faults) {
    assert!(faults.iter().next().is_some(), "refused without a fault");
    let mut last = 0;
    let (mut counted_to, mut line) = (0, 1);
    for fault in faults {
        assert!(fault.span.start >= last, "faults are in the file's order");
        last = fault.span.start;
        assert!(text.get(fault.span.clone()).is_some(), "{:?}", fault.span);
        line += text[counted_to..last].matches('\n').count();
        counted_to = last;
        let line_start = text[..last].rfind('\n').map_or(0, |newline| newline + 1);
        assert_eq!(fault.line, line);
        assert_eq!(fault.column, text[line_start..last].chars().count() + 1);
        assert!(!fault.help.is_empty());
        for words in [&fault.message, &fault.help] {
            assert!(!words.contains(is_harmful), "{words:?}");
        }
    }
}

fn check_policy(policy: &Policy, places: &Places) {
    let mut before: Option<&GuestPath> = None;
    for grant in policy.files() {
        let (host, at) = (grant.host().as_str(), grant.at().as_str());
        assert_eq!(refused_source(host, places), None, "{host}");
        assert_eq!(host.parse::<HostPath>().as_ref(), Ok(grant.host()));
        assert_eq!(at.parse::<GuestPath>().as_ref(), Ok(grant.at()));
        if grant.access() == Access::Write {
            assert_eq!(refused_write(host, places), None, "{host}");
        }
        if let Some(before) = before {
            assert!(before < grant.at(), "grants are sorted by their place");
        }
        before = Some(grant.at());
        let inside = |outer: &str| at.starts_with(&format!("{outer}/"));
        let mut others = policy.files().iter().map(|other| other.at().as_str());
        assert!(!others.any(inside), "{at} lies inside another grant");
    }
    for words in policy.args().iter().chain([&policy.name().to_string()]) {
        assert!(!words.contains('\0'));
    }
}
