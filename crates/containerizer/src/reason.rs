// SPDX-License-Identifier: Apache-2.0

//! The reason that a process tells through a pipe before it ends.

use std::borrow::Cow;

/// Bound: of a reason. It is read after the end of who tells it, and the smallest of pipes holds so much.
pub(crate) const LONGEST: usize = 4 << 10;
/// Stands for what is left out.
const LEFT_OUT: &str = " … ";

/// A reason that fits: of a longer one the beginning and the end, since what went wrong is named last.
pub(crate) fn fitting(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let half = (LONGEST - LEFT_OUT.len()) / 2;
    let (begin, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}{LEFT_OUT}{}", &text[..begin], &text[end..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_kept_and_no_letter_is_cut() {
        for letter in ["x", "é", "字", "𝕏"] {
            // At every offset, so that the cut meets each byte of a letter.
            for shift in ["", "a", "aa", "aaa"] {
                let text = format!("{shift}begin{}end", letter.repeat(LONGEST));
                let fitting = fitting(&text);
                assert!(fitting.len() <= LONGEST && fitting.len() > LONGEST - 16, "{}", fitting.len());
                assert!(fitting.starts_with(&format!("{shift}begin{letter}")) && fitting.ends_with("end"));
            }
        }
        let whole = "x".repeat(LONGEST);
        assert_eq!(fitting(&whole), whole);
    }
}
