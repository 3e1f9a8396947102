// SPDX-License-Identifier: Apache-2.0

//! What an operation on an offer turns resources into.

use crate::resource_validity::ResourceProblem;
use crate::{DiskInfo, InvalidResource, ReservationKind, Resource, Resources, Scalar, Value};
use kaon_api::v1;
use kaon_api::v1::offer::Operation;
use kaon_api::v1::offer::operation::Type;

/// One step of an operation: what it takes, and what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    pub consumed: Resources,
    pub converted: Resources,
    /// A shared volume of which no copy may be left.
    destroyed: Option<Resource>,
}

/// Why an operation cannot be carried out. The texts reach clients, so they are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("Unknown operation")]
    Unknown,
    #[error("Operation not supported")]
    Unsupported,
    #[error("Operation not supported for resource provider")]
    OfProvider,
    #[error("{all} does not contain {consumed}")]
    Lacks { all: Resources, consumed: Resources },
    #[error("Persistent volume {0} cannot be removed due to additional shared copies")]
    SharedCopies(Box<Resource>),
    #[error("{0}")]
    Invalid(#[from] InvalidResource),
}

/// The steps of an operation, in order. Says nothing on whether the operation is allowed.
pub fn conversions(operation: &Operation) -> Result<Vec<Conversion>, ConversionError> {
    match operation.r#type.unwrap_or_default() {
        Type::Unknown => Err(ConversionError::Unknown),
        Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
            Err(ConversionError::Unsupported)
        }
        Type::Reserve => {
            let reserve = operation.reserve.as_ref().ok_or(ConversionError::Unknown)?;
            let reserved = Resources::from_wire(&reserve.resources)?;
            let source = Resources::from_wire(&reserve.source)?;
            let consumed = if reserve.source.is_empty() { reserved.pop_reservation() } else { source };
            Ok(vec![Conversion::new(consumed, reserved)])
        }
        Type::Unreserve => {
            let unreserve = operation.unreserve.as_ref().ok_or(ConversionError::Unknown)?;
            let one = |reserved: &Resource| {
                let reserved = Resources::from(reserved.clone());
                let popped = reserved.pop_reservation();
                Conversion::new(reserved, popped)
            };
            each(&unreserve.resources, one)
        }
        Type::Create => {
            let create = operation.create.as_ref().ok_or(ConversionError::Unknown)?;
            each(&create.volumes, |volume| {
                Conversion::new(volume.without_volume().into(), volume.clone().into())
            })
        }
        Type::Destroy => {
            let destroy = operation.destroy.as_ref().ok_or(ConversionError::Unknown)?;
            each(&destroy.volumes, |volume| Conversion {
                destroyed: Some(volume.clone()),
                ..Conversion::new(volume.clone().into(), volume.without_volume().into())
            })
        }
        Type::GrowVolume => {
            let grow = operation.grow_volume.as_ref().ok_or(ConversionError::Unknown)?;
            grow_volume(&read(&grow.volume)?, &read(&grow.addition)?)
        }
        Type::ShrinkVolume => {
            let shrink = operation.shrink_volume.as_ref().ok_or(ConversionError::Unknown)?;
            shrink_volume(&read(&shrink.volume)?, Scalar::from_f64(shrink.subtract.value))
        }
    }
}

/// All resources that an operation names, other than those of tasks.
pub fn resources_of(operation: &mut Operation) -> Vec<&mut v1::Resource> {
    let mut all: Vec<&mut v1::Resource> = Vec::new();
    if let Some(reserve) = &mut operation.reserve {
        all.extend(reserve.source.iter_mut().chain(&mut reserve.resources));
    }
    all.extend(operation.unreserve.iter_mut().flat_map(|unreserve| &mut unreserve.resources));
    all.extend(operation.create.iter_mut().flat_map(|create| &mut create.volumes));
    all.extend(operation.destroy.iter_mut().flat_map(|destroy| &mut destroy.volumes));
    if let Some(grow) = &mut operation.grow_volume {
        all.extend([&mut *grow.volume, &mut *grow.addition]);
    }
    all.extend(operation.shrink_volume.iter_mut().map(|shrink| &mut *shrink.volume));
    all.extend(operation.create_disk.iter_mut().map(|create| &mut *create.source));
    all.extend(operation.destroy_disk.iter_mut().map(|destroy| &mut *destroy.source));
    all
}

/// Checkpointed resources that an agent's total cannot hold. The text is that of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncompatibleTotal {
    #[error("Unexpected checkpointed resources {0}")]
    Unexpected(Box<Resource>),
    #[error("Incompatible agent resources: {total} does not contain {plain}")]
    Lacks { total: Resources, plain: Box<Resource> },
}

impl Resources {
    /// An agent's total with what was reserved, or made a volume, on it since it was described: each takes the place of
    /// its plain like.
    pub fn with_checkpointed(&self, checkpointed: &Resources) -> Result<Resources, IncompatibleTotal> {
        let mut total = self.clone();
        for resource in checkpointed.repeated() {
            if !resource.is_checkpointed() {
                return Err(IncompatibleTotal::Unexpected(Box::new(resource.clone())));
            }
            let plain = resource.uncheckpointed();
            match total.checked_sub(&plain.clone().into()) {
                Some(rest) => total = rest,
                None => return Err(IncompatibleTotal::Lacks { total, plain: Box::new(plain) }),
            }
            total.insert(resource);
        }
        Ok(total)
    }

    /// The collection after these steps, one after another; the first that cannot be taken is told.
    pub fn apply(&self, steps: &[Conversion]) -> Result<Resources, ConversionError> {
        steps.iter().try_fold(self.clone(), |all, step| step.apply(&all))
    }
}

impl Resource {
    /// Whether an agent must remember it over a restart: it was reserved, or made a volume, at run time.
    pub fn is_checkpointed(&self) -> bool {
        self.provider_id.is_none() && (self.is_dynamically_reserved() || self.is_persistent_volume())
    }

    /// As it was before a volume was made of it.
    pub fn without_volume(&self) -> Resource {
        let mut plain = self.clone();
        plain.shared = false;
        let source = plain.disk.take().and_then(|disk| disk.source);
        plain.disk =
            source.map(|source| Box::new(DiskInfo { persistence: None, volume: None, source: Some(source) }));
        plain
    }

    /// As the agent's operator described it.
    pub fn uncheckpointed(&self) -> Resource {
        let mut plain = if self.is_persistent_volume() { self.without_volume() } else { self.clone() };
        plain.reservations.retain(|reservation| reservation.kind == ReservationKind::Static);
        plain.shared = false;
        plain
    }

    fn with_amount(&self, amount: Scalar) -> Resource {
        Resource { value: Value::Scalar(amount), ..self.clone() }
    }

    fn amount(&self) -> Scalar {
        if let Value::Scalar(amount) = self.value { amount } else { Scalar::ZERO }
    }
}

impl Conversion {
    fn new(consumed: Resources, converted: Resources) -> Conversion {
        Conversion { consumed, converted, destroyed: None }
    }

    /// `all` after this step.
    pub fn apply(&self, all: &Resources) -> Result<Resources, ConversionError> {
        let converted = all
            .convert(&self.consumed, &self.converted)
            .ok_or_else(|| ConversionError::Lacks { all: all.clone(), consumed: self.consumed.clone() })?;
        match &self.destroyed {
            Some(volume) if converted.contains(volume) => {
                Err(ConversionError::SharedCopies(Box::new(volume.clone())))
            }
            _ => Ok(converted),
        }
    }

    /// The same step on resources that are charged to nobody.
    pub fn unallocate(&self) -> Conversion {
        Conversion {
            consumed: self.consumed.unallocate(),
            converted: self.converted.unallocate(),
            destroyed: self.destroyed.clone().map(|volume| Resource { allocation_role: None, ..volume }),
        }
    }
}

fn read(wire: &v1::Resource) -> Result<Resource, ConversionError> {
    let invalid = |problem: ResourceProblem| InvalidResource::new(wire, problem);
    Ok(Resource::from_wire(wire).map_err(invalid)?)
}

/// A step for each resource that is named, in the order of the names.
fn each(
    wire: &[v1::Resource],
    step: impl Fn(&Resource) -> Conversion,
) -> Result<Vec<Conversion>, ConversionError> {
    wire.iter().map(|one| Ok(step(&read(one)?))).collect()
}

fn grow_volume(volume: &Resource, addition: &Resource) -> Result<Vec<Conversion>, ConversionError> {
    if volume.provider_id.is_some() {
        return Err(ConversionError::OfProvider);
    }
    let grown = volume.with_amount(volume.amount() + addition.amount());
    let consumed = [volume, addition].into_iter().collect();
    Ok(vec![Conversion::new(consumed, grown.into())])
}

fn shrink_volume(volume: &Resource, subtract: Scalar) -> Result<Vec<Conversion>, ConversionError> {
    if volume.provider_id.is_some() {
        return Err(ConversionError::OfProvider);
    }
    let shrunk = volume.with_amount(volume.amount().minus_at_least_zero(subtract));
    let freed = volume.without_volume().with_amount(subtract);
    let converted = [shrunk, freed].into_iter().collect();
    Ok(vec![Conversion::new(volume.clone().into(), converted)])
}
