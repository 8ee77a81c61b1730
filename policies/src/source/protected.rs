//! The protected places, as data.

/// Why a place is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The root of the file system.
    Root,
    /// Everything of one user or of all.
    Home,
    /// The host's settings.
    System,
    /// The kernel's view of processes and devices.
    Kernel,
    /// Keys, tokens, passwords.
    Credentials,
    /// What a browser or mail program keeps.
    Profile,
    /// The settings of a program that starts MCP servers.
    Client,
    /// The way to a container engine, or its storage.
    Engine,
    /// Sockets of the host's services.
    Services,
    /// brig's state, cache or settings.
    Own,
}

impl Kind {
    /// What such a place is or holds, after "it" or "which".
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Root => "is the whole host",
            Self::Home => "is a whole home, with its keys, mail and settings",
            Self::System => "holds the settings and accounts of the host",
            Self::Kernel => "shows and steers processes and devices outside the cell",
            Self::Credentials => "holds keys, tokens or passwords",
            Self::Profile => "holds cookies, passwords and mail",
            Self::Client => "says which programs a client runs as you, and holds its tokens",
            Self::Engine => "commands a container engine, which can do all that root can",
            Self::Services => "holds the sockets of the host's services",
            Self::Own => "is brig's own, and decides what servers may do",
        }
    }

    /// What to grant instead.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Root | Self::Home | Self::System | Self::Services => {
                "grant only the folders that the server works in, each by an entry of its own"
            }
            Self::Kernel => "leave it out; the cell has what a program needs of it",
            Self::Credentials => "pass the one value that is needed through `[env]`",
            Self::Profile => "export what is needed into a folder of its own, and grant that",
            Self::Client => "copy what is needed into a folder of its own, and grant that",
            Self::Engine => "leave it out; no manifest can grant an engine",
            Self::Own => "keep what the server needs in another folder, and grant that",
        }
    }
}

/// How far around a place the refusal reaches.
pub(super) enum Reach {
    /// The place and what contains it; what lies inside can be granted.
    Whole,
    /// Also everything inside.
    Inside,
    /// Also everything inside but below this.
    InsideExcept(&'static str),
}

/// Where the homes of users lie by custom.
pub(super) const HOME_PARENTS: &[&str] = &["/home", "/var/home", "/Users"];

/// The folders of programs that the host runs.
pub(super) const PROGRAMS: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/opt",
];

/// What engines call their sockets, wherever these lie.
pub(super) const ENGINE_SOCKETS: &[&str] = &[
    "docker.sock",
    "docker.raw.sock",
    "podman.sock",
    "containerd.sock",
    "buildkitd.sock",
    "crio.sock",
    "cri-dockerd.sock",
    "dockershim.sock",
    "kubelet.sock",
    "lxd.socket",
    "unix.socket",
    "libvirt-sock",
];

/// Places of the host as a whole.
pub(super) const ON_HOST: &[(&str, Kind, Reach)] = &[
    ("/", Kind::Root, Reach::Whole),
    ("/proc", Kind::Kernel, Reach::Inside),
    ("/sys", Kind::Kernel, Reach::Inside),
    ("/dev", Kind::Kernel, Reach::Inside),
    ("/home", Kind::Home, Reach::Whole),
    ("/root", Kind::Home, Reach::Whole),
    ("/etc", Kind::System, Reach::Whole),
    ("/etc/shadow", Kind::Credentials, Reach::Inside),
    ("/etc/shadow-", Kind::Credentials, Reach::Inside),
    ("/etc/gshadow", Kind::Credentials, Reach::Inside),
    ("/etc/gshadow-", Kind::Credentials, Reach::Inside),
    ("/etc/security", Kind::Credentials, Reach::Inside),
    ("/etc/sudoers", Kind::Credentials, Reach::Inside),
    ("/etc/sudoers.d", Kind::Credentials, Reach::Inside),
    ("/etc/ssh", Kind::Credentials, Reach::Inside),
    ("/etc/ssl/private", Kind::Credentials, Reach::Inside),
    ("/etc/pki/tls/private", Kind::Credentials, Reach::Inside),
    ("/etc/letsencrypt", Kind::Credentials, Reach::Inside),
    ("/etc/krb5.keytab", Kind::Credentials, Reach::Inside),
    ("/etc/wireguard", Kind::Credentials, Reach::Inside),
    (
        "/etc/NetworkManager/system-connections",
        Kind::Credentials,
        Reach::Inside,
    ),
    ("/etc/wpa_supplicant", Kind::Credentials, Reach::Inside),
    ("/etc/kubernetes", Kind::Credentials, Reach::Inside),
    ("/etc/rancher", Kind::Credentials, Reach::Inside),
    ("/etc/docker", Kind::Engine, Reach::Inside),
    ("/etc/containers", Kind::Engine, Reach::Inside),
    ("/etc/claude-code", Kind::Client, Reach::Inside),
    ("/etc/codex", Kind::Client, Reach::Inside),
    ("/etc/gemini-cli", Kind::Client, Reach::Inside),
    ("/etc/brig", Kind::Own, Reach::Inside),
    // Removable media are mounted there by some distributions.
    ("/run", Kind::Services, Reach::InsideExcept("/run/media")),
    (
        "/var/run",
        Kind::Services,
        Reach::InsideExcept("/var/run/media"),
    ),
    ("/var/lib/docker", Kind::Engine, Reach::Inside),
    ("/var/lib/containerd", Kind::Engine, Reach::Inside),
    ("/var/lib/containers", Kind::Engine, Reach::Inside),
    ("/var/lib/kubelet", Kind::Credentials, Reach::Inside),
    ("/var/lib/rancher", Kind::Credentials, Reach::Inside),
    ("/var/lib/lxd", Kind::Engine, Reach::Inside),
    ("/var/home", Kind::Home, Reach::Whole),
    ("/Users", Kind::Home, Reach::Whole),
    ("/var/snap/lxd", Kind::Engine, Reach::Inside),
    ("/var/lib/libvirt", Kind::Engine, Reach::Inside),
];

/// Places in every home, relative to it.
pub(super) const IN_HOME: &[(&str, Kind)] = &[
    // Keys and agents.
    (".ssh", Kind::Credentials),
    (".gnupg", Kind::Credentials),
    (".putty", Kind::Credentials),
    (".pki", Kind::Credentials),
    // Clouds and clusters.
    (".aws", Kind::Credentials),
    (".azure", Kind::Credentials),
    (".config/gcloud", Kind::Credentials),
    (".boto", Kind::Credentials),
    (".s3cfg", Kind::Credentials),
    (".oci", Kind::Credentials),
    (".kube", Kind::Credentials),
    (".minikube", Kind::Credentials),
    (".config/doctl", Kind::Credentials),
    (".config/hcloud", Kind::Credentials),
    (".config/heroku", Kind::Credentials),
    (".config/rclone", Kind::Credentials),
    (".config/helm", Kind::Credentials),
    (".config/scw", Kind::Credentials),
    (".config/linode-cli", Kind::Credentials),
    (".fly", Kind::Credentials),
    (".terraform.d", Kind::Credentials),
    (".terraformrc", Kind::Credentials),
    (".pulumi", Kind::Credentials),
    (".vault-token", Kind::Credentials),
    (".age", Kind::Credentials),
    (".config/age", Kind::Credentials),
    (".config/sops", Kind::Credentials),
    // Password stores and keyrings.
    (".password-store", Kind::Credentials),
    (".local/share/keyrings", Kind::Credentials),
    (".local/share/kwalletd", Kind::Credentials),
    (".local/share/password-store", Kind::Credentials),
    (".local/share/gopass", Kind::Credentials),
    (".kde/share/apps/kwallet", Kind::Credentials),
    (".config/keepassxc", Kind::Credentials),
    (".config/1Password", Kind::Credentials),
    (".config/op", Kind::Credentials),
    (".config/Bitwarden", Kind::Credentials),
    (".config/Bitwarden CLI", Kind::Credentials),
    ("Library/Keychains", Kind::Credentials),
    // Forges, registries and databases.
    (".config/gh", Kind::Credentials),
    (".config/hub", Kind::Credentials),
    (".config/glab-cli", Kind::Credentials),
    (".git-credentials", Kind::Credentials),
    (".config/git/credentials", Kind::Credentials),
    (".git-credential-cache", Kind::Credentials),
    (".cache/git/credential", Kind::Credentials),
    (".netrc", Kind::Credentials),
    ("_netrc", Kind::Credentials),
    (".npmrc", Kind::Credentials),
    (".yarnrc", Kind::Credentials),
    (".yarnrc.yml", Kind::Credentials),
    (".pypirc", Kind::Credentials),
    (".config/pip", Kind::Credentials),
    (".cargo/credentials", Kind::Credentials),
    (".cargo/credentials.toml", Kind::Credentials),
    (".gem/credentials", Kind::Credentials),
    (".m2/settings.xml", Kind::Credentials),
    (".m2/settings-security.xml", Kind::Credentials),
    (".gradle/gradle.properties", Kind::Credentials),
    (".composer/auth.json", Kind::Credentials),
    (".config/composer/auth.json", Kind::Credentials),
    (".nuget/NuGet", Kind::Credentials),
    (".huggingface", Kind::Credentials),
    (".cache/huggingface/token", Kind::Credentials),
    (".pgpass", Kind::Credentials),
    (".my.cnf", Kind::Credentials),
    (".mylogin.cnf", Kind::Credentials),
    // Wallets.
    (".bitcoin", Kind::Credentials),
    (".electrum", Kind::Credentials),
    (".ethereum", Kind::Credentials),
    (".config/solana", Kind::Credentials),
    // Browsers and mail.
    (".mozilla", Kind::Profile),
    (".config/mozilla", Kind::Profile),
    (".librewolf", Kind::Profile),
    (".waterfox", Kind::Profile),
    (".zen", Kind::Profile),
    (".thunderbird", Kind::Profile),
    (".config/google-chrome", Kind::Profile),
    (".config/google-chrome-beta", Kind::Profile),
    (".config/google-chrome-unstable", Kind::Profile),
    (".config/chromium", Kind::Profile),
    (".config/BraveSoftware", Kind::Profile),
    (".config/microsoft-edge", Kind::Profile),
    (".config/vivaldi", Kind::Profile),
    (".config/opera", Kind::Profile),
    (".local/share/epiphany", Kind::Profile),
    (".local/share/evolution", Kind::Profile),
    (".config/evolution", Kind::Profile),
    ("snap/firefox", Kind::Profile),
    ("snap/chromium", Kind::Profile),
    ("snap/thunderbird", Kind::Profile),
    (".var/app/org.mozilla.firefox", Kind::Profile),
    (".var/app/org.mozilla.Thunderbird", Kind::Profile),
    (".var/app/org.chromium.Chromium", Kind::Profile),
    (".var/app/com.google.Chrome", Kind::Profile),
    (".var/app/com.brave.Browser", Kind::Profile),
    (".var/app/com.microsoft.Edge", Kind::Profile),
    (".config/Signal", Kind::Profile),
    (".config/Slack", Kind::Profile),
    (".config/discord", Kind::Profile),
    (".local/share/TelegramDesktop", Kind::Profile),
    ("Library/Application Support/Google/Chrome", Kind::Profile),
    ("Library/Application Support/Firefox", Kind::Profile),
    ("Library/Application Support/BraveSoftware", Kind::Profile),
    ("Library/Application Support/Microsoft Edge", Kind::Profile),
    ("Library/Safari", Kind::Profile),
    ("Library/Cookies", Kind::Profile),
    ("Library/Mail", Kind::Profile),
    // Clients of MCP servers, and agents.
    (".mcp.json", Kind::Client),
    (".claude", Kind::Client),
    (".claude.json", Kind::Client),
    (".config/claude", Kind::Client),
    (".config/Claude", Kind::Client),
    ("Library/Application Support/Claude", Kind::Client),
    (".vscode", Kind::Client),
    (".vscode-server", Kind::Client),
    (".vscode-insiders", Kind::Client),
    (".config/Code", Kind::Client),
    (".config/Code - Insiders", Kind::Client),
    (".config/VSCodium", Kind::Client),
    ("Library/Application Support/Code", Kind::Client),
    (".copilot", Kind::Client),
    (".config/github-copilot", Kind::Client),
    (".cursor", Kind::Client),
    (".config/Cursor", Kind::Client),
    ("Library/Application Support/Cursor", Kind::Client),
    (".codeium", Kind::Client),
    (".windsurf", Kind::Client),
    (".config/Windsurf", Kind::Client),
    (".config/zed", Kind::Client),
    (".local/share/zed", Kind::Client),
    (".codex", Kind::Client),
    (".gemini", Kind::Client),
    (".antigravity", Kind::Client),
    (".config/goose", Kind::Client),
    (".cline", Kind::Client),
    (".roo", Kind::Client),
    (".kiro", Kind::Client),
    (".continue", Kind::Client),
    (".config/opencode", Kind::Client),
    (".local/share/opencode", Kind::Client),
    (".config/crush", Kind::Client),
    (".qwen", Kind::Client),
    (".lmstudio", Kind::Client),
    (".aider.conf.yml", Kind::Client),
    (".config/JetBrains", Kind::Client),
    // Engines.
    (".docker", Kind::Engine),
    (".colima", Kind::Engine),
    (".lima", Kind::Engine),
    (".orbstack", Kind::Engine),
    (".rd", Kind::Engine),
    (".config/containers", Kind::Engine),
    (".local/share/containers", Kind::Engine),
    (".local/share/docker", Kind::Engine),
    (".local/share/containerd", Kind::Engine),
];
