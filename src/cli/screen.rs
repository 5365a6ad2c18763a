//! What people see: lines in colour where the terminal has it, plain elsewhere.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::plan::render::{Line, Tone};

use super::failure::{Exit, Failure};

/// Standard output and error. Colour follows the terminal, `NO_COLOR` and `CLICOLOR`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen;

impl Screen {
    /// A line of the answer.
    pub(super) fn say(self, text: impl AsRef<str>) {
        self.out(format_args!("{}\n", text.as_ref()));
    }

    /// The answer, as it stands.
    pub(super) fn print(self, text: impl AsRef<str>) {
        self.out(format_args!("{}", text.as_ref()));
    }

    /// A line with tones.
    pub(super) fn line(self, line: &Line) {
        self.out(format_args!("{}\n", painted(line).trim_end()));
    }

    /// A line in one tone.
    pub(super) fn toned(self, tone: Tone, text: impl Into<String>) {
        self.line(&Line(vec![(tone, text.into())]));
    }

    /// A line beside the answer.
    pub(super) fn remark(self, text: impl AsRef<str>) {
        self.err(format_args!("{}\n", text.as_ref()));
    }

    /// A failure, with what to do.
    pub(super) fn failure(self, failure: &Failure) {
        let red = style(Tone::Refuse);
        self.err(format_args!("{red}error{red:#}: {}\n", failure.what));
        for help in &failure.help {
            self.err(format_args!("  help: {help}\n"));
        }
    }

    /// True when colours will be seen on standard output.
    pub(super) fn has_color(self) -> bool {
        anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
    }

    /// True when somebody can be asked.
    pub(super) fn is_interactive(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a yes. `otherwise` is what a no means.
    pub(super) fn confirm(self, question: &str, otherwise: &str) -> Result<(), Failure> {
        match dialoguer::Confirm::new().with_prompt(question).default(false).interact() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(otherwise).exit(Exit::Refused)),
            Err(dialoguer::Error::IO(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
                // Ctrl-C comes as a key here, and leaves the cursor hidden.
                drop(dialoguer::console::Term::stderr().show_cursor());
                Err(Failure::new(otherwise).exit(Exit::Interrupted))
            }
            Err(error) => Err(Failure::new(format!("the answer could not be read: {error}")).exit(Exit::Refused)),
        }
    }

    /// A reader that closed its end has seen enough, so a failed write is no error.
    fn out(self, text: std::fmt::Arguments<'_>) {
        let mut stdout = anstream::stdout().lock();
        drop(stdout.write_fmt(text));
        drop(stdout.flush());
    }

    fn err(self, text: std::fmt::Arguments<'_>) {
        drop(anstream::stderr().lock().write_fmt(text));
    }
}

fn painted(line: &Line) -> String {
    let Line(pieces) = line;
    let paint = |(tone, text): &(Tone, String)| {
        let style = style(*tone);
        format!("{style}{text}{style:#}")
    };
    pieces.iter().map(paint).collect()
}

fn style(tone: Tone) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Create => color(AnsiColor::Green),
        Tone::Update => color(AnsiColor::Yellow),
        Tone::Delete => color(AnsiColor::Red),
        Tone::Move => color(AnsiColor::Cyan),
        Tone::Warn => color(AnsiColor::Yellow).bold(),
        Tone::Refuse => color(AnsiColor::Red).bold(),
    }
}
