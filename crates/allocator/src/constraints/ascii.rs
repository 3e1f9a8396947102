// SPDX-License-Identifier: Apache-2.0

//! What `\d`, `\s`, `\w` and `\b` mean to RE2: ASCII alone.
//!
//! The library knows that meaning only together with patterns of bytes, of which texts are none.

use regex_syntax::ast::{
    self, Assertion, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetItem, Span, Visitor,
};

/// The pattern with what stands for these written out.
pub(super) fn spelled_out(pattern: &str) -> Result<String, Box<ast::Error>> {
    let parsed = ast::parse::Parser::new().parse(pattern).map_err(Box::new)?;
    let Ok(places) = ast::visit(&parsed, Places::default());
    let mut out = String::with_capacity(pattern.len());
    let mut from = 0;
    for (span, text) in places.0 {
        out.push_str(&pattern[from..span.start.offset]);
        out.push_str(text);
        from = span.end.offset;
    }
    out.push_str(&pattern[from..]);
    Ok(out)
}

/// Where something is to be written out, and how, from the left to the right.
#[derive(Default)]
struct Places(Vec<(Span, &'static str)>);

impl Visitor for Places {
    type Output = Places;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Places, Self::Err> {
        Ok(self)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::ClassPerl(class) => self.0.push((class.span, class_text(class))),
            Ast::Assertion(assertion) => {
                self.0.extend(boundary_text(assertion).map(|text| (assertion.span, text)));
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        if let ClassSetItem::Perl(class) = item {
            self.0.push((class.span, class_text(class)));
        }
        Ok(())
    }
}

fn class_text(class: &ClassPerl) -> &'static str {
    match (&class.kind, class.negated) {
        (ClassPerlKind::Digit, false) => "[0-9]",
        (ClassPerlKind::Digit, true) => "[^0-9]",
        // The blank as a number: with the flag `x`, blanks say nothing.
        (ClassPerlKind::Space, false) => r"[\t\n\f\r\x20]",
        (ClassPerlKind::Space, true) => r"[^\t\n\f\r\x20]",
        (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
        (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
    }
}

fn boundary_text(assertion: &Assertion) -> Option<&'static str> {
    match assertion.kind {
        AssertionKind::WordBoundary => Some(r"(?-u:\b)"),
        AssertionKind::NotWordBoundary => Some(r"(?-u:\B)"),
        _ => None,
    }
}
