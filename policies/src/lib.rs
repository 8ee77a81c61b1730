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

mod fault;
mod grammar;
mod limits;
mod manifest;
mod name;
mod obeyed;
mod path;
mod places;
mod policy;
mod quantity;
mod resolve;
mod source;
mod wording;

pub use fault::{Fault, FaultCode, Faults};
pub use limits::Limits;
pub use manifest::{Manifest, read};
pub use name::{EnvName, InvalidEnvName, InvalidServerName, ServerName};
pub use obeyed::{GIT_FOLDER, git_parts, is_git_folder, obeyed, obeyed_names};
pub use path::{GuestPath, HostPath, InvalidPath};
pub use places::Places;
pub use policy::{
    Access, CommandProgram, EnvValue, Exec, FileGrant, Links, Missing, Named, Policy, Source,
};
pub use resolve::{check, resolve};
pub use source::{Refusal, refused_source, refused_write};
