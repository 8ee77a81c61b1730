//! The variables that no manifest may set, since programs obey them.

/// Which names a row covers.
pub(crate) enum Names {
    /// This one.
    Exactly(&'static str),
    /// All that start so.
    StartingWith(&'static str),
    /// All that end so, in upper or lower case, since programs read these in both.
    EndingWith(&'static str),
}

const LOADS: &str = "it makes a program load other code than its own";
const RUNS: &str = "it makes a shell run other commands than it was given";
const GIT: &str = "it makes git run programs and use other repositories";
const PROXY: &str = "it sends a program's traffic elsewhere; only brig decides the way out";
const TRUST: &str = "it makes a program give its keys away or believe any peer";
const AGENT: &str = "it leads to an agent, a bus or an engine outside the cell";
const NAMES: &str = "it changes how a program finds hosts";
const OWN: &str = "brig speaks to its own processes by it";

pub(crate) const REFUSED: &[(Names, &str)] = &[
    (Names::StartingWith("LD_"), LOADS),
    (Names::StartingWith("DYLD_"), LOADS),
    (Names::Exactly("GCONV_PATH"), LOADS),
    (Names::Exactly("GLIBC_TUNABLES"), LOADS),
    (Names::Exactly("LOCPATH"), LOADS),
    (Names::Exactly("NLSPATH"), LOADS),
    (Names::Exactly("NODE_OPTIONS"), LOADS),
    (Names::Exactly("NODE_PATH"), LOADS),
    (Names::StartingWith("NODE_REPL_"), LOADS),
    (Names::EndingWith("NPM_CONFIG_NODE_OPTIONS"), LOADS),
    (Names::EndingWith("NPM_CONFIG_SCRIPT_SHELL"), LOADS),
    (Names::EndingWith("NPM_CONFIG_USERCONFIG"), LOADS),
    (Names::EndingWith("NPM_CONFIG_GLOBALCONFIG"), LOADS),
    (Names::Exactly("BUN_INSPECT_PRELOAD"), LOADS),
    (Names::Exactly("PYTHONPATH"), LOADS),
    (Names::Exactly("PYTHONHOME"), LOADS),
    (Names::Exactly("PYTHONSTARTUP"), LOADS),
    (Names::Exactly("PYTHONUSERBASE"), LOADS),
    (Names::Exactly("PYTHONEXECUTABLE"), LOADS),
    (Names::Exactly("PYTHONPLATLIBDIR"), LOADS),
    (Names::Exactly("PYTHONPYCACHEPREFIX"), LOADS),
    (Names::Exactly("PYTHONBREAKPOINT"), LOADS),
    (Names::Exactly("PYTHONWARNINGS"), LOADS),
    (Names::Exactly("PYTHONINSPECT"), LOADS),
    (Names::StartingWith("PERL5"), LOADS),
    (Names::Exactly("PERLLIB"), LOADS),
    (Names::Exactly("RUBYLIB"), LOADS),
    (Names::Exactly("RUBYOPT"), LOADS),
    (Names::StartingWith("LUA_"), LOADS),
    (Names::Exactly("CLASSPATH"), LOADS),
    (Names::Exactly("JAVA_TOOL_OPTIONS"), LOADS),
    (Names::Exactly("JDK_JAVA_OPTIONS"), LOADS),
    (Names::Exactly("_JAVA_OPTIONS"), LOADS),
    (Names::Exactly("DOTNET_STARTUP_HOOKS"), LOADS),
    (Names::StartingWith("CORECLR_"), LOADS),
    (Names::StartingWith("COR_"), LOADS),
    (Names::Exactly("PHPRC"), LOADS),
    (Names::Exactly("PHP_INI_SCAN_DIR"), LOADS),
    (Names::StartingWith("ERL_"), LOADS),
    (Names::Exactly("ELIXIR_ERL_OPTIONS"), LOADS),
    (Names::StartingWith("R_PROFILE"), LOADS),
    (Names::StartingWith("R_ENVIRON"), LOADS),
    (Names::Exactly("JULIA_LOAD_PATH"), LOADS),
    (Names::Exactly("OPENSSL_CONF"), LOADS),
    (Names::Exactly("OPENSSL_ENGINES"), LOADS),
    (Names::Exactly("OPENSSL_MODULES"), LOADS),
    (Names::Exactly("GTK_MODULES"), LOADS),
    (Names::Exactly("GTK_PATH"), LOADS),
    (Names::Exactly("QT_PLUGIN_PATH"), LOADS),
    (Names::Exactly("BASH_ENV"), RUNS),
    (Names::Exactly("ENV"), RUNS),
    (Names::StartingWith("BASH_FUNC_"), RUNS),
    (Names::Exactly("BASHOPTS"), RUNS),
    (Names::Exactly("SHELLOPTS"), RUNS),
    (Names::Exactly("PROMPT_COMMAND"), RUNS),
    (Names::Exactly("PS4"), RUNS),
    (Names::Exactly("IFS"), RUNS),
    (Names::Exactly("ZDOTDIR"), RUNS),
    (Names::Exactly("LESSOPEN"), RUNS),
    (Names::Exactly("LESSCLOSE"), RUNS),
    (Names::StartingWith("GIT_"), GIT),
    (Names::EndingWith("_PROXY"), PROXY),
    (Names::Exactly("SSLKEYLOGFILE"), TRUST),
    (Names::Exactly("NODE_TLS_REJECT_UNAUTHORIZED"), TRUST),
    (Names::StartingWith("SSH_"), AGENT),
    (Names::Exactly("GPG_AGENT_INFO"), AGENT),
    (Names::StartingWith("DBUS_"), AGENT),
    (Names::Exactly("DOCKER_HOST"), AGENT),
    (Names::Exactly("CONTAINER_HOST"), AGENT),
    (Names::Exactly("HOSTALIASES"), NAMES),
    (Names::Exactly("LOCALDOMAIN"), NAMES),
    (Names::Exactly("RES_OPTIONS"), NAMES),
    (Names::StartingWith("BRIG_"), OWN),
];

/// Why no manifest may set this variable, if so.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find(|(names, _)| match names {
            Names::Exactly(whole) => name == *whole,
            Names::StartingWith(start) => name.starts_with(start),
            Names::EndingWith(end) => name.to_ascii_uppercase().ends_with(end),
        })
        .map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: Option<&str>) {
        assert_eq!(refusal(name), want, "{name}");
    }

    #[test]
    fn programs_obey_these_and_not_those() {
        check("LD_PRELOAD", Some(LOADS));
        check("DYLD_INSERT_LIBRARIES", Some(LOADS));
        check("NODE_OPTIONS", Some(LOADS));
        check("PYTHONPATH", Some(LOADS));
        check("BASH_ENV", Some(RUNS));
        check("ENV", Some(RUNS));
        check("GIT_SSH_COMMAND", Some(GIT));
        check("HTTPS_PROXY", Some(PROXY));
        check("https_proxy", Some(PROXY));
        check("BRIG_CHANNEL", Some(OWN));
        check("PYTHONUNBUFFERED", None);
        check("NODE_ENV", None);
        check("ENVIRONMENT", None);
        check("GITHUB_TOKEN", None);
        check("PROXY", None);
        check("PATH", None);
        check("HOME", None);
    }
}
