//! A policy in its normal form: every default filled in, every amount in one spelling.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::grammar::variable;
use crate::grammar::{Key, client, files, limits, network, server, state, syscalls, tools, top};
use crate::json::Json;
use crate::policy::{
    Access, Allowed, CommandProgram, Condition, EnvValue, Exec, FileGrant, Links, Missing,
    NetworkGrant, Package, Policy, Scalar, Source, ToolLimit, ToolRule, Tools,
};
use crate::quantity::{Period, Size};
use crate::reference::ARTIFACT;

impl Policy {
    /// The policy with the manifest's keys, as JSON: what an author would have written who leaves
    /// no default out. Paths are those of this start, without placeholders.
    pub fn normal_form(&self) -> Json {
        let tables = |list: Vec<Json>| Json::List(list);
        Json::object([
            (top::BRIG.name, Json::Whole(1)),
            (top::SERVER.name, self.server()),
            (
                top::NETWORK.name,
                tables(self.network.iter().map(network_grant).collect()),
            ),
            (
                top::FILES.name,
                tables(self.files.iter().flat_map(file_grants).collect()),
            ),
            (
                top::STATE.name,
                tables(self.state.iter().map(state_grant).collect()),
            ),
            (top::ENV.name, self.variables()),
        ])
        .with(
            self.tools
                .as_ref()
                .map(|tools| (top::TOOLS.name, tools_of(tools))),
        )
        .with(allowed(&top::RESOURCES, self.resources.as_ref()))
        .with(allowed(&top::PROMPTS, self.prompts.as_ref()))
        .with([
            (top::CLIENT.name, self.client_rights()),
            (top::LIMITS.name, self.limits_of()),
            (top::SYSCALLS.name, self.groups()),
        ])
    }

    fn server(&self) -> Json {
        let source = match &self.source {
            Source::Component(path) => named(&server::COMPONENT, path.as_str()),
            Source::Command { program, args } => {
                let program = match program {
                    CommandProgram::Path(path) => path.as_str(),
                    CommandProgram::Name(name) => name,
                };
                let args = args.iter().map(alloc::string::String::as_str);
                let words = core::iter::once(program).chain(args);
                (server::COMMAND.name, Json::texts(words))
            }
            Source::Package(Package::Image(image)) => named(&server::IMAGE, image.as_str()),
            Source::Package(Package::Component(artifact)) => {
                named(&server::COMPONENT, &format!("{ARTIFACT}{artifact}"))
            }
            Source::Package(Package::Npm(package)) => named(&server::NPM, package.as_str()),
            Source::Package(Package::Pypi(package)) => named(&server::PYPI, package.as_str()),
            Source::Package(Package::Bundle(path)) => named(&server::BUNDLE, path.as_str()),
        };
        let args = self.args.iter().map(alloc::string::String::as_str);
        Json::object([
            named(&server::NAME, self.name.as_str()),
            source,
            (server::ARGS.name, Json::texts(args)),
            named(&server::TRANSPORT, "stdio"),
        ])
    }

    fn variables(&self) -> Json {
        let plain = self.env.iter().map(|(name, value)| {
            let value = match value {
                EnvValue::Literal(text) => Json::text(text),
                EnvValue::Host(host) => Json::object([named(&variable::HOST, host.as_str())]),
            };
            (name, value)
        });
        let secrets = self.secrets.iter().map(|(name, grant)| {
            let value = Json::object([
                named(&variable::SECRET, grant.secret().as_str()),
                named(&variable::AS, grant.form().as_str()),
            ]);
            (name, value)
        });
        let mut all: Vec<_> = plain.chain(secrets).collect();
        all.sort_by_key(|(name, _)| *name);
        Json::object(
            all.iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        )
    }

    fn client_rights(&self) -> Json {
        let right =
            |(key, right): &(Key, _)| (key.name, Json::Flag(self.client.contains_key(right)));
        Json::object(client::RIGHTS.iter().map(right))
    }

    fn groups(&self) -> Json {
        let names = self.syscalls.keys().map(|group| group.as_str());
        Json::object([(syscalls::ALLOW.name, Json::texts(names))])
    }

    fn limits_of(&self) -> Json {
        let all = &self.limits;
        let size = |bytes| Json::Text(Size(bytes).to_string());
        let period = |ms| Json::Text(Period(ms).to_string());
        Json::object([
            (limits::MEMORY.name, size(all.memory_bytes)),
            (limits::CPUS.name, Json::Milli(all.cpus_milli.into())),
            (limits::PROCESSES.name, Json::Whole(all.processes.into())),
            (limits::OPEN_FILES.name, Json::Whole(all.open_files.into())),
            (limits::SCRATCH.name, size(all.scratch_bytes)),
            (limits::MESSAGE.name, size(all.message_bytes)),
            (limits::START.name, period(all.start_ms)),
            (limits::CALL_KEY.name, period(all.call_ms)),
        ])
    }
}

fn named(key: &Key, text: &str) -> (&'static str, Json) {
    (key.name, Json::text(text))
}

fn network_grant(grant: &NetworkGrant) -> Json {
    let ports = grant.ports().iter().map(|port| Json::Whole((*port).into()));
    let grant_of = Json::object([
        (network::HOST.name, Json::Text(grant.host().to_string())),
        (network::PORTS.name, Json::List(ports.collect())),
        named(&network::PROTOCOL, grant.protocol().as_str()),
    ]);
    if !grant.host().is_named() {
        return grant_of;
    }
    let addresses = grant.addresses().iter();
    let addresses = addresses.map(|reach| Json::Text(reach.to_string()));
    let grant_of = grant_of.with([(network::ADDRESSES.name, Json::List(addresses.collect()))]);
    match grant.protocol() {
        crate::policy::Protocol::Tls => grant_of.with([named(&network::ECH, grant.ech().as_str())]),
        crate::policy::Protocol::Http | crate::policy::Protocol::Tcp => grant_of,
    }
}

/// A grant, and an entry for each file in it that it names.
fn file_grants(grant: &FileGrant) -> Vec<Json> {
    let whole = file_grant(
        grant,
        grant.host().as_str(),
        grant.at().as_str(),
        grant.missing(),
    );
    let named = grant.named().iter().map(|named| {
        let at = alloc::format!("{}/{}", grant.at(), named.below());
        file_grant(grant, named.host().as_str(), &at, named.missing())
    });
    core::iter::once(whole).chain(named).collect()
}

fn file_grant(grant: &FileGrant, host: &str, at: &str, missing: Missing) -> Json {
    let access = match grant.access() {
        Access::Read => "read",
        Access::Write => "write",
    };
    Json::object([
        named(&files::HOST, host),
        named(&files::AT, at),
        named(&files::ACCESS, access),
        (files::EXEC.name, Json::Flag(grant.exec() == Exec::Allowed)),
        (
            files::LINKS.name,
            Json::Flag(grant.links() == Links::Allowed),
        ),
        (files::OPTIONAL.name, Json::Flag(missing == Missing::Skip)),
    ])
}

fn state_grant(grant: &crate::policy::StateGrant) -> Json {
    Json::object([
        named(&state::AT, grant.at().as_str()),
        (
            state::SIZE.name,
            Json::Text(Size(grant.size_bytes()).to_string()),
        ),
    ])
}

fn tools_of(tools: &Tools) -> Json {
    let allow = tools.allow().map(|allow| {
        let names = allow.iter().map(crate::pattern::ToolPattern::as_str);
        (tools::ALLOW.name, Json::texts(names))
    });
    let rules = tools.rules().iter().map(rule);
    let limits = tools.limits().iter().map(limit);
    Json::object(allow).with([
        (tools::STRICT.name, Json::Flag(tools.is_strict())),
        (tools::RULE.name, Json::List(rules.collect())),
        (tools::LIMIT.name, Json::List(limits.collect())),
    ])
}

fn limit(limit: &ToolLimit) -> Json {
    let count = |key: &Key, count: Option<u32>| Some((key.name, Json::Whole(count?.into())));
    let result = limit
        .result_bytes()
        .map(|bytes| (tools::RESULT.name, Json::Text(Size(bytes).to_string())));
    Json::object([named(&tools::TOOL, limit.tool().as_str())])
        .with(count(&tools::CALLS_PER_MINUTE, limit.calls_per_minute()))
        .with(count(&tools::CONCURRENCY, limit.concurrency()))
        .with(result)
}

/// `[resources]` or `[prompts]`, where it is written.
fn allowed(key: &Key, allowed: Option<&Allowed>) -> Option<(&'static str, Json)> {
    let allow = allowed?.allow().map(|allow| {
        let patterns = allow.iter().map(crate::pattern::Pattern::as_str);
        (tools::ALLOW.name, Json::texts(patterns))
    });
    Some((key.name, Json::object(allow)))
}

fn rule(rule: &ToolRule) -> Json {
    let condition = match rule.condition() {
        Condition::Equals(Scalar::Text(text)) => named(&tools::EQUALS, text),
        Condition::Equals(Scalar::Whole(number)) => (tools::EQUALS.name, Json::Whole(*number)),
        Condition::Equals(Scalar::Flag(flag)) => (tools::EQUALS.name, Json::Flag(*flag)),
        Condition::Matches(pattern) => named(&tools::MATCHES, pattern.as_str()),
        Condition::Within(path) => named(&tools::WITHIN, path),
        Condition::Max(most) => (tools::MAX.name, Json::Whole(*most)),
    };
    Json::object([
        named(&tools::TOOL, rule.tool().as_str()),
        named(&tools::ARGUMENT, rule.argument().as_str()),
        condition,
    ])
}
