//! The container that makes a server's network, and how the server's joins it.

use super::{CHANNEL_FILE, INIT_FILE, Moment, ULIMIT, bind, closed, of_init, users};
use crate::cell::{Access, PROGRAM_FOLDER};
use crate::engine::Engine;
use crate::lower::native::InitMode;
use crate::plan::{ContainerPart, Plan};
use bollard_stubs::models::{ContainerCreateBody, HostConfig, ResourcesUlimits};
use std::collections::HashMap;

/// The rights that it takes to make a network: over the container's own namespace alone.
const OF_NETWORK: &[&str] = &["NET_ADMIN", "NET_BIND_SERVICE"];
/// Bytes of memory of the container that makes it: init has no heap.
const NETWORK_BYTES: i64 = 32 << 20;
/// init's end of its channel in the folder.
pub const NETWORK_CHANNEL_FILE: &str = "network";
/// A switch that engines turn for containers without an address of their own (ip-sysctl).
const NO_V6: &str = "net.ipv6.conf.all.disable_ipv6";

/// The request for a container that makes a server's network, which the server's joins before its
/// first instruction. In it runs init and nothing else.
pub fn network_request(plan: &Plan, part: &ContainerPart, moment: &Moment) -> ContainerCreateBody {
    ContainerCreateBody {
        user: Some("0:0".to_owned()),
        host_config: Some(host(plan, part, moment)),
        ..of_init(plan, moment, InitMode::Network)
    }
}

fn host(plan: &Plan, part: &ContainerPart, moment: &Moment) -> HostConfig {
    let own = |name: &str| format!("{}/{name}", moment.folder);
    let inside = |name: &str| format!("{PROGRAM_FOLDER}/{name}");
    let rights = OF_NETWORK.iter().map(|name| (*name).to_owned()).collect();
    HostConfig {
        memory: plan.cell.group.memory_bytes_max.map(|_| NETWORK_BYTES),
        pids_limit: plan.cell.group.processes_max.map(|_| 1),
        mounts: Some(vec![
            bind(&own(INIT_FILE), &inside(INIT_FILE), Access::Read),
            bind(
                &own(NETWORK_CHANNEL_FILE),
                &inside(CHANNEL_FILE),
                Access::Read,
            ),
        ]),
        cap_add: Some(rights),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        sysctls: Some(HashMap::from([(NO_V6.to_owned(), "0".to_owned())])),
        userns_mode: users(part).filter(|_| part.engine == Engine::Docker),
        ulimits: (part.engine == Engine::Podman).then(|| {
            let limit = |name: &str| ResourcesUlimits {
                name: Some(name.to_owned()),
                soft: Some(ULIMIT),
                hard: Some(ULIMIT),
            };
            vec![limit("nofile"), limit("nproc")]
        }),
        ..closed()
    }
}

/// The request of a server whose network another container made: as the engine knows that one, and
/// as this host sees its process.
pub fn joined(
    mut body: ContainerCreateBody,
    engine: Engine,
    container: &str,
    process: u32,
) -> ContainerCreateBody {
    let mode = match engine {
        // By the namespace itself: Podman would not let go of a container that another depends on.
        Engine::Podman => format!("ns:/proc/{process}/ns/net"),
        Engine::Docker | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => {
            // It has the other's name then, which is the same.
            body.hostname = None;
            format!("container:{container}")
        }
    };
    body.network_disabled = Some(false);
    if let Some(host) = &mut body.host_config {
        host.network_mode = Some(mode);
    }
    body
}
