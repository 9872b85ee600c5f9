//! Where a database is: an address as people write it. It never shows a password.

use std::fmt;

use postgres::{Config, config::Host};

use super::super::Error;

/// The address of a database, with what is needed to log in.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Box<Config>,
    shown: String,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?key=value`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(Error::Address("it does not begin with postgres://".to_owned()));
        }
        let mut config: Config = text.parse().map_err(|error: postgres::Error| Error::Address(error.to_string()))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Error::Address("it names no host; for a socket, add ?host=/its/directory".to_owned()));
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(Error::Address("it names no user".to_owned()));
        }
        // The host would begin with the rest of a password, and hosts are shown.
        if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err(Error::Address("an @ within a password is written as %40".to_owned()));
        }
        if config.get_application_name().is_none() {
            config.application_name("bindery");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(std::time::Duration::from_secs(10));
        }
        let shown = shown(&config);
        Ok(Self { config: Box::new(config), shown })
    }
}

/// User, hosts and database: what tells one database from another, and nothing secret.
fn shown(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let mut hosts: Vec<String> = hosts.chain(addresses).collect();
    if let [port] = config.get_ports() {
        hosts.iter_mut().for_each(|host| host.push_str(&format!(":{port}")));
    }
    let user = config.get_user().unwrap_or_default();
    format!("postgres://{user}@{}/{}", hosts.join(","), config.get_dbname().unwrap_or(user))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://ada:geheim@db.example:5433/shop",
            "postgresql://ada@db.example:5433/shop?password=geheim&sslmode=disable",
        ] {
            let address = Address::parse(text).expect("it is one");
            assert_eq!(address.to_string(), "postgres://ada@db.example:5433/shop");
            assert!(!format!("{address:?}").contains("geheim"));
            assert!(address.config.get_password() == Some(b"geheim"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "mysql://ada:geheim@db/shop",
            "postgres://ada:geheim@db:port/shop",
            "postgres://ada:geheim@db/shop?geheim=geheim",
            "postgres:///shop?password=geheim",
            "postgres://:geheim@db/shop",
            "postgres://ada:very@geheim@db/shop",
        ] {
            let refused = Address::parse(text).expect_err("it is none");
            assert!(matches!(refused, Error::Address(_)));
            assert!(!refused.to_string().contains("geheim@") && !refused.to_string().contains("very"), "{refused}");
        }
        let socket = Address::parse("postgres://ada@/shop?host=/run/postgresql").expect("a socket's");
        assert_eq!(socket.to_string(), "postgres://ada@/run/postgresql/shop");
    }
}
