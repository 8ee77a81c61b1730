//! Grants for the targets that read a server's words on the network.

use std::sync::OnceLock;

use brig_policies::{Places, check};
use brig_sandbox::egress::permit::{Permit, permit};
use brig_sandbox::egress::ranges::Wanted;
use brig_sandbox::egress::wildcard::Wildcards;
use brig_sandbox::egress::{Egress, decide};

/// One name by TLS and by HTTP, and all names below another.
const MANIFEST: &str = "brig = 1\n[server]\nname = \"a\"\ncomponent = \"a.wasm\"\n\
    [[network]]\nhost = \"api.example.com\"\nports = [443]\n\
    [[network]]\nhost = \"api.example.com\"\nports = [80]\n\
    [[network]]\nhost = \"*.example.net\"\nports = [443]\n";

/// The name of the first grants.
pub const NAME: &str = "api.example.com";
/// What every name below the wildcard ends in.
pub const BELOW: &str = ".example.net";

/// The network part of the grants, decided once.
pub fn egress() -> &'static Egress {
    static EGRESS: OnceLock<Egress> = OnceLock::new();
    EGRESS.get_or_init(|| {
        let places = Places {
            home: None,
            project: None,
            manifest_folder: "/srv".to_owned(),
            own_folders: Vec::new(),
            manifest_path: "/srv/brig.toml".to_owned(),
        };
        let policy = check(MANIFEST, &places).unwrap();
        decide(&policy, &Wanted::usual()).unwrap().unwrap()
    })
}

/// A permit for a connection to the name on this port.
pub fn permitted(port: u16) -> Permit<'static> {
    let egress = egress();
    let at = (egress.names[0].at.v4, port).into();
    permit(egress, &Wildcards::new(egress), at).unwrap()
}
