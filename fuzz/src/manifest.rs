//! Manifests: any text is read or told of, and what is accepted grants nothing that is refused.

use std::path::Path;

use brig_policies::{
    Access, Faults, GuestPath, HostPath, Places, Policy, check as read_and_resolve, explain,
    format, read, refused_source, refused_write, resolve, widen,
};

use crate::is_harmful;

/// Some of what no manifest can grant, said here once more and in other words: a grant of it, or of
/// a folder that holds it, is a fault whatever `refused_source` says.
const NEVER: &[&str] = &[
    "/dev/mem",
    "/etc/shadow",
    "/home/me/.aws/credentials",
    "/home/me/.local/state/brig/approved",
    "/home/me/.ssh/id_rsa",
    "/home/other/.gnupg/x",
    "/proc/1/root",
    "/run/user/1000/bus",
    "/var/run/docker.sock",
];

/// What no manifest can grant for writing, in the same way.
const NEVER_WRITTEN: &[&str] = &[
    "/home/me/manifests/notes.toml",
    "/home/me/manifests/brig.lock",
];

/// Where nothing can be granted for writing, however deep.
const PROGRAMS: &[&str] = &["/bin", "/usr", "/lib", "/sbin"];

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
            check_format(text, &told, &places);
            let nowhere = Places {
                home: None,
                project: None,
                ..places
            };
            check_told(text, &resolve(&manifest, &nowhere), &nowhere);
        }
        Err(faults) => {
            assert!(told.is_err(), "reading tells of what checking lets pass");
            assert_eq!(format(text).as_ref(), Err(&faults));
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

/// Laid out anew it says the same, and laid out once more it stays as it is.
fn check_format(text: &str, told: &Result<Policy, Faults>, places: &Places) {
    let formatted = format(text).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted, "{text:?}");
    match (told, read_and_resolve(&formatted, places)) {
        (Ok(policy), Ok(again)) => {
            assert_eq!(*policy, again, "{text:?} and {formatted:?}");
            assert!(widen(policy, &again).is_empty());
        }
        (Err(_), Err(_)) => {}
        (told, again) => panic!("{told:?} and {again:?} of {formatted:?}"),
    }
}

pub(crate) fn check_faults(text: &str, faults: &Faults) {
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
        let at = grant.at();
        assert_eq!(at.as_str().parse::<GuestPath>().as_ref(), Ok(at));
        check_granted(grant.host(), grant.access(), places);
        // Sorted by names, so one inside another would come right after it.
        let is_later = |before: &GuestPath| {
            let (before, at) = (before.as_str().split('/'), at.as_str().split('/'));
            before.clone().lt(at.clone()) && !at.take(before.clone().count()).eq(before)
        };
        assert!(before.is_none_or(is_later), "{before:?} before {at}");
        before = Some(at);
        for named in grant.named() {
            let host = format!("{}/{}", grant.host(), named.below());
            assert_eq!(named.host().as_str(), host);
            assert_eq!(grant.access(), Access::Write, "{host} is named for nothing");
            check_granted(named.host(), Access::Write, places);
        }
    }
    for right in explain(policy).rights {
        for words in [&right.can, &right.means] {
            assert!(!words.contains(is_harmful), "{words:?}");
        }
    }
    assert!(
        policy
            .args()
            .iter()
            .all(|argument| !argument.contains('\0'))
    );
}

fn check_granted(host: &HostPath, access: Access, places: &Places) {
    let path = host.as_str();
    assert_eq!(path.parse::<HostPath>().as_ref(), Ok(host));
    assert_eq!(refused_source(path, places), None, "{path}");
    let holds = |place: &&str| Path::new(place).starts_with(path);
    assert!(!NEVER.iter().any(holds), "{path}");
    if access == Access::Write {
        assert_eq!(refused_write(path, places), None, "{path}");
        assert!(!NEVER_WRITTEN.iter().any(holds), "{path}");
        let is_below = |folder: &&str| Path::new(path).starts_with(folder);
        assert!(!PROGRAMS.iter().any(is_below), "{path}");
    }
}
