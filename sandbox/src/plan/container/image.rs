//! A program in an image: the image is the whole root, and its configuration a wish.

use super::{HOSTS, HOSTS_FILE, Started, account, environment, group_of};
use crate::cell::{GrantKind, Mount, within};
use crate::facts::HostFacts;
use crate::image::{self, ImageFacts, Stands};
use crate::plan::{ImagePart, Unplannable};
use brig_policies::Policy;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn started(
    policy: &Policy,
    facts: &HostFacts,
    grants: &[Mount],
    inside: (u32, u32),
) -> Result<Started, Unplannable> {
    let Some(image) = &facts.image else {
        return Err(Unplannable::Program(
            "the image is not on this host".to_owned(),
        ));
    };
    let refused = |what: &str| Unplannable::Program(format!("`{}` {what}", image.reference));
    let arguments = image::arguments(&image.wish, policy.args());
    let mut arguments = arguments.into_iter().flatten();
    let name = arguments
        .next()
        .ok_or_else(|| refused("names no program: write it, with its arguments, as `args`"))?;
    let program = image
        .program
        .clone()
        .ok_or_else(|| refused(&format!("has no program `{name}`")))?;
    if let Some(Stands::File | Stands::Link(_)) = image.stands.get("/etc") {
        return Err(refused("has an `/etc` that is no directory"));
    }
    let directory = image::directory(&image.wish);
    let (top, ways) = shown(image, grants);
    let mut system = vec![Mount::Image {
        source: image.root.clone(),
        top,
        ways,
    }];
    if !image.has_directory {
        system.push(Mount::Folder {
            at: directory.clone(),
        });
    }
    let granted: Vec<&str> = grants.iter().map(Mount::at).collect();
    let [accounts, groups] = &image.accounts;
    Ok(Started {
        program,
        name,
        directory,
        stop_signal: image::stop_signal(&image.wish),
        runtimes: Vec::new(),
        image: Some(ImagePart {
            reference: image.reference.clone(),
            digest: image.digest.clone(),
            answered: image::answers(&image.wish, &granted, inside.0),
        }),
        args: arguments.collect(),
        environment: image::environment(&image.wish, &image.accounts, environment(policy)),
        system,
        before: Vec::new(),
        after: Vec::new(),
        texts: vec![
            (
                "/etc/passwd",
                with_own(accounts.as_deref(), inside.0, &account(inside)),
            ),
            (
                "/etc/group",
                with_own(groups.as_deref(), inside.1, &group_of(inside)),
            ),
            (HOSTS_FILE, HOSTS.to_owned()),
        ],
    })
}

/// Places of a cell that are never the image's, whatever it has there.
const OTHERS: &[&str] = &["/dev", "/proc", "/sys", "/tmp"];

/// What of the image is shown. A rule of Landlock reaches into all that is mounted below it, and
/// would give that the image's rights: the one to run programs, above all. So a folder in which
/// something else is mounted is taken apart.
fn shown(image: &ImageFacts, grants: &[Mount]) -> (BTreeMap<String, GrantKind>, BTreeSet<String>) {
    let others = grants.iter().map(Mount::at).chain(OTHERS.iter().copied());
    let others: Vec<&str> = others.collect();
    let below = |path: &str| path.trim_start_matches('/').to_owned();
    let at =
        |folder: &str, (name, kind): (&String, &GrantKind)| (format!("{folder}/{name}"), *kind);
    let (mut top, mut ways) = (BTreeMap::new(), BTreeSet::new());
    let mut queue: Vec<_> = image.top.iter().map(|entry| at("", entry)).collect();
    while let Some((path, kind)) = queue.pop() {
        if others.contains(&path.as_str()) {
            continue;
        }
        if !others.iter().any(|other| within(other, &path)) {
            top.insert(below(&path), kind);
            continue;
        }
        let entries = image.beside.get(&path).into_iter().flatten();
        queue.extend(entries.map(|entry| at(&path, entry)));
        ways.insert(below(&path));
    }
    (top, ways)
}

/// The image's accounts, and the one as which the server runs. The first line of an id counts
/// (getpwuid(3)).
fn with_own(of_image: Option<&str>, id: u32, own: &str) -> String {
    let of_image = of_image.unwrap_or_default();
    let end = if of_image.is_empty() || of_image.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let taken = format!(":{id}:");
    let kept = of_image.lines().filter(|line| !line.contains(&taken));
    let kept: Vec<&str> = kept.collect();
    if kept.len() == of_image.lines().count() {
        return format!("{of_image}{end}{own}");
    }
    format!("{}\n{own}", kept.join("\n"))
}

/// What of the image keeps a grant from its place.
pub(super) fn in_the_way(image: &ImageFacts, grant: &Mount) -> Option<String> {
    let Mount::Grant { at, kind, .. } = grant else {
        return None;
    };
    let above = at.match_indices('/').skip(1);
    let above = above.filter_map(|(end, _)| at.get(..end));
    let own = image
        .stands
        .get(at.as_str())
        .filter(|stands| match (stands, kind) {
            (Stands::Link(_), _)
            | (Stands::File, GrantKind::Directory)
            | (Stands::Directory, GrantKind::File) => true,
            (Stands::File, GrantKind::File) | (Stands::Directory, GrantKind::Directory) => false,
        });
    let mut above = above.filter_map(|path| Some((path, image.stands.get(path)?)));
    let (path, stands) = above
        .find(|(_, stands)| **stands != Stands::Directory)
        .or_else(|| own.map(|own| (at.as_str(), own)))?;
    let is = match stands {
        Stands::File => "a file".to_owned(),
        Stands::Directory => "a directory".to_owned(),
        Stands::Link(to) => format!("a link to `{to}`"),
    };
    Some(format!("`{path}` is {is} in the image"))
}
