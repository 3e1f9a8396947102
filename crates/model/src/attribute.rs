// SPDX-License-Identifier: Apache-2.0

//! Attributes: facts about an agent that frameworks may look at, `rack:r1;level:[1-3]`.

use crate::value_text::{self, TextValue, ValueTextError};
use crate::{Range, Ranges, number};
use kaon_api::v1;
use std::fmt;
use std::str::FromStr;

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A plain double: attributes are not counted, so nothing is rounded.
    Scalar(f64),
    Ranges(Ranges),
    Text(String),
}

/// The attributes of an agent, in the order given; a name may occur twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(pub Vec<Attribute>);

/// Why a text gives no attributes. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    #[error("Invalid attribute key:value pair '{0}'")]
    Pair(String),
    #[error("Failed to parse attribute {name} text {text} error {error}")]
    Value { name: String, text: String, error: ValueTextError },
    #[error("Failed to parse attribute {name} text {text} error a range begins beyond its end")]
    InvertedRange { name: String, text: String },
    #[error("Bad type for attribute {name} text {text} type {kind}")]
    Kind { name: String, text: String, kind: &'static str },
}

impl Attributes {
    /// The first attribute of that name.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }

    /// Takes over what is well-formed; see [`Attribute::from_wire`].
    pub fn from_wire(wire: &[v1::Attribute]) -> Attributes {
        Attributes(wire.iter().filter_map(Attribute::from_wire).collect())
    }

    pub fn to_wire(&self) -> Vec<v1::Attribute> {
        self.0.iter().map(Attribute::to_wire).collect()
    }
}

impl FromStr for Attributes {
    type Err = AttributeError;

    fn from_str(text: &str) -> Result<Attributes, AttributeError> {
        text.split([';', '\n'])
            .filter(|token| !token.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Attributes)
    }
}

fn parse(token: &str) -> Result<Attribute, AttributeError> {
    let pair = token.split_once(':').filter(|(name, text)| !name.is_empty() && !text.is_empty());
    let (name, text) = pair.ok_or_else(|| AttributeError::Pair(token.to_string()))?;
    let (name, text) = (name.to_string(), text.to_string());
    let value = match value_text::parse(&text) {
        Err(error) => return Err(AttributeError::Value { name, text, error }),
        Ok(TextValue::Scalar(value)) => AttributeValue::Scalar(value),
        Ok(TextValue::Text(text)) => AttributeValue::Text(text),
        Ok(TextValue::Ranges(pairs)) => {
            let ranges: Option<Ranges> =
                pairs.into_iter().map(|(begin, end)| Range::new(begin, end)).collect();
            match ranges {
                Some(ranges) => AttributeValue::Ranges(ranges),
                None => return Err(AttributeError::InvertedRange { name, text }),
            }
        }
        Ok(set @ TextValue::Set(_)) => {
            return Err(AttributeError::Kind { name, text, kind: set.kind_name() });
        }
    };
    Ok(Attribute { name, value })
}

/// As in the flag.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Attribute { name, value }) in self.0.iter().enumerate() {
            let separator = if index > 0 { ";" } else { "" };
            write!(f, "{separator}{name}:{value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttributeValue::Scalar(value) => f.write_str(&number::general(*value, 15)),
            AttributeValue::Ranges(ranges) => write!(f, "{ranges}"),
            AttributeValue::Text(text) => f.write_str(text),
        }
    }
}

impl Attribute {
    /// None where the wire holds a set, or not the member that its type tells of: nobody could read those.
    pub fn from_wire(wire: &v1::Attribute) -> Option<Attribute> {
        let value = match wire.r#type {
            v1::value::Type::Scalar => AttributeValue::Scalar(wire.scalar.as_ref()?.value),
            v1::value::Type::Text => AttributeValue::Text(wire.text.as_ref()?.value.clone()),
            v1::value::Type::Set => return None,
            v1::value::Type::Ranges => {
                let ranges = wire.ranges.as_ref()?.range.iter();
                AttributeValue::Ranges(
                    ranges.map(|range| Range::new(range.begin, range.end)).collect::<Option<_>>()?,
                )
            }
        };
        Some(Attribute { name: wire.name.clone(), value })
    }

    pub fn to_wire(&self) -> v1::Attribute {
        let mut wire = v1::Attribute { name: self.name.clone(), ..Default::default() };
        match &self.value {
            AttributeValue::Scalar(value) => {
                wire.r#type = v1::value::Type::Scalar;
                wire.scalar = Some(v1::value::Scalar { value: *value, ..Default::default() });
            }
            AttributeValue::Ranges(ranges) => {
                wire.r#type = v1::value::Type::Ranges;
                wire.ranges = Some(crate::wire::ranges_to_wire(ranges));
            }
            AttributeValue::Text(text) => {
                wire.r#type = v1::value::Type::Text;
                wire.text = Some(v1::value::Text::from(text.as_str()));
            }
        }
        wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_kinds() {
        let text = "rack:r1;level:[1-3, 5-6];weight:1.5;url:http://a:80;rack:r 2";
        let attributes: Attributes = text.parse().unwrap();
        assert_eq!(attributes.get("rack"), Some(&AttributeValue::Text("r1".into())));
        assert_eq!(attributes.get("weight"), Some(&AttributeValue::Scalar(1.5)));
        assert_eq!(attributes.to_string(), "rack:r1;level:[1-3, 5-6];weight:1.5;url:http://a:80;rack:r2");
        assert_eq!(attributes.to_string().parse(), Ok(attributes.clone()));
        assert_eq!(Attributes::from_wire(&attributes.to_wire()), attributes);
    }

    #[test]
    fn refuses_what_is_no_attribute() {
        for (text, error) in [
            ("rack", "Invalid attribute key:value pair 'rack'"),
            (":r", "Invalid attribute key:value pair ':r'"),
            ("a:{b}", "Bad type for attribute a text {b} type SET"),
            ("a:[1", "Failed to parse attribute a text [1 error Mismatched brackets"),
        ] {
            assert_eq!(text.parse::<Attributes>().unwrap_err().to_string(), error);
        }
    }
}
