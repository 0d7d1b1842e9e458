//! Command lines, as their parsers know them.

use crate::{code, head, row};
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write as _;

/// The flags of `host-adapter up`.
pub fn of_host() -> String {
    let cli = host_adapter::config::Cli::command();
    let up = cli.get_subcommands().find(|one| one.get_name() == "up");
    up.map(table).unwrap_or_default()
}

/// The relay's commands, each with its flags.
pub fn of_relay() -> String {
    let mut text = String::new();
    commands(
        "relay-worker",
        &relay_worker::config::Cli::command(),
        &mut text,
    );
    text
}

fn commands(path: &str, command: &Command, text: &mut String) {
    for one in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        let path = format!("{path} {}", one.get_name());
        match one.has_subcommands() {
            true => commands(&path, one, text),
            false => {
                let about = one.get_about().map(ToString::to_string).unwrap_or_default();
                let _ = write!(
                    text,
                    "\n### `{path}`\n{}.\n{}",
                    about.trim_end_matches('.'),
                    table(one)
                );
            }
        }
    }
}

fn table(command: &Command) -> String {
    let arguments = command.get_arguments().filter(|one| {
        let id = one.get_id().as_str();
        id != "help" && id != "version"
    });
    let rows: String = arguments.map(line).collect();
    head(["flag", "variable", "default", "meaning"]) + &rows
}

fn line(argument: &Arg) -> String {
    let value = match argument.get_action().takes_values() {
        true => argument.get_value_names().unwrap_or_default().join(" "),
        false => String::new(),
    };
    let name = match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("--{long}, -{short} {value}"),
        (Some(long), None) => format!("--{long} {value}"),
        _ => value,
    };
    let variable = argument.get_env().map(|name| name.to_string_lossy());
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|one| one.to_string_lossy()).collect();
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut help = help.map(ToString::to_string).unwrap_or_default();
    let choices = argument.get_possible_values();
    if argument.get_action().takes_values() && !choices.is_empty() {
        let names: Vec<&str> = choices.iter().map(|one| one.get_name()).collect();
        let _ = write!(help, " One of {}.", names.join(", "));
    }
    row([
        &code(name.trim()),
        &code(&variable.unwrap_or_default()),
        &code(&defaults.join(",")),
        &help,
    ])
}
