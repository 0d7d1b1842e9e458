//! The servers' addresses: from environment variables, or of servers that `up` started. URLs contain passwords, so they
//! are passed by environment and a private file, never by argument or log.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::Path;

const FILE: &str = "urls.json";

/// The addresses in the form that the platform's programs take.
#[derive(Clone, Default)]
pub struct Urls {
    /// One `mysql://` URL per order shard, separated by commas, in shard order.
    pub mysql: String,
    pub inventory: String,
    /// The user database; empty means that nobody can log in.
    pub users: String,
    pub redis: String,
    /// Kafka's bootstrap servers; empty means the broker embedded in the relay.
    pub kafka: String,
    /// Elasticsearch; empty means none.
    pub elasticsearch: String,
    /// RabbitMQ; empty means none.
    pub rabbitmq: String,
}

impl Urls {
    /// Reads the environment; what it does not name is empty.
    ///
    /// # Errors
    /// When one of the two database variables is set without the other, or one is not text.
    pub fn from_env() -> Result<Self> {
        let urls = Self {
            mysql: variable("MYSQL_URLS")?,
            inventory: variable("INVENTORY_URL")?,
            users: variable("USERS_URL")?,
            redis: variable("REDIS_URL")?,
            kafka: variable("KAFKA_BROKERS")?,
            elasticsearch: variable("ELASTICSEARCH_URL")?,
            rabbitmq: variable("RABBITMQ_URL")?,
        };
        match (urls.mysql.is_empty(), urls.inventory.is_empty()) {
            (true, false) => {
                bail!("INVENTORY_URL is set but MYSQL_URLS is not: set both or neither")
            }
            (false, true) => {
                bail!("MYSQL_URLS is set but INVENTORY_URL is not: set both or neither")
            }
            _ => Ok(urls),
        }
    }

    /// Whether databases and Redis are named.
    pub fn has_databases(&self) -> bool {
        !self.mysql.is_empty() && !self.redis.is_empty()
    }

    /// Whether this is another Elasticsearch than in the run before.
    pub fn have_new_elasticsearch(&self, before: Option<&Self>) -> bool {
        !self.elasticsearch.is_empty()
            && before.is_none_or(|before| before.elasticsearch != self.elasticsearch)
    }

    /// Variables for the relay. A URL alone enables RabbitMQ.
    pub fn for_relay(&self) -> [(&'static str, &str); 8] {
        let rabbitmq = if self.rabbitmq.is_empty() {
            "false"
        } else {
            "true"
        };
        [
            ("MYSQL_URLS", &self.mysql),
            ("INVENTORY_URL", &self.inventory),
            ("USERS_URL", &self.users),
            ("REDIS_URL", &self.redis),
            ("KAFKA_BROKERS", &self.kafka),
            ("ELASTICSEARCH_URL", &self.elasticsearch),
            ("RABBITMQ_ENABLED", rabbitmq),
            ("RABBITMQ_URL", &self.rabbitmq),
        ]
    }

    /// Variables for the host: those of spin.toml, and the channel for cache invalidations.
    pub fn for_host(&self) -> [(&'static str, &str); 6] {
        [
            ("SPIN_VARIABLE_MYSQL_URLS", &self.mysql),
            ("SPIN_VARIABLE_INVENTORY_URL", &self.inventory),
            ("SPIN_VARIABLE_USERS_URL", &self.users),
            ("SPIN_VARIABLE_REDIS_URL", &self.redis),
            ("SPIN_VARIABLE_ELASTICSEARCH_URL", &self.elasticsearch),
            ("CACHE_CHANNEL_URL", &self.redis),
        ]
    }

    /// Saves them for `migrate` and `reconcile` in another terminal, readable by the owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, run_dir: &Path) -> Result<()> {
        let json: serde_json::Map<String, Value> = self
            .for_relay()
            .iter()
            .map(|(key, url)| ((*key).to_owned(), Value::from(*url)))
            .collect();
        stack::write_private(&run_dir.join(FILE), &Value::from(json).to_string())
    }

    /// Reads what a running `up` saved.
    ///
    /// # Errors
    /// When there is no such file, or it names no databases.
    pub fn load(run_dir: &Path) -> Result<Self> {
        let path = run_dir.join(FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: is `up` ready yet?", path.display()))?;
        let json: Value = serde_json::from_str(&text)?;
        let get = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let urls = Self {
            mysql: get("MYSQL_URLS"),
            inventory: get("INVENTORY_URL"),
            users: get("USERS_URL"),
            redis: get("REDIS_URL"),
            kafka: get("KAFKA_BROKERS"),
            elasticsearch: get("ELASTICSEARCH_URL"),
            rabbitmq: get("RABBITMQ_URL"),
        };
        ensure!(
            urls.has_databases(),
            "{} names no databases",
            path.display()
        );
        Ok(urls)
    }
}

/// A URL without user and password, for output.
pub fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

fn variable(name: &str) -> Result<String> {
    match env::var(name) {
        Ok(value) => Ok(value.trim().to_owned()),
        Err(env::VarError::NotPresent) => Ok(String::new()),
        Err(env::VarError::NotUnicode(_)) => bail!("{name} is not valid text"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Urls, shown};

    #[test]
    fn an_elasticsearch_is_new_until_a_run_fed_it() {
        let with = |elasticsearch: &str| Urls {
            elasticsearch: elasticsearch.to_owned(),
            ..Urls::default()
        };
        assert!(with("http://a").have_new_elasticsearch(None));
        assert!(with("http://a").have_new_elasticsearch(Some(&with(""))));
        assert!(!with("http://a").have_new_elasticsearch(Some(&with("http://a"))));
        assert!(!with("").have_new_elasticsearch(None));
    }

    #[test]
    fn rabbitmq_is_on_where_it_is_named() {
        let given = |rabbitmq: &str| {
            let urls = Urls {
                rabbitmq: rabbitmq.to_owned(),
                ..Urls::default()
            };
            urls.for_relay().contains(&("RABBITMQ_ENABLED", "true"))
        };
        assert!(!given(""));
        assert!(given("amqp://u:p@h/%2f"));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            shown("mysql://u:p@ss@h:3306/order_0"),
            "mysql://h:3306/order_0"
        );
        assert_eq!(shown("redis://h:6379/0"), "redis://h:6379/0");
    }
}
