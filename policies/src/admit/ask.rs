//! What a server asks of its client, in both eras: by a request of its own (legacy), by an input
//! request inside a result (modern), by a notification.

use alloc::format;

use super::{Permit, Place, RefusalCode, Refused, Rules, Withheld};
use crate::policy::ClientRight;
use crate::strict::{Object, Unclear, Value, same_letters};

/// The methods that need one right each, whatever their parameters say.
const METHODS: &[(&str, ClientRight)] = &[
    ("sampling/createMessage", ClientRight::Sampling),
    ("roots/list", ClientRight::Roots),
    ("notifications/message", ClientRight::Logging),
    (
        "notifications/elicitation/complete",
        ClientRight::ElicitationUrl,
    ),
];

impl Rules {
    /// Whether the server has a right over its client.
    pub fn grants(&self, right: ClientRight) -> bool {
        self.client.contains(&right)
    }

    /// Whether it has all of them, so that nothing that it asks has to be read.
    pub fn grants_all(&self) -> bool {
        ClientRight::ALL.iter().all(|right| self.grants(*right))
    }

    /// Whether the server may ask its client this, or tell it by a request or a notification: what
    /// needs a right needs it with an id and without. Methods that no right is about pass.
    pub fn admit_ask(&self, method: &str, params: Option<Value<'_>>) -> Result<Permit, Withheld> {
        if same_letters(method, "notifications/tasks") && !self.grants_all() {
            // The modern era's tasks ask as results do.
            let params = params.filter(|params| params.is_object());
            return params.map_or(Ok(Permit::plain()), |params| {
                self.admit_inputs(&Object::read(params, "params", &["inputRequests"])?)
            });
        }
        self.admit_method(method, params)
    }

    fn admit_method(&self, method: &str, params: Option<Value<'_>>) -> Result<Permit, Withheld> {
        // A client that takes another case for the same method must not be led past the right.
        let is = |name: &str| same_letters(method, name);
        if is("elicitation/create") {
            return self.admit_elicitation(params);
        }
        let right = METHODS.iter().find(|(name, _)| is(name));
        right.map_or(Ok(Permit::plain()), |(_, right)| {
            Ok(self.admit_right(*right)?)
        })
    }

    /// Whether the server may ask what a result, or the state of a task, asks: all of its
    /// `inputRequests`, or it is withheld as a whole.
    pub fn admit_inputs(&self, holder: &Object<'_>) -> Result<Permit, Withheld> {
        let Some(requests) = holder.get("inputRequests") else {
            return Ok(Permit::plain());
        };
        for (_, request) in Object::read(requests, "inputRequests", &[])?.members() {
            let request = Object::read(request, "inputRequests", &["method", "params"])?;
            let method = request.get("method").and_then(Value::text);
            let method = method.ok_or(Unclear::Form("method"))?;
            let _ = self.admit_method(&method, request.get("params"))?;
        }
        Ok(Permit::plain())
    }

    /// A question is a form unless its `mode` says otherwise; what is neither needs both rights.
    fn admit_elicitation(&self, params: Option<Value<'_>>) -> Result<Permit, Withheld> {
        use ClientRight::{Elicitation, ElicitationUrl};
        if self.grants(Elicitation) && self.grants(ElicitationUrl) {
            return Ok(Permit::plain());
        }
        let Some(params) = params else {
            return Ok(self.admit_right(Elicitation)?);
        };
        let params = Object::read(params, "params", &["mode", "url"])?;
        let mode = match params.get("mode") {
            Some(mode) => Some(mode.text().ok_or(Unclear::Form("mode"))?),
            None => None,
        };
        Ok(match mode.as_deref() {
            // A page that comes without its mode is a page to some clients.
            None if params.get("url").is_some() => {
                let _ = self.admit_right(Elicitation)?;
                self.admit_right(ElicitationUrl)?
            }
            None | Some("form") => self.admit_right(Elicitation)?,
            Some("url") => self.admit_right(ElicitationUrl)?,
            Some(_) => {
                let _ = self.admit_right(Elicitation)?;
                self.admit_right(ElicitationUrl)?
            }
        })
    }

    /// Whether the server has a right over its client.
    pub fn admit_right(&self, right: ClientRight) -> Result<Permit, Refused> {
        if self.grants(right) {
            return Ok(Permit::plain());
        }
        let key = match right {
            ClientRight::Sampling => "client.sampling",
            ClientRight::Elicitation => "client.elicitation",
            ClientRight::ElicitationUrl => "client.elicitation-url",
            ClientRight::Roots => "client.roots",
            ClientRight::Logging => "client.logging",
        };
        let reason = format!(
            "the server may not use \"{}\" of its client here",
            right.as_str()
        );
        let code = RefusalCode::RightNotGranted;
        Err(Refused::new(
            code,
            (key, &Place::of(None)),
            right.as_str(),
            reason,
        ))
    }
}
