//! A mechanism may never be claimed that the plan does not set. Every kind of host is gone through,
//! and each claim is compared with the cell, the lowered cell and what its filters answer.

use crate::ask::{CONTROLLERS, HEAD, ROOT, USER, artifact, facts, places, policy, source};
use crate::machine::{Answer, Asked, OWN, run};
use brig_policies::{EnvName, Policy};
use brig_sandbox::cell::{
    Access, CellKind, Identity, Landlock, Mount, Namespace, PROGRAM_FOLDER, Rlimit,
};
use brig_sandbox::facts::{Caller, Controller, HostFacts, SourceKind, UserNamespaces};
use brig_sandbox::lower::native::{
    ComponentRole, Mounted, NativeCell, RootOp, component_program, native,
};
use brig_sandbox::mechanism::{Denial, Held, Isolated, Mechanism, TABLE, cell_kind, hold};
use brig_sandbox::plan::{Plan, Unplannable, component, container};
use std::collections::BTreeSet;

/// One wall asked whether it stands: what was planned, and for whom.
struct Claim<'a> {
    denial: Denial,
    mechanism: Mechanism,
    policy: &'a Policy,
    facts: &'a HostFacts,
    plan: &'a Plan,
    lowered: &'a NativeCell,
    /// The filter that the worker puts on itself once code is loaded.
    loaded: &'a [u64],
}

const USER_NAMESPACES: [UserNamespaces; 5] = [
    UserNamespaces::Offered,
    UserNamespaces::NotBuilt,
    UserNamespaces::LimitZero,
    UserNamespaces::SwitchedOffForUsers,
    UserNamespaces::AppArmor,
];

const CALLERS: [Caller; 5] = [
    ROOT,
    Caller {
        unused_ids: false,
        ..ROOT
    },
    USER,
    Caller {
        supplementary_groups: 3,
        ..USER
    },
    Caller {
        supplementary_groups: 3,
        subordinate_gid: Some(100_000),
        ..USER
    },
];

fn controllers() -> impl Iterator<Item = BTreeSet<Controller>> {
    (0_usize..8).map(|set| {
        let chosen = CONTROLLERS
            .iter()
            .enumerate()
            .filter(|(at, _)| set >> at & 1 == 1);
        chosen.map(|(_, controller)| *controller).collect()
    })
}

fn hosts() -> Vec<HostFacts> {
    let mut hosts = Vec::new();
    for user_namespaces in USER_NAMESPACES {
        for landlock_abi in 0..=8 {
            for seccomp in [false, true] {
                for caller in CALLERS {
                    hosts.extend(controllers().map(|controllers| {
                        let sources = [
                            ("/home/me/notes", SourceKind::Directory),
                            ("/home/me/docs", SourceKind::Directory),
                        ];
                        let sources = sources.map(|(at, kind)| (at.to_owned(), source(at, kind)));
                        HostFacts {
                            user_namespaces,
                            landlock_abi,
                            seccomp,
                            caller,
                            controllers,
                            sources: sources.into(),
                            ..facts()
                        }
                    }));
                }
            }
        }
    }
    hosts
}

const MANIFESTS: [&str; 3] = [
    "",
    "[[files]]\nhost = \"~/notes\"\nat = \"/notes\"\n[env]\nA = \"b\"\n[limits]\ncpus = 0.5\n",
    "[[files]]\nhost = \"~/notes\"\nat = \"/notes\"\n[[files]]\nhost = \"~/docs\"\nat = \"/docs\"\n\
     access = \"write\"\n[limits]\nmemory = \"32MiB\"\nprocesses = 1\nopen-files = 16\n\
     cpus = 3.0\n",
];

#[test]
fn what_a_plan_claims_is_what_it_sets() {
    let mut claims = BTreeSet::new();
    for manifest in MANIFESTS {
        let policy = policy(&format!("{HEAD}{manifest}"));
        for facts in hosts() {
            match component(&policy, &places(), &facts, &artifact()) {
                Err(faults) => check_refused(&faults, &facts),
                Ok(plan) => claims.extend(check_claims(&policy, &facts, &plan)),
            }
        }
    }
    // Every claim that the table can make was made, and so was compared.
    let possible = TABLE.iter().flat_map(|row| {
        // What only a program is held by, its own test compares.
        let alternatives = row.alternatives.iter();
        let alternatives = alternatives.filter(|m| **m != Mechanism::ProcessorAffinity);
        alternatives.map(|mechanism| (row.denial.name(), format!("{mechanism:?}")))
    });
    assert_eq!(claims, possible.collect());
}

/// A program is tied to processors where no control group holds its share, and never else.
#[test]
fn a_program_is_tied_where_no_group_holds_its_share() {
    let manifest = "brig = 1\n[server]\nname = \"x\"\ncommand = [\"x\"]\n";
    let mut seen = BTreeSet::new();
    for (cpus, tied) in [("1.0", 1), ("1.9", 1), ("3.0", 2)] {
        let policy = policy(&format!("{manifest}[limits]\ncpus = {cpus}\n"));
        for mut facts in hosts() {
            facts.program = Some("/usr/bin/x".to_owned());
            let Ok(plan) = container(&policy, &places(), &facts) else {
                let no_id = facts.caller.is_root() && !facts.caller.unused_ids;
                let narrow = cell_kind(&facts) == CellKind::Narrow;
                assert!(narrow || no_id || !facts.seccomp, "{facts:?}");
                continue;
            };
            let share = plan
                .held
                .iter()
                .find(|held| held.denial == Denial::ProcessorShare);
            let by = &share.unwrap().by;
            let grouped = facts.controllers.contains(&Controller::Cpu);
            assert_eq!(by.contains(&Mechanism::ProcessorAffinity), !grouped);
            assert_eq!(by.contains(&Mechanism::ControlGroupCpu), grouped);
            assert_eq!(plan.cell.processors, (!grouped).then_some(tied));
            assert!(
                plan.held
                    .iter()
                    .all(|held| held.denial != Denial::NativeCode)
            );
            seen.insert(grouped);
        }
    }
    assert_eq!(seen.len(), 2);
}

fn check_refused(faults: &[Unplannable], facts: &HostFacts) {
    let named: Vec<&str> = faults
        .iter()
        .map(|fault| match fault {
            Unplannable::Unenforceable(open) => open.denial,
            Unplannable::Program(message) | Unplannable::Grant { message, .. } => {
                panic!("{message} on {facts:?}")
            }
        })
        .collect();
    let distinct: BTreeSet<&str> = named.iter().copied().collect();
    assert!(
        !named.is_empty() && distinct.len() == named.len(),
        "{named:?}"
    );
    let denials: BTreeSet<&str> = TABLE.iter().map(|row| row.denial.name()).collect();
    assert!(distinct.is_subset(&denials), "{named:?}");
}

fn check_claims(policy: &Policy, facts: &HostFacts, plan: &Plan) -> Vec<(&'static str, String)> {
    let held: Vec<Denial> = plan.held.iter().map(|held| held.denial).collect();
    let all: Vec<Denial> = TABLE.iter().map(|row| row.denial).collect();
    assert_eq!(held, all, "every denial is held");
    assert_eq!(plan.cell.kind, cell_kind(facts));
    let program = component_program(&facts.worker, plan.cell.kind, ComponentRole::Worker);
    let lowered = native(&plan.cell, program).unwrap();
    assert_eq!(lowered.identity, plan.cell.identity);
    assert_eq!(lowered.group, plan.cell.group);
    assert_eq!(lowered.init.landlock, plan.cell.landlock);
    let limits: Vec<(Rlimit, u64)> = plan.cell.rlimits.iter().map(|(l, v)| (*l, *v)).collect();
    assert_eq!(lowered.init.rlimits, limits);
    let loaded = plan
        .isolation
        .component()
        .unwrap()
        .calls_once_loaded
        .compile()
        .unwrap();
    let mut claims = Vec::new();
    for Held { denial, by } in &plan.held {
        assert!(!by.is_empty(), "{denial:?} is held by nothing");
        for mechanism in by {
            let claim = Claim {
                denial: *denial,
                mechanism: *mechanism,
                policy,
                facts,
                plan,
                lowered: &lowered,
                loaded: &loaded,
            };
            assert!(
                claim.stands(),
                "{denial:?} by {mechanism:?} is claimed and not set on {facts:?}: {plan:#?}"
            );
            claims.push((denial.name(), format!("{mechanism:?}")));
        }
    }
    claims
}

impl Claim<'_> {
    fn stands(&self) -> bool {
        use Mechanism as M;
        match self.mechanism {
            M::MountNamespace => self.is_new(Namespace::Mount) && self.root_is_the_plans(),
            M::ReadOnlyMount => self.is_new(Namespace::Mount) && self.reading_is_read_only(),
            M::NetworkNamespace => self.is_new(Namespace::Network),
            M::PidNamespace => self.is_new(Namespace::Pid),
            M::UserNamespace => self.is_new(Namespace::User),
            M::IpcNamespace => self.is_new(Namespace::Ipc),
            M::UtsNamespace => self.is_new(Namespace::Uts),
            M::CgroupNamespace => self.is_new(Namespace::Cgroup) && self.root_is_the_plans(),
            M::NoSetIdMount => {
                self.is_new(Namespace::Mount)
                    && self
                        .lowered
                        .checks
                        .iter()
                        .all(|c| c.mounted == Mounted::Files)
            }
            M::Landlock => self.landlock().is_some_and(|l| self.landlock_holds(l)),
            // LANDLOCK_SCOPE_SIGNAL (linux/landlock.h).
            M::LandlockSignalScope => self.landlock().is_some_and(|l| l.scoped & 2 != 0),
            M::SeccompNoSocket => self.refuse_for_good(SOCKETS),
            M::SeccompNoIpc => self.refuse_for_good(IPC),
            M::SeccompAllowList => self.allow_list(),
            M::SeccompNoExecutableMemory => self.no_executable_memory(),
            M::UnprivilegedUser => self.is_unprivileged(),
            M::EmptyCapabilities | M::NoNewPrivileges => {
                self.is_unprivileged() && self.refuse_for_good(PRIVILEGES)
            }
            M::OwnSession => self.refuse_for_good(&[libc::SYS_setsid, libc::SYS_setpgid]),
            M::CloseRange => self.lowered.init.descriptors == 6,
            M::EmptyEnvironment => self.environment_is_the_policys(),
            M::WasmLimiter => {
                let part = self.plan.isolation.component();
                part.is_some_and(|part| part.worker.memory_bytes_max == self.memory())
            }
            M::RlimitData => is_near(self.rlimit(Rlimit::Data), self.memory(), WORKER_BYTES),
            M::ControlGroupMemory => {
                let most = self.memory() + self.policy.limits().scratch_bytes;
                is_near(self.plan.cell.group.memory_bytes_max, most, WORKER_BYTES)
            }
            M::ControlGroupPids => is_near(self.plan.cell.group.processes_max, self.processes(), 4),
            M::RlimitProcesses => is_near(self.rlimit(Rlimit::Processes), self.processes(), 4),
            M::ControlGroupCpu => self.plan.cell.group.processor_milli == Some(self.cpus_milli()),
            // No component is tied to processors.
            M::ProcessorAffinity => false,
            M::OneThread => self.cpus_milli() >= 1000,
            M::RlimitOpenFiles => {
                let most = u64::from(self.policy.limits().open_files);
                is_near(self.rlimit(Rlimit::OpenFiles), most, 32)
            }
            M::RlimitCore => self.rlimit(Rlimit::Core) == Some(1),
            // What init and the worker's start set, the guest must not be able to take back.
            M::NotDumpable => refuses(self.loaded, &[libc::SYS_prctl], [4, 1, 0, 0, 0, 0]),
            M::ParentDeathSignal => self.refuse(&[libc::SYS_prctl], [1, 0, 0, 0, 0, 0]),
            M::ChannelEnd | M::ApplicationKernel => panic!("no part of a component's cell"),
        }
    }

    fn is_new(&self, namespace: Namespace) -> bool {
        self.plan.cell.kind == CellKind::Full
            && self.plan.cell.namespaces.contains(&namespace)
            && self.lowered.namespaces.contains(&namespace)
    }

    /// The root holds the plan's mounts, each once, and nothing of the kernel's file systems.
    fn root_is_the_plans(&self) -> bool {
        let bound = self.lowered.root.iter().filter_map(|op| match op {
            RootOp::Bind { source, at, .. } | RootOp::Over { source, at, .. } => {
                Some((source.as_str(), at.as_str()))
            }
            RootOp::Scratch { at, .. } => Some(("", at.as_str())),
            RootOp::Directory { .. } | RootOp::File { .. } | RootOp::Init { .. } => None,
            RootOp::Link { .. }
            | RootOp::Text { .. }
            | RootOp::Processes { .. }
            | RootOp::Image { .. }
            | RootOp::Device { .. } => panic!("no part of a component's root"),
        });
        let planned = self.plan.cell.mounts.iter().map(|mount| match mount {
            Mount::Program { source, at }
            | Mount::Grant { source, at, .. }
            | Mount::Held { source, at, .. }
            | Mount::Kept { source, at, .. } => (source.as_str(), at.as_str()),
            Mount::Scratch { at, .. } | Mount::Secrets { at } => ("", at.as_str()),
            Mount::System { .. }
            | Mount::Link { .. }
            | Mount::Text { .. }
            | Mount::Processes { .. }
            | Mount::Shown { .. }
            | Mount::Volume { .. }
            | Mount::Image { .. }
            | Mount::Folder { .. }
            | Mount::Device { .. } => panic!("no part of a component's cell"),
        });
        let planned: Vec<(&str, &str)> = planned.collect();
        let hosts_own = |source: &str| source.starts_with("/sys") || source.starts_with("/proc");
        bound.collect::<Vec<_>>() == planned && !planned.iter().any(|(s, _)| hosts_own(s))
    }

    fn reading_is_read_only(&self) -> bool {
        let lowered = self.lowered;
        let is_bound = |place: &str| {
            lowered.root.iter().any(|op| match op {
                RootOp::Bind { at, access, .. } | RootOp::Over { at, access, .. } => {
                    at == place && *access == Access::Read
                }
                RootOp::Directory { .. }
                | RootOp::File { .. }
                | RootOp::Init { .. }
                | RootOp::Scratch { .. } => false,
                RootOp::Link { .. }
                | RootOp::Text { .. }
                | RootOp::Processes { .. }
                | RootOp::Image { .. }
                | RootOp::Device { .. } => panic!("no part of a component's root"),
            })
        };
        let is_checked = |place: &str| {
            let mut checks = lowered.checks.iter();
            checks.any(|check| check.at == place && check.read_only)
        };
        let mut mounts = self.plan.cell.mounts.iter();
        mounts.all(|mount| is_written(mount) || (is_bound(mount.at()) && is_checked(mount.at())))
    }

    fn landlock(&self) -> Option<&Landlock> {
        let told = self.lowered.init.landlock.as_ref();
        told.filter(|told| self.plan.cell.landlock.as_ref() == Some(told))
    }

    /// Landlock holds a denial where it handles the rights that the denial is about, and allows
    /// them at the plan's places alone (linux/landlock.h).
    fn landlock_holds(&self, landlock: &Landlock) -> bool {
        const ABI_1: u64 = (1 << 13) - 1;
        const TRUNCATE: u64 = 1 << 14;
        const CHANGES: u64 = 1 << 1 | 0b1_1111_1111 << 4 | TRUNCATE;
        let truncate = if self.denial == Denial::Writes {
            TRUNCATE
        } else {
            0
        };
        let needed = ABI_1 | truncate;
        // Nothing but Landlock stands before other processes' sockets in a narrow cell.
        let scoped = self.plan.cell.kind == CellKind::Full || landlock.scoped == 3;
        let changed = |place: &str| {
            let here = landlock
                .rules
                .iter()
                .filter(|rule| lies_in(place, &rule.at));
            here.fold(0, |all, rule| all | rule.allowed) & CHANGES != 0
        };
        let mounts = &self.plan.cell.mounts;
        // What is held inside a write grant is the mount's alone: Landlock's rights only add up.
        let is_part = |mount: &&Mount| matches!(mount, Mount::Held { .. });
        let sound = mounts
            .iter()
            .filter(|mount| !is_part(mount))
            .all(|mount| changed(self.place(mount)) == is_written(mount));
        let places: BTreeSet<&str> = mounts.iter().map(|mount| self.place(mount)).collect();
        let named = landlock.rules.iter().all(|rule| {
            let program = self.plan.cell.kind == CellKind::Full && rule.at == PROGRAM_FOLDER;
            program || places.contains(rule.at.as_str())
        });
        landlock.handled_files & needed == needed && scoped && sound && named
    }

    /// Where the server finds a mount.
    fn place<'m>(&self, mount: &'m Mount) -> &'m str {
        match (self.plan.cell.kind, mount) {
            (CellKind::Narrow, Mount::Program { source, .. } | Mount::Grant { source, .. }) => {
                source
            }
            (CellKind::Narrow | CellKind::Full, _) => mount.at(),
        }
    }

    /// No filter of init or of the server allows these, from the start on.
    fn refuse(&self, numbers: &[i64], args: [u64; 6]) -> bool {
        let init = &self.lowered.init;
        let filters: [&[u64]; 3] = [&init.filter_of_init, &init.filter_of_server, self.loaded];
        filters.iter().all(|filter| refuses(filter, numbers, args))
    }

    fn refuse_for_good(&self, numbers: &[i64]) -> bool {
        self.refuse(numbers, [0; 6])
    }

    fn allow_list(&self) -> bool {
        let name = [libc::SYS_sethostname, libc::SYS_setdomainname];
        let unknown = [470, 100_000];
        [&name, &unknown, PRIVILEGES]
            .iter()
            .all(|calls| self.refuse_for_good(calls))
            && refuses(self.loaded, &[libc::SYS_uname], [0; 6])
    }

    fn no_executable_memory(&self) -> bool {
        let mappings = [libc::SYS_mmap, libc::SYS_mprotect];
        let mut executable = (4..8).map(|prot| [0, 0, prot, 0, 0, 0]);
        refuses(self.loaded, NATIVE_CODE, [0; 6])
            && executable.all(|args| refuses(self.loaded, &mappings, args))
    }

    fn is_unprivileged(&self) -> bool {
        let caller = self.facts.caller;
        match self.plan.cell.identity {
            Identity::UnusedHostId => caller.uid == 0,
            Identity::ServersHostId { .. } | Identity::OfSentry => false,
            Identity::Caller { uid, gid, .. } => uid != 0 && (uid, gid) == (caller.uid, caller.gid),
        }
    }

    fn environment_is_the_policys(&self) -> bool {
        let policys = self.policy.env().keys().map(EnvName::as_str);
        self.lowered.init.env.is_empty()
            && policys.eq(self.plan.environment.keys().map(String::as_str))
    }

    fn memory(&self) -> u64 {
        self.policy.limits().memory_bytes
    }

    fn processes(&self) -> u64 {
        u64::from(self.policy.limits().processes)
    }

    fn cpus_milli(&self) -> u64 {
        u64::from(self.policy.limits().cpus_milli)
    }

    fn rlimit(&self, limit: Rlimit) -> Option<u64> {
        self.plan.cell.rlimits.get(&limit).copied()
    }
}

/// What the worker takes for itself, at most: code, stacks, types.
const WORKER_BYTES: u64 = 128 << 20;

/// A bound that leaves the manifest's amount to the server, and beside it only the worker's own.
fn is_near(bound: Option<u64>, manifests: u64, own: u64) -> bool {
    bound.is_some_and(|bound| (manifests..=manifests + own).contains(&bound))
}

fn is_written(mount: &Mount) -> bool {
    match mount {
        Mount::Program { .. } | Mount::Held { .. } | Mount::Secrets { .. } => false,
        Mount::Grant { access, .. } => *access == Access::Write,
        Mount::Kept { .. } | Mount::Scratch { .. } => true,
        Mount::System { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Processes { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        | Mount::Image { .. }
        | Mount::Folder { .. }
        | Mount::Device { .. } => panic!("no part of a component's cell"),
    }
}

const SOCKETS: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_io_uring_setup,
    libc::SYS_pidfd_getfd,
];

const IPC: &[i64] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semctl,
    libc::SYS_semtimedop,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_mq_timedsend,
    libc::SYS_mq_timedreceive,
    libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
];

const NATIVE_CODE: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_pkey_mprotect,
    libc::SYS_shmat,
    libc::SYS_personality,
    libc::SYS_ptrace,
    libc::SYS_process_vm_writev,
];

const PRIVILEGES: &[i64] = &[
    libc::SYS_capset,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_keyctl,
];

fn refuses(program: &[u64], numbers: &[i64], args: [u64; 6]) -> bool {
    numbers.iter().all(|number| {
        let number = u32::try_from(*number).unwrap();
        run(
            program,
            &Asked {
                architecture: OWN,
                number,
                args,
            },
        ) == Answer::Error(38)
    })
}

fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[test]
fn each_denial_has_one_row_of_distinct_mechanisms() {
    let names: BTreeSet<&str> = TABLE.iter().map(|row| row.denial.name()).collect();
    assert_eq!(names.len(), TABLE.len(), "a denial stands twice");
    for row in TABLE {
        let distinct: BTreeSet<&Mechanism> = row.alternatives.iter().collect();
        assert!(!distinct.is_empty(), "{:?}", row.denial);
        assert_eq!(distinct.len(), row.alternatives.len(), "{:?}", row.denial);
        // Reports and JSON name a denial alike.
        let json = serde_json::to_value(row.denial).unwrap();
        assert_eq!(json, row.denial.name());
    }
}

/// A host that offers more holds no less.
#[test]
fn more_at_hand_is_never_less_held() {
    let claims = |facts: &HostFacts| -> Option<BTreeSet<(&str, Mechanism)>> {
        let held = hold(facts, Isolated::Component).ok()?;
        let one = |held: Held| held.by.into_iter().map(move |by| (held.denial.name(), by));
        Some(held.into_iter().flat_map(one).collect())
    };
    for facts in hosts() {
        let Some(before) = claims(&facts) else {
            continue;
        };
        let more = [
            HostFacts {
                seccomp: true,
                ..facts.clone()
            },
            HostFacts {
                landlock_abi: facts.landlock_abi + 1,
                ..facts.clone()
            },
            HostFacts {
                controllers: CONTROLLERS.into(),
                ..facts.clone()
            },
            HostFacts {
                user_namespaces: UserNamespaces::Offered,
                ..facts.clone()
            },
        ];
        for more in more {
            let after = claims(&more);
            assert!(
                after.is_some_and(|after| before.is_subset(&after)),
                "{more:?}"
            );
        }
    }
}

/// What nothing closes is named on exactly the hosts where nothing closes it.
#[test]
fn residuals_are_those_of_the_host() {
    for manifest in [MANIFESTS[0], MANIFESTS[2]] {
        let policy = policy(&format!("{HEAD}{manifest}"));
        for facts in hosts() {
            if let Ok(plan) = component(&policy, &places(), &facts, &artifact()) {
                check_residuals(&facts, &plan, manifest == MANIFESTS[2]);
            }
        }
    }
}

#[track_caller]
fn check_residuals(facts: &HostFacts, plan: &Plan, written: bool) {
    let narrow = plan.cell.kind == CellKind::Narrow;
    let groups = facts.caller.supplementary_groups > 0;
    let dropped = plan.cell.identity == Identity::UnusedHostId
        || matches!(
            plan.cell.identity,
            Identity::Caller {
                subordinate_gid: Some(_),
                ..
            }
        );
    let want: Vec<&str> = [
        ("disk", true),
        ("names-of-files", narrow),
        ("scratch", narrow),
        ("times-of-files", narrow && written),
        ("callers-id", narrow && facts.caller != ROOT),
        (
            "page-cache",
            !facts.controllers.contains(&Controller::Memory),
        ),
        (
            "processor-time",
            !facts.controllers.contains(&Controller::Cpu),
        ),
        ("supplementary-groups", groups && !dropped),
        ("obeyed-files", written),
    ]
    .into_iter()
    .filter_map(|(name, open)| open.then_some(name))
    .collect();
    let got: Vec<&str> = plan.residuals.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(got, want, "{facts:?}");
}
