//! The names, as data.

/// Who obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// git and its hooks.
    Git,
    /// A shell, or what it runs when a folder is entered.
    Shell,
    /// An editor or a debugger that opens the folder.
    Editor,
    /// An agent, or a client of MCP servers.
    Agent,
    /// What makes a container of the folder.
    Container,
    /// A package manager, whatever it is asked.
    Packages,
}

impl Kind {
    /// Why, after "because".
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Git => "git runs the commands and hooks that it names",
            Self::Shell => "shells run it, or load it when somebody enters the folder",
            Self::Editor => "editors and debuggers run what it names once the folder is opened",
            Self::Agent => "agents follow it, and start the programs that it names",
            Self::Container => "editors run its commands to make a container of the folder",
            Self::Packages => "package managers load it, whatever they are asked",
        }
    }
}

/// The parts of a repository that git obeys: commands in its settings, hooks, and the files that
/// say where settings and hooks lie. `info/attributes` is none: like `.gitattributes`, it chooses
/// among commands that the settings name, and names none of its own.
pub(super) const GIT_PARTS: &[&str] =
    &["hooks", "config", "config.worktree", "commondir", "gitdir"];

/// Names in any folder, or in one of this name. Apart, since every entry of a write grant is
/// compared with all of them at each start.
pub(super) const NAMES: &[(&str, &str, Kind)] = &[
    // A folder, or the file that stands for one in a worktree and a submodule.
    ("", ".git", Kind::Git),
    // It gives addresses and paths, and git has more than once run what such a file named.
    ("", ".gitmodules", Kind::Git),
    // In a folder of settings that a home has links to.
    ("", ".gitconfig", Kind::Git),
    (".config", "git", Kind::Git),
    ("", ".githooks", Kind::Git),
    ("", ".husky", Kind::Git),
    ("", ".pre-commit-config.yaml", Kind::Git),
    ("", ".pre-commit-config.yml", Kind::Git),
    ("", "lefthook.yml", Kind::Git),
    ("", "lefthook.yaml", Kind::Git),
    ("", "lefthook.toml", Kind::Git),
    ("", ".lefthook.yml", Kind::Git),
    ("", ".lefthook.yaml", Kind::Git),
    ("", ".lefthook.toml", Kind::Git),
    ("", "lefthook-local.yml", Kind::Git),
    ("", ".lefthook", Kind::Git),
    ("", ".lefthook-local", Kind::Git),
    ("", ".lintstagedrc", Kind::Git),
    ("", ".overcommit.yml", Kind::Git),
    // What is loaded when a folder is entered.
    ("", ".envrc", Kind::Shell),
    // Plugins of shells run it as a script.
    ("", ".env", Kind::Shell),
    ("", ".autoenv", Kind::Shell),
    ("", ".autoenv.zsh", Kind::Shell),
    ("", "mise.toml", Kind::Shell),
    ("", ".mise.toml", Kind::Shell),
    ("", "mise.local.toml", Kind::Shell),
    ("", ".mise.local.toml", Kind::Shell),
    ("", ".mise", Kind::Shell),
    (".config", "mise", Kind::Shell),
    // It can name a program by its path.
    ("", ".tool-versions", Kind::Shell),
    // Start files, in a folder of settings that a home has links to.
    ("", ".profile", Kind::Shell),
    ("", ".bashrc", Kind::Shell),
    ("", ".bash_profile", Kind::Shell),
    ("", ".bash_login", Kind::Shell),
    ("", ".bash_logout", Kind::Shell),
    ("", ".zshenv", Kind::Shell),
    ("", ".zprofile", Kind::Shell),
    ("", ".zshrc", Kind::Shell),
    ("", ".zlogin", Kind::Shell),
    ("", ".zlogout", Kind::Shell),
    (".config", "fish", Kind::Shell),
    ("", ".tmux.conf", Kind::Shell),
    // Editors and debuggers.
    ("", ".vscode", Kind::Editor),
    ("", ".idea", Kind::Editor),
    ("", ".fleet", Kind::Editor),
    ("", ".vs", Kind::Editor),
    ("", ".zed", Kind::Editor),
    ("", ".exrc", Kind::Editor),
    ("", ".vimrc", Kind::Editor),
    ("", ".nvimrc", Kind::Editor),
    ("", ".nvim.lua", Kind::Editor),
    (".config", "nvim", Kind::Editor),
    ("", ".dir-locals.el", Kind::Editor),
    ("", ".dir-locals-2.el", Kind::Editor),
    ("", ".emacs", Kind::Editor),
    ("", ".emacs.d", Kind::Editor),
    ("", ".helix", Kind::Editor),
    ("", ".gdbinit", Kind::Editor),
    ("", ".lldbinit", Kind::Editor),
    // Agents. What they are told in prose is an order like any other: they read it unasked, and act
    // on it with the user's own rights.
    ("", ".mcp.json", Kind::Agent),
    ("", ".claude", Kind::Agent),
    ("", "CLAUDE.md", Kind::Agent),
    ("", "CLAUDE.local.md", Kind::Agent),
    ("", "AGENTS.md", Kind::Agent),
    ("", "AGENTS.override.md", Kind::Agent),
    ("", "AGENT.md", Kind::Agent),
    ("", ".agents", Kind::Agent),
    ("", ".codex", Kind::Agent),
    ("", ".gemini", Kind::Agent),
    ("", "GEMINI.md", Kind::Agent),
    ("", ".cursor", Kind::Agent),
    ("", ".cursorrules", Kind::Agent),
    ("", ".windsurf", Kind::Agent),
    ("", ".windsurfrules", Kind::Agent),
    ("", ".codeium", Kind::Agent),
    ("", ".cline", Kind::Agent),
    ("", ".clinerules", Kind::Agent),
    ("", ".roo", Kind::Agent),
    ("", ".roomodes", Kind::Agent),
    ("", ".roorules", Kind::Agent),
    ("", ".kilocode", Kind::Agent),
    ("", ".kiro", Kind::Agent),
    ("", ".continue", Kind::Agent),
    ("", ".copilot", Kind::Agent),
    (".github", "copilot-instructions.md", Kind::Agent),
    (".github", "instructions", Kind::Agent),
    (".github", "prompts", Kind::Agent),
    (".github", "chatmodes", Kind::Agent),
    (".github", "agents", Kind::Agent),
    (".github", "hooks", Kind::Agent),
    (".github", "skills", Kind::Agent),
    ("", ".aider.conf.yml", Kind::Agent),
    ("", ".goose", Kind::Agent),
    ("", ".goosehints", Kind::Agent),
    ("", ".opencode", Kind::Agent),
    ("", "opencode.json", Kind::Agent),
    ("", "opencode.jsonc", Kind::Agent),
    ("", ".crush.json", Kind::Agent),
    ("", "crush.json", Kind::Agent),
    ("", "CRUSH.md", Kind::Agent),
    ("", ".qwen", Kind::Agent),
    ("", "QWEN.md", Kind::Agent),
    ("", ".junie", Kind::Agent),
    ("", ".trae", Kind::Agent),
    ("", ".augment", Kind::Agent),
    ("", ".augment-guidelines", Kind::Agent),
    ("", ".amazonq", Kind::Agent),
    ("", ".factory", Kind::Agent),
    ("", ".amp", Kind::Agent),
    ("", "WARP.md", Kind::Agent),
    // Their first command runs on the host.
    ("", ".devcontainer", Kind::Container),
    ("", ".devcontainer.json", Kind::Container),
    // They can name a program that replaces the manager, or where tokens are sent.
    ("", ".npmrc", Kind::Packages),
    ("", ".yarnrc", Kind::Packages),
    ("", ".yarnrc.yml", Kind::Packages),
    (".yarn", "releases", Kind::Packages),
    (".yarn", "plugins", Kind::Packages),
    ("", ".pnpmfile.cjs", Kind::Packages),
];
