//! Prints the API's description, or compares it with a file: `openapi [--check FILE]`.

use std::{env, fs, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            print!("{}", openapi::yaml());
            ExitCode::SUCCESS
        }
        ["--check", file] => check(file),
        _ => {
            eprintln!("usage: openapi [--check FILE]");
            ExitCode::from(2)
        }
    }
}

fn check(file: &str) -> ExitCode {
    let there = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{file} cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let made = openapi::yaml();
    let differs = |(there, made): &(&str, &str)| there != made;
    let lines = there.lines().chain([""]).zip(made.lines().chain([""]));
    if there == made {
        return ExitCode::SUCCESS;
    }
    let line = lines.take_while(|pair| !differs(pair)).count() + 1;
    eprintln!(
        "{file} is not what the code says, from line {line} on: run `make openapi` and commit the file"
    );
    ExitCode::FAILURE
}
