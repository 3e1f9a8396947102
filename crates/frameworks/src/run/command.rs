// SPDX-License-Identifier: Apache-2.0

//! The command of a job, with places for each task's own data.

use kaon_sdk::v1::CommandInfo;

/// Stands for the task's input line.
const LINE: &str = "{}";
/// Stands for the task's number.
const NUMBER: &str = "{#}";

/// A command in which `{}` and `{#}` are replaced, once, by data that is never looked at again.
///
/// - Several words are a program with its arguments, started without a shell; a place may be part of a word.
/// - One word with blanks in it is a script for the shell; there the line is put in quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    words: Vec<String>,
    by_shell: bool,
}

impl Template {
    /// None for a command without a word.
    pub fn new(words: Vec<String>) -> Option<Template> {
        let first = words.first().filter(|word| !word.is_empty())?;
        let by_shell = words.len() == 1 && first.contains(char::is_whitespace);
        Some(Template { words, by_shell })
    }

    /// The command of one task.
    pub fn fill(&self, line: &str, number: u64) -> CommandInfo {
        let number = number.to_string();
        if self.by_shell {
            let script = substitute(&self.words[0], &quote(line), &number);
            return CommandInfo { value: Some(script), shell: Some(true), ..Default::default() };
        }
        let arguments: Vec<String> = self.words.iter().map(|word| substitute(word, line, &number)).collect();
        CommandInfo { value: arguments.first().cloned(), shell: Some(false), arguments, ..Default::default() }
    }
}

fn substitute(text: &str, line: &str, number: &str) -> String {
    let mut out = String::with_capacity(text.len() + line.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let places = [(LINE, line), (NUMBER, number)];
        match places.iter().find_map(|(place, data)| Some((rest.strip_prefix(place)?, data))) {
            Some((after, data)) => {
                out.push_str(data);
                rest = after;
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The text as one word of a POSIX shell, whatever is in it.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(words: &[&str], line: &str) -> (bool, Vec<String>) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let command = Template::new(words).unwrap().fill(line, 7);
        let shell = command.shell();
        (shell, if shell { vec![command.value.unwrap()] } else { command.arguments })
    }

    #[test]
    fn arguments_take_data_as_it_is() {
        let nasty = "a 'b' $(reboot) {} {#}";
        let (shell, arguments) = filled(&["echo", "{}", "n{#}:{}", "{x}{"], nasty);
        assert!(!shell);
        assert_eq!(arguments, ["echo", nasty, &format!("n7:{nasty}"), "{x}{"]);
        assert_eq!(filled(&["true"], "x"), (false, vec!["true".to_owned()]));
    }

    #[test]
    fn a_script_takes_data_quoted() {
        let (shell, script) = filled(&["wc -l {} >{#}.out"], "it's; rm -rf /");
        assert!(shell);
        assert_eq!(script, [r"wc -l 'it'\''s; rm -rf /' >7.out"]);
    }

    #[test]
    fn the_program_may_be_data_too() {
        let words = vec!["{}".to_owned(), "x".to_owned()];
        let command = Template::new(words).unwrap().fill("/bin/ls", 1);
        assert_eq!(command.value.as_deref(), Some("/bin/ls"));
        assert_eq!(Template::new(Vec::new()), None);
        assert_eq!(Template::new(vec![String::new()]), None);
    }
}
