//! Errors of a connector: a class that tells the host what to do next, and a message for people.
//!
//! Never put a secret into a message.

use std::{any::Any, time::Duration};

use bindery_contract as contract;
pub use contract::ErrorClass;

/// The result of everything that a connector does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its class: only the class decides whether the host tries again, waits, asks for new credentials or
/// sets a record aside.
///
/// `?` turns any other error into one of class `failed`; the error of an HTTP call has the class of its status.
///
/// ```
/// use bindery_plugin::{Error, ErrorClass};
/// use std::time::Duration;
///
/// let error = Error::retry_after(Duration::from_secs(30), "the shop is being maintained");
/// assert_eq!(error.class(), ErrorClass::Retryable);
/// assert_eq!(Error::invalid("no SKU").at("/sku").to_string(), "no SKU (at /sku)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Error(contract::Error);

impl Error {
    /// An error of a class.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::new(ErrorClass::Gone, "deleted there").class(), ErrorClass::Gone);
    /// ```
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self(contract::Error::new(class, message))
    }

    /// Something passing: the host tries again by its own schedule.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert!(Error::retryable("the shop is restarting").is_retryable());
    /// ```
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Retryable, message)
    }

    /// Something passing that is worth trying again after a while. A wait of zero is zero.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// let error = Error::retry_after(std::time::Duration::ZERO, "try at once");
    /// assert_eq!(error.wait(), Some(std::time::Duration::ZERO));
    /// ```
    pub fn retry_after(wait: Duration, message: impl Into<String>) -> Self {
        Self::retryable(message).waiting(wait)
    }

    /// The remote asks to slow down.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// let error = Error::rate_limited(std::time::Duration::from_secs(1), "100 calls a minute");
    /// assert_eq!(error.class(), ErrorClass::RateLimited);
    /// ```
    pub fn rate_limited(wait: Duration, message: impl Into<String>) -> Self {
        Self::new(ErrorClass::RateLimited, message).waiting(wait)
    }

    /// The remote refuses our credentials.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::auth("the token has expired").class(), ErrorClass::Auth);
    /// ```
    pub fn auth(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Auth, message)
    }

    /// This record or this value can't be taken.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::invalid("a product needs a name").field("name").class(), ErrorClass::Invalid);
    /// ```
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Invalid, message)
    }

    /// It does not exist there (any more).
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::gone("order 7 was deleted").class(), ErrorClass::Gone);
    /// ```
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Gone, message)
    }

    /// The connector does not do this.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::unsupported("the shop has no invoices").class(), ErrorClass::Unsupported);
    /// ```
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Unsupported, message)
    }

    /// It failed, and trying again will not help.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::failed("the shop speaks version 1").class(), ErrorClass::Failed);
    /// ```
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Failed, message)
    }

    /// Names the JSON pointer of the source value that is to blame.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::invalid("not a number").at("/price").path(), Some("/price"));
    /// ```
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.detail.path = Some(pointer.into());
        self
    }

    /// Names the field of our record that is to blame.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// let _ = Error::invalid("must not be negative").field("list_price");
    /// ```
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.0.detail.field = Some(field.into());
        self
    }

    /// Says what the reader can do about it.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// let _ = Error::auth("the key may only read").cure("Give the key the scope write_products.");
    /// ```
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.0.detail.cure = Some(cure.into());
        self
    }

    fn waiting(mut self, wait: Duration) -> Self {
        self.0.detail.after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// What it means for the call.
    ///
    /// ```
    /// # use bindery_plugin::{Error, ErrorClass};
    /// assert_eq!(Error::auth("no").class(), ErrorClass::Auth);
    /// ```
    pub fn class(&self) -> ErrorClass {
        self.0.class
    }

    /// What happened, without the path.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::auth("no").message(), "no");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The stable code of an error of the host's own, such as `plugin.model_not_granted`; none of any other.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::auth("no").code(), None);
    /// ```
    pub fn code(&self) -> Option<&str> {
        self.0.detail.code.as_deref()
    }

    /// The JSON pointer to blame, where one is.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::auth("no").path(), None);
    /// ```
    pub fn path(&self) -> Option<&str> {
        self.0.detail.path.as_deref()
    }

    /// The HTTP status that caused it, where one did.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::auth("no").status(), None);
    /// ```
    pub fn status(&self) -> Option<u16> {
        self.0.detail.status
    }

    /// How long to wait before it is worth trying again, where that is known.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert_eq!(Error::auth("no").wait(), None);
    /// ```
    pub fn wait(&self) -> Option<Duration> {
        self.0.detail.after_ms.map(Duration::from_millis)
    }

    /// Whether the same call may succeed later by itself.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert!(!Error::auth("no").is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.0.class.is_retryable()
    }

    /// Whether it says that the remote has no such thing.
    ///
    /// ```
    /// # use bindery_plugin::Error;
    /// assert!(Error::gone("deleted").is_gone());
    /// ```
    pub fn is_gone(&self) -> bool {
        self.0.class == ErrorClass::Gone
    }

    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::BadPayload, message)
    }

    pub(crate) fn into_contract(self) -> contract::Error {
        self.0
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        match (&error as &dyn Any).downcast_ref::<contract::Error>() {
            Some(known) => Self(known.clone()),
            None => Self::failed(error.to_string()),
        }
    }
}
