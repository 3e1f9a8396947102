// SPDX-License-Identifier: Apache-2.0

//! Values that every core works with: ids, resources, roles, task states, time.
//!
//! Everything here is pure: no clock, no socket, no ambient randomness. What comes from the wire is checked where it
//! is turned into a value (`from_wire`), so that a value in hand is well-formed.

mod access_list;
mod attribute;
mod build;
mod bytes;
mod conversion;
pub mod cram_md5;
mod credentials;
mod duration;
mod entropy;
pub mod format;
mod id;
mod number;
mod quantities;
mod quantity;
mod ranges;
mod resource;
mod resource_text;
pub mod resource_validity;
mod resources;
pub mod role;
mod set;
mod slab;
mod task_state;
mod time;
mod timer;
mod uuid;
mod value_text;
mod wire;

pub use access_list::{AccessList, AccessRule, Entity};
pub use attribute::{Attribute, AttributeError, AttributeValue, Attributes};
pub use build::Build;
pub use bytes::{Bytes, BytesError};
pub use conversion::{Conversion, ConversionError, IncompatibleTotal, conversions, resources_of};
pub use credentials::{Credential, Credentials, Secret};
pub use duration::{Span, SpanError};
pub use entropy::Entropy;
pub use id::{
    AgentId, ContainerId, ExecutorId, FrameworkId, IdError, InverseOfferId, OfferId, OperationId,
    ResourceProviderId, TaskId, validate_id,
};
pub use number::general;
pub use quantities::Quantities;
pub use quantity::Scalar;
pub use ranges::{Range, Ranges};
pub use resource::disk::{DiskInfo, DiskKind, DiskSource, Persistence};
pub use resource::labels::{Label, Labels};
pub use resource::name::ResourceName;
pub use resource::{Reservation, ReservationKind, Resource, Value};
pub use resource_text::{ResourceTextError, parse_list};
pub use resource_validity::{InvalidResource, ResourceProblem};
pub use resources::Resources;
pub use role::{Role, RoleError};
pub use set::StringSet;
pub use slab::{Index, Slab};
pub use task_state::{TaskState, UnknownTaskState};
pub use time::{Mono, Now, Wall};
pub use timer::Timers;
pub use uuid::{Uuid, UuidError};
pub use value_text::{ValueTextError, scalar_problem};
