//! The cases of a table, each run twice: with the original script, and with a note at each of its branches.

use redis::{Connection, Value};
use stack::{Home, Redis};
use std::collections::{BTreeMap, BTreeSet};

pub struct Table {
    scripts: BTreeMap<String, Noted>,
    connection: Connection,
    _redis: Redis,
    _home: Home,
}

/// A script and its branches.
struct Noted {
    text: String,
    noted: String,
    branches: BTreeSet<String>,
    taken: BTreeSet<String>,
}

/// The Redis set of branches that were taken.
const NOTES: &str = "notes";

pub struct Case<'a> {
    table: &'a mut Table,
    script: &'a str,
    name: &'a str,
    before: Vec<&'a str>,
    keys: &'a str,
    arguments: &'a str,
}

impl Table {
    pub fn new(scripts: BTreeMap<String, String>) -> Table {
        let home = Home::temporary().unwrap();
        let server = Redis::start(&home, None).unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let scripts = scripts
            .into_iter()
            .map(|(name, text)| (name, noted(text)))
            .collect();
        Table {
            scripts,
            connection: client.get_connection().unwrap(),
            _redis: server,
            _home: home,
        }
    }

    /// A case of a script; `name` says what it shows.
    pub fn case<'a>(&'a mut self, script: &'a str, name: &'a str) -> Case<'a> {
        Case {
            table: self,
            script,
            name,
            before: Vec::new(),
            keys: "",
            arguments: "",
        }
    }

    fn command(&mut self, line: &str) -> String {
        let mut words = words(line).into_iter();
        let mut command = redis::cmd(&words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        let reply: Value = command.query(&mut self.connection).unwrap();
        shown(&reply)
    }

    pub fn check_that_all_was_taken(&self) {
        for (name, script) in &self.scripts {
            let missing: Vec<&String> = script.branches.difference(&script.taken).collect();
            assert!(
                missing.is_empty(),
                "{name}: never taken: {missing:?}\n{}",
                script.noted
            );
        }
    }
}

impl<'a> Case<'a> {
    /// Commands that create the state, one per line.
    pub fn before(mut self, lines: &'a str) -> Case<'a> {
        self.before = lines
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        self
    }

    pub fn call(mut self, keys: &'a str, arguments: &'a str) -> Case<'a> {
        (self.keys, self.arguments) = (keys, arguments);
        self
    }

    /// The expected reply, and then lines of `command -> reply`; `*` stands for any word.
    pub fn gives(self, reply: &str, after: &str) {
        let Case {
            table,
            script,
            name,
            before,
            keys,
            arguments,
        } = self;
        let texts = {
            let noted = table
                .scripts
                .get(script)
                .unwrap_or_else(|| panic!("no script {script}"));
            [noted.text.clone(), noted.noted.clone()]
        };
        for text in texts {
            let _: () = redis::cmd("FLUSHDB").query(&mut table.connection).unwrap();
            for line in &before {
                table.command(line);
            }
            let (keys, arguments) = (words(keys), words(arguments));
            let mut eval = redis::cmd("EVAL");
            eval.arg(&text).arg(keys.len()).arg(&keys).arg(&arguments);
            let got: Value = eval
                .query(&mut table.connection)
                .unwrap_or_else(|error| panic!("{script}, {name}: {error}"));
            expect(&format!("{script}, {name}: reply"), &shown(&got), reply);
            for line in after.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let (command, reply) = line.split_once("->").unwrap();
                let got = table.command(command);
                expect(&format!("{script}, {name}: {command}"), &got, reply);
            }
            let notes: BTreeSet<String> = redis::cmd("SMEMBERS")
                .arg(NOTES)
                .query(&mut table.connection)
                .unwrap();
            table.scripts.get_mut(script).unwrap().taken.extend(notes);
        }
    }
}

fn expect(what: &str, got: &str, expected: &str) {
    let (got, expected) = (words(got), words(expected));
    let same = got.len() == expected.len()
        && got
            .iter()
            .zip(&expected)
            .all(|(got, expected)| expected == "*" || got == expected);
    assert!(same, "{what} is {got:?}, not {expected:?}");
}

/// `''` is an empty word.
fn words(line: &str) -> Vec<String> {
    let word = |word: &str| {
        if word == "''" {
            String::new()
        } else {
            word.to_owned()
        }
    };
    line.split_whitespace().map(word).collect()
}

/// A reply as words, lists as their elements; maps and sets do not occur.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) if bytes.is_empty() => "''".to_owned(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".to_owned(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    }
}

/// Puts a note at each `if`, `elseif` and loop. Scripts have none of these words in strings, and comments only on
/// separate lines.
fn noted(text: String) -> Noted {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut noted = format!(
        "local function note(at, met) redis.call('SADD', '{NOTES}', at .. (met and ' yes' or ' no')) return met end\n"
    );
    let (mut rest, mut branches) = (code.as_str(), BTreeSet::new());
    for at in 1.. {
        let Some((start, word, end)) = next_branch(rest) else {
            break;
        };
        let (before, after) = (&rest[..start], &rest[start + word.len()..]);
        let until = find_word(after, end).unwrap();
        let condition = after[..until].trim();
        noted.push_str(before);
        if word == "for" {
            noted.push_str(&format!("for {condition} do note({at}, true) "));
            branches.insert(format!("{at} yes"));
        } else {
            noted.push_str(&format!("{word} note({at}, {condition}) then "));
            branches.extend([format!("{at} yes"), format!("{at} no")]);
        }
        rest = &after[until + end.len()..];
    }
    noted.push_str(rest);
    Noted {
        text,
        noted,
        branches,
        taken: BTreeSet::new(),
    }
}

fn next_branch(text: &str) -> Option<(usize, &'static str, &'static str)> {
    [("if", "then"), ("elseif", "then"), ("for", "do")]
        .into_iter()
        .filter_map(|(word, end)| Some((find_word(text, word)?, word, end)))
        .min()
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        !is_part(text[..*at].chars().last()) && !is_part(text[*at + word.len()..].chars().next())
    })
}
