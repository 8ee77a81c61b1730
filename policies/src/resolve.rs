//! A manifest and one machine's places become a policy.

mod grants;
mod network;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::fault::{FaultCode, Faults, Findings, Told};
use crate::limits::{
    Bounds, CALL, CPUS, Limits, MEMORY, MESSAGE, OPEN_FILES, PROCESSES, SCRATCH, START,
};
use crate::manifest::{
    Entry, Manifest, Spanned, Teach as _, WrittenLimits, WrittenProgram, WrittenSource,
    WrittenValue, read_into,
};
use crate::name::EnvName;
use crate::path::{HostPath, Location, Unplaced};
use crate::places::Places;
use crate::policy::{
    CommandProgram, EnvValue, LimitMarks, Mark, Package, Policy, SecretGrant, Source,
};
use crate::reference::{ImageSource, WrittenImage};

/// The variables that are passed on unless the manifest sets them: they tell how to write times
/// and texts, and nothing about the user that a message would not.
const PASSED_ON: &[&str] = &["LANG", "TZ"];

/// Checks what a manifest asks for against where it applies.
///
/// The policy has what the manifest grants, its defaults filled in, and nothing else.
///
/// # Errors
///
/// Every fault that depends on the places or on two entries together, in the order of the file.
pub fn resolve(manifest: &Manifest, places: &Places) -> Result<Policy, Faults> {
    let mut findings = Findings::new();
    let policy = rights(manifest, places, &mut findings);
    findings.end(&manifest.text, policy)
}

/// [`read`](crate::read) and [`resolve`] in one, so that what is wrong with the text does not
/// hide what is wrong with the rights.
///
/// # Errors
///
/// Every fault of both, in the order of the file.
pub fn check(text: &str, places: &Places) -> Result<Policy, Faults> {
    let mut findings = Findings::new();
    let policy = read_into(text, &mut findings)
        .and_then(|manifest| rights(&manifest, places, &mut findings));
    findings.end(text, policy)
}

/// What a manifest grants here, its faults told.
pub(crate) fn rights(
    manifest: &Manifest,
    places: &Places,
    findings: &mut Findings,
) -> Result<Policy, Told> {
    let source = manifest.source.as_ref().map_err(|told| *told);
    let source = source.and_then(|written| {
        let mark = Mark::new(written.span.clone());
        source_of(&written.value, places, findings).map(|source| (source, mark))
    });
    let grants = grants::resolve(manifest, places, findings);
    let network = network::resolve(manifest, findings);
    let limits = limits(&manifest.limits);
    let (files, state) = grants?;
    let (source, source_mark) = source?;
    Ok(Policy {
        name: manifest.name.clone()?.value,
        source,
        source_mark,
        args: manifest
            .args
            .clone()?
            .map(|args| args.value)
            .unwrap_or_default(),
        network: network?,
        files,
        state,
        env: environment(manifest),
        secrets: secrets(manifest),
        tools: manifest.tools.clone(),
        resources: manifest.resources.clone(),
        prompts: manifest.prompts.clone(),
        client: manifest.client.clone(),
        limits: limits?,
        limit_marks: limit_marks(&manifest.limits),
        syscalls: manifest.syscalls.clone(),
    })
}

fn source_of(
    written: &WrittenSource,
    places: &Places,
    findings: &mut Findings,
) -> Result<Source, Told> {
    Ok(match written {
        WrittenSource::Component(path) => Source::Component(place(path, places, findings)?),
        WrittenSource::Command { program, args } => Source::Command {
            program: match program {
                WrittenProgram::Path(path) => CommandProgram::Path(place(path, places, findings)?),
                WrittenProgram::Name(name) => CommandProgram::Name(name.clone()),
            },
            args: args.clone(),
        },
        WrittenSource::Artifact(artifact) => Source::Package(Package::Component(artifact.clone())),
        WrittenSource::Image(image) => {
            Source::Package(Package::Image(image_of(image, places, findings)?))
        }
        WrittenSource::Npm(package) => Source::Package(Package::Npm(package.clone())),
        WrittenSource::Pypi(package) => Source::Package(Package::Pypi(package.clone())),
        WrittenSource::Bundle(path) => {
            Source::Package(Package::Bundle(place(path, places, findings)?))
        }
    })
}

fn image_of(
    written: &Spanned<WrittenImage>,
    places: &Places,
    findings: &mut Findings,
) -> Result<ImageSource, Told> {
    let (form, path, name) = match &written.value {
        WrittenImage::Registry(reference) => return Ok(reference.clone().into()),
        WrittenImage::File { form, path, name } => (*form, path.clone(), name.clone()),
    };
    let span = written.span.clone();
    let path = place(&Spanned { value: path, span }, places, findings)?;
    ImageSource::file(form, path, name).ok_or_else(|| {
        findings.tell(
            FaultCode::InvalidReference,
            written.span.clone(),
            "the whole path has a `:`, at which a path ends here".into(),
            "move it to a folder whose path has none".into(),
        )
    })
}

/// The path that a written one stands for in this start.
fn place(
    written: &Spanned<Location>,
    places: &Places,
    findings: &mut Findings,
) -> Result<HostPath, Told> {
    let mut tell = |code, message: String, help: String| {
        findings.tell(code, written.span.clone(), message, help)
    };
    written.value.place(places).map_err(|error| match error {
        Unplaced::NoHome => tell(
            FaultCode::EmptyPlaceholder,
            "`~` stands for nothing: this user has no home".into(),
            "write an absolute path".into(),
        ),
        Unplaced::NoProject => tell(
            FaultCode::EmptyPlaceholder,
            "`{project}` stands for nothing: this start names no project".into(),
            "name the project when starting, or write an absolute path".into(),
        ),
        Unplaced::Invalid(error) => tell(
            error.code(),
            format!("the whole path cannot be used: {error}"),
            error.help(),
        ),
    })
}

fn environment(manifest: &Manifest) -> BTreeMap<EnvName, EnvValue> {
    let passed_on = PASSED_ON
        .iter()
        .filter_map(|name| name.parse::<EnvName>().ok())
        .map(|name| (name.clone(), EnvValue::Host(name)));
    let written = manifest.env.iter().filter_map(|(name, value)| match value {
        WrittenValue::Plain(value) => Some((name.clone(), value.clone())),
        WrittenValue::Secret(_) => None,
    });
    let mut all: BTreeMap<EnvName, EnvValue> = passed_on.chain(written).collect();
    for (name, value) in &manifest.env {
        // A secret takes the place of what would be passed on.
        if let WrittenValue::Secret(_) = value {
            all.remove(name);
        }
    }
    all
}

fn secrets(manifest: &Manifest) -> BTreeMap<EnvName, SecretGrant> {
    let secrets = manifest.env.iter().filter_map(|(name, value)| match value {
        WrittenValue::Secret(secret) => Some((name.clone(), secret.clone())),
        WrittenValue::Plain(_) => None,
    });
    secrets.collect()
}

fn limits(written: &WrittenLimits) -> Result<Limits, Told> {
    Ok(Limits {
        memory_bytes: or_default(&written.memory, &MEMORY)?.0,
        cpus_milli: or_default(&written.cpus, &CPUS)?.0,
        processes: or_default(&written.processes, &PROCESSES)?.0,
        open_files: or_default(&written.open_files, &OPEN_FILES)?.0,
        scratch_bytes: or_default(&written.scratch, &SCRATCH)?.0,
        message_bytes: or_default(&written.message, &MESSAGE)?.0,
        start_ms: or_default(&written.start, &START)?.0,
        call_ms: or_default(&written.call, &CALL)?.0,
    })
}

fn limit_marks(written: &WrittenLimits) -> LimitMarks {
    let written = written.written().into_iter();
    LimitMarks(written.map(|(limit, value)| (limit, value.span)).collect())
}

fn or_default<T: Copy>(written: &Entry<T>, bounds: &Bounds<T>) -> Result<T, Told> {
    match written {
        Ok(Some(written)) => Ok(written.value),
        Ok(None) => Ok(bounds.default),
        Err(told) => Err(*told),
    }
}
