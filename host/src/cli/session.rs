//! One command's way to a host: its socket where one runs, else one in process behind the directory's lock.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::OnceCell, time::Instant};

use super::{Application, Done, Opened, Output, error::Error, socket};
use crate::{
    base::config::DataDir,
    operation::{
        self, Caller,
        wire::{IN_USE, Problem},
    },
};

/// How long a directory may be in use by somebody who does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

enum Link {
    Host(socket::Client),
    Here(Box<dyn Opened>),
}

/// One command's run.
pub(super) struct Session<'a> {
    application: &'static dyn Application,
    data: DataDir,
    link: OnceCell<Link>,
    pub(super) output: &'a Output,
}

impl<'a> Session<'a> {
    /// Connects to nothing yet: arguments that make no sense are told before a lock is taken.
    pub(super) fn new(application: &'static dyn Application, data: DataDir, output: &'a Output) -> Self {
        Self { application, data, link: OnceCell::new(), output }
    }

    async fn link(&self) -> Result<&Link, Box<Problem>> {
        self.link
            .get_or_try_init(async || {
                let end = Instant::now() + PATIENCE;
                loop {
                    if let Some(client) = socket::Client::find(&self.data.socket()).await {
                        return Ok(Link::Host(client));
                    }
                    match self.application.open(self.data.clone()).await {
                        Ok(opened) => return Ok(Link::Here(opened)),
                        // Somebody has the lock: a host that opens its socket in a moment, or a command that ends.
                        Err(fault) if fault.code.name == IN_USE && Instant::now() < end => {
                            tokio::time::sleep(LOOK).await
                        }
                        Err(fault) => return Err(fault.into()),
                    }
                }
            })
            .await
    }

    /// Whether jobs run only as long as this command does.
    pub(super) async fn is_in_process(&self) -> Result<bool, Box<Problem>> {
        Ok(matches!(self.link().await?, Link::Here(_)))
    }

    /// Asks for an operation; answers its JSON as it came.
    pub(super) async fn ask(&self, operation: &str, request: &impl Serialize) -> Result<String, Box<Problem>> {
        let request = serde_json::to_string(request).map_err(|error| Error::Answer(error.to_string()))?;
        match self.link().await? {
            Link::Host(client) => client.call(operation, request).await,
            Link::Here(opened) => Ok(operation::call(opened.host(), &Caller::owner(), operation, request).await?),
        }
    }

    /// Asks for an operation; answers its typed answer.
    pub(super) async fn get<A: DeserializeOwned>(
        &self,
        operation: &str,
        request: &impl Serialize,
    ) -> Result<A, Box<Problem>> {
        let raw = self.ask(operation, request).await?;
        Ok(serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?)
    }

    /// Asks for an operation and shows its answer.
    pub(super) async fn show<A: DeserializeOwned>(
        &self,
        operation: &str,
        request: &impl Serialize,
        render: impl FnOnce(A) -> String,
    ) -> Done {
        let raw = self.ask(operation, request).await?;
        self.output.answer(&raw, render)
    }

    /// Lets go of the host.
    pub(super) async fn close(self) -> Done {
        if let Some(Link::Here(opened)) = self.link.into_inner() {
            opened.close().await?;
        }
        Ok(())
    }
}
