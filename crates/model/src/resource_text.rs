// SPDX-License-Identifier: Apache-2.0

//! Resources as the `--resources` flag gives them: `cpus:4;mem:1024`, or a JSON array.

use crate::resource_validity::ResourceProblem;
use crate::value_text::{self, TextValue, ValueTextError};
use crate::{Resource, Resources, Role};
use kaon_api::json::{self, Dialect, Json};
use kaon_api::v1;

/// Why a text gives no resources. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceTextError {
    #[error("Bad value for resources, missing or extra ':' in {0}")]
    Colon(String),
    #[error("Bad value for resources, mismatched parentheses in {0}")]
    Parentheses(String),
    #[error("Failed to parse resource {name} value {value} error {error}")]
    Value { name: String, value: String, error: ValueTextError },
    #[error("Bad type for resource {name} value {value} type {kind}")]
    Kind { name: String, value: String, kind: &'static str },
    #[error("Some JSON resources were not formatted properly: {0}")]
    Json(String),
    #[error("{0}")]
    Problem(#[from] ResourceProblem),
    #[error("Resources with the same name ('{0}') but different types are not allowed")]
    MixedTypes(String),
    #[error("Persistent volumes cannot be specified at the command line")]
    PersistentVolume,
    #[error(
        "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the resources JSON"
    )]
    Revocable,
    #[error(
        "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC type in the resources JSON"
    )]
    DynamicReservation,
}

impl Resources {
    /// What a flag says: either form, checked. Resources that name no role are reserved for `default_role`, which
    /// for `*` is nobody.
    pub fn parse(text: &str, default_role: &Role) -> Result<Resources, ResourceTextError> {
        let listed = parse_list(text, default_role)?;
        let mut all = Resources::new();
        for wire in &listed {
            all.insert(&from_flag(wire)?);
        }
        let mixed = listed.iter().find(|a| listed.iter().any(|b| a.name == b.name && a.r#type != b.r#type));
        match mixed {
            Some(resource) => Err(ResourceTextError::MixedTypes(resource.name.clone())),
            None => Ok(all),
        }
    }
}

/// The resources as they are listed, neither checked nor added up.
pub fn parse_list(text: &str, default_role: &Role) -> Result<Vec<v1::Resource>, ResourceTextError> {
    match json::parse(text.as_bytes()) {
        Ok(Json::Array(items)) => items.iter().map(|item| from_json(item, default_role)).collect(),
        // Mesos: anything but a JSON array is taken for the short form, whose error then tells what is wrong.
        _ => parse_short(text, default_role),
    }
}

fn from_json(item: &Json, default_role: &Role) -> Result<v1::Resource, ResourceTextError> {
    let parsed = json::from_json(item, Dialect::V0);
    let mut resource: v1::Resource = parsed.map_err(|error| ResourceTextError::Json(error.to_string()))?;
    if resource.role.is_none() && resource.reservations.is_empty() {
        resource.role = Some(default_role.to_string());
    }
    Ok(resource)
}

fn parse_short(text: &str, default_role: &Role) -> Result<Vec<v1::Resource>, ResourceTextError> {
    text.split(';').filter(|token| !token.is_empty()).map(|token| parse_token(token, default_role)).collect()
}

fn parse_token(token: &str, default_role: &Role) -> Result<v1::Resource, ResourceTextError> {
    let parts: Vec<&str> = token.split(':').filter(|part| !part.is_empty()).collect();
    let [head, value] = parts[..] else { return Err(ResourceTextError::Colon(token.to_string())) };
    let (name, role) = match head.split_once('(') {
        None => (head, default_role.as_str()),
        Some((name, rest)) if !name.contains(')') => match rest.split_once(')') {
            Some((role, _)) => (name, role.trim()),
            None => return Err(ResourceTextError::Parentheses(token.to_string())),
        },
        Some(_) => return Err(ResourceTextError::Parentheses(token.to_string())),
    };
    let mut resource = parse_value(name.trim(), value)?;
    resource.role = Some(role.to_string());
    Ok(resource)
}

fn parse_value(name: &str, value: &str) -> Result<v1::Resource, ResourceTextError> {
    let named = || (name.to_string(), value.to_string());
    let parsed = value_text::parse(value).map_err(|error| {
        let (name, value) = named();
        ResourceTextError::Value { name, value, error }
    })?;
    let mut resource = v1::Resource { name: name.to_string(), ..Default::default() };
    match parsed {
        TextValue::Scalar(value) => {
            resource.r#type = v1::value::Type::Scalar;
            resource.scalar = Some(v1::value::Scalar { value, ..Default::default() });
        }
        TextValue::Ranges(pairs) => {
            resource.r#type = v1::value::Type::Ranges;
            resource.ranges = Some(joined(&pairs)?);
        }
        TextValue::Set(item) => {
            resource.r#type = v1::value::Type::Set;
            resource.set = Some(v1::value::Set { item, ..Default::default() });
        }
        TextValue::Text(_) => {
            let (name, value) = named();
            return Err(ResourceTextError::Kind { name, value, kind: parsed.kind_name() });
        }
    }
    Ok(resource)
}

/// Mesos: overlapping ranges are an error in JSON, but are joined in the short form.
fn joined(pairs: &[(u64, u64)]) -> Result<v1::value::Ranges, ResourceProblem> {
    let range =
        |&(begin, end): &(u64, u64)| crate::Range::new(begin, end).ok_or(ResourceProblem::InvertedRange);
    let ranges: crate::Ranges = pairs.iter().map(range).collect::<Result<_, _>>()?;
    Ok(crate::wire::ranges_to_wire(&ranges))
}

/// Checks what a flag may not say: all that comes about at run time only.
fn from_flag(wire: &v1::Resource) -> Result<Resource, ResourceTextError> {
    let resource = Resource::from_wire(wire)?;
    if resource.is_persistent_volume() {
        return Err(ResourceTextError::PersistentVolume);
    }
    if resource.revocable {
        return Err(ResourceTextError::Revocable);
    }
    if resource.is_dynamically_reserved() {
        return Err(ResourceTextError::DynamicReservation);
    }
    Ok(resource)
}
