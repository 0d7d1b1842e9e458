//! Tests of `keys`.

use super::*;

fn key() -> String {
    URL_SAFE_NO_PAD.encode([7; 32])
}

fn short() -> String {
    URL_SAFE_NO_PAD.encode([7; 31])
}

#[test]
fn lists_of_keys() {
    let (key, short) = (key(), short());
    let names = |text: &str| -> Result<Vec<String>, BadKeys> {
        let keys = Keys::parse(text)?;
        assert!(!format!("{keys:?}").contains(&key), "{keys:?}");
        Ok(keys.iter().map(|one| one.key.name.clone()).collect())
    };
    assert_eq!(names(&format!("a:{key}")).unwrap(), ["a"]);
    let two = format!(" 2026-11:{key} , b_1:{key},");
    assert_eq!(names(&two).unwrap(), ["2026-11", "b_1"]);
    let many: Vec<String> = (0..9).map(|at| format!("k{at}:{key}")).collect();
    let form = |number| BadKeys::Key(number, BadKey::Form(OF_TOKENS));
    for (wrong, error) in [
        (String::new(), BadKeys::None),
        (" , ".to_owned(), BadKeys::None),
        (key.clone(), form(1)),
        (format!(":{key}"), form(1)),
        (format!("a:{key},b c:{key}"), form(2)),
        (format!("{}:{key}", "n".repeat(33)), form(1)),
        (format!("a:{key},a:{key}"), BadKeys::Key(2, BadKey::Twice)),
        (format!("a:{key}="), BadKeys::Key(1, BadKey::Encoding)),
        (
            "a:not/base64+url".to_owned(),
            BadKeys::Key(1, BadKey::Encoding),
        ),
        (format!("a:{key},b:{short}"), BadKeys::Key(2, BadKey::Short)),
        (many.join(","), BadKeys::TooMany(8)),
    ] {
        assert_eq!(names(&wrong), Err(error), "{error}");
        assert!(!error.to_string().contains(&key));
    }
}

#[test]
fn lists_of_machines() {
    let (key, short) = (key(), short());
    let roles = |text: &str, names: &[&str]| -> Result<Vec<Option<Role>>, BadKeys> {
        let machines = Machines::parse(text)?;
        assert!(!format!("{machines:?}").contains(&key), "{machines:?}");
        let role = |name: &&str| machines.named(name).map(|machine| machine.role);
        Ok(names.iter().map(role).collect())
    };
    assert_eq!(roles("", &["a"]), Ok(vec![None]), "nobody signs");
    let two = format!("pay-1:provider:{key}, erp:admin:{key} ,cron:ops:{key}");
    assert_eq!(
        roles(&two, &["pay-1", "erp", "cron", "Erp"]),
        Ok(vec![
            Some(Role::Provider),
            Some(Role::Admin),
            Some(Role::Ops),
            None
        ])
    );
    let list = |count| {
        let all = (0..count).map(|at| format!("k{at}:ops:{key}"));
        all.collect::<Vec<_>>().join(",")
    };
    assert_eq!(roles(&list(64), &["k63"]), Ok(vec![Some(Role::Ops)]));
    let at = |number, reason| BadKeys::Key(number, reason);
    for (wrong, error) in [
        (list(65), BadKeys::TooMany(64)),
        (format!("a:{key}"), at(1, BadKey::Form(OF_MACHINES))),
        (format!(":ops:{key}"), at(1, BadKey::Form(OF_MACHINES))),
        (
            format!("a:ops:{key},b.c:ops:{key}"),
            at(2, BadKey::Form(OF_MACHINES)),
        ),
        (format!("a:user:{key}"), at(1, BadKey::Role)),
        (format!("a:Admin:{key}"), at(1, BadKey::Role)),
        (format!("a::{key}"), at(1, BadKey::Role)),
        (format!("a:{key}:ops"), at(1, BadKey::Role)),
        (format!("a:ops:{key}:x"), at(1, BadKey::Encoding)),
        ("a:ops:".to_owned(), at(1, BadKey::Short)),
        (format!("a:ops:{key},b:ops:{short}"), at(2, BadKey::Short)),
        (format!("a:ops:{key},a:admin:{key}"), at(2, BadKey::Twice)),
    ] {
        assert_eq!(roles(&wrong, &[]), Err(error), "{error}");
        assert!(!error.to_string().contains(&key));
    }
}

#[test]
fn what_a_machine_keeps() {
    let key = key();
    let name = |text: &str| Key::of_machine(text).map(|key| key.name);
    for fine in [format!("erp:{key}"), format!(" erp:admin:{key}\r\n")] {
        assert_eq!(name(&fine), Ok("erp".to_owned()), "{fine}");
    }
    for (wrong, error) in [
        (String::new(), BadKey::Form(OF_MACHINES)),
        (key.clone(), BadKey::Form(OF_MACHINES)),
        (format!("e r p:{key}"), BadKey::Form(OF_TOKENS)),
        (format!("erp:user:{key}"), BadKey::Role),
        ("erp:c2hvcnQ".to_owned(), BadKey::Short),
    ] {
        assert_eq!(name(&wrong), Err(error), "{error}");
    }
}
