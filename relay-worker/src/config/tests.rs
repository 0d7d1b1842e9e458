//! Tests of `config`.

use super::*;

fn databases(mysql: &str, inventory: &str) -> DatabaseArgs {
    DatabaseArgs {
        mysql_urls: mysql.to_owned(),
        inventory_url: inventory.to_owned(),
    }
}

#[test]
fn each_error_names_its_variable_and_no_secret() {
    let good = "mysql://u:s3cret@h/i";
    for (mysql, inventory, name) in [
        ("", good, "MYSQL_URLS"),
        ("nonsense:s3cret", good, "MYSQL_URLS"),
        (
            "mysql://u:s3cret@h/a,mysql://u:s3cret@h/a",
            good,
            "MYSQL_URLS",
        ),
        ("mysql://h/a,mysql://h/b,mysql://h/c", good, "MYSQL_URLS"),
        ("mysql://h/a", "", "INVENTORY_URL"),
        ("mysql://h/a", "mysql://u:s3cret@h", "INVENTORY_URL"),
        ("mysql://h/i", good, "INVENTORY_URL"),
    ] {
        let error = databases(mysql, inventory)
            .addresses()
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(name), "{error}");
        assert!(
            !error.contains("s3cret") && !error.contains('\n'),
            "{error}"
        );
    }
    let two = databases("mysql://h/a, mysql://h/b", good)
        .addresses()
        .unwrap();
    assert_eq!(two.count.get(), 2);
}

#[test]
fn rabbitmq_is_off_unless_it_is_switched_on() {
    let server = |enabled: bool, url: &str| {
        let args = RabbitArgs {
            rabbitmq_enabled: enabled,
            rabbitmq_url: url.to_owned(),
        };
        args.server("w1.")
    };
    assert!(server(false, "amqp://me:s3cret@h/%2f").unwrap().is_none());
    let on = server(true, "amqp://me:s3cret@h/%2f").unwrap().unwrap();
    assert_eq!(on.name(), "h:5672//");
    for bad in ["", "amqps://me:s3cret@h"] {
        let error = server(true, bad).unwrap_err().to_string();
        assert!(error.starts_with("RABBITMQ_URL"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn the_index_is_plain_http() {
    let url = |text: &str| {
        IndexArgs {
            elasticsearch_url: text.to_owned(),
        }
        .url()
    };
    assert_eq!(url("").unwrap(), None);
    assert_eq!(
        url("http://h:9200/").unwrap().as_deref(),
        Some("http://h:9200")
    );
    for bad in [
        "h:9200",
        "https://h",
        "http://u:p@h:9200",
        "http://h/x",
        "ftp://h",
    ] {
        assert!(url(bad).is_err(), "{bad}");
    }
}
