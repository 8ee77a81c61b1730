//! What may this server do?
//!
//! A manifest's text becomes a [`Manifest`] (what is written, with its places), and a manifest and
//! the [`Places`] of one machine become a [`Policy`] (the rights, checked). Whatever the text does
//! not grant is absent from the policy; there is no deny list. Every mistake is a [`Fault`], and
//! all of them are told at once, in the order of the file.
//!
//! *Absent here:* input and output. The crate has no `std`, so nothing in it can read a file, the
//! environment or the clock; symbolic links are followed by the caller, who then asks
//! [`refused_source`] again about the path that they lead to.
#![no_std]

extern crate alloc;

mod admit;
mod edit;
mod explain;
mod fault;
mod format;
mod grammar;
mod host;
mod journal;
mod json;
mod limits;
mod lock;
mod manifest;
mod manual;
mod name;
mod normal;
mod obeyed;
mod path;
mod pattern;
mod places;
mod policy;
mod quantity;
mod reference;
mod resolve;
mod schema;
mod settings;
mod source;
pub mod strict;
mod widen;
mod wording;

pub use admit::{Permit, Place, RefusalCode, Refused, Rules, Slot, Usage, Withheld};
pub use edit::{Addition, NotAdded};
pub use explain::{Danger, Explanation, Right, Together, explain};
pub use fault::{Fault, FaultCode, Faults, Page};
pub use format::format;
pub use host::{
    Block, Destination, HostName, InvalidBlock, InvalidDestination, InvalidHostName, InvalidReach,
    LookAlike, Reach,
};
pub use journal::{
    Entry, Incident, InvalidJournal, JOURNAL_BYTES_MAX, Journal, Kept, Kind, Party, Remedy, Run,
    is_power_of_ten, read_journal, remedy,
};
pub use json::Json;
pub use limits::Limits;
pub use lock::{
    Comparison, Difference, Digest, Drift, Era, Found, InvalidDigest, InvalidJson, InvalidTool,
    Judgement, LOCK_BYTES_MAX, Lock, LockedArtifact, LockedTool, TOOL_BYTES_MAX, Tool, Watch,
    manifest_digest, names_project, read_lock,
};
pub use manifest::{Manifest, TEXT_BYTES_MAX, read};
pub use manual::{Example, examples, reference, reference_of};
pub use name::{
    EnvName, InvalidEnvName, InvalidSecretName, InvalidServerName, SecretName, ServerName,
};
pub use obeyed::{GIT_FOLDER, git_parts, is_git_folder, obeyed, obeyed_names};
pub use path::{GuestPath, HostPath, InvalidPath};
pub use pattern::{InvalidPattern, InvalidPointer, Pattern, Pointer, ToolPattern};
pub use places::Places;
pub use policy::{
    Access, Allowed, ClientRight, CommandProgram, Condition, Ech, EnvValue, Exec, FileGrant, Links,
    Mark, Missing, Named, NetworkGrant, NotEnforceable, Package, Policy, Protocol, Scalar,
    SecretForm, SecretGrant, Source, StateGrant, SyscallGroup, ToolLimit, ToolRule, Tools,
};
pub use reference::{
    ImageForm, ImagePlace, ImageReference, ImageSource, InvalidImageReference, InvalidPackage,
    NpmPackage, PypiPackage,
};
pub use resolve::{check, resolve};
pub use schema::{schema, settings_schema};
pub use settings::{
    Bound, Ceiling, Consent, HostReach, InvalidProxy, Lowered, Narrowed, OwnFile, ProxyAddress,
    SecretNewline, SecretPlace, SecretSource, Settings, check_under, read_settings,
};
pub use source::{Refusal, refused_source, refused_write};
pub use widen::{Change, Changes, widen};
pub use wording::is_hidden;
