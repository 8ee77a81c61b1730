//! What a client asks and tells.

use brig_policies::strict::{Object, Unclear, Value, mentions, same_letters};
use brig_policies::{ClientRight, Withheld};

use super::super::cuts::Cuts;
use super::super::method::Method;
use super::{
    About, Admission, Admitted, Counted, DenialForm, Denied, PROTOCOL_VERSION, capability, text_at,
};

/// The keys of a request's parameters that have a meaning in the protocol.
const RESERVED: &[&str] = &[
    "_meta",
    "name",
    "arguments",
    "task",
    "uri",
    "ref",
    "notifications",
];

impl Admission {
    /// Judges a request. `raw` is the whole message, of which `params` is a piece.
    pub(crate) fn client_asks(
        &mut self,
        now_ms: u64,
        raw: &str,
        method: &str,
        params: Option<&str>,
    ) -> Result<Admitted, Denied> {
        let method = Method::of(method);
        let mut about = About::of(method, self.is_modern(method, params));
        let params = params.map(Value::new);
        let mut cuts = Cuts::new(raw);
        let judged = self
            .declare(method, params, &mut cuts)
            .and_then(|()| self.admit(now_ms, method, params, &mut about));
        match judged {
            Ok(()) => Ok(Admitted {
                changed: cuts.apply(),
                about,
            }),
            Err(why) => {
                let denied = about.denied(why);
                // A task is not what a tool's result is the answer to.
                let is_task = params.is_some_and(|it| mentions(it, "task"));
                Err(Denied {
                    form: if is_task {
                        DenialForm::Error
                    } else {
                        denied.form
                    },
                    ..denied
                })
            }
        }
    }

    /// Whether a call of a tool that may be denied is of the modern era. A word in its parameters
    /// decides how a denial is worded, and nothing else.
    fn is_modern(&self, method: Method, params: Option<&str>) -> bool {
        let may_be_denied = self.reads_calls() || !self.rules.grants_all();
        method == Method::CallTool
            && may_be_denied
            && params.is_some_and(|params| params.contains(PROTOCOL_VERSION))
    }

    /// Judges a notification: as what it passes, where something is taken out of it. A server may
    /// do what a request asks though it has no id, so it has to pass the same rules.
    pub(crate) fn client_tells(
        &mut self,
        now_ms: u64,
        raw: &str,
        method: &str,
        params: Option<&str>,
    ) -> Result<Option<String>, Withheld> {
        let admitted = self.client_asks(now_ms, raw, method, params);
        let mut admitted = admitted.map_err(|denied| denied.why)?;
        self.settle(&mut admitted.about);
        Ok(admitted.changed)
    }

    /// Whether the server would learn by a notification that there are roots, without a right to
    /// know of them.
    pub(crate) fn is_hint(&self, method: &str) -> bool {
        let is_about_roots = same_letters(method, "notifications/roots/list_changed");
        is_about_roots && !self.rules.grants(ClientRight::Roots)
    }

    /// Takes out what the client says that it can do, where the server has no right to it.
    fn declare<'a>(
        &mut self,
        method: Method,
        params: Option<Value<'a>>,
        cuts: &mut Cuts<'a>,
    ) -> Result<(), Withheld> {
        let Some(params) = params.filter(|it| it.is_object() && !self.rules.grants_all()) else {
            return Ok(());
        };
        self.messages_read += 1;
        if method == Method::Initialize {
            let params = Object::read(params, "params", &["_meta", "capabilities"])?;
            if let Some(capabilities) = params.get("capabilities") {
                capability::of_client(&self.rules, capabilities, cuts)?;
            }
        }
        Ok(capability::of_request(&self.rules, params, cuts)?)
    }

    fn admit(
        &mut self,
        now_ms: u64,
        method: Method,
        params: Option<Value<'_>>,
        about: &mut About,
    ) -> Result<(), Withheld> {
        let rules = &self.rules;
        match method {
            Method::CallTool if self.reads_calls() => {
                self.messages_read += 1;
                self.admit_call(now_ms, &read(params)?, about)
            }
            Method::GetPrompt if rules.narrows_prompts() => {
                self.messages_read += 1;
                let name = text_at(read(params)?.get("name"), "name")?;
                let _ = rules.admit_prompt(&name)?;
                Ok(())
            }
            Method::Resource if rules.narrows_resources() => {
                self.messages_read += 1;
                let uri = text_at(read(params)?.get("uri"), "uri")?;
                let _ = rules.admit_resource(&uri)?;
                Ok(())
            }
            Method::Complete if rules.narrows_prompts() || rules.narrows_resources() => {
                self.messages_read += 1;
                self.admit_completion(&read(params)?)
            }
            Method::Listen if rules.narrows_resources() => {
                self.messages_read += 1;
                self.admit_watching(&read(params)?)
            }
            Method::SetLevel => {
                let _ = rules.admit_right(ClientRight::Logging)?;
                Ok(())
            }
            Method::CallTool
            | Method::GetPrompt
            | Method::Resource
            | Method::Complete
            | Method::Listen
            | Method::Initialize
            | Method::Discover
            | Method::List(_)
            | Method::Other => Ok(()),
        }
    }

    fn admit_call(
        &mut self,
        now_ms: u64,
        params: &Object<'_>,
        about: &mut About,
    ) -> Result<(), Withheld> {
        let name = text_at(params.get("name"), "name")?;
        self.reviewed(&name)?;
        let permit = self.rules.admit_call(&name, params.get("arguments"))?;
        let slot = self.usage.take(&self.rules, &permit, &name, now_ms)?;
        if permit.is_counted() {
            let tool = name.into_owned();
            about.counted = Some(Box::new(Counted { tool, permit, slot }));
        }
        Ok(())
    }

    /// What is completed for is a prompt or a resource, and is told about by its completions.
    fn admit_completion(&self, params: &Object<'_>) -> Result<(), Withheld> {
        let of = params.get("ref").ok_or(Unclear::Form("ref"))?;
        let of = Object::read(of, "ref", &["type", "name", "uri"])?;
        if let Some(name) = of.get("name").filter(|_| self.rules.narrows_prompts()) {
            let _ = self.rules.admit_prompt(&text_at(Some(name), "name")?)?;
        }
        if let Some(uri) = of.get("uri").filter(|_| self.rules.narrows_resources()) {
            let _ = self.rules.admit_resource(&text_at(Some(uri), "uri")?)?;
        }
        Ok(())
    }

    fn admit_watching(&self, params: &Object<'_>) -> Result<(), Withheld> {
        const WATCHED: &str = "resourceSubscriptions";
        let Some(wanted) = params.get("notifications") else {
            return Ok(());
        };
        let wanted = Object::read(wanted, "notifications", &[WATCHED])?;
        let Some(watched) = wanted.get(WATCHED) else {
            return Ok(());
        };
        for uri in watched.elements().ok_or(Unclear::Form(WATCHED))? {
            let _ = self.rules.admit_resource(&text_at(Some(uri), WATCHED)?)?;
        }
        Ok(())
    }
}

fn read(params: Option<Value<'_>>) -> Result<Object<'_>, Unclear> {
    Object::read(params.ok_or(Unclear::Form("params"))?, "params", RESERVED)
}
