//! WASI's lookup of names (wasi:sockets/ip-name-lookup) by what is granted and by the cell's
//! responder. wasmtime's own calls the C library in a thread of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::vec;

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, Host as NetworkHost, HostNetwork, IpAddress, Network as Handle,
};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::responder::Unanswered;
use super::{Network, Unfound, target};

/// Stands for [`Asking`] in a linker.
pub(in crate::component) struct Lookup;

impl HasData for Lookup {
    type Data<'a> = Asking<'a>;
}

/// A store's part in lookups.
pub(in crate::component) struct Asking<'a> {
    pub(in crate::component) table: &'a mut ResourceTable,
    pub(in crate::component) network: &'a Arc<Network>,
}

type Addresses = Result<Vec<IpAddr>, ErrorCode>;

/// What a guest holds while it looks a name up.
enum Answer {
    Coming(AbortOnDropJoinHandle<Addresses>),
    Came(Result<vec::IntoIter<IpAddr>, ErrorCode>),
}

impl Answer {
    fn came(addresses: Addresses) -> Self {
        Self::Came(addresses.map(Vec::into_iter))
    }
}

#[async_trait]
impl Pollable for Answer {
    async fn ready(&mut self) {
        if let Self::Coming(answer) = self {
            *self = Self::came(answer.await);
        }
    }
}

impl Host for Asking<'_> {
    fn resolve_addresses(
        &mut self,
        handle: Resource<Handle>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        // Without the handle there is no right to look anything up.
        self.table.get(&handle)?;
        let target = target(&name).ok_or(ErrorCode::InvalidArgument)?;
        let network = Arc::clone(self.network);
        let answer = spawn(async move { network.find(&target).await.map_err(code) });
        let answer = self.table.push(Answer::Coming(answer))?;
        // The type that a linker knows is wasmtime's, which nobody else can make. Only the three
        // functions below look behind the handle, and they know what is there.
        Ok(Resource::new_own(answer.rep()))
    }
}

/// A linker asks for it besides, to make errors of a lookup a guest's. Nothing else of it is
/// linked.
impl NetworkHost for Asking<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    /// No stream has an error of a lookup's.
    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.table.get(&error)?;
        Ok(None)
    }
}

impl HostNetwork for Asking<'_> {
    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// What is behind a handle. Borrowed, so that what waits for it does not end it.
fn behind(stream: &Resource<ResolveAddressStream>) -> Resource<Answer> {
    Resource::new_borrow(stream.rep())
}

impl HostResolveAddressStream for Asking<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        let answer = self.table.get_mut(&behind(&stream))?;
        if let Answer::Coming(coming) = answer
            && let Some(addresses) = wasmtime_wasi::runtime::poll_noop(std::pin::Pin::new(coming))
        {
            *answer = Answer::came(addresses);
        }
        match answer {
            Answer::Coming(_) => Err(ErrorCode::WouldBlock.into()),
            Answer::Came(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
            Answer::Came(Err(code)) => Err((*code).into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, behind(&stream))
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Answer>::new_own(stream.rep()))?;
        Ok(())
    }
}

fn code(unfound: Unfound) -> ErrorCode {
    match unfound {
        Unfound::NotGranted => ErrorCode::AccessDenied,
        Unfound::Unanswered(Unanswered::NoSuchName) => ErrorCode::NameUnresolvable,
        Unfound::Unanswered(Unanswered::Silent | Unanswered::Failed) => {
            ErrorCode::TemporaryResolverFailure
        }
    }
}
