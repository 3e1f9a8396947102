// SPDX-License-Identifier: Apache-2.0

//! The words of a scene that speak of operations on resources.
//!
//! All reservations are for role `a`, by principal `p`.
//!
//! ```text
//! apply f1 3 reserve disk:100 [id=x] [stale]   operation 3 of framework f1, or of an operator (`-`)
//! apply f1 4 create 60:v | destroy 60:v | unreserve cpus:1 | grow 60:v 10 | shrink 70:v 10
//! acknowledge 3 [wrong] | ask 3 | ask f1 x    of the master, or of a framework through it
//! set-resources reserve disk:100        as a master does that sends no operations
//! ```

use kaon_agent::input::PeerMessage;
use kaon_api::v1::offer::Operation;
use kaon_api::v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve};
use kaon_api::{internal, v1};
use kaon_model::{Reservation, Resources, Role};

use crate::scene::World;

pub fn message(world: &World, words: &[&str]) -> Option<PeerMessage> {
    Some(match *words {
        ["apply", framework, number, kind, ref rest @ ..] => {
            let mut order = operation(kind, rest);
            let id = rest.iter().find_map(|word| word.strip_prefix("id="));
            order.id = id.map(v1::OperationID::from);
            let value = if rest.contains(&"stale") { vec![9; 16] } else { world.version.clone() };
            let version = v1::UUID { value, ..Default::default() };
            PeerMessage::ApplyOperation(internal::ApplyOperationMessage {
                framework_id: (framework != "-").then(|| framework.into()),
                operation_info: Box::new(order),
                operation_uuid: uuid(number),
                resource_version_uuid: internal::ResourceVersionUUID { uuid: version, ..Default::default() },
                ..Default::default()
            })
        }
        ["acknowledge", number, ref rest @ ..] => {
            let told = world.told.get(&uuid(number).value).cloned().unwrap_or_default();
            let status = if rest.is_empty() { told } else { vec![9; 16] };
            PeerMessage::AcknowledgeOperationStatus(internal::AcknowledgeOperationStatusMessage {
                status_uuid: v1::UUID { value: status, ..Default::default() },
                operation_uuid: uuid(number),
                ..Default::default()
            })
        }
        ["ask", number] => ask(None, Some(uuid(number)), None),
        ["ask", framework, id] => ask(Some(framework), None, Some(id.into())),
        ["set-resources", ref words @ ..] => {
            let resources = match words {
                [] => Vec::new(),
                ["reserve", text] => reserved(text).to_wire(),
                _ => panic!("{words:?}"),
            };
            let message = internal::CheckpointResourcesMessage { resources, ..Default::default() };
            PeerMessage::CheckpointResources(message)
        }
        _ => return None,
    })
}

fn ask(framework: Option<&str>, uuid: Option<v1::UUID>, id: Option<v1::OperationID>) -> PeerMessage {
    let operation = internal::reconcile_operations_message::Operation {
        operation_uuid: uuid,
        operation_id: id,
        ..Default::default()
    };
    PeerMessage::ReconcileOperations(internal::ReconcileOperationsMessage {
        operations: vec![operation],
        framework_id: framework.map(v1::FrameworkID::from),
        ..Default::default()
    })
}

pub fn uuid(number: &str) -> v1::UUID {
    v1::UUID { value: vec![number.parse().unwrap(); 16], ..Default::default() }
}

fn reservation() -> Reservation {
    Reservation::dynamic(Role::new("a").unwrap(), Some("p"))
}

fn reserved(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap().push_reservation(&reservation())
}

/// What a framework was given is charged to its role.
fn charged(resources: &Resources) -> Vec<v1::Resource> {
    resources.allocate(&Role::new("a").unwrap()).to_wire()
}

fn disk(amount: &str) -> v1::Resource {
    charged(&reserved(&format!("disk:{amount}"))).remove(0)
}

/// `60:v`: a volume of that size, found at `v` in the sandbox.
pub fn volume(text: &str) -> v1::Resource {
    let (amount, id) = text.split_once(':').unwrap();
    let persistence = v1::resource::disk_info::Persistence {
        id: id.to_string(),
        principal: Some("p".into()),
        ..Default::default()
    };
    let place =
        v1::Volume { container_path: id.to_string(), mode: v1::volume::Mode::Rw, ..Default::default() };
    let info =
        v1::resource::DiskInfo { persistence: Some(persistence), volume: Some(place), ..Default::default() };
    v1::Resource { disk: Some(Box::new(info)), ..disk(amount) }
}

fn operation(kind: &str, words: &[&str]) -> Operation {
    let of = |kind| Operation { r#type: Some(kind), ..Default::default() };
    match (kind, words) {
        ("reserve", [text, ..]) => {
            let own = Reserve { resources: charged(&reserved(text)), ..Default::default() };
            Operation { reserve: Some(own), ..of(Type::Reserve) }
        }
        ("unreserve", [text, ..]) => {
            let own = Unreserve { resources: charged(&reserved(text)), ..Default::default() };
            Operation { unreserve: Some(own), ..of(Type::Unreserve) }
        }
        ("create", [text, ..]) => {
            let own = Create { volumes: vec![volume(text)], ..Default::default() };
            Operation { create: Some(own), ..of(Type::Create) }
        }
        ("destroy", [text, ..]) => {
            let own = Destroy { volumes: vec![volume(text)], ..Default::default() };
            Operation { destroy: Some(own), ..of(Type::Destroy) }
        }
        ("grow", [text, by, ..]) => {
            let own = GrowVolume {
                volume: Box::new(volume(text)),
                addition: Box::new(disk(by)),
                ..Default::default()
            };
            Operation { grow_volume: Some(own), ..of(Type::GrowVolume) }
        }
        ("shrink", [text, by, ..]) => {
            let subtract = v1::value::Scalar { value: by.parse().unwrap(), ..Default::default() };
            let own = ShrinkVolume { volume: Box::new(volume(text)), subtract, ..Default::default() };
            Operation { shrink_volume: Some(own), ..of(Type::ShrinkVolume) }
        }
        _ => panic!("no operation {kind} {words:?}"),
    }
}
