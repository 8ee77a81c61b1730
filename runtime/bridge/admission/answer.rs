//! What a server answers.

use brig_policies::strict::{Object, Value, mentions};
use brig_policies::{ClientRight, Withheld};
use std::cmp::Ordering;

use super::super::cuts::Cuts;
use super::super::method::Method;
use super::{About, Admission, Denied, capability, list};

/// The error by which a server of 2025-11-25 sends a user to a page before it goes on.
const PAGE_WANTED: i64 = -32_042;

impl Admission {
    /// Judges the answer to a request that was about this: as what it passes where something is
    /// taken out of it. `raw` is the whole message, of which the others are pieces.
    pub(crate) fn server_answers(
        &mut self,
        about: &About,
        raw: &str,
        result: Option<&str>,
        error: Option<&str>,
    ) -> Result<Option<String>, Denied> {
        let mut cuts = Cuts::new(raw);
        let judged = match (result, error) {
            (Some(result), _) => self.admit_result(about, Value::new(result), &mut cuts),
            (None, Some(error)) => self.admit_error(Value::new(error)),
            (None, None) => Ok(()),
        };
        match judged {
            Ok(()) => Ok(cuts.apply()),
            Err(why) => Err(about.denied(why)),
        }
    }

    fn admit_result<'a>(
        &mut self,
        about: &About,
        result: Value<'a>,
        cuts: &mut Cuts<'a>,
    ) -> Result<(), Withheld> {
        if let Some(counted) = &about.counted {
            let most = counted.permit.result_bytes_max();
            let bytes = u64::try_from(result.raw().len()).unwrap_or(u64::MAX);
            if most.is_some_and(|most| bytes > most) {
                return Err(self
                    .rules
                    .refuse_result(&counted.permit, &counted.tool)
                    .into());
            }
        }
        let grants_all = self.rules.grants_all();
        let narrowed = match about.method {
            Method::List(list) => Some(list)
                .filter(|list| list::is_narrowed(&self.rules, self.review.is_some(), *list)),
            Method::Initialize
            | Method::Discover
            | Method::CallTool
            | Method::GetPrompt
            | Method::Resource
            | Method::Complete
            | Method::Listen
            | Method::SetLevel
            | Method::Other => None,
        };
        if !result.is_object() || (grants_all && narrowed.is_none()) {
            return Ok(());
        }
        self.messages_read += 1;
        if let Some(list) = narrowed {
            list::narrow(&self.rules, self.review.as_mut(), list, result, cuts)?;
        }
        let is_hello = matches!(about.method, Method::Initialize | Method::Discover);
        if is_hello && !self.rules.grants(ClientRight::Logging) {
            let hello = Object::read(result, "result", &["capabilities", "cacheScope", "ttlMs"])?;
            capability::of_server(&self.rules, &hello, cuts)?;
            if !cuts.is_empty() {
                list::keep_private(&hello, cuts)?;
            }
        }
        // Whichever request it answers: clients look for it in all results of the modern era.
        if !grants_all && mentions(result, "inputRequests") {
            let holder = Object::read(result, "result", &["inputRequests", "resultType"])?;
            let _ = self.rules.admit_inputs(&holder)?;
        }
        Ok(())
    }

    fn admit_error(&mut self, error: Value<'_>) -> Result<(), Withheld> {
        if self.rules.grants(ClientRight::ElicitationUrl) || !error.is_object() {
            return Ok(());
        }
        self.messages_read += 1;
        let error = Object::read(error, "error", &["code", "data"])?;
        let code = error.get("code");
        if code.and_then(|code| code.compare(PAGE_WANTED)) == Some(Ordering::Equal) {
            let _ = self.rules.admit_right(ClientRight::ElicitationUrl)?;
        }
        Ok(())
    }
}
