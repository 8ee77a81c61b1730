//! What a policy holds that nothing enforces yet.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Policy, Source};
use crate::fault::{FaultCode, Faults, Findings};
use crate::grammar::{Key, server, top};

/// A right of a policy that no plan can hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEnforceable {
    /// The bytes of the manifest that give it.
    pub span: Range<usize>,
    /// Its key.
    pub key: &'static str,
    /// What to do meanwhile.
    pub help: &'static str,
}

impl Policy {
    /// What this release cannot enforce, in the order of the file. Whoever makes a plan refuses
    /// all of it: a right that is only written down would be believed to be held.
    pub fn not_enforceable(&self) -> Vec<NotEnforceable> {
        let mut found = Vec::new();
        let mut tell = |key: &Key, span: Range<usize>| {
            found.push(NotEnforceable {
                span,
                key: key.name,
                help: key.meanwhile(),
            });
        };
        match self.source() {
            Source::Component(_) | Source::Command { .. } => {}
            Source::Package(package) => {
                use super::Package::{Bundle, Component, Image, Npm, Pypi};
                let key = match package {
                    Image(_) | Component(_) => None,
                    Npm(_) => Some(&server::NPM),
                    Pypi(_) => Some(&server::PYPI),
                    Bundle(_) => Some(&server::BUNDLE),
                };
                if let Some(key) = key {
                    tell(key, self.source_mark.span());
                }
            }
        }
        for grant in &self.state {
            tell(&top::STATE, grant.mark.span());
        }
        let first = self.syscalls.first_key_value();
        if let Some((_, mark)) = first.filter(|_| self.is_component()) {
            found.push(NotEnforceable {
                span: mark.span(),
                key: top::SYSCALLS.name,
                help: "leave it out: a component makes no system calls",
            });
        }
        found.sort_by_key(|told| (told.span.start, told.span.end));
        found
    }

    fn is_component(&self) -> bool {
        use super::Package::Component;
        matches!(
            self.source(),
            Source::Component(_) | Source::Package(Component(_))
        )
    }

    /// [`not_enforceable`](Self::not_enforceable) as faults of the text that the policy was made
    /// from; `None` where all can be enforced.
    pub fn not_enforceable_in(&self, text: &str) -> Option<Faults> {
        let mut findings = Findings::new();
        for told in self.not_enforceable() {
            let message = format!("`{}` is not enforceable yet", told.key);
            let code = FaultCode::NotEnforceableYet;
            findings.tell(code, told.span, message, told.help.into());
        }
        findings.end(text, Ok(())).err()
    }
}
