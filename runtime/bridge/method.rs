//! Which methods a rule may have something to say about.

use brig_policies::strict::same_letters;

/// What a client's request or notification is about, as far as rules care.
///
/// The case of a method is taken away before it is compared: a server that takes `Tools/Call` for
/// `tools/call` must not be reached past the rules, and one that does not answers as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
    /// A page of a list.
    List(List),
    /// `tools/call`
    CallTool,
    /// `prompts/get`
    GetPrompt,
    /// `resources/read`, and whatever else is about one resource.
    Resource,
    /// `completion/complete`
    Complete,
    /// `subscriptions/listen`
    Listen,
    /// `logging/setLevel`
    SetLevel,
    /// Any other.
    Other,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `prompts/list`
    Prompts,
}

const METHODS: &[(&str, Method)] = &[
    ("initialize", Method::Initialize),
    ("server/discover", Method::Discover),
    ("tools/list", Method::List(List::Tools)),
    ("tools/call", Method::CallTool),
    ("resources/list", Method::List(List::Resources)),
    ("resources/templates/list", Method::List(List::Templates)),
    ("prompts/list", Method::List(List::Prompts)),
    ("prompts/get", Method::GetPrompt),
    ("completion/complete", Method::Complete),
    ("subscriptions/listen", Method::Listen),
    ("logging/setLevel", Method::SetLevel),
];

/// What the methods start with that are about resources, those of extensions among them.
const RESOURCES: &str = "resources";

impl Method {
    /// What a method's name means.
    pub(crate) fn of(name: &str) -> Self {
        let mut methods = METHODS.iter();
        if let Some((_, method)) = methods.find(|(known, _)| same_letters(known, name)) {
            return *method;
        }
        match name.split_once('/') {
            Some((head, _)) if same_letters(head, RESOURCES) => Self::Resource,
            Some(_) | None => Self::Other,
        }
    }
}

impl List {
    /// The key of the list in its result.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The key by which an element is known.
    pub(crate) const fn name_key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: Method) {
        assert_eq!(Method::of(name), want, "{name}");
    }

    #[test]
    fn a_method_is_known_in_every_case() {
        check("tools/call", Method::CallTool);
        check("Tools/Call", Method::CallTool);
        check("tool\u{17f}/call", Method::CallTool);
        check("tools/call ", Method::Other);
        check("resources/read", Method::Resource);
        check("resources/subscribe", Method::Resource);
        check("RESOURCES/directory/read", Method::Resource);
        check("resources/list", Method::List(List::Resources));
        check("resources/templates/list", Method::List(List::Templates));
        check("re\u{17f}ources/read", Method::Resource);
        check("resources", Method::Other);
        check("ping", Method::Other);
        check("", Method::Other);
    }
}
