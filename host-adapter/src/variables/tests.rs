//! Tests of `variables`.

use super::*;

fn values() -> Values {
    let mut values = Values::default();
    values.set("host", "db");
    values.set("port", "3306");
    values
}

#[test]
fn templates_render() {
    for (text, want) in [
        ("", ""),
        ("plain", "plain"),
        ("mysql://{{ host }}:{{port}}/x", "mysql://db:3306/x"),
        ("{{host}}{{ port }}", "db3306"),
        ("a } b", "a } b"),
    ] {
        let template = Template::parse(text).unwrap();
        assert_eq!(template.render(&values()).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn templates_refuse_what_they_cannot_render() {
    assert!(Template::parse("{{ host").is_err());
    let unknown = Template::parse("{{ user }}").unwrap();
    assert_eq!(
        unknown.render(&values()),
        Err("unknown variable \"user\"".to_owned())
    );
}

#[test]
fn sources_have_an_order() {
    let declared = HashMap::from([
        ("a".to_owned(), Declaration::default()),
        (
            "b".to_owned(),
            Declaration {
                default: Some("default".into()),
            },
        ),
        (
            "c_d".to_owned(),
            Declaration {
                default: Some("default".into()),
            },
        ),
    ]);
    let sources = Sources {
        flags: HashMap::from([("a".into(), "flag".into())]),
        file: HashMap::from([("a".into(), "file".into())]),
        prefixes: vec!["SPIN_VARIABLE".into()],
        environment: HashMap::from([("SPIN_VARIABLE_C_D".into(), "env".into())]),
    };
    let values = resolve(&declared, &sources).unwrap();
    assert_eq!(values.get("a"), Some("flag"));
    assert_eq!(values.get("b"), Some("default"));
    assert_eq!(values.get("c_d"), Some("env"));
    let missing = resolve(&declared, &Sources::default()).unwrap_err();
    assert!(missing.contains("SPIN_VARIABLE_A"), "{missing}");
    assert!(
        !format!("{values:?}").contains("flag"),
        "a value in debug output"
    );
}

#[test]
fn names_are_checked() {
    for good in ["a", "order_url", "x1_y2"] {
        assert_eq!(check_name(good), Ok(()));
    }
    for bad in ["", "A", "1a", "_a", "a_", "a__b", "a-b"] {
        assert!(check_name(bad).is_err(), "{bad}");
    }
}
